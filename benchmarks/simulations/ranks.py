"""Simulated boards: does any method's set of places miss its true place?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.stats import holm, least_units, pair_p_values, rank_sets
from harness.stats.crossed import parts_of
from harness.stats.ranks import RankSet

Array = NDArray[np.float64]


def sets_of(scores: Array) -> list[RankSet]:
    """The sets of a board of scores of shape (methods, items)."""
    first, second = np.triu_indices(len(scores), 1)
    gains = scores[first] - scores[second]
    p = pair_p_values([parts_of(gain) for gain in gains], list(gains))
    return rank_sets(scores.mean(axis=1), holm(p))


def family_error(methods: int, n: int, replicates: int, accuracy: float | None = None) -> float:
    """How often the set of any of several equal methods misses a place that it has (all of them have all)."""
    rng = np.random.default_rng([methods, n])
    missed = 0
    for _ in range(replicates):
        rate = rng.beta(0.7, 0.7, size=n) if accuracy is None else np.full(n, accuracy)
        found = sets_of((rng.random((methods, n)) < rate).astype(float))
        missed += any((each.low, each.high) != (1, methods) for each in found)
    return missed / replicates


def mean_width(n: int, replicates: int) -> float:
    """The mean number of places in the sets of ten methods on a ladder of two logits."""
    rng = np.random.default_rng(n)
    ladder = np.linspace(-1, 1, 10)[:, None]
    widths = []
    for _ in range(replicates):
        hard = special.logit(np.clip(rng.beta(0.7, 0.7, size=n), 1e-6, 1 - 1e-6))
        scores = (rng.random((10, n)) < special.expit(ladder + hard)).astype(float)
        widths += [each.high - each.low + 1 for each in sets_of(scores)]
    return float(np.mean(widths))


def tables(replicates: int) -> Iterator[str]:
    """Lines of Markdown: family error of equal methods, width of the sets of unequal ones, least n."""
    yield "| items | 2 methods | 5 | 10 | 10 of accuracy .95 |"
    yield "| --- | --- | --- | --- | --- |"
    for n in (5, 20, 50, 300):
        errors = [family_error(m, n, replicates) for m in (2, 5, 10)]
        errors.append(family_error(10, n, replicates, accuracy=0.95))
        yield f"| {n} | {' | '.join(f'{error:.3f}' for error in errors)} |"
    yield ""
    yield "| items | mean width of ten sets, ladder of 2 logits |"
    yield "| --- | --- |"
    for n in (50, 100, 300):
        yield f"| {n} | {mean_width(n, max(1, replicates // 4)):.1f} |"
    yield ""
    least = ", ".join(f"{m} methods {least_units(m)}" for m in (2, 3, 5, 10, 20))
    yield f"Items that have to differ before any pair can be shown: {least}."
