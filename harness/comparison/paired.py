"""The comparison of two arms: difference, interval, tests, cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from harness.base.digest import seed_of
from harness.base.errors import UsageError
from harness.comparison.arms import Arm
from harness.comparison.cautions import cautions
from harness.comparison.changes import Change, change_of, decimals
from harness.comparison.claims import (
    Claim,
    Wanted,
    claim_of,
    own_parts,
    paired_by_seed,
    parts_for,
    parts_of_one_subject,
)
from harness.comparison.items import Items, Pairing, load_items, of_the_set, pair
from harness.comparison.overlap import check_overlap, note, overlap_of
from harness.spec import MetricRange
from harness.stats import (
    Difference,
    benjamini_hochberg,
    holm,
    mcnemar_test,
    paired_difference,
    probability_better,
    sign_flip,
)
from harness.stats.crossed import Parts
from harness.stats.shared_groups import GroupSums, group_sums

#: how p-values are adjusted over a table: family-wise error, or the share of false discoveries
CORRECTIONS = {"holm": holm, "bh": benjamini_hochberg}
#: the test behind a kind of interval; where runs are drawn it is that of the items with the part of the runs
TESTS = {
    "tango": "McNemar mid-p",
    "t": "paired t",
    "clustered_t": "clustered t",
    "bounded": "score",
    "runs": "t over runs",
    "none": "none",
}
CROSSED = "crossed t"
FEW = "sign flips"
#: below this many units a sign-flip permutation checks the t test
FEW_UNITS = 50
#: up to this many items of right-or-wrong data the posterior P(B > A) is stated
SMALL_SET = 300


@dataclass(frozen=True)
class Comparison:
    """A candidate against a baseline on the items that both answered.

    `span` is the metric's range and says which end of it is the good one. Everything that decides is about
    the `gain`: in shares of that range, above 0 where the candidate is better. What is shown
    (`difference`, `value`, `interval`, `scored_only`) is candidate - baseline in the unit of the metric,
    below 0 for a gain where less is better. `scale` turns that into points where the metric lies within
    -1 and 1.

    `claim` says what the gain, its interval and its p hold for: new items and new seeds, new items (nothing
    is drawn per run), these runs alone, or new seeds on these items. `asked` is whether the user asked for
    that claim; a claim about these runs that nobody asked for is never called better or worse.
    `paired_draws`: whether the runs of both arms drew the same, seed by seed.

    `p_value` is two-sided, that of `test`; `adjusted_p` is adjusted over the `tests` of the table. Both are
    None where nothing can be tested, and `adjusted_p` is for a table's row of one seed. `checks` holds the
    other tests that were made.
    `groups` are what each group of items adds to the gain.
    Unscored and failed attempts count as the worst value; `scored_only` leaves them out and is None where
    there are none. `cost_ratio` is candidate / baseline per attempt; None where a side is unknown or zero.
    `run_effects` are F and p of the candidate's and of the baseline's runs.
    Of a metric of the `whole_set`, such as macro-F1, the difference is that of the values, its interval and
    test are over what each item adds to them, and no item is won or lost.
    """

    candidate: Arm
    baseline: Arm
    metric: str
    candidate_value: float
    baseline_value: float
    gain: Difference
    claim: Claim
    asked: bool
    paired_draws: bool
    groups: GroupSums = field(repr=False)
    matched: int
    only_candidate: int
    only_baseline: int
    test: str
    p_value: float | None
    adjusted_p: float | None
    tests: int = 1
    checks: dict[str, float] = field(default_factory=dict)
    probability_better: float | None = None
    scored_gain: Difference | None = None
    cost_ratio: dict[str, float | None] = field(default_factory=dict)
    run_effects: tuple[tuple[float, float] | None, tuple[float, float] | None] = (None, None)
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
        """In the unit of the metric."""
        return change_of(self.gain, self.span)

    @property
    def scored_only(self) -> Change | None:
        """The same without attempts that were not scored."""
        return None if self.scored_gain is None else change_of(self.scored_gain, self.span)

    def signed(self, change: float) -> str:
        """A difference, or an end of its interval, as it is shown: in points where the metric lies within -1
        and 1."""
        return f"{self.scale * change:+.{decimals(self.span, self.interval, self.value)}f}"

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the difference."""
        return self.difference.ci

    @property
    def value(self) -> float:
        """The difference."""
        return self.difference.value

    def p_inferior(self, margin: float) -> float:
        """One-sided, of "worse by `margin` (in the unit of the metric) or more": below alpha, non-inferiority
        is shown."""
        return self.gain.p_better(-margin / self.span.width)

    @property
    def p_worse(self) -> float:
        """One-sided, of "no worse"."""
        return self.gain.p_worse()

    @property
    def one_seed(self) -> bool:
        """Whether an arm that draws has one run, so that nothing is said of other seeds."""
        return self.claim == "these runs" and not self.asked

    def verdict(self, alpha: float = 0.05) -> str:
        """`better`, `worse`, or `not shown`: too little evidence is never called equality."""
        p = self.adjusted_p
        if p is None or p >= alpha or self.gain.value == 0 or self.one_seed:
            return "not shown"
        return "better" if self.gain.value > 0 else "worse"

    def verdict_with_reason(self, alpha: float = 0.05) -> str:
        """The verdict, `not shown` with the reason where the interval by itself suggests another."""
        said = self.verdict(alpha)
        if said != "not shown":
            return said
        if self.one_seed:
            return "not shown (1 seed)"
        if self.p_value is None:
            return "not shown (nothing to test)"
        return f"not shown ({self.tests} tests)" if self.p_value < alpha else said


