"""A user's own streams, and what is wrong with a file of them."""

import json

import pytest

from harness.base.errors import DataError, UsageError
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.testing import check_task

ROWS = [
    {"user": user, "time": time, "query": f"{user} asks {time}", "response": "tea" if time % 2 else "milk"}
    for time in range(4)
    for user in ("ann", "bob")
]


def file(folder, rows):
    path = folder / "streams.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def load(folder, rows=ROWS, name="personal/custom", **args):
    spec = registry().task(name)
    return load_task(spec, spec.arguments({"data": file(folder, rows), **args})).load(Data())


def test_the_last_rows_of_each_user_are_the_test(tmp_path):
    splits = load(tmp_path)
    assert [(s.id, s.question.input, s.target, s.group) for s in splits.test] == [
        ("ann-6", "ann asks 3", "tea", "ann"),
        ("bob-7", "bob asks 3", "tea", "bob"),
    ]
    assert splits.test[0].question.choices == ("milk", "tea")
    past = splits.history.before("bob-7")
    assert [(each.query, each.response) for each in past] == [
        ("bob asks 0", "milk"),
        ("bob asks 1", "tea"),
        ("bob asks 2", "milk"),
    ]
    assert [each.query for each in load(tmp_path, history=1).history.before("bob-7")] == ["bob asks 2"]
    check_task("personal/custom", None, data=file(tmp_path, ROWS))


def test_dates_order_rows(tmp_path):
    dated = [{**row, "time": f"2024-01-0{1 + row['time']}T10:00:00+01:00"} for row in ROWS]
    assert len(load(tmp_path, dated).test) == 2


def times(*values):
    return [{**ROWS[0], "time": value, "query": f"q{n}"} for n, value in enumerate(values)]


def test_times_of_two_zones_and_equal_times_are_in_order(tmp_path):
    zoned = times("2024-01-01T10:00:00+02:00", "2024-01-01T08:00:00Z", "2024-01-01T04:30:00-05:00")
    past = load(tmp_path, zoned).history.before("ann-2")
    assert [each.query for each in past] == ["q0", "q1"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((2019, "2020-01-01"), "row 1 (from 0) of streams.jsonl: its time is a date without a time zone, and "
         "that of row 0 a number"),
        (("2024-01-01T10:00", "2024-01-02T00:00Z"), "is a date with a time zone, and that of row 0 a date w"),
    ],
)  # fmt: skip
def test_times_that_can_not_be_put_in_order_are_one_line(tmp_path, values, said):
    with pytest.raises(DataError) as caught:
        load(tmp_path, times(*values))
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[::-1], "row 2 (from 0) of streams.jsonl is before row 0 of the same user 'bob'"),
        (lambda rows: [*rows, {**rows[0], "user": "cy"}], "user 'cy' has no history: 1 rows"),
        (lambda rows: [{**rows[0], "time": "soon"}], "the time 'soon' is no number and no ISO date"),
        (lambda rows: [{**rows[0], "query": " "}], "row 0 (from 0) of streams.jsonl has no query"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, change, said):
    with pytest.raises(DataError) as caught:
        load(tmp_path, change(ROWS))
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_ratings(tmp_path):
    rated = [{**row, "response": 1 + row["time"]} for row in ROWS]
    splits = load(tmp_path, rated, "personal/custom-ratings")
    assert [sample.target for sample in splits.test] == ["4", "4"]
    with pytest.raises(DataError, match="'9' is no rating from 1 to 5"):
        load(tmp_path, [{**rated[0], "response": 9}], "personal/custom-ratings")


def test_a_file_is_named():
    spec = registry().task("personal/custom")
    with pytest.raises(UsageError, match="needs -T data=FILE"):
        load_task(spec, spec.arguments({}))
    with pytest.raises(DataError, match="no file nowhere.jsonl"):
        load_task(spec, spec.arguments({"data": "nowhere.jsonl"})).load(Data())
