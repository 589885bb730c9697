"""Methods that train, compared with the seed as the unit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from harness.compare.arms import Arm
from harness.stats import SeedComparison, compare_seeds


@dataclass(frozen=True)
class SeedView:
    """The comparison over trainings, beside the one over items; `paired` by equal seeds."""

    found: SeedComparison
    paired: bool

    def sentence(self, scale: float = 100.0) -> str:
        """What the seeds say, in one line."""
        f = self.found
        low, high = f.iqm_ci
        test = f.paired if self.paired else f.welch
        name = "paired t" if self.paired else "Welch"
        p = "" if test is None else f", {name} over seeds p = {test.p_value:.2g}"
        advice = f"; {f.advice}" if f.advice else ""
        return (f"over {f.n_seeds[0]} and {f.n_seeds[1]} seeds: IQM {scale * f.iqm_difference:+.1f} "
                f"[{scale * low:+.1f}, {scale * high:+.1f}]{p}{advice}")  # fmt: skip

    def plain(self) -> dict[str, Any]:
        return {**asdict(self.found), "paired_by_seed": self.paired}


def over_seeds(candidate: Arm, baseline: Arm, metric: str) -> SeedView:
    """IQM, its stratified bootstrap and t tests over the runs of two arms.

    Runs are paired where both arms have exactly the same seeds, once each.
    """
    paired = candidate.seeds == baseline.seeds and len(set(candidate.seeds)) == len(candidate.seeds)
    scores = [[float(run["metrics"][metric]["value"]) for run in arm.runs] for arm in (candidate, baseline)]
    return SeedView(compare_seeds(scores[0], scores[1], paired=paired), paired)
