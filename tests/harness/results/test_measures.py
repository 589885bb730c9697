"""What a method measures of itself."""

import math
from typing import Any

import pytest

from harness.results.measures import Measures, checked, measures_text


def test_means_are_over_items_and_absent_is_not_zero() -> None:
    measures = Measures()
    for n, found in (
        (0, {"messages": 4.0}),
        (0, {"messages": 8.0}),
        (1, {"messages": 2.0, "auc": 1.0}),
        (2, {}),
    ):
        measures.add(n, found)
    made = measures.summary()
    assert made["messages"] == {"mean": 4.0, "stderr": pytest.approx(2.0), "n_items": 2}
    assert made["auc"] == {"mean": 1.0, "stderr": None, "n_items": 1}
    assert measures_text({"measures": made, "n_items": 2}) == "auc 1 (of 1 of 2 items), messages 4 ± 2"


@pytest.mark.parametrize(
    "found",
    [
        [("a", 1.0)],
        {"a": math.nan},
        {"a": math.inf},
        {"a": True},
        {"a": "1"},
        {"A": 1.0},
        {"<b>": 1.0},
        {1: 1.0},
        {f"m{n}": 1.0 for n in range(33)},
    ],
)
def test_hostile_measures_are_refused(found: Any) -> None:
    with pytest.raises(ValueError, match="measure"):
        checked(found)
