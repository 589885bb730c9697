from __future__ import annotations

import numpy as np
import pytest

from harness.stats import Estimate, estimate_mean, macro_average, micro_average


def task(value: float, stderr: float | None, n_items: int, **other: float | None) -> Estimate:
    return Estimate(
        value=value,
        stderr=stderr,
        ci=None,
        ci_method="t",
        df=None,
        rerun_stderr=other.get("rerun"),
        n_items=n_items,
        n_clusters=None,
    )


def test_macro_adds_errors_in_quadrature() -> None:
    average = macro_average([task(0.2, 0.03, 10), task(0.6, 0.04, 1000)])
    assert average.value == pytest.approx(0.4)
    assert average.stderr == pytest.approx(0.05 / 2)
    assert average.n_items == 1010 and average.ci_method == "macro_t"


def test_micro_is_the_mean_over_all_items() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.random(n) for n in (10, 40, 150)]
    average = micro_average([estimate_mean(part, binary=False) for part in parts])
    assert average.value == pytest.approx(np.concatenate(parts).mean())
    assert average.ci_method == "micro_t"


def test_equal_tasks_have_equal_averages() -> None:
    tasks = [task(0.2, 0.03, 50), task(0.6, 0.04, 50), task(0.5, 0.02, 50)]
    macro, micro = macro_average(tasks), micro_average(tasks)
    assert macro.value == pytest.approx(micro.value)
    assert macro.stderr == pytest.approx(micro.stderr or 0)


@pytest.mark.parametrize("average", [macro_average, micro_average])
def test_coverage_over_unequal_tasks(average) -> None:  # type: ignore[no-untyped-def]
    """Fixed tasks of very different size and difficulty; new items in every replication."""
    rng = np.random.default_rng(1)
    sizes, rates = (12, 60, 200), (0.5, 0.3, 0.8)
    weights = {
        macro_average: np.full(3, 1 / 3),
        micro_average: np.array(sizes) / sum(sizes),
    }[average]
    truth = float(weights @ np.array(rates))
    values, errors, hits = [], [], 0
    for _ in range(1_500):
        suite = average(
            [estimate_mean(rng.random(n) < rate, binary=True) for n, rate in zip(sizes, rates, strict=True)]
        )
        values.append(suite.value)
        errors.append(suite.stderr)
        hits += suite.ci[0] <= truth <= suite.ci[1]
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.06)
    assert hits / 1_500 == pytest.approx(0.95, abs=0.02)


def test_one_task_is_itself() -> None:
    alone = estimate_mean([0.1, 0.5, 0.7], binary=False)
    for average in (macro_average([alone]), micro_average([alone])):
        assert average.value == pytest.approx(alone.value)
        assert average.stderr == pytest.approx(alone.stderr or 0)
        assert average.df == pytest.approx(2)
        assert average.ci == pytest.approx(alone.ci or ())


def test_unknown_errors_stay_unknown() -> None:
    average = macro_average([task(0.2, None, 1), task(0.6, 0.04, 50, rerun=0.01)])
    assert average.value == pytest.approx(0.4)
    assert average.stderr is None and average.ci is None
    assert average.ci_method == "none" and average.rerun_stderr is None
    rerun = macro_average([task(0.2, 0.1, 9, rerun=0.03), task(0.6, 0.1, 9, rerun=0.04)])
    assert rerun.rerun_stderr == pytest.approx(0.025)


def test_no_spread_is_no_interval() -> None:
    average = macro_average([task(1.0, 0.0, 30), task(1.0, 0.0, 30)])
    assert average.stderr == 0 and average.ci is None


def test_clusters_are_added_up_when_all_have_them() -> None:
    clustered = estimate_mean([1, 0, 1, 1], groups=list("aabb"), binary=True)
    assert macro_average([clustered, clustered]).n_clusters == 4
    assert macro_average([clustered, task(0.5, 0.1, 9)]).n_clusters is None


def test_errors() -> None:
    with pytest.raises(ValueError, match="at least one task"):
        macro_average([])
    with pytest.raises(ValueError, match="NaN"):
        micro_average([task(float("nan"), 0.1, 9)])
    with pytest.raises(ValueError, match="strictly between"):
        macro_average([task(0.5, 0.1, 9)], level=2)
