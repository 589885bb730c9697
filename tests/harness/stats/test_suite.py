from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.stats import Parts, paired_difference, parts_of, suite_difference
from harness.stats.mcnemar import tango_interval
from harness.stats.shared_groups import group_sums


def tasks(rng: np.random.Generator, shift: float = 0.0, runs: float = 0.0) -> list[Parts]:
    sizes, spreads = (20, 80, 300), (0.5, 0.2, 0.4)
    return [
        parts_of(rng.normal(shift, s, size=(n, 3)) + rng.normal(0, runs, 3))
        for n, s in zip(sizes, spreads, strict=True)
    ]


def test_one_task_is_the_paired_difference() -> None:
    d = np.random.default_rng(1).normal(0.1, 1, size=50)
    groups = np.arange(50) // 5
    for labels in (None, groups):
        alone = paired_difference(d, np.zeros(50), groups=labels, binary=False)
        found = suite_difference([parts_of(d, labels)])
        assert found.ci == pytest.approx(alone.ci)
        assert found.p_value == pytest.approx(alone.p_value) and found.stderr == pytest.approx(alone.stderr)


def test_macro_error_adds_in_quadrature() -> None:
    parts = tasks(np.random.default_rng(0))
    found = suite_difference(parts)
    assert found.value == pytest.approx(np.mean([part.value for part in parts]))
    assert found.parts.items == pytest.approx(sum(part.items for part in parts) / 9)
    assert found.n_tasks == 3 and found.n_items == 400


@pytest.mark.parametrize("runs", [0.0, 0.05])
def test_level(runs: float) -> None:
    rng, sets = np.random.default_rng(2), 300
    wrong = np.mean([suite_difference(tasks(rng, runs=runs)).p_value < 0.05 for _ in range(sets)])
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / sets)


def test_no_spread() -> None:
    found = suite_difference([parts_of(np.zeros(5)), parts_of(np.zeros(9))])
    assert found.value == 0 and found.stderr == 0 and found.ci is None and found.p_value is None
    assert suite_difference([parts_of([0.3]), parts_of(np.zeros(9))]).stderr is None


def test_refusals() -> None:
    with pytest.raises(ValueError, match="at least one task"):
        suite_difference([])
    with pytest.raises(ValueError, match="strictly between"):
        suite_difference([parts_of([1.0, 2.0])], level=2)


def test_groups_that_tasks_share_vary_together() -> None:
    """The three recorded categories of one set of dialogues: .0289, where independent tasks have .0202."""
    rng = np.random.default_rng(4)
    dialogue = rng.normal(0, 1, 200)
    values = [dialogue + rng.normal(0, 1, 200) for _ in range(3)]
    labels = np.array([f"dialogue {n}" for n in range(200)], dtype=object)
    alone = suite_difference([parts_of(task) for task in values])
    shared = suite_difference(
        [parts_of(task) for task in values], groups=[group_sums(t, labels) for t in values]
    )
    means = np.mean(values, axis=0)
    assert shared.stderr == pytest.approx(means.std(ddof=1) / np.sqrt(200))  # as of one table of dialogues
    assert shared.stderr > 1.3 * alone.stderr and shared.value == alone.value
    assert (shared.parts.df_items, shared.parts.n_groups) == (199, 200)


def test_other_labels_in_every_task_change_nothing() -> None:
    values = [np.random.default_rng(n).normal(size=(size, 2)) for n, size in enumerate((20, 70))]
    groups = [np.arange(len(table)) // 4 for table in values]
    tasks = [parts_of(table, codes) for table, codes in zip(values, groups, strict=True)]
    named = [
        group_sums(table.mean(axis=1), [f"{n} {code}" for code in codes])
        for n, (table, codes) in enumerate(zip(values, groups, strict=True))
    ]
    assert suite_difference(tasks, groups=named) == suite_difference(tasks)
    one = [
        group_sums(table.mean(axis=1), [f"{code}" for code in codes])
        for table, codes in zip(values, groups, strict=True)
    ]
    assert suite_difference(tasks, groups=one).parts.items != suite_difference(tasks).parts.items


def test_level_where_tasks_share_their_groups() -> None:
    rng, sets, wrong = np.random.default_rng(5), 300, 0
    labels = np.arange(60).astype(str).astype(object)
    for _ in range(sets):
        common = rng.normal(0, 1, 60)
        values = [common + rng.normal(0, 1, 60), 3 * common + rng.normal(0, 1, 60), rng.normal(0, 1, 60)]
        tasks = [parts_of(task) for task in values]
        wrong += suite_difference(tasks, groups=[group_sums(task, labels) for task in values]).p_value < 0.05
    assert wrong <= sets * 0.05 + 3 * np.sqrt(sets * 0.05 * 0.95)


def test_a_few_units_show_nothing_in_a_suite_either() -> None:
    """Five to nothing over two tasks happens one time in sixteen, whatever t says."""
    values = [np.array([1.0, 1.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0])]
    tasks = [parts_of(task) for task in values]
    groups = [group_sums(task, [f"{n} {k}" for k in range(4)]) for n, task in enumerate(values)]
    assert suite_difference(tasks).p_value < 0.05
    found = suite_difference(tasks, groups=groups)
    assert found.p_value == pytest.approx(2 / 32) and found.ci[0] == 0
    lost = suite_difference(
        [parts_of(-task) for task in values],
        groups=[group_sums(-task, g.labels) for task, g in zip(values, groups, strict=True)],
    )
    assert lost.p_value == pytest.approx(found.p_value) and lost.ci[1] == 0


def test_a_task_whose_items_are_all_alike_is_no_certainty() -> None:
    alike = paired_difference(np.ones(5), np.zeros(5), binary=True)
    assert alike.parts.items == 0
    reach = np.sqrt(alike.for_mean.items) * stats.t.isf(0.025, 4)
    lower = tango_interval(0, 5, 5, 0.95)[0]
    assert reach == pytest.approx(1 - lower)
    rng = np.random.default_rng(8)
    many = paired_difference(rng.random(90) < 0.6, rng.random(90) < 0.4, binary=True)
    assert many.for_mean == many.parts
