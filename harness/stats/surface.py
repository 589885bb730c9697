"""Surfaces: how a score moves with two numbers, such as tokens of reasoning and tokens of search.

A position paper (arXiv 2506.18959, section 4) supposes that performance improves linearly with both. It gives
no formula, no coefficients and no experiment of its own. This is our reconstruction in measurable form:

    linear         g + a r + b s                          (+ d r s)
    logarithmic    g + a log10 r + b log10 s              (+ d log10 r log10 s)
    saturating     g - b1 exp(-c1 r) - b2 exp(-c2 s)

each over both axes, over either of them alone, and the first two with an interaction. All are fitted to the
same cells by least squares weighted by 1 / variance, so that Akaike's criterion, chi-squared + 2 x
parameters (the variances taken as known), compares them. Rates are searched on a grid, and everything else is
linear once they are given.

Coefficients of the first two are weighted sums of the cell means, so that their intervals count items and
runs by the rule of every comparison (:mod:`harness.stats.crossed`). Constants, and all of a saturating form,
have percentiles of draws of the means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.quantiles import FloatArray, check_level
from harness.stats.scaling import GAP
from harness.stats.sweep_means import SweepMeans

Shape = Literal["linear", "logarithmic", "saturating"]
Terms = Literal["both", "interaction", "first", "second"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
#: draws of the means, and rates that are tried for each axis
DRAWS, RATES = 1000, 32
#: a cell that decides a coefficient alone leaves nothing to predict it by
_LEAST_REST = 1e-9
#: of chi-squared
_ROUNDING = 1e-12


@dataclass(frozen=True)
class SurfaceFit:
    """A form with its parameters.

    Attributes:
        shape: `linear`, `logarithmic` or `saturating`.
        terms: `both` axes, both with their `interaction`, or the `first` or `second` alone.
        parameters: by name, as in the docstring of the module.
        intervals: of each, two-sided at the level that was asked for.
        chi2: weighted sum of squared residuals.
        r2: the share of the weighted variance of the means that it explains.
        left_out: root mean squared error at cells that were left out one by one; NaN where a cell alone
            decides a coefficient.
        misfit: p of residuals as large as these if the form is true; see `_misfit`.
        drawn: the parameters of draws of the means, shape (draws, parameters).
        weights: what each parameter sums the means by, shape (parameters, cells); None of a saturating form.
        axes: their names.
    """

    shape: Shape
    terms: Terms
    parameters: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    chi2: float
    r2: float
    left_out: float
    misfit: float
    drawn: FloatArray
    weights: FloatArray | None
    axes: tuple[str, str]

    @property
    def aic(self) -> float:
        return self.chi2 + 2 * len(self.parameters)

    @property
    def name(self) -> str:
        """`linear`, `linear with interaction`, `linear, first axis alone`."""
        first, second = (f", {axis} alone" for axis in self.axes)
        more = {"both": "", "interaction": " with interaction", "first": first, "second": second}
        return self.shape + more[self.terms]

    def at(self, first: ArrayLike, second: ArrayLike) -> FloatArray:
        """The form's value; both broadcastable."""
        return np.asarray(
            values_at(self, np.array([list(self.parameters.values())]), first, second)[0], dtype=np.float64
        )


