"""What the runs of a check say, all of them together: of no loss, and of a loss as large as the margin."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.comparison.items import Items, Pairing
from harness.comparison.paired import Comparison
from harness.gate.margin import Margin
from harness.spec import MetricRange
from harness.stats.crossed import Parts, parts_of, pooled_parts
from harness.stats.crossed_rule import t_squared
from harness.stats.spending import candidate_runs_needed, pairs_needed


@dataclass(frozen=True)
class Evidence:
    """One-sided p-values, not adjusted for looks or checks, by the rule for new items and new runs.

    Attributes:
        gain: candidate - baseline in shares of the metric's range; below 0 is a loss.
        margin: the largest acceptable loss, in the same unit.
        p_loss: of "no loss": small where the candidate is certainly worse.
        p_margin: of "a loss of the margin or more": small where that is ruled out.
        parts: variances of the gain over items and runs.
    """

    gain: float
    margin: float
    p_loss: float
    p_margin: float
    parts: Parts


def weigh(comparison: Comparison, tables: Pairing, margin: Margin) -> Evidence:
    """The evidence of a comparison of pooled arms. A relative margin is the contrast ``c - (1 - r) b``, which
    knows that the baseline's value is an estimate too.

    Args:
        comparison: by `compare(..., one_subject=True)`.
        tables: the items that both have, in the metric's own unit.
    """
    span, gain = comparison.span, comparison.gain
    candidate, baseline = tables.candidate, tables.baseline
    loss = margin.loss(comparison.baseline_value) / span.width
    few = gain.ci_method in ("tango", "bounded")
    p_margin = 0.0
    if few or not margin.relative:
        p_margin = gain.p_better(-loss)
    if margin.relative:  # and where few items differ, whose spread in the contrast says too much, both hold
        p_margin = max(p_margin, p_above(contrast_of(candidate, baseline, margin, span), 0.0))
    return Evidence(
        gain=gain.value,
        margin=loss,
        p_loss=gain.p_worse(),
        p_margin=p_margin,
        parts=gain.parts,
    )


def contrast_of(candidate: Items, baseline: Items, margin: Margin, span: MetricRange) -> Parts:
    """``c - (1 - r) b``, or ``(1 + r) b - c`` where less is better: above 0 where no more than the margin was
    lost."""
    kept = span.sign * (1 - span.sign * margin.value)
    return pooled_parts(span.sign * candidate.cells, kept * baseline.cells, candidate.codes())


def p_above(parts: Parts, null: float) -> float:
    """One-sided, of a true value of `null` or less."""
    half = parts.p_value(null) / 2
    return half if parts.value > null else 1 - half


def p_below(parts: Parts, null: float) -> float:
    """One-sided, of a true value of `null` or more; without any spread 0 or 1."""
    if parts.items <= 0 and parts.runs <= 0:
        return 0.0 if parts.value < null else 1.0
    return 1 - p_above(parts, null)


def on_these_items(parts: Parts) -> Parts:
    """For new runs on the same items: only runs vary."""
    return replace(parts, items=0.0, df_items=math.inf, overlap=0.0)


def below_guard(parts: Parts, alpha: float) -> bool:
    """Whether a night's runs lie below ``-(t_a √(v/t) + t_a √(v/B))``: half widths are added, so that the
    luck of the one baseline that all nights share is paid for once."""
    t, b = parts.n_runs
    per_run = parts.runs / (1 / b + 1 / t)
    quantile = math.sqrt(float(t_squared(2 * alpha, parts.df_runs)))
    return bool(parts.value < -quantile * (math.sqrt(per_run / t) + math.sqrt(per_run / b)))


#: more runs than anyone makes for a gate
MOST_RUNS = 1000


@dataclass(frozen=True)
class Design:
    """What it takes to show a margin.

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


def design(baseline: Items, loss: float, alpha: float) -> Design:
    """What it takes to rule a loss out, in the metric's unit, against the runs of a baseline in that unit.

    With t quantiles, as the spread over runs is learnt from these runs.
    """
    variance, runs = run_variance(baseline.cells, baseline.codes()), baseline.runs
    found = Design(runs, math.sqrt(variance), None, None)
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


def run_variance(cells: NDArray[np.float64], groups: NDArray[np.int64] | None) -> float:
    """v, the variance of one run's mean: that seen over runs, and at least what attempts at the items alone
    explain, which is known far better than the few runs show."""
    parts = parts_of(cells, groups)
    return float(cells.shape[1] * max(parts.runs, parts.overlap))
