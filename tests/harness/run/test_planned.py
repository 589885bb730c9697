"""What a run was planned to show stands in its record, not in its identity."""

import pytest

import harness
from harness.base.errors import UsageError


def measured(tmp_path, store="a", **options):
    return harness.evaluate(
        "countdown", "direct", limit=30, seeds=2, store=tmp_path / store, progress=False, **options
    )


def test_the_plan_is_kept_with_the_runs(tmp_path):
    wished = measured(tmp_path, planned_effect=0.3)
    plain = measured(tmp_path, "b")
    first, second = (run.record["planned"] for run in wished)
    assert first == second, "runs of one grid are planned with what was known before it"
    assert {**first, "power": None} == {
        **{"n_items": 30, "epochs": 1, "seeds": 2},
        **{"effect": 0.3, "power": None},
    }
    assert 0.5 < first["power"] < 1
    assert "effect" not in plain[0].record["planned"]
    assert [run.record["run_id"] for run in wished] == [run.record["run_id"] for run in plain]


@pytest.mark.parametrize("effect", [0.0, 1.5, -0.1])
def test_an_effect_out_of_range_is_refused(tmp_path, effect):
    with pytest.raises(UsageError, match="--planned-effect is a share"):
        measured(tmp_path, planned_effect=effect)
