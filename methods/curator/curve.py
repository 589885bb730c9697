"""The learning curve of a training as the run keeps it: running totals, not the parts of a step's cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from harness.engine.divergence import collapse
from harness.methods.curator.cost import Cost

#: what of a row is recorded as it is, where it is a number
RECORDED = ("reward", "dev", "difficulty", "entropy")
COSTS = {f.name for f in fields(Cost)}


def points(rows: Iterable[Mapping[str, Any]], parameters: int) -> Iterator[dict[str, Any]]:
    """Rows for `job.training.curve`. What measuring on dev took is in none of the totals."""
    total = Cost()
    for row in rows:
        total.add(Cost(**{name: value for name, value in row["cost"].items() if name in COSTS}))
        recorded = {name: float(row[name]) for name in RECORDED if _number(row.get(name))}
        yield {
            "step": row["step"],
            "rollouts": total.rollouts,
            "tokens": total.tokens,
            "flops": total.flops(parameters),
            "wall_s": round(total.step_s - total.dev_s, 3),
            **recorded,
        }


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def remark(curve: Sequence[dict[str, Any]]) -> str:
    """What is to be said of a run that had no learning signal, or that got worse on dev, empty for others. A
    fall of the reward alone says little, as a curriculum moves to harder problems."""
    if not any(row["reward"] > 0 for row in curve):
        return (
            f"none of the rollouts of {len(curve)} steps earned a reward, so the policy has learned "
            "nothing; take easier problems, more rollouts or a policy that solves some of them"
        )
    if not any(row["mixed"] > 0 for row in curve):
        return (
            f"in none of {len(curve)} steps did the rewards of a problem's rollouts differ, so the "
            "policy has learned nothing; take problems that it solves sometimes"
        )
    measured = [{"reward": row["dev"]} for row in curve if row.get("dev") is not None]
    problems = max((row["cost"]["dev_calls"] for row in curve if row.get("dev") is not None), default=0)
    return collapse(measured, problems, "score on dev", "measurements")
