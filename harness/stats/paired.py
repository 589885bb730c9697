"""Candidate against reference on the same items: the difference, its interval, its p-values.

Everything rests on the differences of item means, ``d_i = mean(candidate_i) - mean(reference_i)``;
the two arms may have made different numbers of attempts. Which interval is used is decided here,
once:

==================================================  ===============  ============  ==============
data                                                ``ci_method``    ``df``        two-sided p
==================================================  ===============  ============  ==============
binary, one attempt in both arms, no clusters       ``tango``        none          McNemar, mid-p
scores in [0, 1], fewer than six units differ       ``bounded``      none          sign flips
scores in [0, 1], all units differ alike            ``bounded``      none          score
other differences with a spread                     ``t``            items - 1     t
the same, in clusters of more than one item         ``clustered_t``  clusters - 1  t
differences without spread, no known range          ``none``         none          none
==================================================  ===============  ============  ==============

Where arms draw something per run, the part of the runs is added to whichever of these holds for the items
(:mod:`harness.stats.crossed`): half widths are added in squares.

The p-value and the interval never contradict each other. With fewer than six units that differ no test can
reach .05 in both directions (five to nothing happens one time in sixteen), so "no difference" is tested
exactly, by all flips of their signs; from six on, for single yes/no attempts, by McNemar's mid-p. Where such
a test can't rule out 0, the interval is extended to hold it.

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
from functools import cached_property

import numpy as np
from scipy import special

from harness.stats.crossed import Parts, parts_of
from harness.stats.crossed_rule import t_squared
from harness.stats.estimate import Groups
from harness.stats.intervals import cluster_codes
from harness.stats.items import ItemAttempts, ItemScores, gather_attempts
from harness.stats.mcnemar import Alternative, mcnemar_test, tango_interval, tango_statistic
from harness.stats.quantiles import FloatArray, check_level

# Differences below this, relative to the size of the scores, are rounding of equal numbers.
_ROUNDING = 1e-12
#: with fewer units that differ no exact two-sided test reaches .05
FEWEST = 6
# Bisection for the p at which an end of an interval reaches a value: steps on its logarithm, and the least.
_STEPS, _LEAST_P = 40, 1e-12


@dataclass(frozen=True)
class Difference:
    """Candidate minus reference over the same items, in the unit of the scores.

    Attributes:
        value: Δ, the mean over items of the differences of item means.
        stderr: standard error of ``value`` over items (clustered where there are clusters) and over runs
            where these are drawn; None where one item or one cluster leaves it unknown.
        ci_method: ``tango``, ``t``, ``clustered_t``, ``bounded`` or ``none`` for the part of the items;
            ``runs`` where the items are fixed.
        df: degrees of freedom of a t interval over items, else None.
        p_value: two-sided, of "no difference"; None where there is no interval.
        n_items: items compared.
        n_clusters: clusters they fall into, or None where none were named.
        wins: items on which the candidate scores more.
        losses: items on which the reference scores more.
        ties: the rest.
        level: confidence level of ``ci``.
        limits: what Δ cannot leave: (-1, 1) for scores in [0, 1], else None.
        trials: for ``tango`` and ``bounded``, what the interval is computed from: units lost, won
            and compared. Fractions, for ``bounded``: a unit that differs by 1/4 is lost by 1/4.
        at_zero: one-sided p of "no better" and of "no worse" by a test of 0 alone (sign flips, McNemar's
            mid-p), which the interval's own p never falls below; None where the interval's own is enough.
        parts: the variances over items and runs.
    """

    value: float
    stderr: float | None
    ci_method: str
    df: float | None
    p_value: float | None
    n_items: int
    n_clusters: int | None
    wins: int
    losses: int
    ties: int
    level: float
    limits: tuple[float, float] | None
    trials: tuple[float, float, float] | None
    at_zero: tuple[float, float] | None
    parts: Parts

    @cached_property
    def ci(self) -> tuple[float, float] | None:
        """Two-sided confidence interval of Δ at ``level``, or None where the data give none."""
        return None if self.ci_method == "none" else self.interval(self.level)

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided interval at any level; infinite where there is no method.

        Raises:
            ValueError: if level is outside (0, 1).
        """
        check_level(level)
        if self.ci_method == "none":
            return -math.inf, math.inf
        lower, upper = self._ends(1 - level)
        least, most = self.limits or (-math.inf, math.inf)
        if self.at_zero is not None:
            no_better, no_worse = self.at_zero
            lower = min(lower, 0.0) if no_better >= (1 - level) / 2 else lower
            upper = max(upper, 0.0) if no_worse >= (1 - level) / 2 else upper
        return max(lower, least), min(upper, most)

    def p_better(self, than: float = 0.0) -> float:
        """One-sided p-value of H0: Δ <= ``than`` against Δ > ``than``, by the interval's method.

        ``p_better(-margin)`` is the test of non-inferiority. 1 where there is no method.
        """
        if self.ci_method == "none":
            return 1.0
        p = self._one_sided(than, 1)
        return max(p, self.at_zero[0]) if self.at_zero is not None and than >= 0 else p

    def p_worse(self, than: float = 0.0) -> float:
        """One-sided p-value of H0: Δ >= ``than`` against Δ < ``than``, by the interval's method."""
        if self.ci_method == "none":
            return 1.0
        p = self._one_sided(than, -1)
        return max(p, self.at_zero[1]) if self.at_zero is not None and than <= 0 else p

    @property
    def for_mean(self) -> Parts:
        """The parts for a mean of this and other differences.

        Of a few units that differ, or of all that differ alike, the variance seen is hardly any, and a mean
        would take it for certainty; VI is then at least what lets a t interval reach as far as this one does.
        """
        alike = self.ties == 0 and 0 in (self.wins, self.losses)
        few = self.ci_method == "bounded" or (
            self.ci_method == "tango" and (alike or self.wins + self.losses < FEWEST)
        )
        if not few or self.trials is None or self.parts.df_items <= 0:
            return self.parts
        lower, upper = (float(end) for end in tango_interval(*self.trials, 0.95))
        reach = max(self.value - lower, upper - self.value)
        least = reach**2 / float(t_squared(0.05, self.parts.df_items))
        return replace(self.parts, items=max(self.parts.items, least))

    def _ends(self, p: float) -> tuple[float, float]:
        """The interval whose two tails hold ``p`` together, without regard to ``at_zero``."""
        parts = self.parts
        if self.trials is None:
            half = parts.half_width(p)
            return self.value - half, self.value + half
        lower, upper = (float(end) for end in tango_interval(*self.trials, 1 - p))
        # A bound found by bisection may end a rounding error inside the estimate.
        below, above = max(self.value - lower, 0.0), max(upper - self.value, 0.0)
        below, above = parts.with_runs(below, above, p)
        return self.value - below, self.value + above

    def _one_sided(self, than: float, sign: int) -> float:
        """P of a value as far above (sign 1) or below (-1) ``than`` as the one seen, or farther."""
        beyond = sign * (self.value - than)
        if self.trials is not None and self.parts.runs <= 0:
            return float(special.ndtr(-sign * self._score(than)))
        tail = self._tail(than) if self.trials is not None else self.parts.p_value(than) / 2
        return tail if beyond > 0 else 1 - tail

    def _score(self, delta: float) -> float:
        if abs(delta) > 1 or self.trials is None:
            return math.copysign(math.inf, -delta)
        return float(tango_statistic(*self.trials, delta))

    def _tail(self, than: float) -> float:
        """Half of the p at which the end of the interval on the side of ``than`` reaches it."""
        low, high, side = math.log(_LEAST_P), 0.0, int(self.value <= than)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            end = self._ends(math.exp(middle))[side]
            wide = end > than if side else end < than
            low, high = (middle, high) if wide else (low, middle)
        return math.exp((low + high) / 2) / 2


