"""Scaling forms: how a score moves with one number, such as demonstrations or neighbours.

No published form exists for many-shot prompts (notes on arXiv 2503.03062, section 2.7); these are ours:

    constant      a
    logarithmic   a + b log(min(k, peak)),            b >= 0: rises up to a peak, then stays
    power         A - B k^(-c) - D (k / k0),          B, c, D >= 0, k0 the largest k: saturates, may decline

All are fitted to the same points by least squares weighted by 1 / variance, so that Akaike's criterion,
chi-squared + 2 x parameters (the variances taken as known), compares them. The peak counts as a parameter;
it is one of the swept values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.quantiles import FloatArray

#: an AIC lower by no more than this is no evidence
GAP = 4.0
#: fewer values, or fewer seeds at each, decide nothing
VALUES, SEEDS = 6, 3
EXPONENTS = np.geomspace(0.02, 3.0, 40)


@dataclass(frozen=True)
class Fit:
    """A form with its parameters.

    Attributes:
        form: `constant`, `logarithmic` or `power`.
        parameters: by name, in the unit of the score (the peak in that of k).
        chi2: weighted sum of squared residuals.
        k0: the largest k, which the form `power` is scaled by.
        intervals: 95 % bootstrap percentiles of each parameter; empty where nothing was drawn.
    """

    form: str
    parameters: dict[str, float]
    chi2: float
    k0: float
    intervals: dict[str, tuple[float, float]]

    @property
    def aic(self) -> float:
        return self.chi2 + 2 * len(self.parameters)

    def at(self, k: FloatArray | Sequence[float]) -> FloatArray:
        """The form's value at every k, shape as k."""
        x, p = np.asarray(k, dtype=float), self.parameters
        if self.form == "constant":
            return np.full(x.shape, p["a"])
        if self.form == "logarithmic":
            return np.asarray(p["a"] + p["b"] * np.log(np.minimum(x, p["peak"])))
        return np.asarray(p["A"] - p["B"] * x ** -p["c"] - p["D"] * x / self.k0)


def fit_forms(
    k: ArrayLike, score: ArrayLike, variance: ArrayLike, draws: FloatArray | None = None
) -> list[Fit]:
    """Every form that has fewer parameters than there are points, best AIC first.

    Args:
        k: the swept values, above 0, shape (points,).
        score: the mean score at each.
        variance: of each mean, above 0.
        draws: bootstrap replicates of the means, shape (draws, points), for intervals.

    Raises:
        ValueError: the shapes differ, or a value or variance isn't above 0.
    """
    x, y, v = (np.asarray(values, dtype=float) for values in (k, score, variance))
    if not (x.shape == y.shape == v.shape and x.ndim == 1 and len(x)):
        raise ValueError("k, score and variance are vectors of one length")
    if (x <= 0).any() or (v <= 0).any():
        raise ValueError("values and variances are above 0")
    order = np.argsort(x)
    x, y, weight = x[order], y[order], 1 / np.sqrt(v[order])
    fitters: dict[str, tuple[int, Callable[[FloatArray, FloatArray, FloatArray], dict[str, float]]]] = {
        "constant": (1, _constant), "logarithmic": (3, _logarithmic), "power": (4, _power),
    }  # fmt: skip
    fits = []
    for form, (size, fitter) in fitters.items():
        if len(x) <= size:
            continue
        bare = Fit(form, fitter(x, y, weight), 0.0, float(x[-1]), {})
        chi2 = float(np.sum(((y - bare.at(x)) * weight) ** 2))
        intervals = {}
        if draws is not None and len(draws):
            drawn = [fitter(x, each, weight) for each in np.asarray(draws, dtype=float)[:, order]]
            for name in bare.parameters:
                low, high = np.quantile([parameters[name] for parameters in drawn], (0.025, 0.975))
                intervals[name] = (float(low), float(high))
        fits.append(Fit(form, bare.parameters, chi2, bare.k0, intervals))
    return sorted(fits, key=lambda fit: fit.aic)


def verdict(fits: Sequence[Fit], values: int, seeds: int) -> tuple[str, str]:
    """The form that the points support, or `inconclusive`, and why.

    Args:
        fits: from `fit_forms`.
        values: number of swept values.
        seeds: number of seeds at the value that has fewest.
    """
    if values < VALUES or seeds < SEEDS:
        return "inconclusive", (f"{values} values with at least {seeds} seeds; {VALUES} values with {SEEDS} "
                                "seeds are the least that can tell the forms apart")  # fmt: skip
    if len(fits) < 2:
        return "inconclusive", "too few points to fit more than one form"
    gap = fits[1].aic - fits[0].aic
    if gap <= GAP:
        return "inconclusive", f"{fits[0].form} and {fits[1].form} differ by {gap:.1f} in AIC, not by {GAP:g}"
    return fits[0].form, f"AIC lower by {gap:.1f} than that of {fits[1].form}"


def _constant(x: FloatArray, y: FloatArray, weight: FloatArray) -> dict[str, float]:
    return {"a": float(np.average(y, weights=weight**2))}


def _logarithmic(x: FloatArray, y: FloatArray, weight: FloatArray) -> dict[str, float]:
    """For each peak a line through weighted points whose slope is not negative."""
    best: tuple[float, dict[str, float]] | None = None
    for peak in x[1:]:
        log = np.log(np.minimum(x, peak))
        centre, level = np.average(log, weights=weight**2), np.average(y, weights=weight**2)
        spread = np.sum((weight * (log - centre)) ** 2)
        slope = max(float(np.sum(weight**2 * (log - centre) * (y - level)) / spread), 0.0)
        a = float(level - slope * centre)
        chi2 = float(np.sum((weight * (y - a - slope * log)) ** 2))
        if best is None or chi2 < best[0] - 1e-12:
            best = chi2, {"a": a, "b": slope, "peak": float(peak)}
    assert best is not None
    return best[1]


def _power(x: FloatArray, y: FloatArray, weight: FloatArray) -> dict[str, float]:
    """Linear in A, B and D once c is given, so only c is searched: a grid, then between its neighbours."""
    from scipy.optimize import minimize_scalar, nnls

    decline = -x / x[-1]

    def linear(c: float) -> tuple[float, FloatArray]:
        columns = np.column_stack((np.ones_like(x), -(x**-c), decline)) * weight[:, None]
        parameters, residual = nnls(columns, y * weight)
        return float(residual), parameters

    residuals = [linear(float(c))[0] for c in EXPONENTS]
    place = int(np.argmin(residuals))
    low, high = EXPONENTS[max(place - 1, 0)], EXPONENTS[min(place + 1, len(EXPONENTS) - 1)]
    found = minimize_scalar(lambda c: linear(c)[0], bounds=(low, high), method="bounded")
    c = float(found.x) if found.fun < residuals[place] else float(EXPONENTS[place])
    a, b, d = linear(c)[1]
    return {"A": float(a), "B": float(b), "c": c, "D": float(d)}
