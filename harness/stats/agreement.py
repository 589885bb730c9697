"""Agreement of two raters on categories, beyond chance: Cohen's kappa with an interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.estimate import Groups
from harness.stats.intervals import cluster_codes
from harness.stats.quantiles import FloatArray, check_level


@dataclass(frozen=True)
class Agreement:
    """How far two raters agree.

    Attributes:
        n: pairs of ratings.
        categories: those that either rater used, in the order of the table.
        table: how often the first rater said the row's category and the second the column's.
        raw: the share of equal ratings, in [0, 1], with `raw_ci`.
        kappa: (raw - chance) / (1 - chance), at most 1, with `kappa_ci`; None where both raters used one and
            the same category only, as nothing tells agreement from chance then.
    """

    n: int
    categories: tuple[Hashable, ...]
    table: tuple[tuple[int, ...], ...]
    raw: float
    raw_ci: tuple[float, float]
    kappa: float | None
    kappa_ci: tuple[float, float] | None


def agreement(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    groups: Groups | None = None,
    level: float = 0.95,
    prior: float = 0.5,
    draws: int = 4000,
    seed: int = 0,
) -> Agreement:
    """Raw agreement and kappa of two raters.

    The intervals hold the middle `level` of the posterior of the table of proportions, Dirichlet with the
    counts and `prior` in every cell, and always the estimate. Unlike the large-sample formula they don't
    shrink to a point where the raters always agreed; they hold the truth as often as they say from about 30
    pairs on, 50 where nearly all agree. Items that several pairs belong to are weighted whole (Rubin's
    bootstrap).

    Args:
        first: the ratings of one rater.
        second: those of the other, of the same things in the same order.
        groups: the item of each pair, where an item was rated several times; None where each is its own.
        level: of the intervals, in (0, 1).
        prior: > 0, what every cell of the table weighs before any data; 1/2 is Jeffreys'.
        draws: from the posterior.
        seed: of the draws.

    Raises:
        ValueError: no ratings, other numbers of them, a level or a prior out of range.

    Source: Cohen, Educational and Psychological Measurement 20 (1960); Rubin, Annals of Statistics 9 (1981).
    """
    check_level(level)
    if not len(first) or len(first) != len(second):
        raise ValueError(f"two ratings of each thing are wanted, got {len(first)} and {len(second)}")
    if not 0 < prior < np.inf:
        raise ValueError(f"prior must be positive and finite, got {prior!r}")
    categories = tuple(sorted({*first, *second}, key=lambda each: (str(type(each)), str(each))))
    place, k = {name: n for n, name in enumerate(categories)}, max(len(categories), 2)
    cells = np.array([place[a] * k + place[b] for a, b in zip(first, second, strict=True)])
    counts = np.bincount(cells, minlength=k * k).astype(np.float64)
    rng = np.random.default_rng(seed)
    if groups is None:
        weights = rng.gamma(counts + prior, size=(draws, k * k))
    else:
        codes, n_items = cluster_codes(groups, len(cells))
        of_items = np.zeros((n_items, k * k))
        np.add.at(of_items, (codes, cells), 1.0)
        weights = rng.gamma(1.0, size=(draws, n_items)) @ of_items + rng.gamma(prior, size=(draws, k * k))
    raws, kappas = _raw_and_kappa(weights.reshape(draws, k, k))
    raw, kappa = (float(value[0]) for value in _raw_and_kappa(counts.reshape(1, k, k)))
    known = len(categories) > 1
    size = len(categories)
    return Agreement(
        len(cells),
        categories,
        tuple(tuple(int(n) for n in row[:size]) for row in counts.reshape(k, k)[:size]),
        raw,
        _around(raw, raws, level),
        kappa if known else None,
        _around(kappa, kappas, level) if known else None,
    )


def _raw_and_kappa(tables: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of tables (..., k, k) of weights."""
    shares = tables / tables.sum(axis=(-1, -2), keepdims=True)
    raw = np.trace(shares, axis1=-2, axis2=-1)
    chance = (shares.sum(axis=-1) * shares.sum(axis=-2)).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return raw, (raw - chance) / (1 - chance)


def _around(estimate: float, values: FloatArray, level: float) -> tuple[float, float]:
    """The middle of the draws, extended to the estimate: perfect agreement can't be excluded by itself."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return min(float(low), estimate), max(float(high), estimate)
