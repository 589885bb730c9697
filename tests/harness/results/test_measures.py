"""What a method measures of itself."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from harness.results.export import run_object
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


def test_a_run_as_json_has_them() -> None:
    (stored,) = Path(__file__).with_name("golden_3").glob("v1/*/*/*/*/*/run.json")
    record = json.loads(stored.read_text()) | {"record": str(stored), "samples_path": None}
    made = {"messages": {"mean": 4.0, "stderr": 2.0, "n_items": 2}}
    assert "measures" not in run_object(record)
    assert run_object(record | {"measures": made})["measures"] == made


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
