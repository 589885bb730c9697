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
EXPONENTS = np.geomspace(0.02, 3.0, 196)
SUBSETS = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))

#: of many score vectors at once, each of shape (vectors,)
Parameters = dict[str, FloatArray]


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
    fitters: dict[str, tuple[int, Callable[[FloatArray, FloatArray, FloatArray], Parameters]]] = {
        "constant": (1, _constant),
        "logarithmic": (3, _logarithmic),
        "power": (4, _powers),
    }
    fits = []
    for form, (size, fitter) in fitters.items():
        if len(x) <= size:
            continue
        if form == "power":
            parameters = _power(x, y, weight)
        else:
            parameters = {name: float(values[0]) for name, values in fitter(x, y[None], weight).items()}
        bare = Fit(form, parameters, 0.0, float(x[-1]), {})
        chi2 = float(np.sum(((y - bare.at(x)) * weight) ** 2))
        intervals = {}
        if draws is not None and len(draws):
            for name, values in fitter(x, np.asarray(draws, dtype=float)[:, order], weight).items():
                low, high = np.quantile(values, (0.025, 0.975))
                intervals[name] = (float(low), float(high))
        fits.append(Fit(form, bare.parameters, chi2, bare.k0, intervals))
    return sorted(fits, key=lambda fit: fit.aic)


def chosen(fits: Sequence[Fit], values: int, seeds: int) -> tuple[str, str]:
    """The form that describes the points best, or `inconclusive`, and why. Whether they rise or fall at all
    is another question (:mod:`harness.stats.trend`).

    Args:
        fits: from `fit_forms`.
        values: number of swept values.
        seeds: number of seeds at the value that has fewest.
    """
    if values < VALUES or seeds < SEEDS:
        return "inconclusive", (
            f"{values} values with at least {seeds} seeds; {VALUES} values with {SEEDS} "
            "seeds are the least that can distinguish the forms"
        )
    if len(fits) < 2:
        return "inconclusive", "too few points to fit more than one form"
    gap = fits[1].aic - fits[0].aic
    if gap <= GAP:
        return "inconclusive", f"{fits[0].form} and {fits[1].form} differ by {gap:.1f} in AIC, not by {GAP:g}"
    return fits[0].form, f"AIC lower by {gap:.1f} than that of {fits[1].form}"


def _constant(x: FloatArray, ys: FloatArray, weight: FloatArray) -> Parameters:
    return {"a": np.average(ys, axis=1, weights=weight**2)}


def _logarithmic(x: FloatArray, ys: FloatArray, weight: FloatArray) -> Parameters:
    """For each peak a line through weighted points whose slope is not negative."""
    least = np.full(len(ys), np.inf)
    best = {name: np.zeros(len(ys)) for name in ("a", "b", "peak")}
    level = np.average(ys, axis=1, weights=weight**2)
    for peak in x[1:]:
        log = np.log(np.minimum(x, peak))
        off = log - np.average(log, weights=weight**2)
        slope = np.maximum((ys - level[:, None]) @ (weight**2 * off) / np.sum((weight * off) ** 2), 0.0)
        chi2 = (((ys - level[:, None] - slope[:, None] * off) * weight) ** 2).sum(axis=1)
        better = chi2 < least - 1e-12
        least[better] = chi2[better]
        found = {
            "a": level - slope * np.average(log, weights=weight**2),
            "b": slope,
            "peak": np.full(len(ys), peak),
        }
        for name, values in found.items():
            best[name][better] = values[better]
    return best


def _columns(x: FloatArray, c: float, weight: FloatArray) -> FloatArray:
    """What A, B and D are multiplied by once c is given, weighted; shape (points, 3)."""
    return np.column_stack((np.ones_like(x), -(x**-c), -x / x[-1])) * weight[:, None]


def _powers(x: FloatArray, ys: FloatArray, weight: FloatArray) -> Parameters:
    """Linear in A, B and D once c is given, so only c is searched: over a grid whose neighbours differ by
    2.6 %. The best solution without a negative parameter is the plain one of some subset of them."""
    targets = (ys * weight).T
    least = np.full(len(ys), np.inf)
    best = np.zeros((4, len(ys)))
    for c in EXPONENTS:
        columns = _columns(x, float(c), weight)
        for subset in SUBSETS:
            solution = np.linalg.pinv(columns[:, subset]) @ targets
            chi2 = ((targets - columns[:, subset] @ solution) ** 2).sum(axis=0)
            better = (solution >= 0).all(axis=0) & (chi2 < least)
            least[better] = chi2[better]
            best[:, better] = 0.0
            best[np.ix_(subset, better)] = solution[:, better]
            best[3, better] = c
    return dict(zip("ABDc", best, strict=True))


def _power(x: FloatArray, y: FloatArray, weight: FloatArray) -> dict[str, float]:
    """One vector, with c searched further between its neighbours on a coarse grid."""
    from scipy.optimize import minimize_scalar, nnls

    def linear(c: float) -> tuple[float, FloatArray]:
        parameters, residual = nnls(_columns(x, c, weight), y * weight)
        return float(residual), parameters

    grid = EXPONENTS[::5]
    residuals = [linear(float(c))[0] for c in grid]
    place = int(np.argmin(residuals))
    low, high = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]
    found = minimize_scalar(lambda c: linear(c)[0], bounds=(low, high), method="bounded")
    c = float(found.x) if found.fun < residuals[place] else float(grid[place])
    a, b, d = linear(c)[1]
    return {"A": float(a), "B": float(b), "c": c, "D": float(d)}
