"""Candidate against reference on the same items: the difference, its interval, its p-values.

Everything rests on the differences of item means, ``d_i = mean(candidate_i) - mean(reference_i)``;
the two arms may have made different numbers of attempts. Which interval is used is decided here,
once:

==================================================  ===============  ============  ==============
data                                                ``ci_method``    ``df``        two-sided p
==================================================  ===============  ============  ==============
binary, one attempt in both arms, no clusters       ``tango``        none          McNemar, mid-p
scores in [0, 1], fewer than six units differ       ``bounded``      none          score
scores in [0, 1], all units differ alike            ``bounded``      none          score
other differences with a spread                     ``t``            items - 1     t
the same, in clusters of more than one item         ``clustered_t``  clusters - 1  t
differences without spread, no known range          ``none``         none          none
==================================================  ===============  ============  ==============

Why Tango's score interval for yes/no data: where few items are discordant a t interval claims far
too much (with one item in twenty lost, n = 15, its lower 95 % bound is wrong 46 % of the time, because
there is no discordant item). Of t, Bonett-Price, Tango, and squared-and-added Wilson, Jeffreys
and Clopper-Pearson limits of the two discordant rates, simulated for n in {15, 30, 164, 1319} and
thirteen pairs of rates, Tango's is the one that keeps the bound a gate leans on (the lower bound
when the candidate is truly worse: wrong at most 5.7 % at a nominal 5 %, against 9.4 % for
Bonett-Price), tests Δ = 0 with McNemar's own power, stays usable at the small levels that Holm's
correction asks for, and gives a p-value for any margin in closed form. Clopper-Pearson limits never
exceed their level, and lose the power for it.

``bounded`` is for differences of which nearly all are 0: t would take the items seen for all there
is, and claim certainty when none differs. Each unit (item, or cluster) counts as a trial that was
lost, won or tied by the amount of its difference, which has at least the variance of the
difference itself, and Tango's interval is taken. Simulated with items that are nearly always or
nearly never solved (n = 15 and 30, mean .95 falling to .90 or .05 to .025, 4 and 16 attempts),
t's lower 95 % bound is wrong up to 20 % of the time, this one at most 2.2 %; six is enough for that
and leaves the power of t to the rest. What remains: where a few items lose nearly
everything and the others nothing, t's lower bound is wrong up to 10 % of the time instead of 5 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from harness.stats.estimate import Groups
from harness.stats.intervals import cluster_codes, clustered_stderr, mean_stderr, t_interval
from harness.stats.items import ItemAttempts, ItemScores, gather_attempts
from harness.stats.mcnemar import mcnemar_test, tango_interval, tango_statistic
from harness.stats.quantiles import FloatArray, check_level

# Differences below this, relative to the size of the scores, are rounding of equal numbers.
_ROUNDING = 1e-12
_FEWEST_FOR_T = 6


@dataclass(frozen=True)
class Difference:
    """Candidate minus reference over the same items, in the unit of the scores.

    Attributes:
        value: Δ, the mean over items of the differences of item means.
        stderr: population standard error of ``value``, clustered where there are clusters; None
            for one item or one cluster.
        ci: two-sided confidence interval of Δ at ``level``, or None where the data give none.
        ci_method: ``tango``, ``t``, ``clustered_t``, ``bounded`` or ``none``.
        df: degrees of freedom of a t interval, else None.
        p_value: two-sided, of "no difference"; None where there is no interval.
        n_items: items compared.
        n_clusters: clusters they fall into, or None where none were named.
        wins: items on which the candidate scores more.
        losses: items on which the reference scores more.
        ties: the rest.
        variance: variance over items of d_i, with n - 1; None for one item.
        level: confidence level of ``ci``.
        limits: what Δ cannot leave: (-1, 1) for scores in [0, 1], else None.
        trials: for ``tango`` and ``bounded``, what the interval is computed from: units lost, won
            and compared. Fractions, for ``bounded``: a unit that differs by 1/4 is lost by 1/4.
    """

    value: float
    stderr: float | None
    ci: tuple[float, float] | None
    ci_method: str
    df: float | None
    p_value: float | None
    n_items: int
    n_clusters: int | None
    wins: int
    losses: int
    ties: int
    variance: float | None
    level: float
    limits: tuple[float, float] | None
    trials: tuple[float, float, float] | None

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided interval by ``ci_method`` at any level; infinite where there is no method.

        Raises:
            ValueError: if level is outside (0, 1).
        """
        check_level(level)
        if self.ci_method == "none":
            return -math.inf, math.inf
        if self.trials is not None:
            lower, upper = tango_interval(*self.trials, level)
            # A bound found by bisection may end a rounding error inside the estimate.
            return min(float(lower), self.value), max(float(upper), self.value)
        lower, upper = t_interval(self.value, self.stderr or 0.0, self.df or 0.0, level)
        least, most = self.limits or (-math.inf, math.inf)
        return max(float(lower), least), min(float(upper), most)

    def lower_bound(self, level: float = 0.95) -> float:
        """One-sided: Δ lies above it with this confidence. With level = 1 - α, it exceeds -m exactly
        when ``p_better(-m) < α``: the candidate is shown to be at most m worse.

        Raises:
            ValueError: if level is outside (1/2, 1).
        """
        return self.interval(_two_sided(level))[0]

    def upper_bound(self, level: float = 0.95) -> float:
        """One-sided: Δ lies below it with this confidence. With level = 1 - α, it is below 0 exactly
        when ``p_worse() < α``.

        Raises:
            ValueError: if level is outside (1/2, 1).
        """
        return self.interval(_two_sided(level))[1]

    def p_better(self, than: float = 0.0) -> float:
        """One-sided p-value of H0: Δ <= ``than`` against Δ > ``than``, by the interval's method.

        ``p_better(-margin)`` is the test of non-inferiority. 1 where there is no method.
        """
        return 1.0 if self.ci_method == "none" else self._upper_tail(self._statistic(than))

    def p_worse(self, than: float = 0.0) -> float:
        """One-sided p-value of H0: Δ >= ``than`` against Δ < ``than``, by the interval's method.

        For ``tango`` at 0 this is McNemar's test without a correction, which agrees with mid-p
        except where a handful of items is discordant; :func:`harness.stats.mcnemar.mcnemar_test` on
        ``losses`` and ``wins`` gives mid-p and exact ones.
        """
        return 1.0 if self.ci_method == "none" else self._upper_tail(-self._statistic(than))

    def _statistic(self, delta: float) -> float:
        if self.trials is None:
            return (self.value - delta) / (self.stderr or 0.0)
        if abs(delta) > 1:
            return math.copysign(math.inf, -delta)
        return float(tango_statistic(*self.trials, delta))

    def _upper_tail(self, statistic: float) -> float:
        if self.trials is None:
            return float(special.stdtr(self.df, -statistic))
        return float(special.ndtr(-statistic))