def values_at(fit: SurfaceFit, parameters: FloatArray, first: ArrayLike, second: ArrayLike) -> FloatArray:
    """A form's values with other parameters.

    Args:
        parameters: shape (sets, parameters), in the order of the fit's.
        first, second: coordinates, broadcastable to one shape.

    Returns:
        shape (sets, *that shape).
    """
    r, s = np.broadcast_arrays(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    columns = np.asarray(parameters, dtype=np.float64).T.reshape(len(fit.parameters), -1, *[1] * r.ndim)
    p = dict(zip(fit.parameters, columns, strict=True))
    found = np.broadcast_to(p["g"], (len(parameters), *r.shape)).copy()
    if fit.shape == "saturating":
        for axis, x in (("1", r), ("2", s)):
            if f"b{axis}" in p:
                found -= p[f"b{axis}"] * np.exp(-p[f"c{axis}"] * x)
        return found
    u, v = (r, s) if fit.shape == "linear" else (np.log10(r), np.log10(s))
    for name, column in (("a", u), ("b", v), ("d", u * v)):
        if name in p:
            found += p[name] * column
    return found


def fit_surfaces(
    sweep: SweepMeans,
    coordinates: ArrayLike,
    variances: ArrayLike | None = None,
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    shapes: Sequence[Shape] = SHAPES,
    axes: tuple[str, str] = ("first axis", "second axis"),
) -> list[SurfaceFit]:
    """Every form that has fewer parameters than there are cells and whose parameters the cells can tell, best
    AIC first.

    Args:
        sweep: the means of the cells.
        coordinates: of each cell, above 0, shape (cells, 2).
        variances: of each mean, above 0, for the weights; by default `sweep.variances()`.
        level: of the intervals, in (0, 1).
        draws: of the means, for what is no contrast.
        shapes: of the forms that are fitted.
        axes: what they are called.

    Raises:
        ValueError: the shapes differ, a coordinate or variance isn't above 0, or a level outside (0, 1).
    """
    check_level(level)
    at, y = np.asarray(coordinates, dtype=np.float64), sweep.means
    v = np.asarray(sweep.variances() if variances is None else variances, dtype=np.float64)
    if at.shape != (len(y), 2) or v.shape != y.shape:
        raise ValueError(f"{len(y)} cells have {len(y)} x 2 coordinates and {len(y)} variances")
    if not ((at > 0).all() and (v > 0).all()):
        raise ValueError("coordinates and variances are above 0")
    cells = _Cells(sweep, at, 1 / np.sqrt(v), sweep.replicates(draws), level, axes)
    made = []
    for shape in shapes:
        for terms in get_args(Terms):
            found = _saturating(cells, terms) if shape == "saturating" else _linear(cells, shape, terms)
            if found is not None:
                made.append(found)
    return sorted(made, key=lambda fit: fit.aic)


def best_form(fits: Sequence[SurfaceFit]) -> tuple[str, str]:
    """The form that describes the cells best, or `inconclusive`, and why.

    Args:
        fits: from `fit_surfaces`.
    """
    if len(fits) < 2:
        return "inconclusive", "too few cells to fit more than one form"
    gap = fits[1].aic - fits[0].aic
    if gap <= GAP:
        return "inconclusive", f"{fits[0].name} and {fits[1].name} differ by {gap:.1f} in AIC, not by {GAP:g}"
    return fits[0].name, f"AIC lower by {gap:.1f} than that of {fits[1].name}"


@dataclass(frozen=True)
class _Cells:
    """What every form is fitted to: `weight` is 1 / standard error, `drawn` draws of the means."""

    sweep: SweepMeans
    at: FloatArray
    weight: FloatArray
    drawn: FloatArray
    level: float
    axes: tuple[str, str]

    @property
    def y(self) -> FloatArray:
        return self.sweep.means

    def ends(self, drawn: FloatArray) -> list[tuple[float, float]]:
        """Percentiles of each column."""
        tail = (1 - self.level) / 2
        low, high = np.quantile(drawn, (tail, 1 - tail), axis=0)
        return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]

    def explained(self, chi2: float) -> float:
        level = np.average(self.y, weights=self.weight**2)
        whole = float((((self.y - level) * self.weight) ** 2).sum())
        return 1 - chi2 / whole if whole > 0 else 0.0


def _linear(cells: _Cells, shape: Shape, terms: Terms) -> SurfaceFit | None:
    """A form that is linear in its parameters: each is a weighted sum of the means."""
    u, v = (cells.at if shape == "linear" else np.log10(cells.at)).T
    columns = {"g": np.ones_like(u)}
    if terms != "second":
        columns["a"] = u
    if terms != "first":
        columns["b"] = v
    if terms == "interaction":
        columns["d"] = u * v
    design = np.column_stack(list(columns.values())) * cells.weight[:, None]
    scale = np.sqrt((design**2).sum(axis=0))
    if len(design) <= len(columns) or not scale.all():
        return None
    if np.linalg.matrix_rank(design / scale) < len(columns):
        return None
    weights = np.linalg.pinv(design / scale) / scale[:, None] * cells.weight
    parameters = weights @ cells.y
    design /= cells.weight[:, None]
    residuals = cells.y - design @ parameters
    rest = 1 - np.einsum("vp,pv->v", design, weights)
    drawn = cells.drawn @ weights.T
    low, high = cells.sweep.contrasts(weights[1:]).interval(cells.level)
    ends = [*cells.ends(drawn[:, :1]), *zip(map(float, low), map(float, high), strict=True)]
    chi2 = float(((residuals * cells.weight) ** 2).sum())
    alone = bool((rest < _LEAST_REST).any())
    return SurfaceFit(
        shape,
        terms,
        dict(zip(columns, map(float, parameters), strict=True)),
        dict(zip(columns, ends, strict=True)),
        chi2,
        cells.explained(chi2),
        float("nan") if alone else float(np.sqrt(np.mean((residuals / rest) ** 2))),
        _misfit(cells, np.eye(len(design)) - design @ weights, chi2),
        drawn,
        weights,
        cells.axes,
    )


