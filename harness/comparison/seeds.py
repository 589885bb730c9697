"""Methods that train, compared with the seed as the unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.comparison.arms import Arm
from harness.stats import MeanDifference, SeedComparison, compare_seeds
from harness.stats.seeds import LEAST_SEEDS


@dataclass(frozen=True)
class SeedView:
    """The comparison over trainings, beside the one over items; `paired` by equal seeds."""

    found: SeedComparison
    paired: bool

    @property
    def test(self) -> MeanDifference | None:
        """The t test over seeds; None with one seed on a side, or no spread."""
        return self.found.paired if self.paired else self.found.welch

    @property
    def name(self) -> str:
        """What the test is called."""
        return "none" if self.test is None else f"{'paired t' if self.paired else 'Welch'} over seeds"

    @property
    def enough(self) -> bool:
        """Whether there are the five seeds on both sides that a claim about training needs."""
        return min(self.found.n_seeds) >= LEAST_SEEDS

    def p_below(self, than: float = 0.0) -> float:
        """One-sided p-value of "the difference is at least `than`"; 1 without a test."""
        return 1.0 if self.test is None else self.test.p_below(than)

    def p_above(self, than: float = 0.0) -> float:
        """One-sided p-value of "the difference is at most `than`"; 1 without a test."""
        return 1.0 if self.test is None else self.test.p_above(than)

    def sentence(self, scale: float = 100.0) -> str:
        """What the seeds say, in one line."""
        f = self.found
        low, high = f.iqm_ci
        p = "" if self.test is None else f", {self.name} p = {self.test.p_value:.2g}"
        advice = f"; {f.advice}" if f.advice else ""
        return (
            f"over {f.n_seeds[0]} and {f.n_seeds[1]} seeds: IQM {scale * f.iqm_difference:+.1f} "
            f"[{scale * low:+.1f}, {scale * high:+.1f}]{p}{advice}"
        )

    def plain(self) -> dict[str, Any]:
        return {**asdict(self.found), "paired_by_seed": self.paired}


def over_seeds(pairs: Sequence[tuple[Arm, Arm, str]]) -> SeedView | None:
    """IQM, its stratified bootstrap and t tests over the runs of (candidate, baseline, metric), one a
    task. None if the runs of the tasks don't have the same seeds.

    Runs are paired where both sides have exactly the same seeds, once each.
    """
    candidate, baseline, _ = pairs[0]
    if any((a.seeds, b.seeds) != (candidate.seeds, baseline.seeds) for a, b, _ in pairs):
        return None
    paired = candidate.seeds == baseline.seeds and len(set(candidate.seeds)) == len(candidate.seeds)

    def values(arms: Sequence[tuple[Arm, str]]) -> list[list[float]]:
        """A row a seed, a column a task."""
        columns = [[float(run["metrics"][metric]["value"]) for run in arm.runs] for arm, metric in arms]
        return [list(row) for row in zip(*columns, strict=True)]

    ours, theirs = values([(a, m) for a, _, m in pairs]), values([(b, m) for _, b, m in pairs])
    return SeedView(compare_seeds(ours, theirs, paired=paired), paired)
