"""Is the candidate better over a whole suite? One pooled test, with the tasks taken as fixed.

The macro difference gives every task the same weight. The answer is about new items (and, where they are
drawn, new runs) of these tasks, not about other tasks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.stats.crossed import Parts, summed
from harness.stats.paired import few_signs
from harness.stats.quantiles import check_level
from harness.stats.shared_groups import GroupSums, shares_of, with_shared_groups


@dataclass(frozen=True)
class SuiteDifference:
    """Macro difference over tasks, candidate minus reference.

    Attributes:
        value: mean of the task differences.
        stderr: ``√(Σ V_t) / T``, V_t the variance of task t over items and runs, and with what tasks that
            share groups vary together; None if a task has fewer than two units.
        ci: interval by the crossed rule, or None without a spread; it holds 0 where fewer than six units of
            all tasks differ and the flips of their signs can't rule it out.
        p_value: two-sided, of the same rule and at least that of the signs; None without a spread.
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
        groups: what the groups of each task add to its difference; tasks may share some.
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
    ci, p_value = (parts.interval(level), parts.p_value()) if known else (None, None)
    signs = few_signs(shares_of(groups, weights)) if groups is not None and parts.items > 0 else None
    if ci is not None and p_value is not None and signs is not None:
        no_better, no_worse = signs
        tail = (1 - level) / 2
        ci = (
            min(ci[0], 0.0) if no_better >= tail else ci[0],
            max(ci[1], 0.0) if no_worse >= tail else ci[1],
        )
        p_value = max(p_value, min(1.0, 2 * min(signs)))
    return SuiteDifference(
        value=parts.value,
        stderr=math.sqrt(parts.variance) if all(task.df_items > 0 for task in tasks) else None,
        ci=ci,
        p_value=p_value,
        n_tasks=len(tasks),
        n_items=parts.n_items,
        parts=parts,
    )
