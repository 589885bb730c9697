"""The scaling forms of a sweep: a description of its points, which never makes a verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.comparison.points import Points
from harness.comparison.sweep import Curve
from harness.spec import MetricRange
from harness.stats.quantiles import FloatArray
from harness.stats.scaling import Fit, chosen, fit_forms

#: replicates of the means, normal with their covariances
DRAWS = 1000


def fits(curve: Curve) -> tuple[list[Fit], tuple[str, str]]:
    """The forms that fit a curve, best first, and the one that describes it best, with the reason. Values
    that are not above 0 have no logarithm and are left out.

    Forms are of shares of the metric's range, which rise to a peak and saturate upwards; they are given in
    the unit of the metric, so that where less is better they fall to it.
    """
    kept = curve.values > 0
    if not kept.any():
        return [], ("inconclusive", "no value is above 0")
    span = curve.span
    means = curve.shares.means
    rng = np.random.default_rng(0)
    draws = rng.multivariate_normal(means, curve.shares.covariance(), size=DRAWS, method="eigh")
    made = fit_forms(curve.values[kept], means[kept], variances(curve)[kept], draws[:, kept])
    seeds = min((len(arm.runs) for arm, keep in zip(curve.arms, kept, strict=True) if keep), default=0)
    return [_in_unit(fit, span) for fit in made], chosen(made, int(kept.sum()), seeds)


def _in_unit(fit: Fit, span: MetricRange) -> Fit:
    """A form of shares as one of values; what is no score (the peak, an exponent) stays."""

    def turned(name: str, value: float) -> float:
        if name in ("a", "A"):
            return span.value(value)
        return span.change(value) if name in ("b", "B", "D") else value

    return replace(
        fit,
        parameters={name: turned(name, value) for name, value in fit.parameters.items()},
        intervals={
            name: (min(ends), max(ends))
            for name, interval in fit.intervals.items()
            for ends in [tuple(turned(name, end) for end in interval)]
        },
    )


def variances(curve: Points) -> FloatArray:
    """Of each mean as a share of the metric's range, for the weights of a fit; above 0."""
    least = (0.5 / sum(curve.items)) ** 2  # scores that never move still have some
    return np.asarray(np.maximum(curve.shares.variances(), least))
