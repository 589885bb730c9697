"""Comparisons as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.compare.arms import Arm
from harness.compare.flips import Attempt, flips
from harness.compare.paired import Comparison, over_suite, suites

LONGEST = 400


def points(value: float, comparison: Comparison) -> str:
    """A difference with its sign: in points where the metric lies between 0 and 1."""
    return f"{comparison.scale * value:+.1f}"


def print_comparisons(comparisons: Sequence[Comparison], arms: Sequence[Arm], by_key: bool = False) -> None:
    """One row a candidate, then what else is to be said; `by_key`: a table for each key."""
    from rich.console import Console
    from rich.text import Text

    console = Console(width=None if Console().is_terminal else 220)
    tables: dict[str, list[Comparison]] = {}
    for c in comparisons:
        tables.setdefault(c.candidate.comparability_key if by_key else "", []).append(c)
    for key, table in tables.items():
        if by_key:
            given = ", ".join(f"{k}={v}" for k, v in table[0].candidate.comparability["task_args"].items())
            console.print(Text(f"comparability key {key[:12]} ({given})", "bold"))
        console.print(_table(table, arms))
    for c in comparisons:
        for line in notes(c):
            console.print(Text(f"{c.candidate.task}, {c.candidate.named(arms)}: {line}"), soft_wrap=True)
    for same in [] if by_key else suites(comparisons):
        console.print(Text(suite_line(same)), soft_wrap=True)


def _table(comparisons: Sequence[Comparison], arms: Sequence[Arm]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    left = ("task", "candidate", "baseline", "verdict", "test")
    columns = ("task", "candidate", "baseline", "cand.", "base.", "difference [95 %]", "p (Holm)", "test",
               "won / lost", "items", "calls", "tokens", "USD", "verdict")  # fmt: skip
    for name in columns:
        table.add_column(Text(name), justify="left" if name in left else "right",
                         no_wrap=name in ("difference [95 %]", "won / lost"))  # fmt: skip
    for c in comparisons:
        low, high = c.difference.ci or (None, None)
        shown = points(c.difference.value, c)
        if low is not None and high is not None:
            shown += f" [{points(low, c)}, {points(high, c)}]"
        items = str(c.matched)
        if c.only_candidate or c.only_baseline:
            items += f" (+{c.only_candidate} / +{c.only_baseline})"
        row = [c.candidate.task, c.candidate.named(arms), c.baseline.named(arms),
               f"{c.candidate_value:.3f}", f"{c.baseline_value:.3f}", shown, f"{c.adjusted_p:.2g}", c.test,
               f"{c.difference.wins} / {c.difference.losses}", items,
               *map(times, c.cost_ratio.values())]  # fmt: skip
        style = {"better": "green", "worse": "red"}.get(c.verdict(), "")
        table.add_row(*map(Text, row), Text(c.verdict(), style))
    return table


def suite_line(comparisons: Sequence[Comparison]) -> str:
    """The mean difference over several tasks, in one line."""
    found, first = over_suite(comparisons), comparisons[0]
    low, high = found.ci or found.bootstrap_ci
    p = found.permutation_p if found.p_value is None else found.p_value
    return (f"over {found.n_tasks} tasks, {first.candidate.method} x {first.candidate.model} - "
            f"{first.baseline.method} x {first.baseline.model}: {points(found.value, first)} "
            f"[{points(low, first)}, {points(high, first)}], p = {p:.2g}, "
            f"sign-flip p = {found.permutation_p:.2g}")  # fmt: skip


def times(ratio: float | None) -> str:
    """A cost ratio: `8.0x`, or `?` where a side is unknown or free."""
    return "?" if ratio is None else f"{ratio:.3g}x"


def notes(c: Comparison) -> list[str]:
    """What else there is to say of a comparison, a sentence each."""
    lines = list(c.warnings)
    if c.probability_better is not None:
        lines.append(f"P(better) = {c.probability_better:.3f}, from a Dirichlet posterior over the pairs")
    if c.checks:
        shown = ", ".join(f"{name.replace('_', ' ')} p = {p:.2g}" for name, p in c.checks.items())
        lines.append(f"also tested: {shown}")
    if c.scored_only is not None:
        lines.append(f"over scored attempts alone: {points(c.scored_only.value, c)}")
    if c.seeds is not None:
        lines.append(c.seeds.sentence(c.scale))
    return lines


def print_flips(comparison: Comparison, arms: Sequence[Arm], limit: int) -> None:
    """The items that changed most, with what both sides said."""
    from rich.console import Console
    from rich.text import Text

    console = Console(width=None if Console().is_terminal else 160)
    name, other = comparison.candidate.named(arms), comparison.baseline.named(arms)
    found = flips(comparison.candidate, comparison.baseline, comparison.metric, limit)
    console.print(Text(f"\n{comparison.candidate.task}: {name} against {other}", "bold"))
    for flip in found:
        console.print(Text(f"\n{flip.sample_id}  {flip.baseline_score:.3g} -> {flip.candidate_score:.3g}",
                           "green" if flip.change > 0 else "red"))  # fmt: skip
        for side, attempts in (("baseline", flip.baseline), ("candidate", flip.candidate)):
            console.print(Text(f"  {side}: {_attempt(attempts)}"), soft_wrap=True)


def _attempt(attempts: list[Attempt]) -> str:
    first = attempts[0]
    more = f" (and {len(attempts) - 1} more attempts)" if len(attempts) > 1 else ""
    said: Any = " ".join(first.completion.split())
    if len(said) > LONGEST:
        said = f"{said[: LONGEST // 2]} ... {said[-LONGEST // 2 :]}"
    printable = "".join(c if c.isprintable() else "\ufffd" for c in said)
    return f"[{first.status}] answer {first.answer!r}{more}: {printable}"
