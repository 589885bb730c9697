"""How much of the differences in a complete grid is the method's, the model's, or theirs together.

The cells of a grid method x model (x task) hold mean scores, whose variance is partly noise: items and runs
would come out otherwise another time. Here that noise is taken off. For an effect with the matrix A (the
Kronecker product of ``I - J/k`` for the factors in it and ``J/k`` for the others, divided by the number of
cells averaged over) and df degrees of freedom, K the covariance of the cells' means::

    raw = μ'Aμ / df    noise = tr(AK) / df    V = raw - noise    (may be negative: nothing above noise)

The interval of V inverts the noncentral F distribution of ``raw / noise``, with Satterthwaite's degrees of
freedom. Items are common to methods and models, so that K holds their covariance and difficulty cancels.

The levels are fixed: every statement is of these methods, models and tasks. One of a further model would need
at least six; at three the interval of a variance over levels is [.27, 39] times the estimate. With
noise left in, a grid in which nothing differs shows 2 to 9 squared points a component (n = 100, two runs);
with it taken off, 0 on average (``make simulations``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.grid_noise import Noise
from harness.stats.quadratic import Component, Quadratic
from harness.stats.quantiles import FloatArray, check_level

#: the factors that take part in an effect
Effect = tuple[str, ...]
#: from each confidence distribution, for the intervals of shares and ratios
DRAWS = 2**14


@dataclass(frozen=True)
class Share:
    """The part of the variation that an effect makes, in [0, 1], with its interval: an approximate one, which
    holds the truth in .86 to .94 of grids where another effect is exactly 0."""

    value: float
    ci: tuple[float, float]


@dataclass(frozen=True)
class Decomposition:
    """A grid taken apart.

    Attributes:
        factors: their names, in the order of the array.
        components: by the factors that take part, such as ``("method", "model")``.
        shares: of the same effects.
        spreads: for each factor the mean variance over its levels with all others held: HV of methods (the
            scaffold), MV of models.
        ratios: of the first factor's spread to each other factor's, with an approximate interval; absent
            where the lower end of the other's interval is 0, as noise alone would set it.
    """

    factors: tuple[str, ...]
    components: Mapping[Effect, Component]
    shares: Mapping[Effect, Share]
    spreads: Mapping[str, Component]
    ratios: Mapping[str, Share]


def decompose(
    means: ArrayLike, noise: Noise, factors: Sequence[str], level: float = 0.95, seed: int = 0
) -> Decomposition:
    """The variance components of a complete grid.

    Args:
        means: of the cells, one axis a factor, each of at least two levels.
        noise: of these means.
        factors: a name for each axis.
        level: of the intervals, in (0, 1).
        seed: of the draws behind the intervals of shares and ratios.

    Raises:
        ValueError: another number of names than axes, an axis of one level, NaN, or level outside (0, 1).
    """
    check_level(level)
    mu = np.asarray(means, dtype=np.float64)
    if mu.ndim != len(factors) or min(mu.shape, default=0) < 2 or not np.isfinite(mu).all():
        raise ValueError(f"a grid needs two levels or more of each of {', '.join(factors)}, got {mu.shape}")
    levels = dict(zip(factors, mu.shape, strict=True))
    effects = [names for size in range(1, mu.ndim + 1) for names in itertools.combinations(levels, size)]
    forms = {
        names: Quadratic(mu, noise, _form(levels, names, averaged=True), _df(levels, names))
        for names in effects
    }
    tail = (1 - level) / 2
    components = {names: each.component(tail) for names, each in forms.items()}
    streams = np.random.SeedSequence(seed).spawn(len(effects))
    draws = {
        names: each.draws(np.random.default_rng(stream), DRAWS)
        for (names, each), stream in zip(forms.items(), streams, strict=True)
    }
    spreads = {
        name: Quadratic(mu, noise, _form(levels, (name,), averaged=False), levels[name] - 1, True).component(
            tail
        )
        for name in levels
    }
    return Decomposition(
        tuple(factors),
        components,
        _shares(levels, components, draws, tail),
        spreads,
        _ratios(levels, spreads, draws, tail),
    )


def _shares(
    levels: Mapping[str, int],
    components: Mapping[Effect, Component],
    draws: Mapping[Effect, FloatArray],
    tail: float,
) -> dict[Effect, Share]:
    """Of the sums of squares: ``V_e df Π k`` over the levels that e averages."""
    weights = {names: _df(levels, names) * _others(levels, names) for names in components}
    sizes = {names: max(0.0, found.variance) * weights[names] for names, found in components.items()}
    total = sum(sizes.values())
    drawn_total = np.asarray(sum(draws[names] * weights[names] for names in components))
    shares = {}
    for names in components:
        drawn = draws[names] * weights[names] / np.where(drawn_total > 0, drawn_total, 1.0)
        low, high = np.quantile(drawn, (tail, 1 - tail))
        shares[names] = Share(sizes[names] / total if total else 0.0, (float(low), float(high)))
    return shares


def _ratios(
    levels: Mapping[str, int],
    spreads: Mapping[str, Component],
    draws: Mapping[Effect, FloatArray],
    tail: float,
) -> dict[str, Share]:
    """Of the first factor's spread to each other's; with ``Σ_e V_e Π (k - 1)/k`` over the effects e that a
    factor is in, the product over the others of e."""
    drawn = {
        name: sum(
            draws[names] * math.prod((levels[f] - 1) / levels[f] for f in names if f != name)
            for names in draws
            if name in names
        )
        for name in levels
    }
    first, *others = levels
    ratios = {}
    for name in others:
        if spreads[name].ci[0] > 0:
            low, high = np.quantile(drawn[first] / np.maximum(drawn[name], 1e-300), (tail, 1 - tail))
            value = max(0.0, spreads[first].variance) / spreads[name].variance
            ratios[name] = Share(value, (float(low), float(high)))
    return ratios


def _form(levels: Mapping[str, int], names: Effect, averaged: bool) -> FloatArray:
    """The matrix of the squares of an effect with the other factors averaged, or held one by one."""
    parts = [
        np.eye(k) - 1 / k if name in names else np.full((k, k), 1 / k) if averaged else np.eye(k)
        for name, k in levels.items()
    ]
    return np.asarray(reduce(np.kron, parts) / _others(levels, names), dtype=np.float64)


def _df(levels: Mapping[str, int], names: Effect) -> int:
    return math.prod(levels[name] - 1 for name in names)


def _others(levels: Mapping[str, int], names: Effect) -> int:
    return math.prod(k for name, k in levels.items() if name not in names)
