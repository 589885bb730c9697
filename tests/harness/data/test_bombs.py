"""Files that were made to fill the memory or to take for ever end with one line, and soon."""

import bz2
import gzip
import io
import lzma
import time
import zipfile

import pytest

from harness.base.errors import DataError
from harness.data import content, typed
from harness.data.content import lines_of
from harness.data.responses import read_json, read_responses
from harness.data.tables import read_table

LINES = b"\n" * (1 << 20)


def zipped(content_of, level=9, **parts):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        archive.writestr("a.csv", content_of)
        for name, text in parts.items():
            archive.writestr(name, text)
    return made.getvalue()


def locked():
    """An archive that says that its file has a password."""
    raw = bytearray(zipped("a,b\n1,2\n"))
    raw[6] |= 1
    raw[raw.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def packed_otherwise():
    raw = bytearray(zipped("a,b\n1,2\n"))
    raw[8] = raw[raw.rfind(b"PK\x01\x02") + 10] = 99
    return bytes(raw)


#: a file's name and content, and the line that is said of it
BOMBS = [
    ("b.csv.gz", gzip.compress(LINES * 4), "as a bomb does"),
    ("b.jsonl.gz", gzip.compress(b"{}" * 999_999), "as a bomb does"),
    ("b.csv.bz2", bz2.compress(LINES * 4), "as a bomb does"),
    ("b.csv.xz", lzma.compress(LINES * 4), "as a bomb does"),
    ("b.zip", zipped(LINES * 4), "as a bomb does"),
    ("locked.zip", locked(), "encrypted"),
    ("other.zip", packed_otherwise(), "not supported"),
    ("cut.zip", zipped("a,b\n1,2\n")[:-30], "begins like a zip archive"),
    ("two.zip", zipped("a,b\n", **{"c.csv": "x"}), "archive of 2 files"),
    ("cut.csv.gz", gzip.compress(b"a,b\n1,2\n")[:-9], "can't read"),
    ("twice.csv.gz", gzip.compress(gzip.compress(b"a,b\n1,2\n")), "packed twice"),
    ("bad.csv.bz2", b"BZh9xxxx", "can't read"),
    ("bad.csv.xz", b"\xfd7zXZ\x00xxxx", "can't read"),
]


@pytest.mark.parametrize(("name", "raw", "says"), BOMBS, ids=[name for name, _, _ in BOMBS])
def test_packed_files(tmp_path, monkeypatch, name, raw, says):
    monkeypatch.setattr(content, "UNPACKED", 1 << 20)
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError, match=says) as failure:
        read_table(tmp_path / name)
    assert len(str(failure.value).splitlines()) == 1


def workbook(change):
    openpyxl = pytest.importorskip("openpyxl")
    book, made = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["sample_id", "completion"])
    change(book.active)
    book.save(made)
    return made.getvalue()


def edited(raw, old, new, head=b""):
    """A workbook whose sheet says something else."""
    source, made = zipfile.ZipFile(io.BytesIO(raw)), io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for part in source.infolist():
            text = source.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                text = head + text.replace(old, new)
            out.writestr(part.filename, text)
    return made.getvalue()


LAUGHS = b'<!DOCTYPE x [<!ENTITY a0 "lol">' + b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)
)


@pytest.mark.parametrize("kind", ["far", "wide", "laughs"])
def test_workbooks(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(content, "UNPACKED", 1 << 20)
    end = b"</sheetData>"
    raw = workbook(lambda sheet: sheet.cell(1 << 20, 1 << 14, "x") if kind == "far" else None)
    if kind == "wide":
        raw = edited(raw, end, b" " * (8 << 20) + end)
    elif kind == "laughs":
        cell = b'<row r="3"><c r="A3" t="inlineStr"><is><t>&a11;</t></is></c></row>'
        raw = edited(raw, end, cell + end, LAUGHS + b"]>")
    (tmp_path / "b.xlsx").write_bytes(raw)
    with pytest.raises(DataError, match="as a bomb does|can't read b.xlsx"):
        read_table(tmp_path / "b.xlsx")


def test_a_sound_workbook_is_read(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(workbook(lambda sheet: sheet.append(["1", "x"])))
    assert list(read_table(tmp_path / "a.xlsx")) == [{"sample_id": "1", "completion": "x"}]


def test_a_parquet_file_of_more_rows_than_it_has_bytes(tmp_path, monkeypatch):
    import pyarrow
    from pyarrow import parquet

    monkeypatch.setattr(typed, "CELLS", 100_000)
    ones = pyarrow.array([1] * 600_000)
    parquet.write_table(pyarrow.table({"index": ones, "completion": ones}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match="1,200,000 cells, as a bomb does"):
        read_responses(tmp_path / "b.parquet")


#: what stands around millions of blank lines: the file's name, before, after, and the line of the response
BLANK = [
    ("a.jsonl", b"", b'{"index": 0, "completion": "x"}\n', "line 3000001"),
    ("a.csv", b"index,completion\n", b'0,"x"\n', "line 3000002"),
    ("b.csv", b'index,completion\n1,"y"\n', b'\r\n  \n0,"x"\n', "line 3000005"),
    ("c.csv", b"index,completion\n", b"0,x\n", "row 1"),
]


@pytest.mark.parametrize(("name", "before", "after", "place"), BLANK)
def test_millions_of_blank_lines_are_passed_over_at_once(tmp_path, name, before, after, place):
    (tmp_path / name).write_bytes(before + b"\n" * 3_000_000 + after)
    started = time.process_time()
    found = read_responses(tmp_path / name)
    assert found[-1].completion == "x" and found[-1].place == place
    assert time.process_time() - started < 2.5  # one by one it would take 5 s and more


def test_lines_have_the_numbers_that_they_have_in_the_file():
    assert list(lines_of("a\n\n \n  b\nc\u2028d\n\n")) == [(1, "a"), (4, "b"), (5, "c\u2028d")]
    assert list(lines_of(" \n\n")) == [] and list(lines_of("x")) == [(1, "x")]


def test_documents_of_benchmarks(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000)
    with pytest.raises(DataError, match="nested too deeply"):
        read_json(path)
    path.write_text('[1]\n\n{"a": 2}\n')
    assert read_json(path, lines=True) == [[1], {"a": 2}]