def paired_difference(
    candidate: ItemScores,
    reference: ItemScores,
    *,
    groups: Groups | None = None,
    binary: bool,
    level: float = 0.95,
) -> Difference:
    """Compare two methods on the same items.

    ``Δ = mean(d_i)``, ``SE = sd(d_i) / √n``, or clustered over the sums of d_i in each cluster.
    The module docstring says which interval is chosen when.

    Args:
        candidate: the attempts of every item, as for ``estimate_mean``.
        reference: the same items in the same order; the number of attempts may differ.
        groups: the cluster of each item (passage, user, ...). Labels that are all different say
            nothing and change only ``n_clusters``.
        binary: whether a score is 0 or 1 by definition. Other scores are taken to have the range
            [0, 1] when all of both arms lie in it.
        level: confidence level of ``ci``, in (0, 1).

    Raises:
        ValueError: if the arms differ in their number of items, or as in ``estimate_mean``.

    Source: Miller, arXiv 2411.00640.
    """
    check_level(level)
    arms = (gather_attempts(candidate), gather_attempts(reference))
    if binary and not all(arm.is_binary() for arm in arms):
        raise ValueError("binary scores must all be 0 or 1")
    differences = _differences(*arms)
    n_items = int(differences.size)
    n_clusters: int | None = None
    codes = np.arange(n_items)
    if groups is not None:
        codes, n_clusters = cluster_codes(groups, n_items)
    units = n_items if n_clusters is None else n_clusters
    clustered = units < n_items

    stderr: float | None = None
    if units >= 2:
        stderr = float(clustered_stderr(differences, codes)[0] if clustered else mean_stderr(differences))
    value = float(differences.mean())
    unit_range = binary or all(bool(((s >= 0) & (s <= 1)).all()) for s in (a.scores for a in arms))
    single = all(arm.common_count == 1 for arm in arms)
    scale = max(1.0, *(float(np.abs(arm.scores).max()) for arm in arms))
    spread = stderr is not None and stderr > _ROUNDING * scale
    totals = np.bincount(codes, weights=differences).astype(np.float64) * (units / n_items)
    few = int((np.abs(totals) > _ROUNDING).sum()) < _FEWEST_FOR_T
    if binary and single and not clustered:
        method = "tango"
    elif unit_range and (few or not spread):
        method = "bounded"
    elif spread:
        method = "clustered_t" if clustered else "t"
    else:
        method = "none"
    by_trials = method in ("tango", "bounded")
    return _with_interval(
        Difference(
            value=value,
            stderr=stderr,
            ci=None,
            ci_method=method,
            df=float(units - 1) if spread and not by_trials else None,
            p_value=None,
            n_items=n_items,
            n_clusters=n_clusters,
            wins=int((differences > 0).sum()),
            losses=int((differences < 0).sum()),
            ties=int((differences == 0).sum()),
            variance=float(differences.var(ddof=1)) if n_items > 1 else None,
            level=level,
            limits=(-1.0, 1.0) if unit_range else None,
            trials=_trials(totals) if by_trials else None,
        )
    )


