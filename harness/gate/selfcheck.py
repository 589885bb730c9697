"""A/A: the reference held against itself, to see how often the gate cries wolf."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from harness.compare.arms import Arm
from harness.compare.paired import compare
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

    def plain(self) -> dict[str, Any]:
        return {"schema": 1, **asdict(self), "sound": self.p_value >= 0.01}

    def sentence(self) -> str:
        if not self.comparisons:
            return "no runs to hold against each other"
        told = "as promised" if self.p_value >= 0.01 else "more often than promised"
        return (f"{self.flagged} of {self.comparisons} A/A comparisons flagged at alpha = {self.alpha:g}: "
                f"{told} (p = {self.p_value:.2g})")  # fmt: skip


def self_check(baseline: Baseline, rules: Rules | None = None) -> SelfCheck:
    """Every run of every subject against the other runs of that subject, one check at a time."""
    from scipy.stats import binomtest

    rules = rules or Rules()
    flags = []
    for arm in baseline.arms:
        for n, run in enumerate(arm.runs):
            others = arm.runs[:n] + arm.runs[n + 1 :]
            if others:
                pair = (Check(margin=rules.margin), compare(Arm((run,)), Arm(others)))
                flags.append(judge([pair], rules)[0].verdict == "regressed")
    flags = flags[-LAST:]
    p_value = 1.0
    if flags:
        p_value = float(binomtest(sum(flags), len(flags), rules.alpha, alternative="greater").pvalue)
    return SelfCheck(len(flags), sum(flags), rules.alpha, p_value)
