"""Methods that train: the seed is the unit, not the item.

Two trainings of the same method differ by more than the noise of their items, so the seeds carry
the claim "this method is better"; the items carry another, "these trained models differ". Both are
reported, separately.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.estimate import Groups
from harness.stats.intervals import t_interval
from harness.stats.items import finite_array
from harness.stats.paired import Difference, paired_difference
from harness.stats.quantiles import FloatArray, check_level

LEAST_SEEDS = 5
"""Below this many seeds, intervals over seeds are too wide or too narrow to rest a claim on."""


@dataclass(frozen=True)
class MeanDifference:
    """A t test over seeds: Welch's, or the paired one.

    Attributes:
        value: difference of means over seeds, candidate minus reference.
        stderr: its standard error.
        df: degrees of freedom.
        ci: t interval.
        p_value: two-sided.
    """

    value: float
    stderr: float
    df: float
    ci: tuple[float, float]
    p_value: float

    def p_below(self, than: float = 0.0) -> float:
        """One-sided p-value of H0: the difference is at least ``than``."""
        return float(special.stdtr(self.df, (self.value - than) / self.stderr))

    def p_above(self, than: float = 0.0) -> float:
        """One-sided p-value of H0: the difference is at most ``than``."""
        return float(special.stdtr(self.df, (than - self.value) / self.stderr))


@dataclass(frozen=True)
class SeedComparison:
    """Candidate against reference with seeds as the unit.

    Attributes:
        candidate_iqm: interquartile mean over all seeds and tasks of the candidate.
        reference_iqm: the same of the reference.
        iqm_difference: candidate minus reference.
        iqm_ci: its percentile interval by a bootstrap over seeds, stratified by task.
        welch: unpaired t test on the seeds' means over tasks; None with one seed or no spread.
        paired: t test on the differences seed by seed, where seeds are paired; else None.
        n_seeds: seeds of candidate and of reference.
        advice: what to do about too few seeds, or None.
    """

    candidate_iqm: float
    reference_iqm: float
    iqm_difference: float
    iqm_ci: tuple[float, float]
    welch: MeanDifference | None
    paired: MeanDifference | None
    n_seeds: tuple[int, int]
    advice: str | None


@dataclass(frozen=True)
class TrainingComparison:
    """The two answers about a method that trains.

    Attributes:
        seeds: is the method better, over trainings?
        items: do these trained models differ, over items? Seeds count as attempts on an item.
    """

    seeds: SeedComparison
    items: Difference


def interquartile_mean(scores: ArrayLike, axis: int | tuple[int, ...] | None = None) -> FloatArray:
    """Mean of the middle half: a quarter of the values (rounded down) is cut off at each end.

    Source: the aggregate of Agarwal et al. (rliable), arXiv 2108.13264.
    """
    array = finite_array("scores", scores)
    axes = tuple(range(array.ndim)) if axis is None else np.atleast_1d(axis).tolist()
    moved = np.moveaxis(array, axes, range(-len(axes), 0))
    flat = np.sort(moved.reshape(*moved.shape[: array.ndim - len(axes)], -1), axis=-1)
    cut = flat.shape[-1] // 4
    return np.asarray(flat[..., cut : flat.shape[-1] - cut].mean(axis=-1), dtype=np.float64)


def compare_seeds(
    candidate: ArrayLike,
    reference: ArrayLike,
    *,
    paired: bool = False,
    level: float = 0.95,
    draws: int = 2_000,
    seed: int = 0,
) -> SeedComparison:
    """Compare the scores of trained runs.

    Args:
        candidate: one score a run, shape (seeds,) or (seeds, tasks).
        reference: the same tasks; its number of seeds may differ unless paired.
        paired: whether row s of both arms shares seed, data split and initialisation.
        level: confidence level in (0, 1).
        draws: bootstrap samples.
        seed: of the bootstrap.

    Raises:
        ValueError: for empty or NaN scores, arms with different tasks, paired arms with different
            numbers of seeds, or level outside (0, 1).

    Source: Agarwal et al., arXiv 2108.13264, for IQM and the stratified bootstrap. With few seeds
    the percentile interval covers less than it says (about .80 for three seeds and .93 for five, at
    a nominal .95); the t intervals hold their level for scores that are near normal over seeds.
    """
    check_level(level)
    a, b = _runs("candidate", candidate), _runs("reference", reference)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"the candidate has {a.shape[1]} tasks but the reference {b.shape[1]}")
    if paired and a.shape[0] != b.shape[0]:
        raise ValueError("paired arms need the same seeds")
    iqms = float(interquartile_mean(a)), float(interquartile_mean(b))
    rng = np.random.default_rng(seed)
    drawn = [interquartile_mean(_resampled(runs, draws, rng), axis=(1, 2)) for runs in (a, b)]
    lower, upper = np.quantile(drawn[0] - drawn[1], [(1 - level) / 2, (1 + level) / 2])
    return SeedComparison(
        candidate_iqm=iqms[0],
        reference_iqm=iqms[1],
        iqm_difference=iqms[0] - iqms[1],
        iqm_ci=(float(lower), float(upper)),
        welch=_welch(a.mean(axis=1), b.mean(axis=1), level),
        paired=_paired_t(a.mean(axis=1) - b.mean(axis=1), level) if paired else None,
        n_seeds=(a.shape[0], b.shape[0]),
        advice=_advice(min(a.shape[0], b.shape[0])),
    )


def compare_training(
    candidate: ArrayLike,
    reference: ArrayLike,
    *,
    groups: Groups | None = None,
    binary: bool,
    paired: bool = False,
    level: float = 0.95,
    draws: int = 2_000,
    seed: int = 0,
) -> TrainingComparison:
    """Analyse one task of a method that trains over seeds and, separately, over items.

    Args:
        candidate: item scores of every run, shape (seeds, items).
        reference: the same items in the same order.
        groups: the cluster of each item, or None.
        binary: whether a score is 0 or 1 by definition.
        paired: as in :func:`compare_seeds`.
        level: confidence level in (0, 1).
        draws: bootstrap samples.
        seed: of the bootstrap.

    Raises:
        ValueError: for arrays that are not 2-D, or as in :func:`compare_seeds` and
            ``paired_difference``.
    """
    a, b = finite_array("candidate", candidate), finite_array("reference", reference)
    if a.ndim != 2 or b.ndim != 2:
        raise ValueError("scores must be 2-D (seeds, items)")
    return TrainingComparison(
        seeds=compare_seeds(
            a.mean(axis=1), b.mean(axis=1), paired=paired, level=level, draws=draws, seed=seed
        ),
        items=paired_difference(a.T, b.T, groups=groups, binary=binary, level=level),
    )


def _runs(name: str, scores: ArrayLike) -> FloatArray:
    array = finite_array(name, scores)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must be 1-D (seeds) or 2-D (seeds, tasks), got {array.ndim}-D")
    return array.reshape(array.shape[0], -1)


def _resampled(runs: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Bootstrap samples of the seeds, drawn separately for each task: (draws, seeds, tasks)."""
    n_seeds, n_tasks = runs.shape
    picks = rng.integers(n_seeds, size=(draws, n_seeds, n_tasks))
    return runs[picks, np.arange(n_tasks)]


