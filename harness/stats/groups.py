"""Averages over the tasks of a suite.

Macro gives every task the same weight, micro every item. The tasks are taken as fixed and
independent: the errors say what new items of the same tasks would change, not what other tasks
would. (Averaging the tasks' standard errors instead of adding them in quadrature, as some harnesses
do, is wrong by √T.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.stats.estimate import Estimate
from harness.stats.intervals import t_interval
from harness.stats.items import finite_array
from harness.stats.quantiles import FloatArray, check_level


def macro_average(tasks: Sequence[Estimate], *, level: float = 0.95) -> Estimate:
    """Mean of the T task means, with ``SE = √(Σ SE_t²) / T``.

    The interval is a t interval with the Welch-Satterthwaite degrees of freedom. A task whose items
    are all alike adds nothing to the error, so with such tasks the interval is too narrow.

    Args:
        tasks: one estimate a task.
        level: confidence level in (0, 1).

    Returns:
        ``ci_method`` is ``macro_t``. The error is None if a task's is unknown; the interval is None
        if the error is None or 0.

    Raises:
        ValueError: for no tasks, a NaN value, or level outside (0, 1).
    """
    _check_tasks(tasks)
    weights = np.full(len(tasks), 1 / len(tasks))
    return _weighted(tasks, weights, "macro_t", level)


def micro_average(tasks: Sequence[Estimate], *, level: float = 0.95) -> Estimate:
    """Mean over all items of all tasks, with ``SE = √(Σ (n_t·SE_t)²) / Σ n_t``.

    The error is the stratified one: items are drawn within tasks, so differences *between* task
    means are not noise. Everything else is as in :func:`macro_average`; ``ci_method`` is
    ``micro_t``.
    """
    _check_tasks(tasks)
    sizes = np.array([task.n_items for task in tasks], dtype=np.float64)
    return _weighted(tasks, sizes / sizes.sum(), "micro_t", level)


def _weighted(tasks: Sequence[Estimate], weights: FloatArray, method: str, level: float) -> Estimate:
    """Σ w_t·value_t with its error, for fixed weights that sum to 1."""
    check_level(level)
    value = float(weights @ finite_array("task values", [task.value for task in tasks]))
    stderr = _in_quadrature(weights, [task.stderr for task in tasks])
    clusters = [task.n_clusters for task in tasks if task.n_clusters is not None]
    df: float | None = None
    ci: tuple[float, float] | None = None
    if stderr:
        df = _satterthwaite_df(tasks, weights)
        lower, upper = t_interval(value, stderr, df, level)
        ci = (float(lower), float(upper))
    return Estimate(
        value=value,
        stderr=stderr,
        ci=ci,
        ci_method="none" if ci is None else method,
        df=df,
        rerun_stderr=_in_quadrature(weights, [task.rerun_stderr for task in tasks]),
        n_items=sum(task.n_items for task in tasks),
        n_clusters=sum(clusters) if len(clusters) == len(tasks) else None,
    )


def _in_quadrature(weights: FloatArray, errors: Sequence[float | None]) -> float | None:
    known = [error for error in errors if error is not None]
    if len(known) < len(errors):
        return None
    return float(np.sqrt(np.sum((weights * finite_array("task errors", known)) ** 2)))


def _satterthwaite_df(tasks: Sequence[Estimate], weights: FloatArray) -> float:
    """``(Σ v_t)² / Σ (v_t²/df_t)`` with v_t the variance that task t adds."""
    total = spread = 0.0
    for task, weight in zip(tasks, weights, strict=True):
        added = (weight * (task.stderr or 0.0)) ** 2
        df = task.df if task.df is not None else (task.n_clusters or task.n_items) - 1
        if added:
            total += added
            spread += added**2 / df
    return float(total**2 / spread)


def _check_tasks(tasks: Sequence[Estimate]) -> None:
    if len(tasks) == 0:
        raise ValueError("an average over tasks needs at least one task")