def _misfit(cells: _Cells, residual: FloatArray, chi2: float) -> float:
    """p of a weighted sum of squares of at least `chi2` if the form is true.

    The sum is a quadratic form of the noise of the cells, scaled to F by its first two moments
    (Satterthwaite); its denominator has the fewer degrees of freedom of items and runs. 1 where no noise is
    known.

    Args:
        residual: makes the residuals of the means, shape (cells, cells).
    """
    sweep = cells.sweep
    noise = residual @ sweep.covariance() @ residual.T * np.outer(cells.weight, cells.weight)
    first, second = float(np.trace(noise)), float((noise**2).sum())
    rest = min(sweep.df_items, _df_runs(sweep))
    if chi2 < _ROUNDING or not (first > 0 and second > 0 and rest > 0):
        return 1.0
    return float(special.fdtrc(first**2 / second, min(rest, 1e9), chi2 / first))


def _df_runs(sweep: SweepMeans) -> float:
    """Degrees of freedom of the variance over runs; without an end where nothing is drawn per run."""
    if not sweep.draws:
        return float("inf")
    return sweep.pooled[2] if sweep.apart else float(sweep.df_runs.min())


def _saturating(cells: _Cells, terms: Terms) -> SurfaceFit | None:
    """Linear once the rates are given: every pair of rates is tried, for the means, for the means without
    each cell and for draws of them at once."""
    axes = {"both": (0, 1), "first": (0,), "second": (1,), "interaction": ()}[terms]
    size = 1 + 2 * len(axes)
    if not axes or len(cells.y) <= size or any(len(np.unique(cells.at[:, k])) < 3 for k in axes):
        return None
    rates = [_rates(cells.at[:, k]) for k in axes]
    tried = np.stack([each.ravel() for each in np.meshgrid(*rates, indexing="ij")], axis=1)
    curves = -np.exp(-tried[:, None, :] * cells.at[:, axes])
    design = np.concatenate((np.ones((*curves.shape[:2], 1)), curves), axis=2) * cells.weight[:, None]
    q, r = np.linalg.qr(design)

    def solved(targets: FloatArray) -> FloatArray:
        """The best parameters for each row of means, shape (rows, size)."""
        projected = np.tensordot(targets * cells.weight, q, axes=(1, 1))
        best = (projected**2).sum(axis=2).argmax(axis=1)
        here = projected[np.arange(len(targets)), best]
        return np.column_stack((np.linalg.solve(r[best], here[:, :, None])[:, :, 0], tried[best]))

    parameters = solved(cells.y[None])
    drawn = solved(cells.drawn)
    rest = 1 - (q**2).sum(axis=2)
    target = cells.y * cells.weight
    residuals = target - np.einsum("tvp,tp->tv", q, np.einsum("tvp,v->tp", q, target))
    without = residuals / np.where(rest < _LEAST_REST, np.nan, rest)
    # of the sum of squares, what is left once a cell and its own pull are gone
    left = (residuals**2).sum(axis=1)[:, None] - residuals * without
    best = np.where(np.isnan(left), np.inf, left).argmin(axis=0)
    errors = without[best, np.arange(len(target))] / cells.weight
    names = ["g", *(f"b{k + 1}" for k in axes), *(f"c{k + 1}" for k in axes)]
    at = int((residuals**2).sum(axis=1).argmin())
    chi2 = float((residuals[at] ** 2).sum())
    slopes = np.concatenate(
        (q[at], _slopes(cells, tried[at], parameters[0, 1 : 1 + len(axes)], axes)), axis=1
    )
    hat = slopes @ np.linalg.pinv(slopes)
    return SurfaceFit(
        "saturating",
        terms,
        dict(zip(names, map(float, parameters[0]), strict=True)),
        dict(zip(names, cells.ends(drawn), strict=True)),
        chi2,
        cells.explained(chi2),
        float(np.sqrt(np.mean(errors**2))),
        _misfit(cells, (np.eye(len(hat)) - hat) / cells.weight[:, None] * cells.weight, chi2),
        drawn,
        None,
        cells.axes,
    )


def _slopes(cells: _Cells, rates: FloatArray, heights: FloatArray, axes: Sequence[int]) -> FloatArray:
    """How the weighted values move with each rate, shape (cells, rates)."""
    x = cells.at[:, axes]
    return np.asarray(heights * x * np.exp(-rates * x) * cells.weight[:, None])


def _rates(x: FloatArray) -> FloatArray:
    """From one that hardly bends over all cells to one that is over at the smallest coordinate."""
    return np.geomspace(0.3 / x.max(), max(4 / x.min(), 3 / x.max()), RATES)
