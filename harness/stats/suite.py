"""Is the candidate better over a whole suite? One pooled test, with the tasks taken as fixed.

The macro difference gives every task the same weight. The answer is about new items (and, where they are
drawn, new runs) of these tasks, not about other tasks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.stats.crossed import Parts, summed
from harness.stats.quantiles import check_level
from harness.stats.shared_groups import GroupSums, with_shared_groups


@dataclass(frozen=True)
class SuiteDifference:
    """Macro difference over tasks, candidate minus reference.

    Attributes:
        value: mean of the task differences.
        stderr: ``√(Σ V_t) / T``, V_t the variance of task t over items and runs, and with what tasks that
            share groups vary together; None if a task has fewer than two units.
        ci: interval by the crossed rule, or None without a spread.
        p_value: two-sided, of the same rule; None without a spread.
        n_tasks: T.
        n_items: items of all tasks.
        parts: the variances, summed over tasks.
    """

    value: float
    stderr: float | None
    ci: tuple[float, float] | None
    p_value: float | None
    n_tasks: int
    n_items: int
    parts: Parts


def suite_difference(
    tasks: Sequence[Parts], *, groups: Sequence[GroupSums] | None = None, level: float = 0.95
) -> SuiteDifference:
    """Pool the paired differences of several tasks.

    Args:
        tasks: the variances of each task's difference (:mod:`harness.stats.crossed`).
        groups: what the groups of each task add to its difference, where tasks may share some.
        level: confidence level in (0, 1).

    Raises:
        ValueError: for no tasks, or level outside (0, 1).
    """
    check_level(level)
    if not tasks:
        raise ValueError("a suite needs at least one task")
    weights = [1 / len(tasks)] * len(tasks)
    parts = summed(tasks, weights)
    if groups is not None:
        parts = with_shared_groups(parts, groups, weights)
    known = all(task.df_items > 0 for task in tasks) and parts.variance > 0
    return SuiteDifference(
        value=parts.value,
        stderr=math.sqrt(parts.variance) if all(task.df_items > 0 for task in tasks) else None,
        ci=parts.interval(level) if known else None,
        p_value=parts.p_value() if known else None,
        n_tasks=len(tasks),
        n_items=parts.n_items,
        parts=parts,
    )
