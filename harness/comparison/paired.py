"""The comparison of two arms: difference, interval, tests, cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from harness.base.digest import seed_of
from harness.comparison.arms import Arm
from harness.comparison.items import Items, Pairing, load_items, pair
from harness.comparison.seeds import SeedView, over_seeds
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

    `scale` turns the metric into what is shown: points where it lies between 0 and 1.
    `difference` is candidate - baseline over items, in the unit of the metric. `p_value` is two-sided,
    that of `test`; `adjusted_p` is adjusted over the table. `checks` holds the other tests that were
    made. If a side trains, seeds are the unit: `seeds` holds that comparison, and `test`, `p_value`,
    `interval` and the verdict are over seeds, while `difference` says whether these trained models
    differ.
    Unscored and failed attempts count as 0; `scored_only` leaves them out and is None where there are
    none. `cost_ratio` is candidate / baseline per attempt; None where a side is unknown or zero.
    """

    candidate: Arm
    baseline: Arm
    metric: str
    candidate_value: float
    baseline_value: float
    difference: Difference
    item_differences: NDArray[Any]
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
    scored_only: Difference | None = None
    cost_ratio: dict[str, float | None] = field(default_factory=dict)
    seeds: SeedView | None = None
    warnings: tuple[str, ...] = ()

    @property
    def scale(self) -> float:
        limit = self.candidate.largest(self.metric)
        return 100.0 if limit <= 1.0 else 1.0

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the difference over the unit that decides: seeds or items."""
        if self.seeds is None:
            return self.difference.ci
        return self.seeds.test.ci if self.seeds.test else None

    @property
    def value(self) -> float:
        """The difference over the unit that decides."""
        return self.seeds.test.value if self.seeds and self.seeds.test else self.difference.value

    def p_inferior(self, margin: float) -> float:
        """One-sided, of "worse by `margin` or more": below alpha, non-inferiority is shown."""
        if self.seeds is not None:
            return self.seeds.p_above(-margin) if self.seeds.enough else 1.0
        return self.difference.p_better(-margin)

    @property
    def p_worse(self) -> float:
        """One-sided, of "no worse": McNemar's mid-p for single right-or-wrong attempts, else the
        interval's own test; over seeds, their t test, and 1 with too few of them."""
        if self.seeds is not None:
            return self.seeds.p_below() if self.seeds.enough else 1.0
        found = self.difference
        if found.ci_method == "tango":
            return float(mcnemar_test(found.losses, found.wins, alternative="worse"))
        return found.p_worse()

    def verdict(self, alpha: float = 0.05) -> str:
        """`better`, `worse`, or `not shown`: too little evidence is never called equality."""
        if self.adjusted_p >= alpha or self.value == 0 or (self.seeds and not self.seeds.enough):
            return "not shown"
        return "better" if self.value > 0 else "worse"


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
        RecordError: sealed attempts can't be read.
    """
    if candidate.comparability_key != baseline.comparability_key:
        raise ValueError(f"{candidate.named()} and {baseline.named()} are not comparable")
    metric = metric or candidate.primary
    pairing = pair(load(candidate, metric), load(baseline, metric))
    if not pairing.matched:
        raise ValueError(f"{candidate.named()} and {baseline.named()} share no item")
    groups = pairing.candidate.groups
    binary = pairing.candidate.binary and pairing.baseline.binary
    left, right = pairing.candidate.attempts(), pairing.baseline.attempts()
    difference = paired_difference(left, right, groups=groups, binary=binary, level=level)
    differences = item_differences(left, right)
    variances = measured_variances(left, right) if pairing.matched > 1 else None
    test, p_value, checks = _tests(difference, differences, groups, candidate, baseline)
    posterior = None
    if difference.ci_method == "tango" and pairing.matched <= SMALL_SET:
        posterior = probability_better(difference.losses, difference.wins)
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
        difference=difference,
        item_differences=differences,
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
        scored_only=_scored_only(pairing, binary, level),
        cost_ratio=_cost_ratio(candidate, baseline),
        seeds=seeds,
        warnings=tuple(_warnings(candidate, baseline, pairing)),
    )


def adjust(comparisons: Sequence[Comparison], correction: str = "holm") -> list[Comparison]:
    """The same comparisons with p-values adjusted over all of them, by one of `CORRECTIONS`."""
    if not comparisons:
        return []
    adjusted = CORRECTIONS[correction]([comparison.p_value for comparison in comparisons])
    return [replace(c, adjusted_p=float(p)) for c, p in zip(comparisons, adjusted, strict=True)]


def _tests(
    difference: Difference,
    differences: NDArray[Any],
    groups: NDArray[Any] | None,
    candidate: Arm,
    baseline: Arm,
) -> tuple[str, float, dict[str, float]]:
    """Which test gives p, p, and the others that check it."""
    checks: dict[str, float] = {}
    clustered = difference.ci_method == "clustered_t"
    p_value = 1.0 if difference.p_value is None else difference.p_value
    if difference.ci_method == "tango":
        exact = float(mcnemar_test(difference.losses, difference.wins, mid_p=False))
        checks["mcnemar_exact"] = exact
    units = difference.n_clusters if clustered else difference.n_items
    if (units or 0) < FEW_UNITS:
        seed = seed_of(*candidate.run_ids, *baseline.run_ids) % 2**32
        checks["sign_flip"] = sign_flip(differences, groups=groups, seed=seed).p_value
    return TESTS[difference.ci_method], p_value, checks


def _scored_only(pairing: Pairing, binary: bool, level: float) -> Difference | None:
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
    for count in ("error", "unscored"):
        rates = candidate.rate(count), baseline.rate(count)
        if abs(rates[0] - rates[1]) > RATE_DIFFERENCE:
            found.append(
                f"{count} attempts differ: {100 * rates[0]:.1f} % of the candidate's, "
                f"{100 * rates[1]:.1f} % of the baseline's"
            )
    return found
