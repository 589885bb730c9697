"""The comparison of two arms: difference, interval, tests, cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from harness.base.digest import seed_of
from harness.base.errors import UsageError
from harness.comparison.arms import Arm
from harness.comparison.changes import Change, change_of
from harness.comparison.items import Items, Pairing, load_items, of_the_set, pair
from harness.comparison.seeds import SeedView, over_seeds
from harness.results.fields import brief
from harness.spec import MetricRange
from harness.stats import (
    Difference,
    Variances,
    benjamini_hochberg,
    holm,
    item_differences,
    mcnemar_test,
    measured_variances,
    paired_difference,
    probability_better,
    sign_flip,
)
from harness.stats.seeds import LEAST_SEEDS

#: how p-values are adjusted over a table: family-wise error, or the share of false discoveries
CORRECTIONS = {"holm": holm, "bh": benjamini_hochberg}
#: the test behind a kind of interval
TESTS = {
    "tango": "McNemar mid-p",
    "t": "paired t",
    "clustered_t": "clustered t",
    "bounded": "score",
    "none": "none",
}
#: below this many units a sign-flip permutation checks the t test
FEW_UNITS = 50
#: shares of failed attempts that differ by more are warned of
RATE_DIFFERENCE = 0.02
#: up to this many items of right-or-wrong data the posterior P(B > A) is stated
SMALL_SET = 300


@dataclass(frozen=True)
class Comparison:
    """A candidate against a baseline on the items that both answered.

    `span` is the metric's range and says which end of it is the good one. Everything that decides is about
    the `gain` over items: in shares of that range, above 0 where the candidate is better. What is shown
    (`difference`, `value`, `interval`, `scored_only`) is candidate - baseline in the unit of the metric,
    below 0 for a gain where less is better. `scale` turns that into points where the metric lies within
    -1 and 1.

    `p_value` is two-sided, that of `test`; `adjusted_p` is adjusted over the table. `checks` holds the other
    tests that were made. If a side trains, seeds are the unit: `seeds` holds that comparison, and `test`,
    `p_value`, `interval` and the verdict are over seeds, while `difference` says whether these trained models
    differ.
    Unscored and failed attempts count as the worst value; `scored_only` leaves them out and is None where
    there are none. `cost_ratio` is candidate / baseline per attempt; None where a side is unknown or zero.
    Of a metric of the `whole_set`, such as macro-F1, the difference is that of the values, its interval and
    test are over what each item adds to them, and no item is won or lost.
    """

    candidate: Arm
    baseline: Arm
    metric: str
    candidate_value: float
    baseline_value: float
    gain: Difference
    item_gains: NDArray[Any]
    groups: NDArray[Any] | None
    variances: Variances | None
    matched: int
    only_candidate: int
    only_baseline: int
    test: str
    p_value: float
    adjusted_p: float
    checks: dict[str, float] = field(default_factory=dict)
    probability_better: float | None = None
    scored_gain: Difference | None = None
    cost_ratio: dict[str, float | None] = field(default_factory=dict)
    seeds: SeedView | None = None
    warnings: tuple[str, ...] = ()
    whole_set: bool = False

    @property
    def span(self) -> MetricRange:
        return self.candidate.metric_range(self.metric)

    @property
    def scale(self) -> float:
        return self.span.points

    @property
    def difference(self) -> Change:
        """Over items."""
        return change_of(self.gain, self.span)

    @property
    def scored_only(self) -> Change | None:
        """Over items, without attempts that were not scored."""
        return None if self.scored_gain is None else change_of(self.scored_gain, self.span)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the difference over the unit that decides: seeds or items."""
        if self.seeds is None:
            return self.difference.ci
        return self.span.changes(self.seeds.test.ci) if self.seeds.test else None

    @property
    def gained(self) -> float:
        """The gain over the unit that decides."""
        return self.seeds.test.value if self.seeds and self.seeds.test else self.gain.value

    @property
    def value(self) -> float:
        """The difference over the unit that decides."""
        return self.span.change(self.gained)

    def p_inferior(self, margin: float) -> float:
        """One-sided, of "worse by `margin` (in the unit of the metric) or more": below alpha, non-inferiority
        is shown."""
        lost = -margin / self.span.width
        if self.seeds is not None:
            return self.seeds.p_above(lost) if self.seeds.enough else 1.0
        return self.gain.p_better(lost)

    @property
    def p_worse(self) -> float:
        """One-sided, of "no worse": McNemar's mid-p for single right-or-wrong attempts, else the
        interval's own test; over seeds, their t test, and 1 with too few of them."""
        if self.seeds is not None:
            return self.seeds.p_below() if self.seeds.enough else 1.0
        found = self.gain
        if found.ci_method == "tango":
            return float(mcnemar_test(found.losses, found.wins, alternative="worse"))
        return found.p_worse()

    def verdict(self, alpha: float = 0.05) -> str:
        """`better`, `worse`, or `not shown`: too little evidence is never called equality."""
        if self.adjusted_p >= alpha or self.gained == 0 or (self.seeds and not self.seeds.enough):
            return "not shown"
        return "better" if self.gained > 0 else "worse"


