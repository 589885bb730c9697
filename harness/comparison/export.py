"""Comparisons as Markdown, LaTeX and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.comparison.arms import Arm
from harness.comparison.claims import HOLDS_FOR
from harness.comparison.paired import Comparison
from harness.results.export import csv_text, latex_text, markdown, tabular

CORRECTION_NAMES = {"holm": "Holm", "bh": "BH"}
#: columns of text at the left of a table
TEXT_COLUMNS = 3
COSTS = ("calls", "tokens", "usd")


def points(value: float, comparison: Comparison) -> str:
    """A difference with its sign: in points where the metric lies within -1 and 1."""
    return comparison.signed(value)


def times(ratio: float | None) -> str:
    """A cost ratio: `8.0x`, or `?` where a side is unknown or free."""
    return "?" if ratio is None else f"{ratio:.3g}x"


def _or_unknown(ratio: float | None) -> float | str:
    return "?" if ratio is None else ratio


def arms_in(comparisons: Sequence[Comparison]) -> list[Arm]:
    """Both sides of all comparisons, each once."""
    return list({id(arm): arm for c in comparisons for arm in (c.candidate, c.baseline)}.values())


def table(
    comparisons: Sequence[Comparison], arms: Sequence[Arm] = (), correction: str = ""
) -> tuple[list[str], list[list[str]]]:
    """Names and rows of the table of comparisons, one row a candidate.

    Args:
        arms: those whose names must differ; both sides of the comparisons if empty.
        correction: names p's adjustment in its column: `holm` or `bh`.
    """
    arms = arms or arms_in(comparisons)
    costs = [name for name in COSTS if any(c.cost_ratio.get(name) is not None for c in comparisons)]
    p = f"p ({CORRECTION_NAMES[correction]})" if correction else "adjusted p"
    names = ["task", "candidate", "baseline", "cand.", "base.", "difference [95 %]", p, "verdict", "test"]
    names += ["won / lost", "items", *(name.upper() if name == "usd" else name for name in costs)]
    rows = []
    for c in comparisons:
        items = str(c.matched)
        if c.only_candidate or c.only_baseline:
            items += f" (+{c.only_candidate} / +{c.only_baseline})"
        rows.append(
            [
                c.candidate.task,
                c.candidate.title(arms),
                c.baseline.title(arms),
                f"{c.candidate_value:.3f}",
                f"{c.baseline_value:.3f}",
                _difference(c),
                "" if c.adjusted_p is None else f"{c.adjusted_p:.2g}",
                c.verdict_with_reason(),
                c.test,
                "" if c.whole_set else f"{c.difference.wins} / {c.difference.losses}",
                items,
                *(times(c.cost_ratio.get(name)) for name in costs),
            ]
        )
    return names, rows


def _difference(c: Comparison) -> str:
    low, high = c.interval or (None, None)
    if low is None or high is None:
        return points(c.value, c)
    return f"{points(c.value, c)} [{points(low, c)}, {points(high, c)}]"


def _claimed(comparisons: Sequence[Comparison]) -> tuple[list[str], list[list[str]]]:
    """The table with what each verdict holds for beside it, as a file has no line below that says it."""
    names, rows = table(comparisons)
    at = names.index("verdict") + 1
    for row, c in zip(rows, comparisons, strict=True):
        row.insert(at, HOLDS_FOR[c.claim])
    return [*names[:at], "for", *names[at:]], rows


def comparison_markdown(comparisons: Sequence[Comparison]) -> str:
    """A pipe table of adjusted comparisons, one row a candidate; differences in points."""
    return markdown(*_claimed(comparisons))


def comparison_latex(comparisons: Sequence[Comparison]) -> str:
    """A booktabs table of adjusted comparisons, one row a candidate; differences in points."""
    names, rows = _claimed(comparisons)
    cells = [[latex_text(cell) for cell in row] for row in rows]
    for row, c in zip(cells, comparisons, strict=True):
        row[names.index("difference [95 %]")] = f"${_difference(c)}$"
    return tabular([latex_text(name) for name in names], cells, TEXT_COLUMNS)


def comparison_csv(comparisons: Sequence[Comparison]) -> str:
    """One line a candidate, numbers in full and in the unit of the metric."""
    arms = arms_in(comparisons)
    rows: list[dict[str, Any]] = []
    for c in comparisons:
        low, high = c.interval or (None, None)
        rows.append(
            {
                "task": c.candidate.task,
                "metric": c.metric,
                "comparability_key": c.candidate.comparability_key,
                **_side("candidate", c.candidate, c.candidate_value, arms),
                **_side("baseline", c.baseline, c.baseline_value, arms),
                "difference": c.value,
                "ci_low": low,
                "ci_high": high,
                "claim": c.claim,
                "test": c.test,
                "p_value": c.p_value,
                "adjusted_p": c.adjusted_p,
                "verdict": c.verdict(),
                "items": c.matched,
                "wins": c.difference.wins,
                "losses": c.difference.losses,
                **{f"{name}_ratio": _or_unknown(c.cost_ratio.get(name)) for name in COSTS},
            }
        )
    return csv_text(rows)


def _side(name: str, arm: Arm, value: float, arms: Sequence[Arm]) -> dict[str, Any]:
    label = arm.label(arms)
    return {
        name: f"{arm.store}: {label}" if arm.store else label,
        f"{name}_model": arm.model,
        f"{name}_value": value,
        f"{name}_runs": " ".join(run[:12] for run in arm.run_ids),
    }


#: format of `harness compare --format` -> what writes it
WRITERS = {"markdown": comparison_markdown, "latex": comparison_latex, "csv": comparison_csv}
