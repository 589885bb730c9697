"""What the runs of a check say, all of them together: of no loss, and of a loss as large as the margin."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy import special

from harness.comparison.items import Items, Pairing
from harness.comparison.paired import Comparison
from harness.gate.margin import Margin
from harness.spec import MetricRange
from harness.stats.crossed import Parts, pooled_parts


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


def guard_p(parts: Parts) -> float:
    """The least alpha at which a night's runs lie below ``-(t_a √(v/t) + t_a √(v/B))``: half widths add up,
    so that the luck of the one baseline that all nights share is paid for once."""
    t, b = parts.n_runs
    per_run = parts.runs / (1 / b + 1 / t)
    width = math.sqrt(per_run / t) + math.sqrt(per_run / b)
    if width == 0:
        return 0.0 if parts.value < 0 else 1.0
    return float(special.stdtr(parts.df_runs, parts.value / width))


def below_guard(parts: Parts, alpha: float) -> bool:
    """Whether a night's runs lie below its guard."""
    return guard_p(parts) < alpha