def item_differences(candidate: ItemScores, reference: ItemScores) -> FloatArray:
    """``d_i``: mean of the candidate's attempts on item i minus the reference's, shape (items,).

    Raises:
        ValueError: if the arms differ in their number of items, or as in ``gather_attempts``.
    """
    return _differences(gather_attempts(candidate), gather_attempts(reference))


def _differences(candidate: ItemAttempts, reference: ItemAttempts) -> FloatArray:
    if candidate.n_items != reference.n_items:
        raise ValueError(
            f"the candidate has {candidate.n_items} items but the reference {reference.n_items}: "
            "pair them first"
        )
    means = candidate.means(), reference.means()
    differences = means[0] - means[1]
    # 0.3 from three attempts and 0.3 from thirty need not be the same number in floating point.
    size = np.maximum(1.0, np.maximum(np.abs(means[0]), np.abs(means[1])))
    return np.where(np.abs(differences) <= _ROUNDING * size, 0.0, differences)


def _trials(totals: FloatArray) -> tuple[float, float, float]:
    """Units lost, won and compared, from each unit's difference (scaled to the mean unit size)."""
    lost, won = -float(np.minimum(totals, 0).sum()), float(np.maximum(totals, 0).sum())
    # Clusters of very unequal size may add up to more than one a unit.
    return lost, won, max(float(totals.size), lost + won)


def _with_interval(difference: Difference) -> Difference:
    """The same comparison with the interval and p-value of its method filled in."""
    if difference.ci_method == "none":
        return difference
    if difference.ci_method == "tango":
        p_value = float(mcnemar_test(difference.losses, difference.wins))
    else:
        p_value = min(1.0, 2 * min(difference.p_better(), difference.p_worse()))
    return replace(difference, ci=difference.interval(difference.level), p_value=p_value)


def _two_sided(level: float) -> float:
    if not 0.5 < level < 1.0:
        raise ValueError(f"a one-sided level must lie strictly between 1/2 and 1, got {level!r}")
    return 2 * level - 1
