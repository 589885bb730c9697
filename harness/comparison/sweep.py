"""A score over one swept number: the points of a curve, their uncertainty, the forms that fit them.

A sweep is nothing but runs that differ in one argument, found in any store by their own argument values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.comparison.arms import Arm, Row, arms_of
from harness.comparison.items import Items, combine, load_run
from harness.spec import MetricRange
from harness.stats.quantiles import FloatArray
from harness.stats.scaling import Fit, fit_forms, verdict

DRAWS = 1000


@dataclass(frozen=True)
class Curve:
    """The runs of one task, method and model at each value of a parameter.

    Attributes:
        arms: the runs at each value, in the order of `values`.
        means: mean score at each value, shape (values,).
        variance: of each mean, for the weights of a fit.
        draws: bootstrap replicates of the means, shape (draws, values).
        paired: whether all values were measured on the same items, which are then drawn together.
    """

    parameter: str
    metric: str
    values: FloatArray
    arms: list[Arm]
    means: FloatArray
    variance: FloatArray
    draws: FloatArray
    paired: bool

    @property
    def span(self) -> MetricRange:
        """The range of the metric."""
        return self.arms[0].metric_range(self.metric)

    @property
    def title(self) -> str:
        return f"{self.arms[0].task} x {self.arms[0].method} x {self.arms[0].model}"

    def grid(self, points: int) -> FloatArray:
        """Values above 0 to draw a form at, evenly in their logarithm."""
        above = self.values[self.values > 0]
        return np.geomspace(above[0], above[-1], points) if len(above) else above

    @property
    def intervals(self) -> FloatArray:
        """95 % bootstrap percentiles of the means, shape (values, 2)."""
        return np.quantile(self.draws, (0.025, 0.975), axis=0).T


def curves(rows: Iterable[Row], parameter: str, metric: str | None = None) -> list[Curve]:
    """The curves that rows of the index make over a method's argument, or a task's.

    Runs of one curve differ in nothing else. Values that are no finite number are left out.

    Raises:
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    found: dict[str, list[tuple[float, Arm]]] = {}
    for arm in arms_of(rows):
        value = _value(arm, parameter)
        if value is not None:
            found.setdefault(_rest(arm, parameter), []).append((value, arm))
    made = []
    for placed in found.values():
        placed.sort(key=lambda pair: pair[0])
        if len({value for value, _ in placed}) > 1:
            made.append(curve_of(placed, parameter, metric or placed[0][1].primary))
    return sorted(made, key=lambda curve: curve.title)


def _value(arm: Arm, parameter: str) -> float | None:
    for arguments in (arm.subject["method_args"], arm.comparability["task_args"]):
        value = arguments.get(parameter)
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            try:
                number = float(value)
            except ValueError:
                return None
            return number if np.isfinite(number) else None
    return None


def _rest(arm: Arm, parameter: str) -> str:
    """Everything but the parameter; where it is the task's, data and prompts differ by nature."""
    from harness.base.digest import digest

    subject, key = dict(arm.subject), dict(arm.comparability)
    if parameter in subject["method_args"]:
        subject["method_args"] = {k: v for k, v in subject["method_args"].items() if k != parameter}
    else:
        natural = ("data_digest", "prompt_digest")
        key = {k: v for k, v in key.items() if k not in natural}
        key["task_args"] = {k: v for k, v in key["task_args"].items() if k != parameter}
    return digest([subject, key])