def paired_difference(
    candidate: ItemScores,
    reference: ItemScores,
    *,
    groups: Groups | None = None,
    binary: bool,
    level: float = 0.95,
    parts: Parts | None = None,
    bounded: bool = True,
) -> Difference:
    """Compare two methods on the same items.

    ``Δ = mean(d_i)``, ``SE = sd(d_i) / √n``, or clustered over the sums of d_i in each cluster.
    The module docstring says which interval is chosen when.

    Args:
        candidate: the attempts of every item, as for ``estimate_mean``; its means over runs where there are
            several.
        reference: the same items in the same order; the number of attempts may differ.
        groups: the cluster of each item (passage, user, ...). Labels that are all different say
            nothing and change only ``n_clusters``.
        binary: whether a score is 0 or 1 by definition. Other scores are taken to have the range
            [0, 1] when all of both arms lie in it.
        level: confidence level of ``ci``, in (0, 1).
        parts: the variances over items and runs of this very difference, where runs are drawn; those over
            items alone by default. With ``items`` 0 and infinite ``df_items`` the items are fixed, and the
            claim is about runs alone.
        bounded: whether scores that all lie in [0, 1] have that range. False for a metric without bounds,
            whose scores may lie there by chance of its unit.

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
    over_items = parts_of(differences, codes)
    fixed = parts is not None and math.isinf(parts.df_items)
    parts = over_items if parts is None else parts
    inside = all(bool(((s >= 0) & (s <= 1)).all()) for s in (a.scores for a in arms))
    unit_range = binary or (bounded and inside)
    single = all(arm.common_count == 1 for arm in arms)
    scale = max(1.0, *(float(np.abs(arm.scores).max()) for arm in arms))
    spread = units >= 2 and math.sqrt(over_items.items) > _ROUNDING * scale
    totals = np.bincount(codes, weights=differences).astype(np.float64) * (units / n_items)
    signs = few_signs(totals)
    few = signs is not None
    if fixed:
        method = "runs" if parts.runs > 0 else "none"
    elif binary and single and not clustered:
        method = "tango"
    elif unit_range and (few or not spread):
        method = "bounded"
    elif spread:
        method = "clustered_t" if clustered else "t"
    else:
        method = "none"
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    at_zero = None
    if few and not fixed and np.abs(totals).max(initial=0.0) > _ROUNDING:
        at_zero = signs
    elif method == "tango" and not few:
        sides: tuple[Alternative, Alternative] = ("better", "worse")
        better, worse = (float(mcnemar_test(losses, wins, alternative=side)) for side in sides)
        at_zero = better, worse
    by_trials = method in ("tango", "bounded")
    found = Difference(
        value=float(differences.mean()),
        stderr=math.sqrt(parts.variance) if units >= 2 else None,
        ci_method=method,
        df=float(units - 1) if spread and method in ("t", "clustered_t") else None,
        p_value=None,
        n_items=n_items,
        n_clusters=n_clusters,
        wins=wins,
        losses=losses,
        ties=n_items - wins - losses,
        level=level,
        limits=(-1.0, 1.0) if unit_range else None,
        trials=_trials(totals) if by_trials else None,
        at_zero=at_zero,
        parts=parts,
    )
    if method == "none":
        return found
    p_value = min(1.0, 2 * (found.p_better() if found.value > 0 else found.p_worse()))
    return replace(found, p_value=p_value)


def few_signs(units: FloatArray) -> tuple[float, float] | None:
    """One-sided p of "no better" and "no worse" over all signs that the differences of units could have; None
    where six or more differ, whose signs can show something by themselves."""
    differing = units[np.abs(units) > _ROUNDING]
    if differing.size >= FEWEST:
        return None
    signs = 1 - 2 * (np.arange(2**differing.size)[:, None] >> np.arange(differing.size) & 1)
    sums, seen = signs @ np.abs(differing), float(differing.sum())
    rounding = _ROUNDING * float(np.abs(differing).sum())
    return float((sums >= seen - rounding).mean()), float((sums <= seen + rounding).mean())


def _differences(candidate: ItemAttempts, reference: ItemAttempts) -> FloatArray:
    """``d_i``: mean of the candidate's attempts on item i minus the reference's, shape (items,)."""
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
