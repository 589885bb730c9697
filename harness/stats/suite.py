"""Is the candidate better over a whole suite? One pooled test, with the tasks taken as fixed.

The macro difference gives every task the same weight. Items (or clusters) are the units, within
tasks; the answer is about new items of these tasks, not about other tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.estimate import Groups
from harness.stats.intervals import cluster_codes, clustered_stderr, t_interval
from harness.stats.items import finite_array
from harness.stats.permutation import sign_flip
from harness.stats.quantiles import FloatArray, check_level
from harness.stats.resample import resampled_means


@dataclass(frozen=True)
class SuiteDifference:
    """Macro difference over tasks, candidate minus reference.

    Attributes:
        value: mean of the task differences.
        stderr: ``√(Σ SE_t²) / T``, or None if a task has fewer than two units.
        ci: t interval with the Welch-Satterthwaite degrees of freedom, or None without a spread.
        df: those degrees of freedom, or None.
        p_value: two-sided, of the t test; None without a spread.
        bootstrap_ci: percentile interval of the stratified paired bootstrap, its deviations scaled by
            √(n / (n - 1)) in each task.
        permutation_p: two-sided p-value of sign flips within tasks.
        n_tasks: T.
        n_items: items of all tasks.
    """

    value: float
    stderr: float | None
    ci: tuple[float, float] | None
    df: float | None
    p_value: float | None
    bootstrap_ci: tuple[float, float]
    permutation_p: float
    n_tasks: int
    n_items: int


def suite_difference(
    differences: Sequence[ArrayLike],
    *,
    groups: Sequence[Groups | None] | None = None,
    level: float = 0.95,
    draws: int = 1_000,
    seed: int = 0,
) -> SuiteDifference:
    """Pool the paired differences of several tasks.

    Args:
        differences: one array of item differences a task (``item_differences``).
        groups: the clusters of each task's items, or None for a task without.
        level: confidence level in (0, 1).
        draws: bootstrap samples and sign assignments.
        seed: of both.

    Raises:
        ValueError: for no tasks, a task that is empty or holds NaN, groups that do not match, or
            level outside (0, 1).
    """
    check_level(level)
    if len(differences) == 0:
        raise ValueError("a suite needs at least one task")
    labels: list[Groups | None] = [None] * len(differences) if groups is None else list(groups)
    if len(labels) != len(differences):
        raise ValueError(f"groups has {len(labels)} entries for {len(differences)} tasks")
    tasks = [finite_array("differences", values).reshape(-1) for values in differences]
    value = float(np.mean([task.mean() for task in tasks]))
    stderr, df = _error(tasks, labels)
    ci: tuple[float, float] | None = None
    p_value: float | None = None
    if stderr and df is not None:
        lower, upper = t_interval(value, stderr, df, level)
        ci = (float(lower), float(upper))
        p_value = float(2 * special.stdtr(df, -abs(value / stderr)))
    return SuiteDifference(
        value=value,
        stderr=stderr,
        ci=ci,
        df=df,
        p_value=p_value,
        bootstrap_ci=_bootstrap(tasks, labels, level, draws, seed),
        permutation_p=_permutation(tasks, labels, draws, seed),
        n_tasks=len(tasks),
        n_items=sum(task.size for task in tasks),
    )


def _error(tasks: list[FloatArray], labels: list[Groups | None]) -> tuple[float | None, float | None]:
    """``√(Σ v_t) / T`` and ``(Σ v_t)² / Σ (v_t² / df_t)``, v_t the squared error of task t."""
    variances, freedoms = [], []
    for task, groups in zip(tasks, labels, strict=True):
        codes = np.arange(task.size) if groups is None else cluster_codes(groups, task.size)[0]
        if codes.max() < 1:
            return None, None
        error, units = clustered_stderr(task, codes)
        variances.append(float(error) ** 2)
        freedoms.append(units - 1.0)
    v, f = np.array(variances), np.array(freedoms)
    total = float(v.sum())
    df = total**2 / float((v**2 / f).sum()) if total > 0 else None
    return float(np.sqrt(total)) / len(tasks), df


def _bootstrap(
    tasks: list[FloatArray], labels: list[Groups | None], level: float, draws: int, seed: int
) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    total = np.zeros(draws)
    for task, groups in zip(tasks, labels, strict=True):
        means = resampled_means(task, groups, draws, rng)
        units = task.size if groups is None else cluster_codes(groups, task.size)[1]
        # A bootstrap has the variance with n where the unbiased one has n - 1: short by 2.5 % of a
        # standard error for a task of 20 items.
        total += task.mean() + (means - task.mean()) * np.sqrt(units / max(1, units - 1))
    lower, upper = np.quantile(total / len(tasks), [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)


def _permutation(tasks: list[FloatArray], labels: list[Groups | None], draws: int, seed: int) -> float:
    """Sign flips of all units at once, each item weighted by what it adds to the macro mean."""
    weighted = np.concatenate([task / task.size for task in tasks])
    codes, offset = [], 0
    for task, groups in zip(tasks, labels, strict=True):
        own = np.arange(task.size) if groups is None else cluster_codes(groups, task.size)[0]
        codes.append(own + offset)
        offset += int(own.max()) + 1
    return sign_flip(weighted, groups=np.concatenate(codes), draws=draws, seed=seed).p_value
