"""The user's own interactions, in every format, and what is said when they are broken."""

import gzip

import pyarrow as pa
import pytest
from pyarrow import parquet

from harness.base.errors import DataError, UsageError
from harness.data.hub import Data
from harness.registry import load_task, registry

# user, item, rating, time: two users of three items, the last one by time is held out
ROWS = [
    ("u1", "c", 4, 3),
    ("u1", "a", 5, 1),
    ("u2", "b", 5, 9),
    ("u1", "b", 1, 2),
    ("u2", "c", 3, 7),
    ("u2", "a", 4, 8),
]


def load(**args):
    spec = registry().task("rec/custom")
    task = load_task(spec, spec.arguments({k: str(v) for k, v in args.items()}))
    return task.load(Data(offline=True))


def write(folder, form):
    path = folder / f"data{form}"
    names = ("user_id", "item_id", "rating", "timestamp")
    columns = dict(zip(names, zip(*ROWS, strict=True), strict=True))
    if form == ".parquet":
        parquet.write_table(pa.table(columns), path)
    elif form == ".inter":
        head = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        path.write_text(head + "".join("\t".join(map(str, row)) + "\n" for row in ROWS))
    elif form in (".csv", ".tsv"):
        sign = "," if form == ".csv" else "\t"
        path.write_text("".join(sign.join(map(str, row)) + "\n" for row in [names, *ROWS]))
    elif form == ".jsonl":
        import json

        path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in ROWS))
    else:
        path.write_text("".join(" ".join(map(str, row)) + "\n" for row in ROWS))
    return path


@pytest.mark.parametrize("form", [".csv", ".tsv", ".jsonl", ".parquet", ".inter", ".txt"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_table(tmp_path, form, packed):
    path, extra = write(tmp_path, form), {}
    if packed:
        path = path.rename(path.with_suffix(form + ".gz"))
        path.write_bytes(gzip.compress(path.read_bytes()))
    splits = load(train=path)
    assert {s.id: (s.question.input, s.target) for s in splits.test} == {
        "u1": ("a\tb", "c"),
        "u2": ("c\ta", "b"),
    }
    assert splits.interactions.validation.nnz == 2
    assert len(load(train=path, min_rating=4, **extra).test) == 2


def test_adjacency_lists_and_sequences(tmp_path):
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("0 10 11 12\n1 11 9\n\n2 9\n")
    test.write_text("0 9\n1 10 12\n2\n")
    splits = load(train=train, test=test, validation_share=0)
    assert {s.id: s.target for s in splits.test} == {"0": "9", "1": "10\t12"}
    assert splits.interactions.items == ["9", "10", "11", "12"]
    splits = load(train=train)  # the order of a list is its time
    assert {s.id: s.target for s in splits.test} == {"0": "12", "1": "9"}


def test_pair_lines(tmp_path):
    train = tmp_path / "pairs.txt"
    train.write_text("a x\na y\n  b x \nb z\n")
    assert {s.id: s.target for s in load(train=train).test} == {"a": "y", "b": "z"}
    train.write_text("a x\na y 5\n")
    with pytest.raises(DataError, match=r"line 2: 3 fields where pairs .* -T format=lists"):
        load(train=train, format="pairs")
    train.write_text("a x five\na y 5\n")
    with pytest.raises(DataError, match="the time 'five' in 'the third field' is neither a number"):
        load(train=train, format="pairs")


def test_item_texts(tmp_path, caplog):
    path = write(tmp_path, ".csv")
    items = tmp_path / "data.item"
    items.write_text('item_id:token\ttitle:token_seq\na\tAn "odd" title\nb\t\nz\tnever taken\n')
    data = load(train=path, items=items).interactions
    assert list(data.item_texts) == ['An "odd" title', "", ""]
    items.write_text("item_id:token\ttitle:token_seq\n1\tx\n")
    with pytest.raises(DataError, match="a text for none of the 3 items"):
        load(train=path, items=items)
    with pytest.raises(DataError, match="no column 'name'; it has: item_id, title"):
        load(train=path, items=items, text="name")
    with pytest.raises(DataError, match="data.txt has no column 'item_id'; it has: u1 c 4 3"):
        load(train=path, items=write(tmp_path, ".txt"))


def test_users_without_training_items_are_counted(tmp_path, caplog):
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("0 10 11\n")
    test.write_text("0 12\n7 10\n")
    splits = load(train=train, test=test, format="lists")
    assert "1 of 2 test users have no training item" in caplog.text
    assert splits.test[1].question.input == "" and splits.interactions.known.sum(axis=1).tolist() == [2, 0]


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UsageError, match="needs -T train=FILE"):
        load()
    with pytest.raises(DataError, match="no file"):
        load(train=tmp_path / "none.csv")
    path = write(tmp_path, ".csv")
    with pytest.raises(DataError, match="no column 'user'; it has: user_id"):
        load(train=path, user="user")
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    with pytest.raises(DataError, match="is empty"):
        load(train=empty)
    binary = tmp_path / "data.npz"
    binary.write_bytes(b"\x93NUMPY\x01\x00v\x00")
    with pytest.raises(DataError, match="data.npz is an array of numpy; save it as .csv"):
        load(train=binary)
    with pytest.raises(UsageError, match="split of their own"):
        load(train=path, split="official")
    bad = tmp_path / "bad.csv"
    bad.write_text("user_id,item_id,rating\n1,2,good\n1,3,bad\n")
    with pytest.raises(DataError, match="rating is not a number"):
        load(train=bad, min_rating=1)
    assert len(load(train=bad).test) == 1  # nobody asked for the ratings
    one = tmp_path / "one.txt"
    one.write_text("a x\nb y\n")
    with pytest.raises(UsageError, match="no user has a test item"):
        load(train=one)