def compare(
    candidate: Arm,
    baseline: Arm,
    metric: str | None = None,
    *,
    load: Callable[[Arm, str], Items] = load_items,
    level: float = 0.95,
) -> Comparison:
    """Compares two arms of one comparability key.

    Raises:
        ValueError: their keys differ, or they share no item.
        UsageError: the metric is of the whole set, and only one side has some of its items.
        RecordError: sealed attempts can't be read.
    """
    if candidate.comparability_key != baseline.comparability_key:
        raise ValueError(f"{candidate.named()} and {baseline.named()} are not comparable")
    metric = metric or candidate.primary
    pairing = pair(load(candidate, metric), load(baseline, metric))
    if not pairing.matched:
        raise ValueError(f"{candidate.named()} and {baseline.named()} share no item")
    whole_set = of_the_set(candidate.runs[0], metric)
    if whole_set and (pairing.only_candidate or pairing.only_baseline):
        raise UsageError(
            f"{metric} is a value of the whole set, and one of {candidate.named()} and {baseline.named()} "
            f"has items that the other lacks; compare {candidate.primary}, which every item has"
        )
    shares = pairing.shares(candidate.metric_range(metric))
    groups = shares.candidate.groups
    binary = shares.candidate.binary and shares.baseline.binary
    left, right = shares.candidate.attempts(), shares.baseline.attempts()
    gain = paired_difference(left, right, groups=groups, binary=binary, level=level)
    gains = item_differences(left, right)
    variances = measured_variances(left, right) if shares.matched > 1 else None
    test, p_value, checks = _tests(gain, gains, groups, candidate, baseline)
    if whole_set:  # every answer moves what all items add, so none is won or lost
        gain, checks = replace(gain, wins=0, losses=0, ties=0), {}
    posterior = None
    if gain.ci_method == "tango" and shares.matched <= SMALL_SET:
        posterior = probability_better(gain.losses, gain.wins)
    seeds = None
    if candidate.trains or baseline.trains:
        seeds = over_seeds([(candidate, baseline, metric)])
    if seeds is not None:
        if test != "none":
            checks = {f"{test} over items": p_value, **checks}
        test, p_value = seeds.name, 1.0 if seeds.test is None else seeds.test.p_value
    return Comparison(
        candidate=candidate,
        baseline=baseline,
        metric=metric,
        candidate_value=float(pairing.candidate.means().mean()),
        baseline_value=float(pairing.baseline.means().mean()),
        gain=gain,
        item_gains=gains,
        groups=groups,
        variances=variances,
        matched=pairing.matched,
        only_candidate=pairing.only_candidate,
        only_baseline=pairing.only_baseline,
        test=test,
        p_value=p_value,
        adjusted_p=p_value,
        checks=checks,
        probability_better=posterior,
        scored_gain=_scored_gain(shares, binary, level),
        cost_ratio=_cost_ratio(candidate, baseline),
        seeds=seeds,
        warnings=tuple(_warnings(candidate, baseline, pairing)),
        whole_set=whole_set,
    )


