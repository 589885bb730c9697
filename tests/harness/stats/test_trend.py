"""Rises, falls, peaks, dips, flat: worked contrasts, properties, and how often each word is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.simulations.sweeps import PEAK, TRUTHS, sweep_of, words
from harness.stats.crossed import parts_of, pooled_parts, unpaired_parts
from harness.stats.sweep_means import sweep_means
from harness.stats.trend import trend


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _parts(found, k=0):
    return [float(x[k]) for x in (found.value, found.items, found.runs, found.df_runs, found.overlap)]


def _expected(parts):
    return pytest.approx([parts.value, parts.items, parts.runs, parts.df_runs, parts.overlap])


def test_two_values_are_a_comparison_of_two_arms(rng):
    """The variances are those of the crossed rule, whatever is absent and however items are grouped."""
    a, b = rng.random((12, 3)), rng.random((12, 4))
    a[2, 0] = a[5, 1] = b[3, 3] = np.nan
    groups = np.arange(12) // 2
    weights = [[-1.0, 1.0]]
    for labels in (None, groups):
        apart = sweep_means([a, b], groups=labels)
        assert _parts(apart.contrasts(weights)) == _expected(pooled_parts(b, a, labels))
        nothing = sweep_means([a, b], groups=labels, draws=False).contrasts(weights)
        assert _parts(nothing) == _expected(unpaired_parts(b, a, labels, drawn=(False, False)))
    c = rng.random((12, 3))
    seeds = [5, 6, 7]
    nested = sweep_means([b[:, :3], c], [seeds, seeds], groups).contrasts(weights)
    assert _parts(nested) == _expected(parts_of(c - b[:, :3], groups))


def test_the_formulas_of_a_balanced_sweep(rng):
    x = rng.random((7, 40, 3))
    c = np.arange(7) - 3.0
    made = sweep_means(list(x))
    found = made.contrasts(c[None])
    runs = x.mean(axis=1)
    assert found.value[0] == pytest.approx(c @ runs.mean(axis=1))
    assert found.items[0] == pytest.approx((c @ x.mean(axis=2)).var(ddof=1) / 40)
    assert found.runs[0] == pytest.approx(runs.var(axis=1, ddof=1).mean() * (c @ c) / 3)
    assert found.df_runs[0] == 7 * 2
    rest = x - x.mean(axis=2, keepdims=True) - runs[:, None] + runs.mean(axis=1)[:, None, None]
    assert found.overlap[0] == pytest.approx((rest**2).sum() / (7 * 39 * 2) * (c @ c) / (40 * 3))
    slopes = c @ runs
    nested = sweep_means(list(x), [range(3)] * 7).contrasts(c[None])
    assert nested.runs[0] == pytest.approx(slopes.var(ddof=1) / 3) and nested.df_runs[0] == 2


def _steps(rng, levels, items=400, runs=3):
    p = np.array(levels)[:, None, None]
    return list((rng.random((len(levels), items, runs)) < p).astype(float))


@pytest.mark.parametrize(
    ("levels", "word", "at"),
    [
        ((0.3, 0.4, 0.5, 0.6), "rises", None),
        ((0.6, 0.5, 0.4, 0.3), "falls", None),
        ((0.3, 0.6, 0.8, 0.6, 0.3), "peaks", (0, 2, 4)),
        ((0.8, 0.5, 0.2, 0.5, 0.7), "dips", (0, 2, 4)),
        ((0.5, 0.5, 0.5, 0.5), "flat", None),
    ],
)
def test_the_first_word_that_is_shown(rng, levels, word, at):
    cells = _steps(rng, levels)
    found = trend(sweep_means(cells), margin=0.15)
    assert (found.word, found.at) == (word, at)
    assert found.interval[0] < found.slope < found.interval[1]
    assert (found.p_value < 0.05) == (found.interval[0] > 0 or found.interval[1] < 0)
    # as many ways round
    turned = trend(sweep_means([1 - table for table in cells]), margin=0.15)
    mirror = {"rises": "falls", "falls": "rises", "peaks": "dips", "dips": "peaks", "flat": "flat"}
    assert turned.word == mirror[word] and turned.slope == pytest.approx(-found.slope)


def test_flat_needs_a_margin_and_an_interval_inside_it(rng):
    cells = _steps(rng, (0.5, 0.5, 0.5))
    reach = trend(sweep_means(cells)).reach
    assert trend(sweep_means(cells)).word == "not shown"
    assert trend(sweep_means(cells), margin=reach * 1.01).word == "flat"
    assert trend(sweep_means(cells), margin=reach * 0.99).word == "not shown"
    with pytest.raises(ValueError, match="above 0"):
        trend(sweep_means(cells), margin=0)


@pytest.mark.parametrize("how", [{}, {"seeds": [(0, 1)] * 4}, {"draws": False}])
def test_scores_that_never_move_are_not_flat_for_certain(how):
    """Ten items that are always solved leave room for what ten items can't show."""
    ten, many = [np.ones((10, 2))] * 4, [np.ones((500, 2))] * 4
    assert trend(sweep_means(ten, **how), margin=0.05).word == "not shown"
    assert trend(sweep_means(many, **how), margin=0.05).word == "flat"
    # nor if every value has items of its own
    own = np.full((4, 40, 2), np.nan)
    for k in range(4):
        own[k, 10 * k : 10 * k + 10] = 1.0
    assert trend(sweep_means(list(own), **how), margin=0.05).word == "not shown"


