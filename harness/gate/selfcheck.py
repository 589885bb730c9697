"""A/A: the reference compared with itself, to see how often the gate raises a false alarm.

Each run is compared with the other runs of its subject. Two such comparisons share runs, with opposite
signs: they are negatively correlated (-1 / (runs - 1)), flags vary less than independent ones, and the
binomial test errs on the side of silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.comparison.arms import Arm, Row
from harness.comparison.items import Items, combine, load_run
from harness.comparison.paired import compare
from harness.gate.baseline import Baseline
from harness.gate.checks import Check, Rules
from harness.gate.verdict import judge

#: verdicts that the binomial test looks at, the newest ones
LAST = 200


@dataclass(frozen=True)
class SelfCheck:
    """How often the gate flags runs of one and the same subject.

    `p_value` is one-sided: of a false-alarm rate of at most `alpha`, given what was seen.
    """

    comparisons: int
    flagged: int
    alpha: float
    p_value: float

    @property
    def sound(self) -> bool:
        return self.p_value >= 0.01

    def plain(self) -> dict[str, Any]:
        return {"schema": 1, **asdict(self), "sound": self.sound}

    def sentence(self) -> str:
        if not self.comparisons:
            return "no runs to compare with each other"
        verdict = "as promised" if self.sound else "more often than promised"
        return (
            f"{self.flagged} of {self.comparisons} A/A comparisons flagged at alpha = {self.alpha:g}: "
            f"{verdict} (p = {self.p_value:.2g})"
        )


def self_check(baseline: Baseline, rows: Sequence[Row] = (), rules: Rules | None = None) -> SelfCheck:
    """The newest `LAST` runs, each against the others of its subject, one check at a time.

    `rows` are later runs, such as a nightly job makes; those of other subjects, on other items, or
    stopped before their end are passed over.

    Raises:
        RecordError: sealed attempts can't be read.
    """
    from scipy.stats import binomtest

    rules = rules or Rules()
    arms = [_extended(arm, rows) for arm in baseline.arms]
    runs = [(run, arm) for arm in arms for run in arm.runs if len(arm.runs) > 1]
    runs.sort(key=lambda pair: (pair[0]["created_at"], pair[0]["run_id"]))
    loaded: dict[str, Items] = {}

    def load(arm: Arm, metric: str) -> Items:
        for run in arm.runs:
            if run["record"] not in loaded:
                loaded[run["record"]] = load_run(run, metric)
        return combine([loaded[run["record"]] for run in arm.runs])

    flagged = 0
    newest = runs[-LAST:]
    for run, arm in newest:
        others = Arm(tuple(other for other in arm.runs if other is not run))
        pair = (Check(margin=rules.margin), compare(Arm((run,)), others, load=load, one_subject=True))
        flagged += judge([pair], rules)[0].verdict == "regressed"
    p_value = 1.0
    if newest:
        p_value = float(binomtest(flagged, len(newest), rules.alpha, alternative="greater").pvalue)
    return SelfCheck(len(newest), flagged, rules.alpha, p_value)


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
