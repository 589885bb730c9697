"""Files of interactions as users have them: what an id is, what lines mean, what is told and what refused."""

import gzip
import json
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.base.errors import DataError, UsageError
from harness.data.content import Form
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.tasks.rec.files import Reader
from harness.tasks.rec.lines import from_lines
from harness.tasks.rec.numbers import numbers, times

NAMES = {"user": "user_id", "item": "item_id", "rating": "rating", "time": "timestamp"}
# user, item, rating, time: of each user's items the last one in the file is the first in time
ROWS = [(u, 10 * u + n, n + 1, 1_000_000_100 - n) for u in (1, 2, 3) for n in range(4)]
EARLY = {str(u): "\t".join(str(10 * u + n) for n in (3, 2, 1)) for u in (1, 2, 3)}


def load(**args):
    spec = registry().task("rec/custom")
    task = load_task(spec, spec.arguments({k: str(v) for k, v in args.items()}))
    return task.load(Data(offline=True))


def joined_rows(sign, rows=ROWS, head=(), width=4):
    lines = [*([head] if head else []), *(row[:width] for row in rows)]
    return "".join(sign.join(map(str, line)) + "\n" for line in lines)


def put(folder, name, text, encoding="utf-8"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def read(path, **settings):
    return Reader(Data(offline=True), NAMES, **settings).events(str(path))


def histories(splits):
    return {sample.id: sample.question.input for sample in splits.test}


@pytest.mark.parametrize("sign", ["\t", ",", ";", "|", "::", " "])
@pytest.mark.parametrize(
    "head", [(), ("user_id", "item_id", "rating", "timestamp"), ("uid", "movieId", "stars", "ts")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_four_fields_are_user_item_rating_and_time(tmp_path, sign, head, encoding):
    path = put(tmp_path, "u.data", joined_rows(sign, head=head), encoding)
    splits = load(train=path)
    assert histories(splits) == EARLY and splits.interactions.items[0] == "10"
    assert len(load(train=path, min_rating=2).interactions.items) == 9


def test_names_that_were_found_and_order_that_was_assumed_are_told(tmp_path, caplog):
    load(train=put(tmp_path, "a.csv", joined_rows(",", head=("userId", "movieId", "stars"), width=3)))
    assert "the column of the user is 'userId'" in caplog.text
    assert "have no times; split=last takes the order of the file" in caplog.text
    caplog.clear()
    load(train=put(tmp_path, "u.data", joined_rows("\t")))
    assert "taken for user, item, rating and time" in caplog.text and "no times" not in caplog.text


IDS = [
    "001",
    "1",
    "01",
    "1.0",
    "1e5",
    "18446744073709551615",
    "18446744073709551614",
    "-1",
    "0",
    "true",
    "a b",
    "é",
]


@pytest.mark.parametrize("form", ["csv", "jsonl", "tsv"])
def test_an_id_is_the_text_that_stands_there(tmp_path, form):
    rows = [(user, item) for user in IDS for item in ("007", "7", "x")]
    if form == "jsonl":
        text = "".join(json.dumps({"user_id": u, "item_id": i}) + "\n" for u, i in rows)
    else:
        text = joined_rows("," if form == "csv" else "\t", rows, ("user_id", "item_id"))
    splits = load(train=put(tmp_path, f"ids.{form}", text))
    assert set(splits.interactions.users) == set(IDS) and splits.interactions.items == ["007", "7", "x"]
    assert histories(splits) == dict.fromkeys(IDS, "007\t7")


def test_numbers_of_json_keep_their_characters(tmp_path):
    text = "\n".join(f'{{"user_id": {u}, "item_id": {i}}}' for u in (2**64 - 1, 2**64 - 2) for i in (1, 2.50))
    assert set(read(put(tmp_path, "n.ndjson", text)).user) == {str(2**64 - 1), str(2**64 - 2)}


def test_space_and_unicode_forms_make_no_other_id(tmp_path, caplog):
    path = put(tmp_path, "a.csv", "user_id,item_id\ne\u0301, x\n\u00e9,y\n\u00e9 ,z\n")
    events = read(path)
    assert set(events.user) == {"\u00e9"} and list(events.item) == ["x", "y", "z"]
    assert "1 users are written in several ways" in caplog.text
    read(put(tmp_path, "b.csv", "user_id,item_id\nnan,x\n1,y\n"))
    assert "'nan' is the id of a user" in caplog.text


@pytest.mark.parametrize(
    ("lines", "form", "pairs", "said"),
    [
        ("1 2\n1 3\n", "auto", [("1", "2"), ("1", "3")], ""),
        ("1 2 3 4 5\n6 7 8 9 0\n", "auto", [("1", i) for i in "2345"] + [("6", i) for i in "7890"], ""),
        ("1 2 3 4\n2 3\n3\n", "auto", [("1", "2"), ("1", "3"), ("1", "4"), ("2", "3")], ""),
        ("1,2,3\n4,5\n", "auto", [("1", "2"), ("1", "3"), ("4", "5")], ""),
        ("1 2 5\n1 3 4\n", "auto", None, "3 fields a line may be a list .* format=pairs .* -T format=lists"),
        ("1 2 5\n1 3 4\n", "pairs", [("1", "2"), ("1", "3")], ""),
        ("1 2 5\n3 4 5\n", "lists", [("1", "2"), ("1", "5"), ("3", "4"), ("3", "5")], ""),
        ("1 2 4.5\n1 3 4\n", "auto", [("1", "2"), ("1", "3")], ""),
        ("1 2 5 9\n1 3 4\n", "auto", None, "3 to 4 fields, and some users several lines"),
        ("1 2 5 9 0\n1 3 4 8 0\n", "auto", None, "5 fields a line .* -T user=1 -T item=2"),
        ("1,2,1000000001,5\n1,3,1000000002,4\n", "auto", None, "-T time=3 -T rating=4"),
        ("1 2 5 x\n", "auto", None, "time 'x' in 'the fourth field' is neither"),
        ("1\n2\n", "auto", None, "one field a line"),
        ("1\t2 3\n2\t3 4\n", "auto", None, "words for one id, -T format=lists"),
        ("1\t2 3\n2\t3 4\n", "lists", [("1", "2"), ("1", "3"), ("2", "3"), ("2", "4")], ""),
        ("1\t2 3\n2\t3 4\n", "pairs", [("1", "2 3"), ("2", "3 4")], ""),
        ('"a, b",1\n"a, b",2\n', "auto", [("a, b", "1"), ("a, b", "2")], ""),
        ('"a; b",1\n"a; b",2\n', "auto", [("a; b", "1"), ("a; b", "2")], ""),
        ("u;a, b\nu;c, d\n", "auto", None, "',' or ';' may stand between its fields; -T separator="),
        ("u;a, b\nu;c\n", "auto", [("u", "a, b"), ("u", "c")], ""),
        ("sep=;\nuser;item\na;1\n", "auto", [("a", "1")], ""),
        ("# user\titems\n1\t2\n", "auto", None, "has no column 'user_id'; it has: # user, items"),
        ("kunde,artikel\n7,8\n7,9\n", "auto", None, "-T user=COLUMN names that .* -T header=false"),
    ],
)
def test_what_lines_mean(tmp_path, lines, form, pairs, said):
    path = put(tmp_path, "lines.txt", lines)
    with pytest.raises(DataError, match=said) if said else nullcontext():
        events = read(path, shape=form)
        assert list(zip(events.user, events.item, strict=True)) == pairs


def test_a_third_field_as_large_as_a_time_is_one(tmp_path, caplog):
    events = read(put(tmp_path, "a.txt", "1 2 1000000002\n1 3 1000000001\n"), shape="pairs")
    assert events.rating is None and list(events.time) == [1000000002, 1000000001]
    assert "taken for user, item and time" in caplog.text


def test_the_form_of_the_train_file_holds_for_the_test_file(tmp_path):
    train = put(tmp_path, "train.txt", "1 10 11 12 13\n2 10 11\n")
    test = put(tmp_path, "test.txt", "1 14 15 16\n2 12 13 14\n")
    assert {s.id: s.target for s in load(train=train, test=test).test} == {
        "1": "14\t15\t16",
        "2": "12\t13\t14",
    }


def test_a_header_can_be_said(tmp_path):
    path = put(tmp_path, "a.csv", "kunde,artikel\nu,v\nu,w\n")
    assert len(read(path, header="false")) == 3
    named = {**NAMES, "user": "kunde", "item": "artikel"}
    assert len(Reader(Data(offline=True), named).events(str(path))) == 2
    numbered = {"user": "2", "item": "1", "rating": "", "time": ""}
    events = Reader(Data(offline=True), numbered, header="false").events(str(path))
    assert list(events.user) == ["artikel", "v", "w"] and list(events.item) == ["kunde", "u", "u"]


@pytest.mark.parametrize(
    "text",
    [
        '{"user": 1, "items": ["a", "b"]}\n{"user": 2, "items": ["c"]}\n{"user": 3, "items": []}\n',
        '[{"user": "1", "items": ["a", "b"]}, {"user": "2", "items": ["c"]}]',
        'user,items\n1,"[""a"", ""b""]"\n2,"[""c""]"\n',
        "user:token\titems:token_seq\n1\ta b\n2\tc\n",
    ],
)
def test_lists_of_items_in_tables(tmp_path, text):
    name = "a.jsonl" if text[0] in "{[" else "a.inter" if "token" in text else "a.csv"
    events = read(put(tmp_path, name, text))
    assert list(zip(events.user, events.item, strict=True)) == [("1", "a"), ("1", "b"), ("2", "c")]
    assert list(events.time) == [0, 1, 2]


def test_atomic_files_keep_their_ids(tmp_path):
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    events = read(put(tmp_path, "a.inter", head + '001\t"x\t1\t9.5\n1\ty\t1\t8.25\n'))
    assert (
        list(events.user) == ["001", "1"]
        and list(events.item) == ['"x', "y"]
        and list(events.time) == [9.5, 8.25]
    )


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["3", "1", "2"], [1, 2, 0]),
        (["1e3", "999.5", "-4"], [2, 1, 0]),
        (["9007199254740993", "9007199254740992", "5"], [2, 1, 0]),
        (["1609459200000000123", "1609459200000000122", "1609459200000000121"], [2, 1, 0]),
        (["99999999999999999999", "5", "6"], [1, 2, 0]),
        (["2021-01-10", "2020-12-31", "2021-01-09"], [1, 2, 0]),
        (["2021/01/10", "2021/1/9", "2020-12-31 23:59:59.5"], [2, 1, 0]),
        (["2021-01-01T00:30:00+02:00", "2020-12-31T23:00:00Z", "2020-12-31T22:00:00Z"], [2, 0, 1]),
    ],
)
def test_times_are_ordered(cells, order):
    assert np.argsort(times(cells, "x", "t")).tolist() == order


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["03/04/2021", "13/04/2021"], "'03/04/2021' in 't' .* day and month can't be told apart.* -T time="),
        (["2021-01-10", "2021-13-40"], "'2021-13-40' in 't'"),
        (["2021-01-01T00:30:00Z", "2021-01-01T00:30:00"], "all with a time zone or none"),
        (["5", None, "7"], "1 of 3 interactions have no time in 't'; .* -T time="),
        (["2021-01-10", None], "1 of 2 interactions have no time"),
        (["yesterday", "5"], "'yesterday'"),
    ],
)
def test_times_that_have_no_order_are_refused(cells, said):
    with pytest.raises(DataError, match=said):
        times(cells, "x", "t")


