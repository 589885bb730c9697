"""The user's tables: cells as they stand, every format, and every kind of damage in one line."""

import bz2
import datetime
import gzip
import json
import logging
import lzma
import time
import zipfile
from decimal import Decimal
from pathlib import Path

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.base.errors import DataError
from harness.data.content import Form
from harness.data.tables import read_table

CELLS = ["001", "1.50", "12:30", "2020-01-01", "1e5", "true", "98765432109876543210987", "nan", "None", "NA"]


def rows(path: Path, content: str | bytes, columns=("text", "label"), **form):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    table = read_table(path, columns, Form(**form))
    return [tuple(row.values()) for row in table]


def refused(path: Path, content: str | bytes, columns=("text", "label"), **form) -> str:
    with pytest.raises(DataError) as caught:
        rows(path, content, columns, **form)
    assert "\n" not in str(caught.value)
    return str(caught.value)


PLAIN = "text,label\nfirst,a\nsecond,b\n"
READ = [("first", "a"), ("second", "b")]


def test_cells_of_delimited_text_keep_their_characters(tmp_path):
    content = "text,label\n" + "".join(f"t{n},{cell}\n" for n, cell in enumerate(CELLS))
    assert [label for _, label in rows(tmp_path / "a.csv", content)] == CELLS
    quoted = content.replace("t0", '"t0"')
    assert [label for _, label in rows(tmp_path / "b.csv", quoted)] == CELLS


def test_numbers_in_json_keep_their_characters(tmp_path):
    written = ["1.50", "1e5", "98765432109876543210987", "true", "-0.0", '"001"', "null", "NaN"]
    content = "".join(f'{{"text": "t", "label": {each}}}\n' for each in written)
    read = [label for _, label in rows(tmp_path / "a.jsonl", content)]
    assert read == ["1.50", "1e5", "98765432109876543210987", "true", "-0.0", "001", None, None]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-32"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.replace(",", "::"),
        "sep=;\n" + PLAIN.replace(",", ";"),
        PLAIN.replace(",", ", ").replace("text, label", "text, label"),
        PLAIN.replace("\n", "\n\n") + "  \n",
        "\n  \n" + PLAIN,
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("text,label", "Text , LABEL"),
        ',text,label\n0,first,a\n1,"second",b\n',
        "text,label,x,x\nfirst,a,1,2\nsecond,b,3,4\n",
    ],
)
def test_what_a_csv_may_look_like(tmp_path, content):
    read = rows(tmp_path / "a.csv", content)
    assert [(text.strip(), label.strip()) for text, label in read] == READ


def test_an_exact_name_wins(tmp_path):
    assert rows(tmp_path / "a.csv", "Text,text,label\nno,first,a\n") == [("first", "a")]


@pytest.mark.parametrize("name", ["a.txt", "a.CSV", "a.csv.gz", "a.csv", "noending"])
def test_gzip_is_found_by_what_the_file_holds(tmp_path, name):
    assert rows(tmp_path / name, gzip.compress(PLAIN.encode())) == READ


def test_other_archives(tmp_path):
    assert rows(tmp_path / "a.csv.bz2", bz2.compress(PLAIN.encode())) == READ
    assert rows(tmp_path / "a.tsv.xz", lzma.compress(PLAIN.replace(",", "\t").encode())) == READ
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("inner/a.jsonl", '{"text": "first", "label": "a"}\n')
    assert [dict(row) for row in read_table(tmp_path / "a.zip", ["text"])] == [{"text": "first"}]
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a.csv", PLAIN)
        archive.writestr("b.csv", PLAIN)
    assert "is an archive of 2 files" in refused(tmp_path / "b.zip", (tmp_path / "b.zip").read_bytes())


