"""The rows of a training: as the run's learning curve has them, and what is to be said of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.engine.divergence import collapse

#: what of a row goes into the run's own learning curve
RECORDED = ("reward", "success")


def points(rows: Iterable[Mapping[str, Any]], parameters: int) -> Iterator[dict[str, Any]]:
    """Rows for `job.training.curve`: running totals. A token costs 2 operations a parameter where it is read
    or written in an episode, and 6 where it is learned from."""
    rollouts = tokens = passes = 0
    seconds = 0.0
    for row in rows:
        seen = row["read"] + row["written"]
        rollouts, tokens, seconds = rollouts + row["rollouts"], tokens + seen, seconds + row["step_s"]
        passes += seen * (8 if row.get("play_s") is not None else 6)
        found = {
            name: float(row[name])
            for name in RECORDED
            if isinstance(row.get(name), int | float) and math.isfinite(row[name])
        }
        yield {
            "step": row["step"],
            "rollouts": rollouts,
            "tokens": tokens,
            "flops": float(passes * parameters),
            "wall_s": round(seconds, 3),
            **found,
        }


def nothing_told(curve: Sequence[Mapping[str, Any]]) -> bool:
    """Whether no episode of any step had a reward."""
    return all(row.get("dropped") == row["rollouts"] for row in curve)


def remarks(curve: Sequence[Mapping[str, Any]], reward: str, worlds: int) -> Iterator[str]:
    """What is to be said of a run of so many worlds a step that went badly."""
    if reward == "demonstrations" or not curve:
        return
    if all(row["silent"] == 1 for row in curve):
        yield (
            "in no group of any step did the rewards differ, so the policy has learned nothing; take easier "
            "worlds, more rollouts, or a finer reward"
        )
    if fallen := collapse(curve, worlds):
        yield fallen
    lost, drawn = sum(row["dropped"] for row in curve), sum(row["rollouts"] for row in curve)
    cut = sum(row.get("cut", 0) for row in curve)
    if cut:
        yield f"{cut} of {drawn} episodes ended for want of context; raise -M context, or lower -M max_tokens"
    if lost:
        yield (
            f"{lost} of {drawn} episodes had no reward, as the judge or a simulator failed; they took no part"
        )
