"""Where on a line of equal budget, r + s = B, a fitted surface is highest.

Closed forms, with `a` and `b` the coefficients of r and s, and `d` that of their product (derived here; the
position paper arXiv 2506.18959 anticipates "an optimal balance" and states none):

    logarithmic, a > 0, b > 0           s / B = b / (a + b), whatever B is
    linear                              a corner: all of B to the larger coefficient
    linear with interaction, d > 0      s = B / 2 + (b - a) / (2 d), within [0, B]
    linear with interaction, d <= 0     a corner

The others are searched. A plane has no balance, so that where one is real the surface bends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.stats.quantiles import FloatArray, check_level
from harness.stats.surface import SurfaceFit, values_at

#: steps of the search along the line
_STEPS = 1000
#: of a score
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Optimum:
    """The best split of a budget.

    Attributes:
        budget: B, in the unit of both coordinates.
        share: of the second axis, s / B in [0, 1]; NaN where no split is best, as where a logarithm falls
            along both axes.
        interval: percentiles over draws of the surface; draws without a best split may lie anywhere.
    """

    budget: float
    share: float
    interval: tuple[float, float]

    @property
    def first(self) -> float:
        """Of the budget, what the first axis gets."""
        return self.budget * (1 - self.share)

    @property
    def second(self) -> float:
        return self.budget * self.share


def optimum(fit: SurfaceFit, budget: float, *, level: float = 0.95) -> Optimum:
    """The best split of a budget by a fitted surface.

    Args:
        fit: of both axes.
        budget: above 0, in the unit of both coordinates, which is the same.
        level: of the interval, in (0, 1).

    Raises:
        ValueError: a form of one axis, a budget that isn't above 0, or a level outside (0, 1).
    """
    check_level(level)
    if fit.terms not in ("both", "interaction"):
        raise ValueError(f"a form of one axis ({fit.name}) splits no budget")
    if not budget > 0:
        raise ValueError(f"a budget is above 0, not {budget!r}")
    share = best_shares(fit, np.array([list(fit.parameters.values())]), budget)[0]
    drawn = best_shares(fit, fit.drawn, budget)
    tail = (1 - level) / 2
    nowhere = np.isnan(drawn)
    low = float(np.quantile(np.where(nowhere, 0.0, drawn), tail))
    high = float(np.quantile(np.where(nowhere, 1.0, drawn), 1 - tail))
    return Optimum(budget, float(share), (low, high))


def best_shares(fit: SurfaceFit, parameters: FloatArray, budget: float) -> FloatArray:
    """The share of the second axis at which the form is highest, for each set of parameters; NaN where none.

    Args:
        parameters: shape (sets, parameters), in the order of the fit's.
    """
    p = dict(zip(fit.parameters, np.asarray(parameters, dtype=np.float64).T, strict=True))
    if fit.shape == "linear":
        return _linear(p["a"], p["b"], p.get("d", np.zeros_like(p["a"])), budget)
    if fit.shape == "logarithmic" and fit.terms == "both":
        a, b = (np.where(p[name] > _ROUNDING, p[name], 0.0) for name in "ab")
        with np.errstate(invalid="ignore"):
            return np.asarray(b / (a + b))
    # a logarithm has no value at the ends
    shares = np.arange(1, _STEPS) / _STEPS if fit.shape == "logarithmic" else np.linspace(0, 1, _STEPS + 1)
    found = values_at(fit, parameters, budget * (1 - shares), budget * shares)
    best = shares[found.argmax(axis=1)]
    return np.where(np.ptp(found, axis=1) > _ROUNDING, best, np.nan)


def _linear(a: FloatArray, b: FloatArray, d: FloatArray, budget: float) -> FloatArray:
    corner = np.where(np.abs(b - a) * budget <= _ROUNDING, np.nan, (b > a).astype(float))
    bends = d * budget**2 > _ROUNDING
    inside = 0.5 + (b - a) / np.where(bends, 2 * d * budget, 1.0)
    return np.where(bends, np.clip(inside, 0.0, 1.0), corner)
