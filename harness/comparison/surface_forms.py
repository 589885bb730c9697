"""What a surface shows: forms that describe it, the best split of a budget, whether both axes improve it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.comparison.axes import UNIT
from harness.comparison.forms import variances
from harness.comparison.surface import Surface
from harness.spec import MetricRange
from harness.stats.hypothesis import READINGS, Judgement, Reading, judge
from harness.stats.iso_budget import Optimum, optimum
from harness.stats.quantiles import FloatArray
from harness.stats.surface import SurfaceFit, best_form, fit_surfaces


@dataclass(frozen=True)
class Description:
    """What was made of a surface.

    Attributes:
        fits: forms of shares of the metric's range, best AIC first; none where there are too few cells.
        form, reason: the one that describes the cells best, or `inconclusive`, and why.
        budget: that is split, in the unit of the axes; None where they have no common one.
        optima: the best split by each form of both axes, by the form's name.
        judgements: of each reading of the hypothesis; None where the cells don't tell both axes apart.
    """

    fits: list[SurfaceFit]
    form: str
    reason: str
    budget: float | None
    optima: Mapping[str, Optimum]
    judgements: Mapping[Reading, Judgement | None]

    @property
    def drawn(self) -> SurfaceFit | None:
        """The form of both axes with the lowest AIC, which figures show."""
        return next((fit for fit in self.fits if fit.terms in ("both", "interaction")), None)


def describe(surface: Surface, margin: float | None = None, iso_budget: float | None = None) -> Description:
    """Forms, optimum and verdicts of a surface.

    Args:
        margin: below which a whole axis counts as none, above 0, in the unit of the metric.
        iso_budget: above 0, in tokens where both axes are; in the unit of both dials where these are the
            axes. By default the middle one of the cells, where the axes are tokens.
    """
    kept = surface.compared
    fits: list[SurfaceFit] = []
    if kept.sum() > 1:
        sweep = surface.shares.only(kept)
        at, weights = surface.coordinates[kept], variances(surface)[kept]
        fits = fit_surfaces(sweep, at, weights, axes=surface.parameters)
    form, reason = best_form(fits)
    budget = _budget(surface, iso_budget)
    share = None if margin is None else margin / surface.span.width
    return Description(
        fits,
        form,
        reason,
        budget,
        {
            fit.name: optimum(fit, budget)
            for fit in fits
            if budget is not None and fit.terms in ("both", "interaction")
        },
        {
            reading: judge(fits, sweep, at, surface.levels, reading, share) if fits else None
            for reading in READINGS
        },
    )


def _budget(surface: Surface, given: float | None) -> float | None:
    """To two digits where it isn't given."""
    same = len(set(surface.axes)) == 1
    if given is not None:
        return (given / UNIT if surface.tokens else given) if same else None
    if not (surface.tokens and surface.compared.any()):
        return None
    return float(f"{np.median(surface.coordinates[surface.compared].sum(axis=1)):.2g}")


def measured(surface: Surface, found: Optimum) -> bool:
    """Whether a split lies between the smallest and the largest compared cell of each axis."""
    cells = surface.coordinates[surface.compared]
    low, high = cells.min(axis=0), cells.max(axis=0)
    return bool(low[0] <= found.first <= high[0] and low[1] <= found.second <= high[1])


def parameters_of(fit: SurfaceFit, span: MetricRange) -> dict[str, tuple[float, tuple[float, float]]]:
    """A form's parameters with their intervals, in the unit of the metric; rates stay."""

    def turned(name: str, value: float) -> float:
        if name == "g":
            return span.value(value)
        return value if name.startswith("c") else span.change(value)

    made = {}
    for name, value in fit.parameters.items():
        first, last = (turned(name, end) for end in fit.intervals[name])
        made[name] = turned(name, value), (min(first, last), max(first, last))
    return made


def normalised(surface: Surface, fit: SurfaceFit) -> dict[str, float] | None:
    """The coefficients of scores that were scaled to 0 and 1 over the compared cells, as the position paper
    means them; they can't be compared between benchmarks. None of a saturating form, or where nothing
    moves."""
    width = float(np.ptp(surface.shares.means[surface.compared]))
    if fit.shape == "saturating" or not width > 0:
        return None
    return {name: value / width for name, value in fit.parameters.items() if name != "g"}


def heights(surface: Surface, fit: SurfaceFit, first: FloatArray, second: FloatArray) -> FloatArray:
    """A form's values in the unit of the metric; the coordinates are broadcastable."""
    return np.asarray(surface.span.value(fit.at(first, second)))
