"""A/A: the reference compared with itself, to see how often the gate raises a false alarm.

Each run is compared with the other runs of its subject. Two such comparisons share runs, with opposite
signs: they are negatively correlated (-1 / (runs - 1)), flags vary less than independent ones, and the
binomial test errs on the side of silence. Runs whose outputs are byte for byte those of another one, as a
cache or a model without sampling gives them, say nothing of how much runs vary, and don't count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.comparison.arms import Arm, Row
from harness.comparison.items import Items, combine, load_run
from harness.comparison.paired import compare
from harness.gate.baseline import Baseline

#: verdicts that the binomial test looks at, the newest ones
LAST = 200
#: the binomial test's level, and the rate that must be found out with 80 % power for "as promised" to be said
LEVEL, POWER, TIMES = 0.01, 0.8, 4


@dataclass(frozen=True)
class SelfCheck:
    """How often the gate flags runs of one and the same subject.

    `p_value` is one-sided: of a false-alarm rate of at most `alpha`, given what was seen. `identical` runs
    are not among the comparisons. `wanted` is how many comparisons would find out four times the promised
    rate.
    """

    comparisons: int
    flagged: int
    alpha: float
    p_value: float
    identical: int
    wanted: int

    @property
    def verdict(self) -> str:
        """`as promised`, `more often than promised` or `too few to tell`."""
        if self.p_value < LEVEL:
            return "more often than promised"
        return "as promised" if self.comparisons >= self.wanted else "too few to tell"

    @property
    def exit_code(self) -> int:
        """0 as promised, 1 more often, 3 too few to tell, 5 no runs."""
        if not self.comparisons and not self.identical:
            return 5
        return {"as promised": 0, "more often than promised": 1, "too few to tell": 3}[self.verdict]

    def plain(self) -> dict[str, Any]:
        return {"schema": 1, **asdict(self), "verdict": self.verdict, "sound": self.exit_code == 0}

    def sentence(self) -> str:
        same = (
            f"; {self.identical} runs are byte for byte those of another one and show nothing"
            if self.identical
            else ""
        )
        if not self.comparisons:
            return f"no runs to compare with each other{same}"
        said = f"{self.verdict} (p = {self.p_value:.2g})"
        if self.verdict == "too few to tell":
            said = f"too few to tell: {self.wanted} would find out {TIMES} times the promised rate"
        seen = f"{self.flagged} of {self.comparisons} A/A comparisons flagged at alpha = {self.alpha:g}"
        return f"{seen}: {said}{same}"


def self_check(baseline: Baseline, rows: Sequence[Row] = (), alpha: float = 0.05) -> SelfCheck:
    """The newest `LAST` runs, each against the others of its subject, one check at a time, in one look each.

    `rows` are later runs, such as a nightly job makes; those of other subjects, on other items, or
    stopped before their end are passed over.

    Raises:
        RecordError: sealed attempts can't be read.
    """
    from scipy.stats import binomtest

    arms = [_extended(arm, rows) for arm in baseline.arms]
    distinct = [_distinct(arm) for arm in arms]
    runs = [(run, arm) for arm in distinct for run in arm.runs if len(arm.runs) > 2]
    runs.sort(key=lambda pair: (pair[0]["created_at"], pair[0]["run_id"]))
    loaded: dict[str, Items] = {}

    def load(arm: Arm, metric: str) -> Items:
        for run in arm.runs:
            if run["record"] not in loaded:
                loaded[run["record"]] = load_run(run, metric)
        return combine([loaded[run["record"]] for run in arm.runs])

    newest = runs[-LAST:]
    flagged = 0
    for run, arm in newest:
        others = Arm(tuple(other for other in arm.runs if other is not run))
        flagged += compare(Arm((run,)), others, load=load, one_subject=True).p_worse <= alpha
    p_value = 1.0
    if newest:
        p_value = float(binomtest(flagged, len(newest), alpha, alternative="greater").pvalue)
    identical = sum(len(arm.runs) for arm in arms) - sum(len(arm.runs) for arm in distinct)
    return SelfCheck(len(newest), flagged, alpha, p_value, identical, comparisons_wanted(alpha))


def comparisons_wanted(alpha: float) -> int:
    """The fewest comparisons in which the binomial test at .01 finds out four times the promised rate with
    80 % power."""
    from scipy.stats import binom

    rate = min(0.99, TIMES * alpha)
    for n in range(5, 100_000):
        limit = int(binom.isf(LEVEL, n, alpha)) + 1  # the fewest flags whose p is below the test's level
        if binom.sf(limit - 1, n, rate) >= POWER:
            return n
    return 100_000


def _distinct(arm: Arm) -> Arm:
    """The arm with one run of each kind of output."""
    return Arm(tuple({run["samples_digest"]: run for run in reversed(arm.runs)}.values())[::-1])


def _extended(arm: Arm, rows: Sequence[Row]) -> Arm:
    """The arm with the later runs of the very same subject on the same items."""
    keys = (arm.comparability_key, arm.subject_key)
    known = {run["result_digest"] for run in arm.runs}
    later = [
        row
        for row in rows
        if (row["comparability_key"], row["subject_key"]) == keys
        and row["status"] == "complete"
        and row["result_digest"] not in known
    ]
    return Arm((*arm.runs, *later))
