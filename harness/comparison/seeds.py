"""Methods that train, compared with the seed as the unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.comparison.arms import Arm
from harness.spec import MetricRange
from harness.stats import MeanDifference, SeedComparison, compare_seeds
from harness.stats.seeds import LEAST_SEEDS


@dataclass(frozen=True)
class SeedView:
    """The comparison over trainings, beside the one over items; `paired` by equal seeds.

    `found` is about shares of the metric's range, of which more is better; `span` is that range, None where
    several tasks with different ones are pooled.
    """

    found: SeedComparison
    paired: bool
    span: MetricRange | None

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
        """One-sided p-value of "the gain is at least `than`"; 1 without a test."""
        return 1.0 if self.test is None else self.test.p_below(than)

    def p_above(self, than: float = 0.0) -> float:
        """One-sided p-value of "the gain is at most `than`"; 1 without a test."""
        return 1.0 if self.test is None else self.test.p_above(than)

    def sentence(self) -> str:
        """What the seeds say, in one line; in points where the metric lies within -1 and 1."""
        f, span = self.found, self.span or MetricRange()
        value = span.points * span.change(f.iqm_difference)
        low, high = (span.points * end for end in span.changes(f.iqm_ci))
        p = "" if self.test is None else f", {self.name} p = {self.test.p_value:.2g}"
        advice = f"; {f.advice}" if f.advice else ""
        return (
            f"over {f.n_seeds[0]} and {f.n_seeds[1]} seeds: IQM {value:+.1f} "
            f"[{low:+.1f}, {high:+.1f}]{p}{advice}"
        )

    def plain(self) -> dict[str, Any]:
        """As JSON, in the unit of the metric; in shares of the range where `span` is None."""
        f, span = self.found, self.span or MetricRange()

        def test(made: MeanDifference | None) -> dict[str, Any] | None:
            if made is None:
                return None
            shown = {"value": span.change(made.value), "stderr": span.width * made.stderr}
            return {**asdict(made), **shown, "ci": span.changes(made.ci)}

        return {
            **asdict(f),
            "candidate_iqm": span.value(f.candidate_iqm),
            "reference_iqm": span.value(f.reference_iqm),
            "iqm_difference": span.change(f.iqm_difference),
            "iqm_ci": span.changes(f.iqm_ci),
            "welch": test(f.welch),
            "paired": test(f.paired),
            "paired_by_seed": self.paired,
        }


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
        """A row a seed, a column a task; in shares of each metric's range."""
        columns = [
            [arm.metric_range(metric).share(float(run["metrics"][metric]["value"])) for run in arm.runs]
            for arm, metric in arms
        ]
        return [list(row) for row in zip(*columns, strict=True)]

    ours, theirs = values([(a, m) for a, _, m in pairs]), values([(b, m) for _, b, m in pairs])
    spans = {a.metric_range(m) for a, _, m in pairs}
    span = spans.pop() if len(spans) == 1 else None
    return SeedView(compare_seeds(ours, theirs, paired=paired), paired, span)
