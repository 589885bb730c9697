"""The plan of `--dry-run` as a table, with what all its cells take together."""

from __future__ import annotations

from typing import Any

from harness.base.terminal import say
from harness.display.layout import print_table
from harness.run.estimate import RULE, Estimate


def _calls(row: dict[str, Any]) -> str:
    if row["calls"] is None:
        return "?"
    return f"{'at least ' if row['calls_are_at_least'] else ''}{row['calls']}"


def _range(ends: list[float] | None, form: str) -> str:
    """`800-51200`; one number where both ends are the same, `?` where they aren't known."""
    if ends is None:
        return "?"
    low, high = (format(end, form) for end in ends)
    return low if low == high else f"{low}-{high}"


def _at_least(row: dict[str, Any], shown: str) -> str:
    """`at least shown` where the tokens of the row are a lower bound."""
    return f"at least {shown}" if row["tokens_are_at_least"] and shown != "?" else shown


def print_plan(rows: list[dict[str, Any]], total: Estimate, uses: list[Estimate]) -> None:
    """Prints the rows of the plan, `total` and what the numbers mean; `uses` are those of the rows."""
    names = (
        *("cell", "items", "epochs", "calls", "tokens in", "tokens out", "USD"),
        *("detects", f"for {_effect(rows)}"),
    )
    made = []
    for row in rows:
        if "error" in row:
            continue
        made.append(
            [
                row["cell"],
                *map(
                    str,
                    (
                        row["items"],
                        row["epochs"],
                        _calls(row),
                        _at_least(row, "?" if row["input_tokens"] is None else str(row["input_tokens"])),
                        _range(row["output_tokens"], "d"),
                        _at_least(row, _range(row["cost_usd"], ".3g")),
                        _detected(row["smallest_detectable_difference"]),
                        _needed(row),
                    ),
                ),
            ]
        )
    if made:
        print_table(names, made, right=names[1:], keep=names)
    for row in rows:
        if "error" in row:
            say(f"{row['cell']}: {row['error']}")
    unknown = sum("calls" in row and row["calls"] is None for row in rows)
    dialogues = any(row.get("calls_are_at_least") for row in rows)
    about = "at least" if dialogues or unknown else "about"
    say(
        f"{len(rows)} cell{'' if len(rows) == 1 else 's'}, {about} {total.calls} "
        f"calls on a cold cache{': a dialogue has one for every action' if dialogues else ''}."
        + (f" For {unknown} of them ('?') the method doesn't say." if unknown else "")
    )
    for line in _totals(total, uses, dialogues):
        say(line)
    if total.input_tokens is not None:
        say(RULE)
    say(
        "detects: the smallest difference seen with 80 % power at a two-sided level of 5 %; "
        "'harness power' plans with other numbers."
    )
    if any(row.get("of_these_runs") for row in rows):
        say(
            "One seed of a method that draws says nothing about another: what it detects is for new items on "
            "these runs only."
        )
    for line in dict.fromkeys(line for row in rows for line in row.get("noise", ())):
        say(f"noise of {line}")


def _effect(rows: list[dict[str, Any]]) -> str:
    """`2 points`, the difference that is wanted."""
    wanted = next((row["effect"] for row in rows if "effect" in row), 0)
    return f"{100 * wanted:g} points"


def _detected(difference: float | None) -> str:
    return "nothing" if difference is None else f"{100 * difference:.1f} points"


def _needed(row: dict[str, Any]) -> str:
    """What the wanted difference needs: `7 seeds`, `4 epochs`, or something else than more of these."""
    for name in ("seeds", "epochs"):
        if row[f"{name}_needed"] is not None:
            return f"{row[f'{name}_needed']} {name}"
    return "more items"


def _totals(total: Estimate, uses: list[Estimate], dialogues: bool) -> list[str]:
    """What all cells take together, and what is left out of it."""
    if total.input_tokens is None:
        why = "a dialogue grows with every action" if dialogues else "the method doesn't say how much it asks"
        return [f"Tokens and USD aren't known before: {why}."] if uses else []
    found = total.as_dict()
    least = "at least " if total.at_least else ""
    tokens = f"{least}{total.input_tokens} tokens in and {_range(found['output_tokens'], 'd')} out"
    if not total.unpriced:
        lines = [f"In all {tokens}, {least}{_range(found['cost_usd'], '.3g')} USD."]
    else:
        names = ", ".join(total.unpriced)
        rest = (
            f"at least {_range(found['cost_usd'], '.3g')} USD without them"
            if total.cost_usd
            else "USD unknown"
        )
        lines = [
            f"In all {tokens}; no price is known of {names}: {rest}. "
            '[prices."MODEL"] in harness.toml gives one.'
        ]
    added = sum(each.at_least for each in uses)
    if added:
        lines.append(
            f"at least: what the method of {added} cell{'' if added == 1 else 's'} adds to the task's "
            "prompt, such as demonstrations from a pool, isn't known before."
        )
    return lines
