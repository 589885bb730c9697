"""Surfaces as JSON knows them."""

from __future__ import annotations

import math
from typing import Any

from harness.comparison.axes import REASONING, SEARCH, UNIT
from harness.comparison.forms import variances
from harness.comparison.surface import Surface
from harness.comparison.surface_forms import Description, describe, measured, normalised, parameters_of
from harness.comparison.surface_words import sentence
from harness.comparison.trends import one_seed
from harness.stats.hypothesis import Judgement, Reading
from harness.stats.iso_budget import Optimum
from harness.stats.surface import SurfaceFit

#: what a cell took per attempt
_USED = ("calls", "input_tokens", "output_tokens", "cost_usd")


def plain_surface(
    surface: Surface, margin: float | None = None, iso_budget: float | None = None
) -> dict[str, Any]:
    """A surface as JSON knows it: verdicts on both readings, its cells, the forms that describe it.
    Coordinates, rates and budgets are in thousands of tokens on a realised axis."""
    made = describe(surface, margin, iso_budget)
    first = surface.arms[0]
    return {
        "parameters": list(surface.parameters),
        "metric": surface.metric,
        "lower_is_better": surface.span.lower_is_better,
        "task": first.task,
        "method": first.method,
        "model": first.model,
        "paired_items": surface.paired,
        "items": surface.items,
        "items_left_out": surface.left_out,
        "values_left_out": list(surface.no_numbers),
        "axes": list(surface.axes),
        "axis_names": list(surface.axis_names),
        "axis_units": [UNIT if axis == "realised" else 1.0 for axis in surface.axes],
        "one_seed": one_seed(surface),
        "hypothesis": {
            reading: _judgement(surface, found, reading, margin) for reading, found in made.judgements.items()
        },
        "margin": margin,
        "budget": made.budget,
        "cells": _cells(surface),
        "fits": [_fit(surface, fit, made) for fit in made.fits],
        "form": made.form,
        "form_reason": made.reason,
    }


def _judgement(
    surface: Surface, found: Judgement | None, reading: Reading, margin: float | None
) -> dict[str, Any]:
    said = {
        "verdict": "cannot tell" if found is None else found.word,
        "sentence": sentence(surface, found, reading, margin),
    }
    if found is None:
        return {**said, "effects": None, "left_out_errors": None, "rival": None, "misfit_p": None}
    width = surface.span.width
    effects = {}
    for name, effect in zip(surface.parameters, found.effects, strict=True):
        ends = surface.span.changes(effect.interval)
        effects[name] = {
            "value": surface.span.change(effect.value),
            "joint_ci": list(ends) if all(map(math.isfinite, ends)) else None,
            "detectable": _known(effect.detectable * width),
            "within_margin": effect.margin,
        }
    names = ("both", *surface.parameters)
    errors = {name: _known(error * width) for name, error in zip(names, found.errors, strict=True)}
    rival = None if found.rival is None else {"form": found.rival.name, "aic_gap": found.gap}
    return {
        **said,
        "effects": effects,
        "left_out_errors": errors,
        "rival": rival,
        "misfit_p": found.fit.misfit,
    }


def _cells(surface: Surface) -> list[dict[str, Any]]:
    spread = surface.span.width * variances(surface) ** 0.5
    return [
        {
            "dials": dict(zip(surface.parameters, map(float, dials), strict=True)),
            "coordinates": [float(each) for each in at],
            "compared": bool(compared),
            "mean": float(mean),
            "ci": None if math.isnan(ends[0]) else [float(end) for end in ends],
            "stderr": float(error),
            "seeds": arm.seeds,
            "run_ids": arm.run_ids,
            "complete": arm.complete,
            **{name: arm.usage(name) for name in _USED},
            "reasoning_tokens": REASONING.of(arm),
            "search_tokens": SEARCH.of(arm),
        }
        for dials, at, compared, mean, ends, error, arm in zip(
            surface.dials,
            surface.coordinates,
            surface.compared,
            surface.means,
            surface.intervals,
            spread,
            surface.arms,
            strict=True,
        )
    ]


def _fit(surface: Surface, fit: SurfaceFit, made: Description) -> dict[str, Any]:
    best = made.optima.get(fit.name)
    return {
        "form": fit.name,
        "shape": fit.shape,
        "terms": fit.terms,
        "aic": fit.aic,
        "chi2": fit.chi2,
        "r2": fit.r2,
        "left_out_error": _known(fit.left_out * surface.span.width),
        "misfit_p": fit.misfit,
        "parameters": {
            name: {"value": value, "ci": list(ends) if all(map(math.isfinite, ends)) else None}
            for name, (value, ends) in parameters_of(fit, surface.span).items()
        },
        "normalised": normalised(surface, fit),
        "optimum": None if best is None else _optimum(surface, best),
    }


def _optimum(surface: Surface, found: Optimum) -> dict[str, Any]:
    """`share` is of the second parameter, None where no split is best."""
    return {
        "share": _known(found.share),
        "ci": list(found.interval),
        **{
            name: _known(part)
            for name, part in zip(surface.parameters, (found.first, found.second), strict=True)
        },
        "measured": measured(surface, found),
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