def test_seconds_and_milliseconds_mixed_are_told(caplog):
    times(["1577836800", "1577836801", "1609459200"], "x", "t")
    assert not caplog.text
    times(["1577836800", "1577836800000"], "x", "t")
    assert "seconds and milliseconds mixed have no order" in caplog.text


def test_numbers():
    assert numbers(["1", "-2"]).dtype == np.int64 and numbers(["1", None])[0] == 1
    assert numbers(["1", "x"]) is None and numbers(["1_000"]) is None and numbers(["inf"]) is None


def test_what_is_missing_is_counted(tmp_path):
    path = put(tmp_path, "a.csv", "user_id,item_id,timestamp\n1,a,1\n,b,2\n2, ,3\n")
    with pytest.raises(
        DataError, match="2 of 3 interactions lack their user or their item, the first one in row 2"
    ):
        read(path)
    with pytest.raises(DataError, match="not utf-8.* -T encoding=cp1252"):
        read(put(tmp_path, "b.csv", "user_id,item_id\n\u00fc,1\n", "latin-1"))
    assert list(read(tmp_path / "b.csv", form=Form("latin-1")).user) == ["\u00fc"]


def test_a_column_that_was_asked_for_is_there(tmp_path):
    path = put(tmp_path, "a.csv", joined_rows(",", head=("user_id", "item_id", "rating", "timestamp")))
    with pytest.raises(DataError, match="no column 'tiem'"):
        load(train=path, time="tiem")
    assert histories(load(train=path, time=""))["1"] == "10\t11\t12"


