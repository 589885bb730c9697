"""Grids as JSON knows them."""

from __future__ import annotations

from typing import Any

from harness.comparison.card import card, differing_cards, recovery
from harness.comparison.grid import Grid
from harness.stats.quadratic import Component


def plain_grid(grid: Grid) -> dict[str, Any]:
    """A grid as JSON knows it: values in points, variances in squared points; a variance below 0 is below
    noise. `reversals` are pairs of methods with the p of one being nowhere better."""
    made = grid.decomposition
    methods = grid.levels["method"]
    found = recovery(grid.arms.values())
    cards = [card(arm) for arm in grid.arms.values()]
    return {
        "factors": list(grid.factors),
        "levels": {name: list(levels) for name, levels in grid.levels.items()},
        "metric": grid.metric or None,
        "unit": grid.unit,
        "claim": grid.claim,
        "items": {task: {"n": n, "groups": groups} for task, (n, groups) in grid.items.items()},
        "means": grid.means.tolist(),
        "components": {
            " x ".join(effect): {
                **_component(component),
                "share": made.shares[effect].value,
                "share_ci": list(made.shares[effect].ci),
            }
            for effect, component in made.components.items()
        },
        "spreads": {name: _component(component) for name, component in made.spreads.items()},
        "ratios": {name: {"value": each.value, "ci": list(each.ci)} for name, each in made.ratios.items()},
        "reversals": {
            over: [
                {
                    "methods": [methods[pair.first], methods[pair.second]],
                    "seen": pair.seen,
                    "p_value": pair.p_value,
                    "adjusted_p": pair.adjusted_p,
                }
                for pair in pairs
            ]
            for over, pairs in grid.reversals.items()
        },
        "cells": [
            {
                **dict(zip(grid.factors, names, strict=True)),
                "run_ids": arm.run_ids,
                "seeds": arm.seeds,
                "draws": {True: "run", False: "none", None: None}[arm.draws],
                "card": each,
            }
            for (names, arm), each in zip(grid.arms.items(), cards, strict=True)
        ],
        "cards_differ": {item: sorted(fields) for item, fields in differing_cards(cards).items()},
        "recovery": None if found is None else vars(found),
        "left_out": grid.left_out,
        "notes": grid.notes,
    }


def _component(found: Component) -> dict[str, Any]:
    return {
        "variance": found.variance,
        "raw": found.raw,
        "noise": found.noise,
        "ci": list(found.ci),
        "p_value": found.p_value,
        "df": found.df,
    }