def curve_of(placed: Sequence[tuple[float, Arm]], parameter: str, metric: str) -> Curve:
    """The curve of arms at two or more values, in rising order of value.

    Raises:
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    span = placed[0][1].metric_range(metric)
    by_seed = [[load_run(run, metric).shares(span) for run in arm.runs] for _, arm in placed]
    first = by_seed[0][0].digests
    paired = all(np.array_equal(items.digests, first) for runs in by_seed for items in runs)
    rng = np.random.default_rng(0)
    means = np.array([np.mean([items.means().mean() for items in runs]) for runs in by_seed])
    draws = _drawn(by_seed, paired, rng)
    return Curve(
        parameter,
        metric,
        np.array([value for value, _ in placed]),
        [arm for _, arm in placed],
        span.value(means),
        span.width**2 * _variance(by_seed, paired),
        span.value(draws),
        paired,
    )


def _drawn(by_seed: list[list[Items]], paired: bool, rng: np.random.Generator) -> FloatArray:
    """Replicates of the means: seeds are drawn within each value, items once for all of them where they
    are the same."""
    draws = np.empty((DRAWS, len(by_seed)))
    n = len(by_seed[0][0])
    weights = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS) / n if paired else None
    for at, runs in enumerate(by_seed):
        scores = np.stack([items.means() for items in runs])
        drawn = weights
        if drawn is None:
            own = scores.shape[1]
            drawn = rng.multinomial(own, np.full(own, 1 / own), size=DRAWS) / own
        by_run = drawn @ scores.T
        picks = rng.integers(len(runs), size=(DRAWS, len(runs)))
        draws[:, at] = np.take_along_axis(by_run, picks, axis=1).mean(axis=1)
    return draws


def _variance(by_seed: list[list[Items]], paired: bool) -> FloatArray:
    """Variance of each mean of shares: the larger of what items and what seeds say.

    Where all values share their items, how hard an item is is the same for every point and says nothing
    about the shape: each item's mean over the values is taken out first (Cousineau, with Morey's factor).
    Seeds: the pooled variance of the runs' means within a value, over the seeds there.
    """
    pooled = [np.array([items.means().mean() for items in runs]) for runs in by_seed]
    spare = sum(len(means) - 1 for means in pooled)
    between = sum(float(((means - means.mean()) ** 2).sum()) for means in pooled) / spare if spare else 0.0
    count = len(by_seed)
    scores = [combine(runs).means() for runs in by_seed]
    if paired:
        table = np.stack(scores)
        inner = (table - table.mean(axis=0)).var(axis=1, ddof=1) / table.shape[1] * count / (count - 1)
    else:
        inner = np.array([each.var(ddof=1) / len(each) if len(each) > 1 else 0.25 for each in scores])
    seeds = np.array([between / len(means) for means in pooled])
    least = (0.5 / sum(len(each) for each in scores)) ** 2  # scores that never move still have some
    return np.asarray(np.maximum(np.maximum(inner, seeds), least))


def fits(curve: Curve) -> tuple[list[Fit], tuple[str, str]]:
    """The forms that fit a curve, best first, and the verdict with its reason. Values that are not above
    0 have no logarithm and are left out.

    Forms are of shares of the metric's range, which rise to a peak and saturate upwards; they are given in
    the unit of the metric, so that where less is better they fall to it.
    """
    kept = curve.values > 0
    if not kept.any():
        return [], ("inconclusive", "no value is above 0")
    span = curve.span
    shares, draws = span.share(curve.means[kept]), span.share(curve.draws[:, kept])
    made = fit_forms(curve.values[kept], shares, curve.variance[kept] / span.width**2, draws)
    seeds = min((len(arm.runs) for arm, keep in zip(curve.arms, kept, strict=True) if keep), default=0)
    return [_in_unit(fit, span) for fit in made], verdict(made, int(kept.sum()), seeds)


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


def plain(curve: Curve) -> Mapping[str, Any]:
    """A curve and its fits as JSON rows."""
    made, (form, reason) = fits(curve)
    first = curve.arms[0]
    grid = curve.grid(41)
    return {
        "parameter": curve.parameter,
        "metric": curve.metric,
        "lower_is_better": curve.span.lower_is_better,
        "task": first.task,
        "method": first.method,
        "model": first.model,
        "paired_items": curve.paired,
        "points": [
            {
                "value": float(value),
                "mean": float(mean),
                "ci": [float(end) for end in ends],
                "stderr": float(var**0.5),
                "seeds": arm.seeds,
                "run_ids": arm.run_ids,
                "complete": arm.complete,
                "calls": arm.usage("calls"),
                "input_tokens": arm.usage("input_tokens"),
                "cost_usd": arm.usage("cost_usd"),
            }
            for value, mean, ends, var, arm in zip(
                curve.values, curve.means, curve.intervals, curve.variance, curve.arms, strict=True
            )
        ],
        "fits": [
            {
                "form": fit.form,
                "aic": fit.aic,
                "chi2": fit.chi2,
                "parameters": {
                    name: {"value": value, "ci": list(fit.intervals.get(name, ())) or None}
                    for name, value in fit.parameters.items()
                },
                "curve": [[float(k), float(y)] for k, y in zip(grid, fit.at(grid), strict=True)],
            }
            for fit in made
        ],
        "verdict": form,
        "reason": reason,
    }