@pytest.mark.parametrize(
    "content",
    [
        '[{"text": "first", "label": "a"}, {"text": "second", "label": "b"}]',
        '{"text": "first", "label": "a"}\n\n{"text": "second", "label": "b"}',
        '{\n "text": "first",\n "label": "a"\n}\n{"text": "second",\n "label": "b"}\n',
        '{"text": "first", "label": "a"}\r{"text": "second", "label": "b"}\r',
        '{"version": "1", "data": [{"text": "first", "label": "a"}, {"text": "second", "label": "b"}]}',
        '{"text": {"0": "first", "1": "second"}, "label": {"0": "a", "1": "b"}}',
        '{"text": ["first", "second"], "label": ["a", "b"], "n": [1, null]}',
        '{"0": {"text": "first", "label": "a"}, "1": {"text": "second", "label": "b"}}',
        '{"columns": ["text", "label"], "index": [0, 1], "data": [["first", "a"], ["second", "b"]]}',
        '{"text": "first", "label": "a", "more": {"k": 1}}\n{"text": "second", "label": "b", "more": "none"}',
        "\ufeff" + '{"text": "first", "label": "a"}\n{"text": "second", "label": "b", "score": "high"}',
        '{"Text": "first", "label": "a", "turns": [{"text": "t"}]}\n{"Text": "second", "label": "b"}',
        '{"text": "first", "label": "a", "x": 1, "x": 2}\n{"text": "second", "label": "b", "label": "b"}',
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson"])
def test_what_json_may_look_like(tmp_path, content, name):
    assert rows(tmp_path / name, content) == READ


def test_line_separators_of_unicode_are_text(tmp_path):
    text = "a\u2028b\u0085c"
    assert rows(tmp_path / "a.jsonl", f'{{"text": "{text}", "label": "a"}}\n') == [(text, "a")]
    assert rows(tmp_path / "a.csv", f"text,label\n{text},a\n") == [(text, "a")]


def test_fields_of_objects_and_lists(tmp_path):
    content = '{"text": "t", "answers": {"text": ["x", 1.50], "start": [3, 4]}}\n'
    assert rows(tmp_path / "a.jsonl", content, ["answers.text"]) == [(["x", "1.50"],)]
    assert "name one of its fields, as in answers.text" in refused(tmp_path / "a.jsonl", content, ["answers"])
    answers = [{"text": ["x", "y"], "start": [3, 4]}]
    pyarrow.parquet.write_table(pyarrow.table({"text": ["t"], "answers": answers}), tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet", ["answers.text"], optional=["answers", "absent"])
    assert table.column("answers.text") == [["x", "y"]] and "absent" not in table.cells
    assert json.loads(table.column("answers")[0]) == answers[0]


def test_typed_cells_become_text_by_one_rule(tmp_path):
    columns = {
        "whole": pyarrow.array([1.0, None, 3.0]),
        "real": pyarrow.array([0.5, float("nan"), 1e300]),
        "int": pyarrow.array([2**63 - 1, None, -1]),
        "huge": pyarrow.array([2**64 - 1, 1, 0], pyarrow.uint64()),
        "bool": pyarrow.array([True, False, None]),
        "day": pyarrow.array([datetime.date(2020, 1, 2), None, None]),
        "time": pyarrow.array([datetime.datetime(2020, 1, 2), datetime.datetime(2020, 1, 2, 3, 4), None]),
        "decimal": pyarrow.array([Decimal("1.50"), None, None]),
        "category": pyarrow.array(["x", "y", None]).dictionary_encode(),
        "single": pyarrow.array([0.1, 3.0, None], pyarrow.float32()),
        "singles": pyarrow.array([[0.1, 1e10], [], None], pyarrow.list_(pyarrow.float32())),
        "list": pyarrow.array([["a", "b"], [], None]),
        "object": pyarrow.array([{"k": 1}, None, None]),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    pyarrow.feather.write_feather(pyarrow.table(columns), tmp_path / "a.feather")
    for name in ("a.parquet", "a.feather"):
        table = read_table(tmp_path / name, [each for each in columns if each != "object"])
        assert {name: list(table.column(name)) for name in table.cells} == {
            "whole": ["1", None, "3"],
            "real": ["0.5", None, "1e+300"],
            "int": ["9223372036854775807", None, "-1"],
            "huge": ["18446744073709551615", "1", "0"],
            "bool": ["true", "false", None],
            "day": ["2020-01-02", None, None],
            "time": ["2020-01-02", "2020-01-02 03:04:00", None],
            "decimal": ["1.50", None, None],
            "category": ["x", "y", None],
            "single": ["0.1", "3", None],
            "singles": [["0.1", "10000000000"], [], None],
            "list": [["a", "b"], [], None],
        }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"text,label\nwh\xe9re,a\n",
            "byte 0xe9 at offset 13, line 2; name its encoding: -T encoding=cp1252",
        ),
        (PLAIN.encode("utf-16-le"), "is not text: a zero byte in line 1; for UTF-16"),
        (PLAIN.replace("first", "é").encode("utf-16-be"), "-T encoding=utf-16-be"),
        (PLAIN.replace("first", "a\0b"), "a zero byte in line 2; take it out"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
            "a workbook of Excel before 2007; save it as .xlsx",
        ),
        (gzip.compress(gzip.compress(PLAIN.encode(), mtime=0), mtime=0), "is packed twice"),
        ("text,label\nfirst,a\nsecond,b,c\n", "line 3: 3 cells where the first line has 2"),
        ("text,label\nfirst\n", "line 2: 1 cell where the first line has 2"),
        ('text,label\nfirst,a\n"never closed,b\nlast,c\n', "line 3: a quotation mark opens a cell there"),
        ('text\tlabel\n"he said\ta\nlast " one\tb\n', "line 2: a quotation mark opens a cell there"),
        ('text\tlabel\n"he said\ta\nlast"\tb\n', "quotation marks make one row of lines 2 to 3"),
        ("text,label,label\nfirst,a,b\n", "has 2 columns 'label'"),
        ("first,a\nsecond,b\n", "-T header=false names the columns 1 to 2"),
        ("", "is empty"),
        (" \n\n", "is empty"),
    ],
)
def test_damaged_delimited_text_is_refused_in_one_line(tmp_path, content, says):
    assert says in refused(tmp_path / "a.csv", content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"text": "first", "label": "a"},\n{"text": "b"}', "line 1: broken JSON: a comma after the object"),
        ('{"text": "first", "label": "a"}\n{"text": "b', "line 2: broken JSON"),
        ('{"text": "first", "label": "a"}\n[1]', "line 2: not an object"),
        ('[\n{"text": "first", "label": "a"},\n]', "line 3: broken JSON"),
        ('{"data": {"text": "t"}, "label": "a"}', "a field of an object is named as in data.NAME"),
        (
            '{"text": "t", "label": "a"}\n{"text": "t", "label": "a", "label": "b"}',
            "line 2: the object names 'label' twice",
        ),
        ('{"text": "t", "label": ["a", ["b"]]}', "line 1: 'label': it holds a list of lists"),
        ("[" * 100_000, "broken JSON: nested too deeply"),
    ],
)
def test_damaged_json_is_refused_in_one_line(tmp_path, content, says):
    assert says in refused(tmp_path / "a.jsonl", content)


