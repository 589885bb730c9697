from __future__ import annotations

import numpy as np
import pytest

from harness.stats import rank_intervals


def holds(true_values: np.ndarray, scores: np.ndarray, seed: int, **options) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Which methods' intervals hold their true place (all places of a tie)."""
    found = rank_intervals(scores, draws=1_000, seed=seed, **options)
    best = 1 + (true_values > true_values[:, None] + 1e-12).sum(axis=1)
    worst = (true_values >= true_values[:, None] - 1e-12).sum(axis=1)
    return np.array([r.low <= b and r.high >= w for r, b, w in zip(found, best, worst, strict=True)])


@pytest.mark.parametrize(
    "true_values",
    [np.linspace(0.5, 0.52, 8), np.full(6, 0.5), np.array([0.9, 0.5, 0.5, 0.49, 0.2])],
    ids=["near-equals", "equals", "mixed"],
)
def test_coverage(true_values: np.ndarray) -> None:
    rng, sets, n = np.random.default_rng(0), 300, 150
    held = []
    for i in range(sets):
        easy = rng.normal(0, 0.3, size=n)
        scores = true_values[:, None] + easy + rng.normal(0, 0.2, size=(len(true_values), n))
        held.append(holds(true_values, scores, seed=i))
    # A bootstrap falls short of its level by the noise of its quantile, about a point here.
    assert np.mean(held, axis=0).min() >= 0.94 - 3 * np.sqrt(0.05 * 0.95 / sets)


def test_quantiles_of_resampled_ranks_would_not_cover() -> None:
    """What the module avoids: among near-equals, ranks resample around the luck of one draw."""
    rng, sets, n, m = np.random.default_rng(1), 300, 150, 10
    true_values = np.linspace(0.5, 0.503, m)
    held = 0
    for _ in range(sets):
        scores = true_values[:, None] + rng.normal(0, 0.2, size=(m, n))
        drawn = scores[:, rng.integers(n, size=(200, n))].mean(axis=2)
        ranks = 1 + (drawn[:, None] < drawn[None]).sum(axis=1)
        low, high = np.quantile(ranks, [0.025, 0.975], axis=1)
        held += (low <= np.arange(m, 0, -1)) & (high >= np.arange(m, 0, -1))
    assert (np.asarray(held) / sets).min() < 0.85


def test_clear_leads_are_clear() -> None:
    rng = np.random.default_rng(2)
    scores = np.array([0.2, 0.8, 0.5])[:, None] + rng.normal(0, 0.1, size=(3, 200))
    found = rank_intervals(scores)
    assert [(r.rank, r.low, r.high) for r in found] == [(3, 3, 3), (1, 1, 1), (2, 2, 2)]
    mirrored = rank_intervals(-scores, higher_is_better=False)
    assert [r.rank for r in mirrored] == [3, 1, 2]
    assert found[0].value == pytest.approx(scores[0].mean())


def test_identical_methods_share_a_place() -> None:
    scores = np.random.default_rng(3).random(100)
    found = rank_intervals(np.array([scores, scores, scores - 0.5]))
    assert [(r.rank, r.low, r.high) for r in found] == [(1, 1, 2), (1, 1, 2), (3, 3, 3)]


def test_pairing_tells_apart_what_separate_intervals_cannot() -> None:
    rng = np.random.default_rng(4)
    hard = rng.normal(0, 1, size=300)
    scores = np.array([hard, hard + 0.1]) + rng.normal(0, 0.1, size=(2, 300))
    assert [r.high - r.low for r in rank_intervals(scores)] == [0, 0]
    shuffled = np.array([scores[0], rng.permutation(scores[1])])
    assert [r.high - r.low for r in rank_intervals(shuffled)] == [1, 1]


def test_clusters_widen() -> None:
    rng = np.random.default_rng(5)
    lead = np.repeat(rng.normal(0.1, 0.3, size=20), 30)
    scores = np.array([np.zeros(600), lead])
    assert [r.high - r.low for r in rank_intervals(scores)] == [0, 0]
    groups = np.repeat(np.arange(20), 30)
    assert [r.high - r.low for r in rank_intervals(scores, groups=groups)] == [1, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rank_intervals([0.1, 0.2]), "2-D"),
        (lambda: rank_intervals([[0.1, float("nan")]]), "NaN"),
        (lambda: rank_intervals([[0.1, 0.2]], level=1), "strictly between"),
        (lambda: rank_intervals([[0.1, 0.2]], groups=["a"]), "labels"),
    ],
)
def test_refusals(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()
