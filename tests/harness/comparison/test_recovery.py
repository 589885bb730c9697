"""What became of attempts in which a tool call failed, counted from the traces of stored runs."""

import pytest

from harness.base.errors import RecordError
from harness.comparison import card
from harness.comparison.card import Recovery, recovery


class Arms:
    """Arms whose runs are lists of batches of attempts."""

    primary = "accuracy"

    def __init__(self, *runs):
        self.runs = runs


def attempt(errors, score):
    trace = "{}" if errors is None else f'{{"tool_errors": {errors}}}'
    return {"trace": trace, "accuracy": score}


@pytest.mark.parametrize(
    "batches, found",
    [
        ([[attempt(0, 1.0), attempt(2, 0.5)], [attempt(1, 0.0), attempt(0, 0.0)]], Recovery(4, 2, 0.25)),
        ([[attempt(0, 1.0), attempt(0, 0.5)]], Recovery(2, 0, None)),
        ([[attempt(1, None), attempt(3, 1.0), attempt(None, 1.0)]], Recovery(2, 2, 0.5)),
        (
            [[attempt(None, 1.0), attempt(2, 1.0)]],
            None,
        ),  # the first has no such number, so none is looked for
        ([[]], None),
        ([], None),
    ],
)
def test_failed_calls_and_the_mean_score_after_them(monkeypatch, batches, found):
    monkeypatch.setattr(card, "attempt_batches", lambda run, columns: iter(run))
    assert recovery([Arms(batches)]) == found
    assert recovery([]) is None
    if found:
        both = recovery([Arms(batches, batches), Arms(batches)])
        assert both == Recovery(3 * found.attempts, 3 * found.failed, pytest.approx(found.rate))


def test_attempts_that_cannot_be_read_hold_none(monkeypatch):
    def broken(run, columns):
        raise RecordError("broken")

    monkeypatch.setattr(card, "attempt_batches", broken)
    assert recovery([Arms([[attempt(1, 1.0)]])]) is None
