"""How many runs it takes to show a margin against a baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from harness.comparison.items import Items
from harness.stats.crossed import parts_of
from harness.stats.spending import candidate_runs_needed, pairs_needed

#: more runs than anyone makes for a gate
MOST_RUNS = 1000


@dataclass(frozen=True)
class RunsNeeded:
    """The runs that show a margin.

    Attributes:
        baseline_runs: B.
        run_sd: standard deviation of a run's mean, in the unit of the metric.
        candidate_runs: the fewest that show, with 80 % power, that nothing of the margin was lost; None where
            a baseline of B caps it out.
        equal_runs: how many runs of each side would; None where more than a thousand.
    """

    baseline_runs: int
    run_sd: float
    candidate_runs: int | None
    equal_runs: int | None

    @property
    def horizon(self) -> int:
        """T, the runs over which alpha is spent; where no number suffices, those that bring three quarters of
        what this baseline can tell."""
        return self.candidate_runs or 3 * self.baseline_runs


def runs_needed(baseline: Items, loss: float, alpha: float) -> RunsNeeded:
    """What it takes to rule a loss out, in the metric's unit, against the runs of a baseline in that unit.

    With t quantiles, as the spread over runs is learnt from these runs.
    """
    variance, runs = _run_variance(baseline), baseline.runs
    found = RunsNeeded(runs, math.sqrt(variance), None, None)
    if loss <= 0:
        return found

    def enough(ours: int, theirs: int) -> bool:
        df = ours + theirs - 2
        return ours * theirs / (ours + theirs) >= pairs_needed(loss, variance, alpha=alpha, df=df)

    equal = next((n for n in range(2, MOST_RUNS) if enough(n, n)), None)
    candidate = None
    if candidate_runs_needed(pairs_needed(loss, variance, alpha=alpha), runs) is not None:
        candidate = next((t for t in range(1, MOST_RUNS) if enough(t, runs)), None)
    return replace(found, candidate_runs=candidate, equal_runs=equal)


def _run_variance(table: Items) -> float:
    """v, the variance of one run's mean: that seen over runs, and at least what attempts at the items alone
    explain, which is known far better than the few runs show."""
    parts = parts_of(table.cells, table.codes())
    return float(table.runs * max(parts.runs, parts.overlap))
