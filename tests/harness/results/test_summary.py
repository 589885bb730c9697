"""The means of categories, beside that of the whole."""

import dataclasses
import math

import pytest

from harness.results.summary import Summary
from harness.spec import MetricRange, TaskSpec

TASK = TaskSpec(name="t", version="1-A", summary="s", entry="a:b", metrics={"accuracy": 1.0, "other": 1.0})


def attempt(n, value, epoch=0):
    scored = value is not None
    return {
        "n": n,
        "sample_id": str(n),
        "epoch": epoch,
        "status": "ok" if scored else "unscored",
        "answer": "a",
        "group": None,
        "stop_reason": "stop",
        "reason": None,
        "metrics": {"accuracy": value, "other": 1.0} if scored else {},
    }


def test_an_item_counts_in_each_of_its_categories():
    summary = Summary(TASK, 4)
    for n, (value, categories) in enumerate(
        [(1.0, ("easy", "short")), (0.5, ("hard",)), (None, ("hard", "short")), (0.0, ())]
    ):
        summary.add(attempt(n, value), categories)
    found = summary.metrics({})
    assert list(found) == ["accuracy", "other", "accuracy/easy", "accuracy/hard", "accuracy/short"]
    parts = {name: metric for name, metric in found.items() if "/" in name}
    assert {name: (m["value"], m["n_items"], m["scored_only"]) for name, m in parts.items()} == {
        "accuracy/easy": (1.0, 1, None),
        "accuracy/hard": (0.25, 2, 0.5),
        "accuracy/short": (0.5, 2, 1.0),
    }
    assert (found["accuracy"]["value"], found["accuracy"]["n_items"]) == (0.375, 4)


def test_a_category_of_everything_has_the_estimate_of_the_whole():
    summary = Summary(TASK, 6)
    for n in range(6):
        for epoch in range(2):
            summary.add(attempt(n, (n + epoch) % 3 / 2, epoch), ("all",))
    found = summary.metrics({})
    assert {**found["accuracy"], "n_items": 6} == found["accuracy/all"]
    assert found["accuracy/all"]["rerun_stderr"] == pytest.approx(found["accuracy"]["rerun_stderr"])


def test_attempts_that_were_not_scored_count_as_0_and_are_left_out_beside_it():
    agents = TaskSpec(name="t", version="1-A", summary="s", entry="a:b", answer="trajectory")
    summary = Summary(agents, 3)
    given = [[1.0, 1.0, None], [1.0, 0.0, 1.0], [None, None, None]]
    for n, values in enumerate(given):
        for epoch, value in enumerate(values):
            line = attempt(n, value, epoch)
            failed = {"stop_reason": "user_failed", "trace": {"user_retries": 2}} if n == 2 else {}
            summary.add({**line, **failed})
    found, counts = summary.metrics({}), summary.counts()
    assert (counts["unscored"], counts["user_failed"], counts["user_retries"]) == (4, 3, 6)
    shown = {name: (m["value"], m["scored_only"]) for name, m in found.items()}
    assert shown["accuracy"] == (pytest.approx(4 / 9), pytest.approx(5 / 6))  # as pass^1, each item alike
    assert shown["pass^1"] == (pytest.approx(4 / 9), pytest.approx((1 + 2 / 3) / 2))
    assert shown["pass^2"] == (pytest.approx((1 / 3 + 1 / 3) / 3), pytest.approx((1 + 1 / 3) / 2))
    assert shown["pass^3"] == (0.0, 0.0)  # of the second item, which alone has three
    assert shown["pass@3"] == (pytest.approx(2 / 3), 1.0)


def test_where_every_attempt_was_scored_nothing_stands_beside():
    agents = TaskSpec(name="t", version="1-A", summary="s", entry="a:b", answer="trajectory")
    summary = Summary(agents, 2)
    for n in range(2):
        for epoch in range(2):
            summary.add(attempt(n, float(n), epoch))
    assert {metric["scored_only"] for metric in summary.metrics({}).values()} == {None}


def test_intervals_end_where_the_scale_does():
    summary = Summary(TASK, 6)
    for n, value in enumerate([1.0, 1.0, 1.0, 0.9, 1.0, 0.95]):
        summary.add(attempt(n, value))
    low, high = summary.metrics({})["accuracy"]["ci"]
    assert 0.9 < low < 0.975 and high == 1.0


def test_every_metric_of_attempts_keeps_the_groups():
    task = TaskSpec(name="t", version="1-A", summary="s", entry="a:b", offers=["countable"])
    found = {}
    for size in (1, 4):
        summary = Summary(task, 40)
        for n in range(40):
            for epoch in range(4):
                value = float((n // 4 * 7 + epoch * 3) % 11 < 4)  # alike within four items
                line = attempt(n, value, epoch) | {"group": f"g{n // size}", "answer": str(value)}
                summary.add(line, ("all",))
        found[size] = summary.metrics({})
    names = {"accuracy", "accuracy/all", "pass@2", "pass^2", "pass@4", "pass^4", "maj@4"}
    assert names <= found[4].keys()
    for name in names:
        alone, grouped = found[1][name], found[4][name]
        assert (grouped["n_clusters"], grouped["df"] in (9, None)) == (10, True), name
        if alone["stderr"]:
            assert grouped["stderr"] == pytest.approx(alone["stderr"] * (4 * 39 / 40 * 10 / 9) ** 0.5), name


def test_groups_of_one_change_nothing_but_their_number():
    found = []
    for group in (None, "g{}"):
        summary = Summary(TASK, 12)
        for n in range(12):
            for epoch in range(3):
                line = attempt(n, float((n + epoch) % 3 == 0), epoch)
                summary.add(line | {"group": group and group.format(n)}, ("all",))
        found.append({name: {**m, "n_clusters": None} for name, m in summary.metrics({}).items()})
    assert found[0] == found[1]


def test_a_metric_that_items_do_not_have_is_the_mean_of_the_others():
    """None that no item has; an attempt in error counts at an item that has it and at one that may."""
    summary = Summary(TASK, 4)
    for n, other in enumerate([0.5, None, 1.0]):
        line = attempt(n, 1.0)
        summary.add({**line, "metrics": {"accuracy": 1.0} | ({} if other is None else {"other": other})})
    summary.add(attempt(3, None))
    other = summary.metrics({})["other"]
    assert (other["value"], other["n_items"], other["scored_only"]) == (0.5, 3, 0.75)
    none = Summary(TASK, 1)
    none.add({**attempt(0, 1.0), "metrics": {"accuracy": 1.0}})
    assert list(none.metrics({})) == ["accuracy"]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_counts_that_are_all_alike_have_no_interval(value):
    """0 and 1 are ends of the scale of a share, and not of a number of searches."""
    ranges = {"accuracy": MetricRange(), "other": MetricRange(0.0, math.inf, True)}
    summary = Summary(dataclasses.replace(TASK, ranges=ranges), 20)
    for n in range(20):
        summary.add({**attempt(n, value), "metrics": {"accuracy": value, "other": value}})
    found = summary.metrics({})
    assert found["accuracy"]["ci"] is not None
    assert (found["other"]["value"], found["other"]["ci"], found["other"]["ci_method"]) == (
        value,
        None,
        "none",
    )