def test_test_interactions_that_are_known_are_no_test(tmp_path, caplog):
    train = put(tmp_path, "a.csv", "user_id,item_id\n1,a\n1,b\n2,a\n")
    test = put(tmp_path, "b.csv", "user_id,item_id\n1,b\n1,c\n3,a\n2,a\n")
    splits = load(train=train, test=test)
    assert {s.id: s.target for s in splits.test} == {"1": "c", "3": "a"}
    assert "2 test interactions also stand in train and are left out of the test" in caplog.text
    assert "items that stand in the test alone: 1" in caplog.text
    assert "1 of 2 test users have no training item" in caplog.text
    with pytest.raises(UsageError, match="protocol=released makes a split of its own; leave out -T test"):
        load(train=train, test=test, protocol="released")
    with pytest.raises(UsageError, match="no user has a test item"):
        load(train=train, test=put(tmp_path, "c.csv", "user_id,item_id\n1,b\n"))


def test_items_of_several_texts(tmp_path, caplog):
    train = put(tmp_path, "a.csv", "user_id,item_id\n1,01\n1,1\n1,2\n")
    items = put(tmp_path, "i.csv", "movieId,title\n01,1901\n1,first\n1,second\n")
    assert list(load(train=train, items=items).interactions.item_texts) == ["1901", "first", ""]
    assert "stood there before: 1" in caplog.text and "1 of 3 items have no text" in caplog.text