def compare(
    candidate: Arm,
    baseline: Arm,
    metric: str | None = None,
    *,
    load: Callable[[Arm, str], Items] = load_items,
    wanted: Wanted = "",
    common_items: bool = False,
    one_subject: bool = False,
) -> Comparison:
    """Compares two arms of one comparability key.

    Args:
        load: gives the table of an arm, such as an `ItemTables` that keeps them.
        wanted: another claim than the widest that the runs allow; see `claims`.
        common_items: compares the items that both have where one side lacks some, which is refused otherwise.
        one_subject: both arms are one subject at two times, as in a gate. How much runs vary is then one
            number, pooled over both, so that one run of the candidate is enough; and the caller judges
            missing items by a rule of its own.

    Raises:
        ValueError: their keys differ.
        UsageError: a side lacks items of the other and nobody asked for the common ones, or there are none;
            the metric is of the whole set, and a side lacks some of it; or the claim that is wanted needs
            more runs.
        RecordError: sealed attempts can't be read.
    """
    if candidate.comparability_key != baseline.comparability_key:
        raise ValueError(f"{candidate.named()} and {baseline.named()} are not comparable")
    metric = metric or candidate.primary
    ours, theirs = load(candidate, metric), load(baseline, metric)
    if ours.attempts_of and theirs.attempts_of and ours.attempts_of != theirs.attempts_of:
        raise UsageError(
            f"{metric} is not one quantity here: its attempts are of {ours.attempts_of} for "
            f"{candidate.named()}, of {theirs.attempts_of} for {baseline.named()}, and both draw anew in "
            "every run; give both as many --epochs"
        )
    found = overlap_of(ours, theirs)
    if not found.common or not one_subject:
        check_overlap(found, candidate, baseline, common_items=common_items)
    pairing = pair(ours, theirs)
    whole_set = of_the_set(candidate.runs[0], metric)
    if whole_set and (pairing.only_candidate or pairing.only_baseline):
        raise UsageError(
            f"{metric} is a value of the whole set, and one of {candidate.named()} and {baseline.named()} "
            f"has items that the other lacks; compare {candidate.primary}, which every item has"
        )
    claim: Claim = "items and runs" if one_subject else claim_of(candidate, baseline, wanted)
    paired_draws = not one_subject and claim != "items" and paired_by_seed(candidate, baseline)
    if paired_draws:
        pairing = pairing.same_cells()
    shares = pairing.shares(candidate.metric_range(metric))
    own = own_parts(shares)
    bounded = candidate.metric_range(metric).bounded
    gain = _gain(shares, candidate, baseline, claim, one_subject, bounded, own)
    checks = _checks(gain, shares, candidate, baseline)
    if whole_set:  # every answer moves what all items add, so none is won or lost
        gain, checks = replace(gain, wins=0, losses=0, ties=0), {}
    posterior = None
    if gain.ci_method == "tango" and shares.matched <= SMALL_SET:
        posterior = probability_better(gain.losses, gain.wins)
    if claim == "items and runs" and not one_subject and gain.parts.df_runs == 0:
        claim = "these runs"  # no item is in two runs of an arm
    effects = own[0].run_effect(), own[1].run_effect()
    return Comparison(
        candidate=candidate,
        baseline=baseline,
        metric=metric,
        candidate_value=float(pairing.candidate.means().mean()),
        baseline_value=float(pairing.baseline.means().mean()),
        gain=gain,
        claim=claim,
        asked=bool(wanted),
        paired_draws=paired_draws,
        groups=_group_sums(shares),
        matched=pairing.matched,
        only_candidate=pairing.only_candidate,
        only_baseline=pairing.only_baseline,
        test=_test(gain),
        p_value=gain.p_value,
        adjusted_p=gain.p_value,
        checks=checks,
        probability_better=posterior,
        scored_gain=_scored_gain(shares, candidate, baseline, claim, one_subject, bounded, paired_draws),
        cost_ratio=_cost_ratio(candidate, baseline),
        run_effects=effects,
        warnings=(*filter(None, [note(found)]), *cautions(candidate, baseline, effects)),
        whole_set=whole_set,
    )


