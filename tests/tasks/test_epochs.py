"""Values of the set as a whole where every item is asked several times: of as many items as there are."""

import pytest

import harness

TEAM = {"roles": {"human": "sim/human"}, "model": "sim/clerk"}


@pytest.mark.parametrize(
    ("task", "method", "measured", "given"),
    [
        ("team/hidden-constraints", "ask-when-uncertain", {"question_precision", "question_recall"}, TEAM),
        ("team/approval", "confirm-irreversible", {"harm"}, TEAM),
        ("team/interruptions", "autonomous", {"recovery"}, TEAM),
        ("personal/synthetic", "rag-personal", {"user_accuracy"}, {"model": "sim/person"}),
        ("research/synthetic", "no-search", {"calibration_error"}, {"model": "sim/reader"}),
    ],
)
def test_items_that_are_asked_three_times_are_no_more_items(tmp_path, task, method, measured, given):
    (run,) = harness.evaluate(
        task, method, limit=4, epochs=3, store=tmp_path / "store", progress=False, **given
    )
    assert run.error is None and run.record["samples"]["rows"] == 12
    assert measured <= run.record["metrics"].keys()
    # calibration has no interval, and so is of no number of items
    assert {run.record["metrics"][name]["n_items"] for name in measured} <= {4, None}