words = st.text("ab01-.é ", min_size=1, max_size=4).map(str.strip).filter(bool)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(words, words), min_size=1, max_size=9), st.sampled_from([",", ";", "\t", "|", "::"])
)
def test_ids_survive_a_file(tmp_path_factory, pairs, sign):
    text = joined_rows(sign, pairs, ("user_id", "item_id"))
    events = read(put(tmp_path_factory.mktemp("ids"), "a.txt", text))
    assert list(zip(events.user, events.item, strict=True)) == pairs


def test_lines_say_what_they_were():
    assert from_lines(["1 2"], "x")[1] == "" and from_lines(["1 2 3", "2 3"], "x")[1] == "lists"
    assert from_lines(["1 2 3 4"], "x")[1] == "pairs"


def test_the_same_interactions_are_the_same_data(tmp_path):
    """Whatever the path, the format, the order of the rows and the unit of the times."""
    names = ("user_id", "item_id", "rating", "timestamp")
    lists = "".join(f"{u} {EARLY[str(u)]} {10 * u}\n" for u in (1, 2, 3))
    files = [
        put(tmp_path, "a.csv", joined_rows(",", head=names)),
        put(tmp_path, "b.dat", joined_rows("::", ROWS[::-1])),
        put(tmp_path, "c.csv", joined_rows(";", [(*r[:3], r[3] * 1000) for r in ROWS], names), "utf-16"),
        put(tmp_path, "d.jsonl", "\n".join(json.dumps(dict(zip(names, r, strict=True))) for r in ROWS)),
        put(tmp_path, "e.txt.gz", gzip.compress(lists.encode())),
    ]
    loaded = [load(train=file, format="auto" if file.suffix != ".gz" else "lists") for file in files]
    assert len({splits.interactions.digest() for splits in loaded}) == 1
    assert len({tuple(sample.digest() for sample in splits.test) for splits in loaded}) == 1