def adjust(comparisons: Sequence[Comparison], correction: str = "holm") -> list[Comparison]:
    """The same comparisons with p-values adjusted, by one of `CORRECTIONS`, over all that can make a claim:
    what can't be tested, and what says nothing of other seeds, is no part of the family and has no adjusted
    p."""
    family = [math.nan if c.p_value is None or c.one_seed else c.p_value for c in comparisons]
    tests = sum(not math.isnan(p) for p in family)
    adjusted = CORRECTIONS[correction](family) if family else ()
    return [
        replace(c, adjusted_p=None) if math.isnan(p) else replace(c, adjusted_p=float(p), tests=tests)
        for c, p in zip(comparisons, adjusted, strict=True)
    ]


def _gain(
    shares: Pairing,
    candidate: Arm,
    baseline: Arm,
    claim: Claim,
    one_subject: bool,
    bounded: bool,
    own: tuple[Parts, Parts] | None = None,
) -> Difference:
    ours, theirs = shares.candidate, shares.baseline
    if one_subject:
        parts = parts_of_one_subject(shares)
    else:
        parts = parts_for(claim, shares, candidate, baseline, own)
    return paired_difference(
        ours.means(),
        theirs.means(),
        groups=ours.groups,
        binary=ours.single and theirs.single,
        parts=parts,
        bounded=bounded,
    )


def _group_sums(shares: Pairing) -> GroupSums:
    """By the group of each item, or by its digest: an item that stands in two tasks is one, too."""
    ours, theirs = shares.candidate, shares.baseline
    return group_sums(ours.means() - theirs.means(), ours.digests if ours.groups is None else ours.groups)


def _scored_gain(
    shares: Pairing,
    candidate: Arm,
    baseline: Arm,
    claim: Claim,
    one_subject: bool,
    bounded: bool,
    paired_draws: bool,
) -> Difference | None:
    if shares.candidate.all_scored and shares.baseline.all_scored:
        return None
    kept = pair(shares.candidate.scored_only(), shares.baseline.scored_only())
    kept = kept.same_cells() if paired_draws else kept
    return _gain(kept, candidate, baseline, claim, one_subject, bounded) if kept.matched else None


def _test(gain: Difference) -> str:
    """What the test behind p is called."""
    if gain.p_value is None:
        return "none"
    if gain.at_zero is not None and gain.ci_method != "tango":
        return FEW
    if gain.parts.runs > 0 and gain.ci_method in ("t", "clustered_t"):
        return CROSSED
    return TESTS[gain.ci_method]


def _checks(gain: Difference, shares: Pairing, candidate: Arm, baseline: Arm) -> dict[str, float]:
    """Other tests of the items alone, that check the one that decides."""
    checks: dict[str, float] = {}
    if gain.ci_method == "tango":
        checks["mcnemar_exact"] = float(mcnemar_test(gain.losses, gain.wins, mid_p=False))
    if gain.parts.n_groups < FEW_UNITS and gain.parts.runs <= 0:
        seed = seed_of(*candidate.run_ids, *baseline.run_ids) % 2**32
        gains = shares.candidate.means() - shares.baseline.means()
        checks["sign_flip"] = sign_flip(gains, groups=shares.candidate.groups, seed=seed).p_value
    return checks


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
