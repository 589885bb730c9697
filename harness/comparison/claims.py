"""What a comparison claims: which of items and runs a difference holds for, and how the runs are paired."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from harness.base.errors import UsageError
from harness.comparison.arms import Arm
from harness.comparison.items import Pairing
from harness.stats.crossed import Parts, parts_of, pooled_parts, unpaired_parts

#: what a user can ask for; by default the widest claim that the runs allow
Wanted = Literal["", "these-runs", "fixed-items"]
#: what a difference holds for
Claim = Literal["items and runs", "items", "these runs", "runs"]
#: each in words
HOLDS_FOR: dict[Claim, str] = {
    "items and runs": "new items and new seeds",
    "items": "new items",
    "these runs": "new items on these runs only",
    "runs": "new seeds on these items",
}
#: below this p the runs of an arm that is said to draw nothing differ too much for that
RUNS_DIFFER = 0.01


def claim_of(candidate: Arm, baseline: Arm, wanted: Wanted = "") -> Claim:
    """The claim that two arms allow.

    Where nothing is drawn per run, runs are further attempts and the claim is about new items. Where an arm
    draws (or it isn't known whether it does) and has one run, nothing can be said of other runs.

    Raises:
        UsageError: the items can't be taken as fixed, as an arm has one run.
    """
    if wanted == "these-runs":
        return "these runs"
    if wanted == "fixed-items":
        for arm in (candidate, baseline):
            if len(arm.runs) < 2:
                raise UsageError(
                    f"--fixed-items asks what other seeds would give on the same items, and {arm.named()} "
                    "has one run; run more seeds, as in harness eval --seeds 3"
                )
        return "runs"
    drawing = [arm for arm in (candidate, baseline) if arm.draws is not False]
    if not drawing:
        return "items"
    return "items and runs" if all(len(arm.runs) > 1 for arm in drawing) else "these runs"


def paired_by_seed(candidate: Arm, baseline: Arm) -> bool:
    """Whether run by run both arms have the same seed and drew the same. No score is looked at."""
    ours, theirs = candidate.draw_digests, baseline.draw_digests
    return (
        ours is not None
        and ours == theirs
        and candidate.seeds == baseline.seeds
        and len(set(candidate.seeds)) == len(candidate.seeds)
    )


def parts_for(
    claim: Claim, pairing: Pairing, candidate: Arm, baseline: Arm, own: tuple[Parts, Parts] | None = None
) -> Parts:
    """The variances that a claim rests on; `pairing` is in shares of the metric's range. `own` are the parts
    of either arm by itself on the items of `pairing`, where they are known."""
    ours, theirs, codes = pairing.candidate.cells, pairing.baseline.cells, pairing.candidate.codes()
    if claim == "items":
        return unpaired_parts(ours, theirs, codes, drawn=(False, False))
    if claim == "these runs":
        alone = unpaired_parts(ours, theirs, codes, drawn=(False, False))
        return replace(alone, df_runs=0.0)
    if paired_by_seed(candidate, baseline):
        found = parts_of(ours - theirs, codes)
    elif claim == "runs":
        found = unpaired_parts(ours, theirs, codes)
    else:
        drawn = (candidate.draws is not False, baseline.draws is not False)
        found = unpaired_parts(ours, theirs, codes, drawn, own)
    return replace(found, items=0.0, df_items=math.inf, overlap=0.0) if claim == "runs" else found


def parts_of_one_subject(pairing: Pairing) -> Parts:
    """The variances where both arms are one subject at two times, as in a gate."""
    return pooled_parts(pairing.candidate.cells, pairing.baseline.cells, pairing.candidate.codes())


def own_parts(pairing: Pairing) -> tuple[Parts, Parts]:
    """The variances of either arm by itself. Their `run_effect` says whether its runs differ by more than
    their items explain."""
    codes = pairing.candidate.codes()
    return parts_of(pairing.candidate.cells, codes), parts_of(pairing.baseline.cells, codes)
