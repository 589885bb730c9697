"""Comparisons as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from harness.comparison.arms import Arm, shown_keys
from harness.comparison.card import card_sentence
from harness.comparison.export import points, table
from harness.comparison.flips import Attempt, flips
from harness.comparison.paired import Comparison
from harness.comparison.sentences import claim, planned
from harness.comparison.suites import suite_sentence, suites
from harness.display.layout import Block, Line, Table

LONGEST = 400


def comparison_blocks(
    comparisons: Sequence[Comparison], arms: Sequence[Arm], by_key: bool = False, correction: str = "holm"
) -> list[Block]:
    """One row a candidate, then what else is to be said; `by_key`: a table for each key."""
    tables: dict[str, list[Comparison]] = {}
    for c in comparisons:
        tables.setdefault(c.candidate.comparability_key if by_key else "", []).append(c)
    blocks: list[Block] = []
    shown = shown_keys(rows[0].candidate for rows in tables.values())
    for (key, rows), named in zip(tables.items(), shown, strict=True):
        if by_key:
            given = ", ".join(f"{k}={v}" for k, v in named["task_args"].items())
            blocks.append(Line(f"comparability key {key[:12]} ({given})", "bold"))
        blocks.append(_table(rows, arms, correction))
    alike: dict[str, list[str]] = {}
    for c in comparisons:
        alike.setdefault("; ".join(notes(c, arms)), []).append(
            f"{c.candidate.task}, {c.candidate.title(arms)}"
        )
    blocks += [Line(f"{_all_or_named(names, len(comparisons))}: {said}") for said, names in alike.items()]
    return blocks + [Line(suite_sentence(same)) for same in ([] if by_key else suites(comparisons))]


def _all_or_named(names: Sequence[str], count: int) -> str:
    """The candidates of which the same is said."""
    return f"each of the {count} rows" if len(names) == count > 1 else "; ".join(names)


def _table(comparisons: Sequence[Comparison], arms: Sequence[Arm], correction: str) -> Table:
    names, rows = table(comparisons, arms, correction)
    p = names[6]
    return Table(
        names,
        rows,
        right=("cand.", "base.", "difference [95 %]", p, *names[9:]),
        titles=2,
        keep=("task", "candidate", "difference [95 %]", p, "verdict"),
        styles={"better": "green", "worse": "red"},
    )


def notes(c: Comparison, arms: Sequence[Arm] = ()) -> list[str]:
    """What else there is to say of a comparison, a sentence each."""
    lines = [claim(c, arms)]
    lines += [f"{c.metric}: lower is better"] if c.span.lower_is_better else []
    if c.whole_set:
        lines.append(f"{c.metric} is of the whole set: {c.test} over what each item adds to it")
    lines += [planned(c)] if planned(c) else []
    lines += c.warnings
    lines += _runs_vary(c)
    if c.probability_better is not None:
        lines.append(f"P(better) = {c.probability_better:.3f} by a Dirichlet posterior over the pairs")
    if c.checks:
        named = {"mcnemar_exact": "exact McNemar", "sign_flip": "sign-flip"}
        lines += [f"{named.get(name, name)} p = {p:.2g}" for name, p in c.checks.items()]
    if c.scored_only is not None:
        lines.append(f"over scored attempts alone: {points(c.scored_only.value, c)}")
    differs = card_sentence(c.candidate, c.baseline)
    lines += [differs] if differs else []
    return lines


def _runs_vary(c: Comparison) -> list[str]:
    """F of the runs of each side, where there are several."""
    shown = [
        f"the {side}'s F = {effect[0]:.1f} (p {effect[1]:.2g})"
        for side, effect in zip(("candidate", "baseline"), c.run_effects, strict=True)
        if effect is not None
    ]
    return [f"runs beside what their items explain: {', '.join(shown)}"] if shown else []


def flip_blocks(comparison: Comparison, arms: Sequence[Arm], limit: int) -> list[Block]:
    """The items that changed most, with what both sides said."""
    name, other = comparison.candidate.title(arms), comparison.baseline.title(arms)
    blocks: list[Block] = [Line(""), Line(f"{comparison.candidate.task}: {name} against {other}", "bold")]
    for flip in flips(comparison.candidate, comparison.baseline, comparison.metric, limit):
        scores = f"{flip.baseline_score:.3g} -> {flip.candidate_score:.3g}"
        blocks += [Line(""), Line(f"{flip.sample_id}  {scores}", "green" if flip.gain > 0 else "red")]
        blocks += [Line(f"  question: {_short(flip.question)}"), Line(f"  target: {_short(flip.target)}")]
        second = [f"{metric} {_scores(*both)}" for metric, both in flip.second_metrics.items()]
        blocks += [Line(f"  {', '.join(second)}")] if second else []
        for side, attempts in (("baseline", flip.baseline), ("candidate", flip.candidate)):
            blocks.append(Line(f"  {side}: {_attempt(attempts)}"))
    return blocks


def _attempt(attempts: list[Attempt]) -> str:
    first = attempts[0]
    more = f" (and {len(attempts) - 1} more attempts)" if len(attempts) > 1 else ""
    return f"[{first.status}] answer {first.answer!r}{more}: {_short(first.completion)}"


def _scores(baseline: float | None, candidate: float | None) -> str:
    shown = ["no score" if value is None else f"{value:.3g}" for value in (baseline, candidate)]
    return " -> ".join(shown)


def _short(text: str) -> str:
    """A text on one line, its head and its tail where it is long."""
    said = " ".join(text.split())
    return said if len(said) <= LONGEST else f"{said[: LONGEST // 2]} ... {said[-LONGEST // 2 :]}"
