"""The comparison of two arms: difference, interval, tests, cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from harness.compare.arms import Arm
from harness.compare.items import Items, Pairing, load_items, pair
from harness.compare.seeds import SeedView, over_seeds
from harness.digest import seed_of
from harness.stats import (
    Difference,
    SuiteDifference,
    Variances,
    benjamini_hochberg,
    holm,
    item_differences,
    mcnemar_test,
    measured_variances,
    paired_difference,
    probability_better,
    sign_flip,
    suite_difference,
)

#: how p-values are adjusted over a table: family-wise error, or the share of false discoveries
CORRECTIONS = {"holm": holm, "bh": benjamini_hochberg}
#: the test behind a kind of interval
TESTS = {"tango": "McNemar mid-p", "t": "paired t", "clustered_t": "clustered t", "bounded": "score",
         "none": "none"}  # fmt: skip
#: below this many units a sign-flip permutation checks the t test
FEW_UNITS = 50
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
        limit = self.candidate.runs[0]["metric_limits"].get(self.metric, 1.0)
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
        candidate_value=_mean(pairing.candidate),
        baseline_value=_mean(pairing.baseline),
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
    difference: Difference, differences: NDArray[Any], groups: NDArray[Any] | None, candidate: Arm,
    baseline: Arm,
) -> tuple[str, float, dict[str, float]]:  # fmt: skip
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


def _mean(items: Items) -> float:
    import numpy as np

    starts = np.concatenate(([0], np.cumsum(items.counts)[:-1]))
    return float(np.mean(np.add.reduceat(items.scores, starts) / items.counts))


def _scored_only(pairing: Pairing, binary: bool, level: float) -> Difference | None:
    if pairing.candidate.scored.all() and pairing.baseline.scored.all():
        return None
    kept = pair(pairing.candidate.scored_only(), pairing.baseline.scored_only())
    if not kept.matched:
        return None
    return paired_difference(kept.candidate.attempts(), kept.baseline.attempts(),
                             groups=kept.candidate.groups, binary=binary, level=level)  # fmt: skip


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
        found.append(f"only {pairing.matched} items are in both; {pairing.only_candidate} are only in the "
                     f"candidate, {pairing.only_baseline} only in the baseline")  # fmt: skip
    for arm, side in ((candidate, "candidate"), (baseline, "baseline")):
        if not arm.complete:
            found.append(f"the {side} was stopped before its end")
        if arm.trains and len(arm.runs) < 5:
            found.append(f"the {side} trains and has {len(arm.runs)} of the 5 seeds that a claim about "
                         "training needs")  # fmt: skip
    for count in ("error", "unscored"):
        rates = candidate.rate(count), baseline.rate(count)
        if abs(rates[0] - rates[1]) > 0.02:
            found.append(f"{count} attempts differ: {100 * rates[0]:.1f} % of the candidate's, "
                         f"{100 * rates[1]:.1f} % of the baseline's")  # fmt: skip
    return found


def suite_over_seeds(comparisons: Sequence[Comparison]) -> SeedView | None:
    """The same as `over_suite` with seeds as the unit; None where nothing trains or seeds differ."""
    if any(c.seeds is None for c in comparisons):
        return None
    return over_seeds([(c.candidate, c.baseline, c.metric) for c in comparisons])


def over_suite(comparisons: Sequence[Comparison]) -> SuiteDifference:
    """The mean difference over the tasks of one candidate against one baseline, over items."""
    seed = seed_of(*(run for c in comparisons for run in c.candidate.run_ids)) % 2**32
    return suite_difference([c.item_differences for c in comparisons],
                            groups=[c.groups for c in comparisons], seed=seed)  # fmt: skip


def suite_sentence(comparisons: Sequence[Comparison]) -> str:
    """The mean difference over several tasks, in one line."""
    found, first, seeds = over_suite(comparisons), comparisons[0], suite_over_seeds(comparisons)
    low, high = found.ci or found.bootstrap_ci
    p = found.permutation_p if found.p_value is None else found.p_value
    shown = f"{seeds.sentence(first.scale)}; over items " if seeds else ""
    return (f"over {found.n_tasks} tasks, {first.candidate.method} x {first.candidate.model} - "
            f"{first.baseline.method} x {first.baseline.model}: {shown}{first.scale * found.value:+.1f} "
            f"[{first.scale * low:+.1f}, {first.scale * high:+.1f}], p = {p:.2g}, "
            f"sign-flip p = {found.permutation_p:.2g}")  # fmt: skip


def suites(comparisons: Sequence[Comparison]) -> list[list[Comparison]]:
    """The comparisons of one subject with one baseline on several tasks with the same scale."""
    found: dict[Any, list[Comparison]] = {}
    for c in comparisons:
        key = (c.candidate.method, c.candidate.model, c.baseline.method, c.baseline.model, c.scale,
               c.candidate.store, c.baseline.store)  # fmt: skip
        found.setdefault(key, []).append(c)
    return [same for same in found.values()
            if len({c.candidate.comparability_key for c in same}) == len(same) > 1]  # fmt: skip


def plain(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON knows it."""

    def side(arm: Arm, value: float) -> dict[str, Any]:
        return {"method": arm.method, "model": arm.model, "store": arm.store or None, "value": value,
                "run_ids": arm.run_ids, "seeds": arm.seeds, "subject_key": arm.subject_key}  # fmt: skip

    return {
        "task": comparison.candidate.task, "metric": comparison.metric,
        "comparability_key": comparison.candidate.comparability_key,
        "candidate": side(comparison.candidate, comparison.candidate_value),
        "baseline": side(comparison.baseline, comparison.baseline_value),
        "difference": difference(comparison.difference),
        "unit": "items" if comparison.seeds is None else "seeds",
        "items": {"matched": comparison.matched, "only_candidate": comparison.only_candidate,
                  "only_baseline": comparison.only_baseline},
        "test": comparison.test, "p_value": comparison.p_value, "adjusted_p": comparison.adjusted_p,
        "checks": comparison.checks, "probability_better": comparison.probability_better,
        "scored_only": difference(comparison.scored_only) if comparison.scored_only else None,
        "cost_ratio": comparison.cost_ratio,
        "seeds": comparison.seeds.plain() if comparison.seeds else None,
        "verdict": comparison.verdict(), "warnings": list(comparison.warnings),
    }  # fmt: skip


def plain_suite(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """A pooled comparison as JSON knows it."""
    first, seeds = comparisons[0], suite_over_seeds(comparisons)
    return {
        "candidate": {"method": first.candidate.method, "model": first.candidate.model},
        "baseline": {"method": first.baseline.method, "model": first.baseline.model},
        "tasks": [c.candidate.task for c in comparisons], **asdict(over_suite(comparisons)),
        "seeds": seeds.plain() if seeds else None,
    }  # fmt: skip


def difference(found: Difference) -> dict[str, Any]:
    """A difference as JSON knows it."""
    return {
        "value": found.value, "stderr": found.stderr, "ci": list(found.ci) if found.ci else None,
        "ci_method": found.ci_method, "df": found.df, "n_items": found.n_items,
        "n_clusters": found.n_clusters, "wins": found.wins, "losses": found.losses, "ties": found.ties,
    }  # fmt: skip
