"""The means of categories, beside that of the whole."""

import pytest

from harness.results.summary import Summary
from harness.spec import TaskSpec

TASK = TaskSpec(name="t", version="1-A", summary="s", entry="a:b", metrics={"accuracy": 1.0, "other": 1.0})


def attempt(n, value, epoch=0):
    scored = value is not None
    return {"n": n, "sample_id": str(n), "epoch": epoch, "status": "ok" if scored else "unscored",
            "answer": "a", "group": None, "stop_reason": "stop",
            "metrics": {"accuracy": value, "other": 1.0} if scored else {}}  # fmt: skip


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
        "accuracy/easy": (1.0, 1, None), "accuracy/hard": (0.25, 2, 0.5), "accuracy/short": (0.5, 2, 1.0),
    }  # fmt: skip
    assert found["accuracy"]["value"] == 0.375 and "n_items" not in found["accuracy"]


def test_a_category_of_everything_has_the_estimate_of_the_whole():
    summary = Summary(TASK, 6)
    for n in range(6):
        for epoch in range(2):
            summary.add(attempt(n, (n + epoch) % 3 / 2, epoch), ("all",))
    found = summary.metrics({})
    assert {**found["accuracy"], "n_items": 6} == found["accuracy/all"]
    assert found["accuracy/all"]["rerun_stderr"] == pytest.approx(found["accuracy"]["rerun_stderr"])