def test_without_a_header_a_separator_that_may_be_text_is_asked_for(tmp_path):
    path, content = tmp_path / "a.csv", "Hello, you;a\nBye, all;b\n"
    said = refused(path, content, columns=("1", "2"), header=False)
    assert "',' or ';' may stand between its cells" in said and "-T separator=" in said
    assert rows(path, content, ("1", "2"), header=False, separator=";") == [
        ("Hello, you", "a"),
        ("Bye, all", "b"),
    ]
    assert rows(path, content + "No comma;a\n", ("2",), header=False) == [("a",), ("b",), ("a",)]
    tabs = content.replace(";", "\t")
    assert rows(tmp_path / "a.tsv", tabs, ("2",), header=False) == [("a",), ("b",)]


def test_cures_work(tmp_path):
    assert rows(tmp_path / "a.csv", b"text,label\nwh\xe9re,a\n", encoding="latin-1") == [("whére", "a")]
    assert "there is no encoding 'no-such'" in refused(tmp_path / "a.csv", PLAIN, encoding="no-such")
    assert rows(tmp_path / "b.csv", "first,a\nsecond,b\n", ("1", "2"), header=False) == READ
    stray = 'text\tlabel\n"he said\ta\nlast"\tb\n'
    assert rows(tmp_path / "a.tsv", stray, quotes=False) == [('"he said', "a"), ('last"', "b")]
    assert rows(tmp_path / "c.csv", "text-label\nfirst-a\nsecond-b\n", separator="-") == READ
    assert "has no column 'text'" in refused(tmp_path / "c.csv", PLAIN, separator="-")


