"""The line that tells how many attempts have no score of their own."""

import pytest

from harness.display.failures import failures


def record(span=(0.0, 1.0, False), **counts):
    given = {"attempts": 10, "unscored": 0, "error": 0} | counts
    low, high, less = span
    ranges = {"accuracy": {"low": low, "high": high, "lower_is_better": less}}
    return {"counts": given, "primary": "accuracy", "metric_ranges": ranges}


@pytest.mark.parametrize(
    "given, said",
    [
        (record(), ""),
        (record(unscored=3), "3 of 10 attempts are unscored and count as 0"),
        (record(unscored=3, user_failed=0), "3 of 10 attempts are unscored and count as 0"),
        (
            record(unscored=3, user_failed=2),
            "3 of 10 attempts are unscored, 2 of them as the simulated user failed, and count as 0",
        ),
        (
            record(unscored=3, user_failed=1, grader_failed=1),
            "3 of 10 attempts are unscored, 1 of them as the simulated user failed, 1 of them as the grader "
            "broke down, and count as 0",
        ),
        (
            record(unscored=3, user_failed=0, grader_failed=2),
            "3 of 10 attempts are unscored, 2 of them as the grader broke down, and count as 0",
        ),
        (record(error=1), "1 of 10 attempts ended in errors and count as 0"),
        (record((0.0, 5.0, True), error=1), "1 of 10 attempts ended in errors and count as 5"),
        (
            record((None, None, True), refused=1, filtered=2, context_overflow=3),
            "1 of 10 attempts were refused by the model and 2 of 10 attempts were held back by a content "
            "filter and 3 of 10 attempts didn't fit the model's context and count as the worst value that "
            "was measured",
        ),
    ],
)
def test_what_is_told(given, said):
    assert failures(given) == said