def adjust(comparisons: Sequence[Comparison], correction: str = "holm") -> list[Comparison]:
    """The same comparisons with p-values adjusted over all of them, by one of `CORRECTIONS`."""
    if not comparisons:
        return []
    adjusted = CORRECTIONS[correction]([comparison.p_value for comparison in comparisons])
    return [replace(c, adjusted_p=float(p)) for c, p in zip(comparisons, adjusted, strict=True)]


def _tests(
    gain: Difference,
    gains: NDArray[Any],
    groups: NDArray[Any] | None,
    candidate: Arm,
    baseline: Arm,
) -> tuple[str, float, dict[str, float]]:
    """Which test gives p, p, and the others that check it."""
    checks: dict[str, float] = {}
    clustered = gain.ci_method == "clustered_t"
    p_value = 1.0 if gain.p_value is None else gain.p_value
    if gain.ci_method == "tango":
        exact = float(mcnemar_test(gain.losses, gain.wins, mid_p=False))
        checks["mcnemar_exact"] = exact
    units = gain.n_clusters if clustered else gain.n_items
    if (units or 0) < FEW_UNITS:
        seed = seed_of(*candidate.run_ids, *baseline.run_ids) % 2**32
        checks["sign_flip"] = sign_flip(gains, groups=groups, seed=seed).p_value
    return TESTS[gain.ci_method], p_value, checks


def _scored_gain(pairing: Pairing, binary: bool, level: float) -> Difference | None:
    if pairing.candidate.scored.all() and pairing.baseline.scored.all():
        return None
    kept = pair(pairing.candidate.scored_only(), pairing.baseline.scored_only())
    if not kept.matched:
        return None
    return paired_difference(
        kept.candidate.attempts(),
        kept.baseline.attempts(),
        groups=kept.candidate.groups,
        binary=binary,
        level=level,
    )


def _cost_ratio(candidate: Arm, baseline: Arm) -> dict[str, float | None]:
    def ratio(a: float | None, b: float | None) -> float | None:
        return a / b if a is not None and b else None

    def tokens(arm: Arm) -> float | None:
        parts = [arm.usage("input_tokens"), arm.usage("output_tokens")]
        return None if any(part is None for part in parts) else sum(part or 0.0 for part in parts)

    return {
        "calls": ratio(candidate.usage("calls"), baseline.usage("calls")),
        "tokens": ratio(tokens(candidate), tokens(baseline)),
        "usd": ratio(candidate.usage("cost_usd"), baseline.usage("cost_usd")),
    }


def _warnings(candidate: Arm, baseline: Arm, pairing: Pairing) -> list[str]:
    """What a reader has to know before believing the difference."""
    found = []
    if pairing.only_candidate or pairing.only_baseline:
        found.append(
            f"only {pairing.matched} items are in both; {pairing.only_candidate} are only in the "
            f"candidate, {pairing.only_baseline} only in the baseline"
        )
    for arm, side in ((candidate, "candidate"), (baseline, "baseline")):
        if not arm.complete:
            found.append(f"the {side} was stopped before its end")
        if arm.trains and len(arm.runs) < LEAST_SEEDS:
            found.append(
                f"the {side} trains and has {len(arm.runs)} of the {LEAST_SEEDS} seeds that a "
                "claim about training needs"
            )
    scored_by = candidate.code("task") | baseline.code("task")
    if len(scored_by) > 1:
        found.append(f"other code of the same task version scored a part: {', '.join(map(brief, scored_by))}")
    for arm in (candidate, baseline):
        if len(made_by := arm.code("method")) > 1:
            found.append(
                f"{arm.method} was run with other code of the same version: {', '.join(map(brief, made_by))}"
            )
    for count in ("error", "unscored"):
        rates = candidate.rate(count), baseline.rate(count)
        if abs(rates[0] - rates[1]) > RATE_DIFFERENCE:
            found.append(
                f"{count} attempts differ: {100 * rates[0]:.1f} % of the candidate's, "
                f"{100 * rates[1]:.1f} % of the baseline's"
            )
    return found
