"""Variance components of a grid, their noise taken off; reversals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.stats.grid import decompose
from harness.stats.grid_noise import Noise, blocks, cell_means, tasks_noise
from harness.stats.quadratic import Quadratic
from harness.stats.reversals import reversals

MEANS = np.array([[0.52, 0.60, 0.71], [0.55, 0.66, 0.70], [0.60, 0.64, 0.78], [0.50, 0.57, 0.66]])
NOISE = Noise([(np.full((12, 12), 1e-4) + 3e-4 * np.eye(12), 299.0)])
METHOD, MODEL, BOTH = ("method",), ("model",), ("method", "model")
EXAMPLE = Path(__file__).parents[4] / "shared/statistics-2-data.json"


def test_the_printed_numbers() -> None:
    found = decompose(MEANS, NOISE, ("method", "model"))
    parts, shares = found.components, found.shares
    assert [parts[e].variance for e in (METHOD, MODEL, BOTH)] == pytest.approx(
        [0.001577, 0.007183, 0.000189], abs=5e-7
    )
    assert [parts[e].raw for e in (METHOD, MODEL, BOTH)] == pytest.approx(
        [0.001677, 0.007258, 0.000489], abs=5e-7
    )
    assert [parts[e].noise for e in (METHOD, MODEL, BOTH)] == pytest.approx([0.0001, 0.000075, 0.0003])
    assert parts[BOTH].p_value == pytest.approx(0.138544, abs=5e-7)
    assert [shares[e].value for e in (METHOD, MODEL, BOTH)] == pytest.approx(
        [0.194963, 0.789468, 0.01557], abs=5e-7
    )
    assert (found.spreads["method"].variance, found.spreads["method"].raw) == pytest.approx(
        (0.0017028, 0.0020028), abs=5e-8
    )
    assert (found.spreads["model"].variance, found.spreads["model"].raw) == pytest.approx(
        (0.007325, 0.007625)
    )
    assert found.ratios["model"].value == pytest.approx(0.0017028 / 0.007325, abs=1e-4)
    # the intervals are exact where those printed came from a grid of noncentralities
    assert parts[METHOD].ci == pytest.approx((0.000799, 0.002691), rel=0.01)
    assert parts[MODEL].ci == pytest.approx((0.005072, 0.009728), rel=0.01)
    assert parts[BOTH].ci == pytest.approx((0.0, 0.00097), rel=0.01)
    assert shares[METHOD].ci == pytest.approx((0.1013, 0.3118), abs=0.002)
    assert shares[MODEL].ci == pytest.approx((0.6593, 0.8779), abs=0.003)
    assert shares[BOTH].ci == pytest.approx((0.0, 0.0774), abs=0.001)


def test_the_printed_reversals() -> None:
    fifth = Noise([(NOISE.covariance / 5, 299.0)])
    found = reversals(MEANS, fifth)
    assert [(r.first, r.second) for r in found] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert [r.p_value for r in found] == pytest.approx([0.5431, 1, 1, 0.1033, 1, 1], abs=5e-5)
    assert [r.adjusted_p for r in found] == pytest.approx([1, 1, 1, 0.62, 1, 1], abs=5e-3)
    assert [r.seen for r in found] == [True, False, False, True, False, False]


@pytest.mark.skipif(not EXAMPLE.is_file(), reason="the worked example's data are not beside the checkout")
def test_the_worked_example() -> None:
    data = json.loads(EXAMPLE.read_text())["decomposition_D3"]
    means = np.reshape(data["means"], (4, 3))
    noise = Noise([(np.array(data["K"]), 310.0)])
    found = decompose(100 * means, noise.scaled(100), ("method", "model"))
    parts = [found.components[e] for e in (METHOD, MODEL, BOTH)]
    assert [round(c.variance, 1) for c in parts] == [9.0, 49.8, 1.4]
    assert [round(c.sd, 1) for c in parts] == [3.0, 7.1, 1.2]
    assert parts[0].ci == pytest.approx((4.5, 15.3), abs=0.1)
    assert parts[1].ci == pytest.approx((34.8, 67.9), abs=0.2)
    assert parts[2].ci == pytest.approx((0, 6.2), abs=0.05)
    assert round(parts[2].p_value, 2) == 0.10 and parts[0].p_value < 0.001 > parts[1].p_value
    shares = [found.shares[e] for e in (METHOD, MODEL, BOTH)]
    assert [round(s.value, 2) for s in shares] == [0.17, 0.82, 0.02]
    assert [tuple(round(end, 2) for end in s.ci) for s in shares] == [(0.08, 0.27), (0.70, 0.90), (0.0, 0.07)]
    spreads = [found.spreads["method"], found.spreads["model"]]
    assert [(round(s.variance, 1), round(s.raw, 1)) for s in spreads] == [(9.9, 11.6), (50.8, 52.6)]
    pairs = reversals(means, noise)
    assert sum(r.seen for r in pairs) == 1 and not any(r.adjusted_p <= 0.05 for r in pairs)


def test_noise_alone_gives_nothing() -> None:
    """Equal methods and models, two runs with a draw of their own: the mean of a component is within three
    errors of 0, where it would be 2 to 8 squared points with its noise."""
    rng, grids = np.random.default_rng(5), 40
    found = []
    for _ in range(grids):
        rates = np.clip(rng.beta(0.7, 0.7, size=100) + 0.1 * rng.standard_normal((12, 100)), 0, 1)
        shift = 0.02 * rng.standard_normal((12, 1, 2))
        cells = cell_means((rng.random((12, 100, 2)) < rates[..., None] + shift).astype(float), [True] * 12)
        made = decompose(100 * cells.means.reshape(4, 3), cells.noise.scaled(100), ("method", "model"))
        found.append([(c.variance, c.raw, c.ci[0] > 0) for c in made.components.values()])
    variance, raw, shown = np.moveaxis(np.array(found, dtype=float), 2, 0)
    error = variance.std(axis=0, ddof=1) / np.sqrt(grids)
    assert (np.abs(variance.mean(axis=0)) <= 3 * error).all()
    assert (raw.mean(axis=0) > 3 * error).all()
    assert (shown.mean(axis=0) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / grids)).all()


def test_without_noise_components_are_those_of_the_means() -> None:
    rng = np.random.default_rng(0)
    means = rng.random((3, 4, 2))
    found = decompose(means, Noise([(np.zeros((24, 24)), 9.0)]), ("method", "model", "task"))
    assert len(found.components) == 7
    assert found.components["model",].variance == pytest.approx(means.mean(axis=(0, 2)).var(ddof=1))
    assert found.spreads["method"].variance == pytest.approx(means.var(axis=0, ddof=1).mean())
    # the sums of squares of the effects are all there is
    total = ((means - means.mean()) ** 2).sum()
    sizes = {e: found.shares[e].value * total for e in found.components}
    assert sizes["task",] == pytest.approx(12 * ((means.mean(axis=(0, 1)) - means.mean()) ** 2).sum())
    assert sum(s.value for s in found.shares.values()) == pytest.approx(1)
    assert all(c.ci == (c.variance, c.variance) and c.p_value == 0 for c in found.components.values())


def test_difficulty_of_items_cancels() -> None:
    """Items that are hard for all cells are no noise of contrasts."""
    rng = np.random.default_rng(1)
    hard = rng.normal(0, 5, size=50)
    cells = cell_means([hard + level for level in (0.0, 1.0, 2.0, 4.0)], [False] * 4)
    assert cells.means - cells.means[0] == pytest.approx([0, 1, 2, 4])
    found = decompose(cells.means.reshape(2, 2), cells.noise, ("method", "model"))
    assert found.components["method",].noise == pytest.approx(0, abs=1e-20)
    assert found.components["method",].variance == pytest.approx(2 * (2.5 / 2) ** 2)


def test_noise_over_items_is_clustered_and_over_runs_pooled() -> None:
    rng = np.random.default_rng(2)
    x = rng.random((3, 20, 1))
    twice = np.repeat(x, 2, axis=1)
    groups = np.repeat(np.arange(20), 2)
    single, grouped = cell_means(x, [False] * 3), cell_means(twice, [False] * 3, groups)
    assert grouped.noise.covariance == pytest.approx(single.noise.covariance)
    assert single.noise.covariance == pytest.approx(np.cov(x[:, :, 0]) / 20)
    # runs that differ by 1 in one cell: a cell with a single run takes their variance from the others
    table = np.zeros((20, 2)) + [0, 1]
    cells = cell_means([table, rng.random((20, 1)), table], [True, True, False])
    (_, _), (runs, df) = cells.noise.parts
    assert df == 1 and np.diag(runs) == pytest.approx([0.25, 0.5, 0]) and cells.runs_known
    assert not cell_means([table[:, :1]] * 2, [True, False]).runs_known
    # runs that are too alike: estimates take the excess off, intervals don't
    mirrored = cell_means([np.array([[1, 0], [0, 1]] * 10, float), table], [True, False]).noise
    assert len(mirrored.parts) == 1
    assert mirrored.mean(np.eye(2)) < float(np.trace(mirrored.covariance))


def test_luck_that_cells_share_does_not_average_out() -> None:
    """Two methods drew once for two models each: the mean over models is as uncertain as one of them."""
    places = [(method, model) for method in "ab" for model in "xy"]
    lucky = {"a": np.array([0.0, 1.0]), "b": np.array([0.0, 3.0])}
    tables = [np.zeros((20, 2)) + lucky[method] for method, _ in places]
    shared = [[(method, seed) for seed in range(2)] for method, _ in places]
    apart = cell_means(tables, [True] * 4, places=places).noise
    common = cell_means(tables, [True] * 4, draws=shared, places=places).noise
    # a run has a variance of 0.5 and 4.5, so that of 2 runs is 1.25 on average
    assert apart.covariance == pytest.approx(1.25 * np.eye(4)) and apart.df(np.eye(4)) == pytest.approx(4)
    assert common.covariance == pytest.approx(1.25 * np.kron(np.eye(2), np.ones((2, 2))))
    means = np.kron(np.eye(2), [[0.5, 0.5]])
    assert common.mapped(means).covariance == pytest.approx(1.25 * np.eye(2))
    assert common.df(np.eye(4)) == pytest.approx(2)
    # the same draws everywhere cancel in every difference; a run more of one cell is its own
    tables = [np.zeros((20, 2)) + lucky["b"]] * 3 + [np.zeros((20, 3)) + [0, 3, 6]]
    everywhere = [[0, 1]] * 3 + [[0, 1, 2]]
    found = cell_means(tables, [True] * 4, draws=everywhere, places=places).noise.covariance
    assert found[:3, :3] == pytest.approx(np.full((3, 3), 2.25)) and found[3] == pytest.approx([1.5] * 4)


def test_what_cells_share_is_taken_for_all_and_nothing_where_nobody_tells() -> None:
    places = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    two = np.zeros((20, 2)) + [0, 1]
    tables = [two[:, :1], two[:, :1], two, two[:, :1]]
    draws = [["p"], ["p"], ["q", "r"], ["s"]]
    found = cell_means(tables, [True] * 4, draws=draws, places=places).noise.covariance
    assert found[:2, :2] == pytest.approx(0.5 * np.ones((2, 2)) + 0.5 * (np.eye(2) - 0.5))
    assert found[2, 2] == pytest.approx(0.25) and found[3, 3] == pytest.approx(0.5)


def test_shared_luck_makes_no_effect_of_methods() -> None:
    """Nothing differs but what each method drew, the same for its three models: .29 if taken for apart."""
    rng, shown, replicates = np.random.default_rng(6), 0, 100
    places = [(method, model) for method in range(3) for model in range(3)]
    draws = [[(method, seed) for seed in range(4)] for method, _ in places]
    for _ in range(replicates):
        chance = 0.5 + 0.2 * rng.normal(size=(60, 1)) + 0.06 * rng.normal(size=(3, 1, 4))
        tables = [(rng.random((60, 4)) < chance[method]).astype(float) for method, _ in places]
        found = cell_means(tables, [True] * 9, None, draws, places)
        made = decompose(found.means.reshape(3, 3), found.noise, ("method", "model"))
        shown += made.components[METHOD].p_value < 0.05
    assert shown / replicates <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / replicates)


def test_a_handful_of_items_shows_nothing() -> None:
    """Five to nothing comes by chance one time in sixteen; no spread is no certainty."""
    places = [(method, model) for method in "ab" for model in "xy"]

    def grid(right, n):
        found = cell_means(
            [np.full((n, 1), each) for each in right], [False] * 4, None, None, places, widest=1.0
        )
        means = found.means.reshape(2, 2)
        return decompose(means, found.noise, ("method", "model")), reversals(means, found.noise)

    main, _ = grid([0.0, 0.0, 1.0, 1.0], 5)
    assert main.components[METHOD].variance == pytest.approx(0.5)
    assert main.components[METHOD].p_value > 0.0625 and main.components[METHOD].ci[0] == 0
    assert main.components[MODEL].variance == 0 and main.components[MODEL].ci[1] > 0
    crossing, turned = grid([0.0, 1.0, 1.0, 0.0], 5)
    assert crossing.components[BOTH].p_value > 0.0625 and turned[0].seen and turned[0].p_value > 0.05
    alike, _ = grid([1.0] * 4, 100)
    for found in alike.components.values():
        # six items of a hundred, in squared shares
        assert found.variance == 0 and 0 < found.ci[1] < 0.06**2 * 4 and found.p_value == 1
    many, turned = grid([0.0, 1.0, 1.0, 0.0], 100)
    assert many.components[BOTH].p_value < 1e-6 and turned[0].adjusted_p < 1e-6


def test_tasks_have_items_of_their_own() -> None:
    rng = np.random.default_rng(3)
    first, second = (cell_means(rng.random((4, n, 1)), [False] * 4).noise for n in (10, 30))
    whole = blocks([(first, [0, 2, 4, 6]), (second, [1, 3, 5, 7])], 8)
    assert whole.covariance[::2, ::2] == pytest.approx(first.covariance)
    assert not whole.covariance[::2, 1::2].any()
    assert 9 < whole.df(np.eye(8)) < 38


def test_tasks_may_share_groups() -> None:
    """The same users in two tasks: their luck doesn't cancel over tasks, and isn't counted as two."""
    x = np.random.default_rng(4).random((4, 30, 1))
    found = cell_means(x, [False] * 4)
    apart = tasks_noise([(found, [0, 2, 4, 6], np.arange(30)), (found, [1, 3, 5, 7], np.arange(30, 60))], 8)
    shared = tasks_noise([(found, [0, 2, 4, 6], np.arange(30)), (found, [1, 3, 5, 7], np.arange(30))], 8)
    mean = np.kron(np.eye(4), [[0.5, 0.5]])
    assert apart.mapped(mean).covariance == pytest.approx(found.noise.covariance / 2)
    assert shared.mapped(mean).covariance == pytest.approx(found.noise.covariance)
    assert shared.df(np.eye(8)) == 29


def test_what_is_no_grid() -> None:
    with pytest.raises(ValueError, match="two levels or more of each of method, model"):
        decompose(np.ones((3, 1)), Noise([(np.eye(3), 9.0)]), ("method", "model"))
    with pytest.raises(ValueError, match="a cell lacks 1 of the items"):
        cell_means([np.array([0.5, np.nan]), np.ones(2)], [False] * 2)
    with pytest.raises(ValueError, match="two items"):
        cell_means([np.ones(1), np.ones(1)], [False] * 2)


def test_a_reversal_is_shown_where_both_leads_are() -> None:
    noise = Noise([(1e-5 * np.eye(4), 99.0)])
    (crossing,) = reversals([[0.5, 0.6], [0.6, 0.5]], noise)
    assert crossing.seen and crossing.adjusted_p < 0.001
    (nearly,) = reversals([[0.5, 0.6], [0.6, 0.599]], noise)
    assert nearly.seen and nearly.adjusted_p > 0.5
    (ahead,) = reversals([[0.5, 0.5], [0.6, 0.6]], noise)
    assert not ahead.seen and ahead.adjusted_p == 1
    (certain,) = reversals([[0.5, 0.6], [0.6, 0.5]], Noise([(np.zeros((4, 4)), 9.0)]))
    assert certain.p_value == 0


@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e3])
def test_draws_are_of_the_confidence_distribution_whose_quantiles_the_interval_has(spread: float) -> None:
    """Also far from noise, where the distribution is narrow beside its distance from 0."""
    rng = np.random.default_rng(0)
    means, size = spread * rng.normal(size=200), 200
    form = np.eye(size) - 1 / size
    found = Quadratic(means, Noise([(1e-3 * np.eye(size), np.inf)]), form, size - 1)
    drawn = found.draws(rng, 20_000)
    for tail in (0.025, 0.16, 0.4):
        low, high = found.component(tail).ci
        wide = max(high - low, 1e-15)
        assert np.quantile(drawn, [tail, 1 - tail]) == pytest.approx([low, high], abs=0.03 * wide)


@pytest.mark.parametrize(("items", "unseen"), [(5, True), (6, False), (12, False)])
def test_where_cells_differ_in_fewer_than_six_items_the_spread_says_too_little(
    items: int, unseen: bool
) -> None:
    """However small the differences are beside those that there might be."""
    one, other = np.zeros(40), np.zeros(40)
    other[:items] = 1.0
    tables, drawn = [one, other], [False] * 2
    known, widest = cell_means(tables, drawn).noise, cell_means(tables, drawn, widest=10.0).noise
    assert (len(widest.parts) > len(known.parts)) is unseen
    assert bool(widest.covariance[1, 1] > known.covariance[1, 1]) is unseen
