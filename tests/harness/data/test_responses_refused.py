"""Files of answers that are refused: the whole line, and limits at, below and above."""

import gzip
import json

import pytest

from harness.base.errors import DataError, UsageError
from harness.data.responses import MOST, MOST_EPOCHS, Shape, read_json, read_responses

GOOD = {"sample_id": "q1", "completion": "4"}


def refused(tmp_path, *rows, shape=None):
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError) as caught:
        read_responses(path, shape)
    return str(caught.value)


@pytest.mark.parametrize(
    "row, fault",
    [
        ({"sample_id": "q1"}, "no 'completion'"),
        ({"completion": "4"}, "no 'sample_id', 'index' or 'input'"),
        ({"completion": "4", "sample_id": ""}, "no 'sample_id', 'index' or 'input'"),
        (GOOD | {"epoch": "x"}, "'epoch' is not a whole number: 'x'"),
        (GOOD | {"epoch": "0.5"}, "'epoch' is not a whole number: '0.5'"),
        (GOOD | {"epoch": "1_0"}, "'epoch' is not a whole number: '1_0'"),
        (GOOD | {"epoch": "inf"}, "'epoch' is not a whole number: 'inf'"),
        (GOOD | {"epoch": -1}, f"'epoch' is from 0 to {MOST_EPOCHS:,}, not -1"),
        (GOOD | {"epoch": MOST_EPOCHS + 1}, f"'epoch' is from 0 to {MOST_EPOCHS:,}, not {MOST_EPOCHS + 1}"),
        ({"index": "1.5", "completion": "4"}, "'index' is not a whole number: '1.5'"),
        (GOOD | {"confidence": "high"}, "'confidence' is not a number: 'high'"),
        (GOOD | {"confidence": "nan"}, "'confidence' is not a number: 'nan'"),
        (GOOD | {"usage": {"input_tokens": -1}}, "'usage': input_tokens is no count: -1.0"),
        (GOOD | {"usage": {"input_tokens": 2 * MOST}}, f"'usage': input_tokens is no count: {2.0 * MOST}"),
        (GOOD | {"completion": ["a", "b"]}, "'completion' is not text, but 2 values"),
    ],
)
def test_a_row_is_refused_with_its_place(tmp_path, row, fault):
    assert refused(tmp_path, GOOD, row) == f"answers.jsonl: line 2: {fault}; nothing was scored"


@pytest.mark.parametrize("faulty, more", [(1, ""), (2, ""), (3, ""), (4, " and 1 more"), (5, " and 2 more")])
def test_three_faulty_rows_are_named_and_the_others_counted(tmp_path, faulty, more):
    said = refused(tmp_path, GOOD, *([{"sample_id": "q"}] * faulty))
    shown = "; ".join(f"line {n}: no 'completion'" for n in range(2, 2 + min(3, faulty)))
    assert said == f"answers.jsonl: {shown}{more}; nothing was scored"


@pytest.mark.parametrize(
    "row",
    [
        GOOD,
        GOOD | {"epoch": 0},
        GOOD | {"epoch": MOST_EPOCHS},
        GOOD | {"epoch": "3.0"},
        GOOD | {"confidence": "0.5"},
        GOOD | {"confidence": -2},
        GOOD | {"usage": {"input_tokens": 0, "output_tokens": None}},
        GOOD | {"usage": {"input_tokens": MOST}},
        {"index": 0, "completion": ""},
        {"input": "2 + 2", "completion": "4"},
    ],
)
def test_what_lies_just_inside_is_read(tmp_path, row):
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps(row))
    (found,) = read_responses(path)
    known = {k: v for k, v in row["usage"].items() if v is not None} if "usage" in row else None
    assert found.completion == row["completion"] and found.epoch == int(float(row.get("epoch", 0)))
    assert found.confidence == (float(row["confidence"]) if "confidence" in row else None)
    assert found.index == row.get("index") and found.usage == known


def test_a_file_without_responses_that_are_wanted(tmp_path):
    shape = Shape.of({"completion": "answer"}, {"run": "b", "set": "x"})
    assert refused(tmp_path, {"run": "a", "answer": "4", "sample_id": "q", "set": "x"}, shape=shape) == (
        "answers.jsonl holds no responses with run=b and set=x"
    )
    with pytest.raises(UsageError, match="a response has no 'completoin'; did you mean 'completion'"):
        Shape.of({"completoin": "answer"}, {})


def test_what_is_named_gz_is_gzip(tmp_path):
    path = tmp_path / "found.json.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}'))
    assert read_json(path) == {"a": 1}
    path.write_bytes(b'{"a": 1}')
    with pytest.raises(DataError, match="it is not packed with gzip, as its name says"):
        read_json(path)