def _welch(a: FloatArray, b: FloatArray, level: float) -> MeanDifference | None:
    """Welch's t: ``v = s_a²/n_a + s_b²/n_b``, ``df = v² / Σ (s²/n)² / (n - 1)``."""
    if min(a.size, b.size) < 2:
        return None
    parts = np.array([a.var(ddof=1) / a.size, b.var(ddof=1) / b.size])
    variance = float(parts.sum())
    if variance == 0:
        return None
    df = variance**2 / float((parts**2 / (np.array([a.size, b.size]) - 1)).sum())
    return _t_test(float(a.mean() - b.mean()), variance**0.5, df, level)


def _paired_t(differences: FloatArray, level: float) -> MeanDifference | None:
    n = differences.size
    if n < 2 or differences.std() == 0:
        return None
    error = float(differences.std(ddof=1)) / n**0.5
    return _t_test(float(differences.mean()), error, n - 1.0, level)


def _t_test(value: float, stderr: float, df: float, level: float) -> MeanDifference:
    lower, upper = t_interval(value, stderr, df, level)
    return MeanDifference(
        value=value,
        stderr=stderr,
        df=df,
        ci=(float(lower), float(upper)),
        p_value=float(2 * special.stdtr(df, -abs(value) / stderr)),
    )


def _advice(n_seeds: int) -> str | None:
    if n_seeds >= LEAST_SEEDS:
        return None
    plural = "seed" if n_seeds == 1 else "seeds"
    return f"{n_seeds} {plural}: train with at least {LEAST_SEEDS} before claiming a difference"
