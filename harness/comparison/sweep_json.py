"""Sweeps as JSON knows them."""

from __future__ import annotations

import math
from typing import Any

from harness.comparison.forms import fits, variances
from harness.comparison.sweep import Curve
from harness.comparison.trends import one_seed, sentence, trend_of


def plain_sweep(curve: Curve, margin: float | None = None) -> dict[str, Any]:
    """A curve as JSON knows it: its verdict, its points, the forms that describe it."""
    found = trend_of(curve, margin)
    made, (form, reason) = fits(curve)
    spread = curve.span.width * variances(curve) ** 0.5
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
        "items": curve.items,
        "items_left_out": curve.left_out,
        "values_left_out": list(curve.no_numbers),
        "verdict": found.word,
        "one_seed": one_seed(curve),
        "sentence": sentence(curve, found),
        "trend": {
            "slope": found.slope,
            "ci": list(found.interval) if math.isfinite(found.interval[1]) else None,
            "p_value": found.p_value,
            "detectable": found.detectable if math.isfinite(found.detectable) else None,
            "margin": margin,
            "flat_margin": found.reach if math.isfinite(found.reach) else None,
            "turn": None if found.at is None else [float(curve.values[k]) for k in found.at],
            "draws": curve.shares.draws,
            "shared_seeds": not curve.shares.apart,
        },
        "points": [
            {
                "value": float(value),
                "mean": float(mean),
                "ci": None if math.isnan(ends[0]) else [float(end) for end in ends],
                "stderr": float(error),
                "seeds": arm.seeds,
                "run_ids": arm.run_ids,
                "complete": arm.complete,
                "calls": arm.usage("calls"),
                "input_tokens": arm.usage("input_tokens"),
                "cost_usd": arm.usage("cost_usd"),
            }
            for value, mean, ends, error, arm in zip(
                curve.values, curve.means, curve.intervals, spread, curve.arms, strict=True
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
        "form": form,
        "form_reason": reason,
    }