def test_five_items_show_nothing():
    """An exact sign test of five items has no p below .0625, and the interval says the same."""
    cells = [np.full((5, 1), level) for level in (0.0, 0.0, 1.0, 1.0)]
    found = trend(sweep_means(cells, draws=False))
    assert found.word == "not shown" and found.p_value == pytest.approx(0.0625)
    assert found.interval[0] <= 0 < found.interval[1]
    more = trend(sweep_means([np.full((12, 1), level) for level in (0.0, 0.0, 1.0, 1.0)], draws=False))
    assert more.word == "rises" and more.p_value < 0.001


def test_items_of_their_own_leave_no_difference_to_cancel(rng):
    """Different items at every value: variances of the means add up."""
    tables = np.full((3, 60, 2), np.nan)
    for k in range(3):
        tables[k, 20 * k : 20 * k + 20] = rng.random((20, 2))
    found = sweep_means(list(tables), draws=False).contrasts([[-0.5, 0.0, 0.5]])
    parts = [parts_of(table) for table in tables]
    assert found.items[0] == pytest.approx((parts[0].items + parts[2].items) / 4)
    assert found.df_items[0] == 19


def test_one_value_with_a_single_run_borrows_the_variance_of_the_others(rng):
    x = [rng.random((30, s)) for s in (1, 3, 3)]
    found = sweep_means(x).contrasts([[-1.0, 0.0, 1.0]])
    assert found.runs[0] > 0 and 4 <= found.df_runs[0] < 8
    alone = sweep_means([table[:, :1] for table in x]).contrasts([[-1.0, 0.0, 1.0]])
    assert alone.runs[0] == 0 and alone.df_runs[0] == 0


def test_what_is_no_sweep_is_refused(rng):
    with pytest.raises(ValueError, match="two values"):
        sweep_means([rng.random((5, 2))])
    with pytest.raises(ValueError, match="no score"):
        sweep_means([rng.random((5, 2)), np.full((5, 2), np.nan)])
    with pytest.raises(ValueError, match="seeds of"):
        sweep_means([rng.random((5, 2)), rng.random((5, 3))], [(0, 1), (0, 1)])


def test_seeds_that_some_values_share_count_where_they_are_shared(rng):
    """Runs of one seed are one draw: at one value (other attempts), and along the values."""
    x = rng.random((4, 30, 3))
    weights = [[-1.5, -0.5, 0.5, 1.5]]
    twice = sweep_means([np.repeat(table, 2, axis=1) for table in x], [(0, 0, 1, 1, 2, 2)] * 4)
    once = sweep_means(list(x), [(0, 1, 2)] * 4)
    assert _parts(twice.contrasts(weights)) == pytest.approx(_parts(once.contrasts(weights)))
    some = sweep_means(list(x), [(0, 1, 2), (0, 1, 2), (3, 4, 5), (6, 7, 8)])
    assert not some.apart and some.runs[0, 1] != 0 and some.runs[0, 2] == 0
    assert some.contrasts(weights).df_runs[0] == 2


def _at_most(count, replicates, p):
    assert count / replicates <= p + 3 * np.sqrt(p * (1 - p) / replicates)


@pytest.mark.parametrize(("run_sd", "draws"), [(2, "apart"), (0, "apart"), (2, "nested")])
def test_a_flat_truth_is_rarely_called_anything_else(run_sd, draws):
    n = 60
    said = words(n, 3, TRUTHS["flat"], 200, 3, run_sd, draws, 0.8 if draws == "nested" else 0.0)
    _at_most(said["+slope"] + said["-slope"], n, 0.05)
    _at_most(said["peaks"] + said["dips"], n, 0.05)


def test_simulated_verdicts():
    """Cells of the long simulation: power of a slope, a peak, and never flat at a step of the margin."""
    n = 16
    assert words(n, 4, TRUTHS["+1 a value"], 1000, 3, 0)["rises"] == n
    assert words(n, 5, PEAK, 1000, 3, 1)["peaks"] >= n - 2
    step = words(n, 6, TRUTHS["only the last (+5)"], 1000, 3, 0)
    assert step["flat"] == 0 and step["rises"] >= n / 2
    assert words(n, 7, TRUTHS["flat"], 1000, 3, 0)["flat"] >= n - 4
    noisy = words(n, 9, TRUTHS["+1 a value"], 1000, 3, 2)  # .95
    assert noisy["+slope"] >= 0.75 * n


def test_sweeps_are_drawn_as_declared(rng):
    tables = sweep_of(rng, PEAK, 4000, 2, 0)
    means = [table.mean() for table in tables]
    assert means[3] - np.mean(means) == pytest.approx(0.10, abs=0.03)