def test_quoted_cells_may_go_over_lines(tmp_path, caplog):
    content = 'text,label\r\n"one\r\ntwo, and ""three""",a\r\nthe 5" screen,b\r\n'
    assert rows(tmp_path / "a.csv", content) == [('one\r\ntwo, and "three"', "a"), ('the 5" screen', "b")]
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        read = rows(tmp_path / "b.csv", 'text,label\n"Dear sir,\nthanks",a\n')
    assert read == [("Dear sir,\nthanks", "a")]
    assert "quotation marks make one row of lines 2 to 3" in caplog.text


def test_a_list_of_texts_needs_no_quotation_marks(tmp_path):
    assert rows(tmp_path / "a.csv", "text\nhello, you; there\n\tsecond\n", ["text"]) == [
        ("hello, you; there",),
        ("\tsecond",),
    ]


text_cells = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1)


@settings(max_examples=60, deadline=None)
@given(cells=st.lists(st.tuples(text_cells, text_cells), min_size=1, max_size=6))
def test_texts_survive_every_format(tmp_path_factory, cells):
    import csv

    folder = tmp_path_factory.mktemp("round")
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([("text", "label"), *cells])
    objects = [{"text": text, "label": label} for text, label in cells]
    (folder / "a.jsonl").write_text(
        "".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects), "utf-8"
    )
    (folder / "a.json").write_text(json.dumps(objects))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(objects), folder / "a.parquet")
    for name in ("a.csv", "a.jsonl", "a.json", "a.parquet"):
        table = read_table(folder / name, ["text", "label"])
        assert [tuple(row.values()) for row in table] == cells, name


def test_a_workbook_holds_the_same(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["text", "label"])
    for value in ("001", 1, 1.5, True, datetime.datetime(2020, 1, 2), "NA", None, "line\none"):
        book.active.append(["t", value])
    book.save(tmp_path / "a.xlsx")
    read = [label for _, label in rows(tmp_path / "a.xlsx", (tmp_path / "a.xlsx").read_bytes())]
    assert read == ["001", "1", "1.5", "true", "2020-01-02", "NA", None, "line\none"]


def test_a_file_that_only_looks_like_a_workbook(tmp_path):
    assert "begins like a zip archive" in refused(tmp_path / "a.xlsx", b"PK\x03\x04junk")
    assert "can't read a.feather" in refused(tmp_path / "a.feather", b"FEA1")
    assert "can't read a.parquet" in refused(tmp_path / "a.parquet", b"no")


def test_a_large_file_is_read_quickly(tmp_path):
    content = "text,label\n" + "".join(f"some text number {n},label {n % 50}\n" for n in range(100_000))
    (tmp_path / "a.csv").write_text(content)
    started = time.process_time()
    assert sum(1 for _ in read_table(tmp_path / "a.csv", ["text", "label"])) == 100_000
    assert time.process_time() - started < 1.5


def test_objects_in_an_array_become_json_as_in_a_list():
    import numpy as np

    from harness.data.cells import as_text

    held = np.array([{"a": 1}, {"a": 2}], dtype=object)
    assert as_text(held, objects=True) == as_text(list(held), objects=True) == ['{"a": 1}', '{"a": 2}']
