"""The rows of the board as CSV, Markdown, LaTeX, and the runs behind them as Every Eval Ever JSON."""

from __future__ import annotations

from typing import Any

from harness.base.errors import DECLINED
from harness.base.terminal import json_text, printable
from harness.leaderboard.board import Board, Entry, Section
from harness.results.export import csv_text, every_eval_ever, latex, markdown

SHOWN = (
    "method",
    "model",
    "value",
    "95 % interval",
    "rank",
    "items",
    "runs",
    "calls",
    "tokens",
    "USD",
    "labels",
    "no answer",
    "unscored",
    "error",
    "refused",
    "status",
)
TEXT_COLUMNS = 2
#: what an attempt takes, in the CSV
PER_ATTEMPT = ("calls_per_attempt", "tokens_per_attempt", "usd_per_attempt")
#: added where a row of the table was trained with a validation split
VALIDATION = ("validation (not test), last", "validation (not test), peak")


def tables(board: Board) -> dict[str, str]:
    """File name -> content. Rows of different comparability keys are never in one table, but for the
    CSV, where the key is a column."""
    return {
        "leaderboard.csv": as_csv(board),
        "leaderboard.md": as_markdown(board),
        "leaderboard.tex": as_latex(board),
        "every_eval_ever.jsonl": "".join(
            json_text(every_eval_ever(record), sort_keys=True) + "\n" for record in board.held.records
        ),
    }


def as_csv(board: Board) -> str:
    """One line a row, numbers in full; `?` where it is unknown what an attempt takes."""
    rows = [_flat(section, entry) for section in board.sections for entry in section.entries]
    if any(entry.validation for entry in board.entries):
        for row, entry in zip(rows, board.entries, strict=True):
            found = entry.validation
            row |= {
                "validation_last": found and found.last,
                "validation_peak": found and found.peak,
                "validation_peak_steps": " ".join(map(str, found.peak_steps)) if found else "",
            }
    for row in rows:
        row |= {name: "?" for name in PER_ATTEMPT if row[name] is None}
    return csv_text(rows)


def as_markdown(board: Board) -> str:
    """One table a section under its name."""
    parts = []
    for section in board.sections:
        heading = markdown_line(f"## {_name(section)}")
        parts.append(
            f"{heading}\n\nkey `{section.key[:12]}`, {markdown_line(section.metric_title)}\n\n"
            + markdown(*_table(section))
        )
    return "\n".join(parts)


def markdown_line(text: str) -> str:
    return markdown((text,), ()).splitlines()[0][2:-2]


def as_latex(board: Board) -> str:
    """One booktabs table a section, its name as a comment."""
    parts = []
    for section in board.sections:
        said = f"{_name(section)}, key {section.key[:12]}, {section.metric_title}"
        parts.append(f"% {printable(' '.join(said.split()))}\n" + latex(*_table(section), TEXT_COLUMNS))
    return "\n".join(parts)


def _name(section: Section) -> str:
    return f"{section.task} ({section.title})" if section.title else section.task


def _status(entry: Entry) -> str:
    if entry.stopped:
        return "stopped"
    return "simulated" if entry.simulated else "ceiling" if entry.ceiling else "complete"


def _table(section: Section) -> tuple[list[str], list[list[str]]]:
    """Column names and rows, with the validation scores last where there are any."""
    rows = [_cells(entry) for entry in section.entries]
    if not any(entry.validation for entry in section.entries):
        return list(SHOWN), rows
    for row, entry in zip(rows, section.entries, strict=True):
        found = entry.validation
        row += [f"{found.last:.3f}", f"{found.peak:.3f} (step {found.at})"] if found else ["", ""]
    return [*SHOWN, *VALIDATION], rows


def _cells(entry: Entry) -> list[str]:
    """A row as people read it: as on the pages."""
    from harness.leaderboard.pages import amount, rank

    name = f"{entry.arm.method} ({entry.variant})" if entry.variant else entry.arm.method
    return [
        name,
        entry.arm.model,
        "" if entry.value is None else f"{entry.value:.3f}",
        f"[{entry.ci[0]:.3f}, {entry.ci[1]:.3f}]" if entry.ci else "",
        rank(entry.rank) if entry.rank else "",
        str(entry.arm.runs[0]["n_items"]),
        str(len(entry.arm.runs)),
        amount(entry.arm.usage("calls")),
        amount(entry.tokens, entry.arm.estimated),
        amount(entry.arm.usage("cost_usd"), entry.arm.estimated),
        str(entry.access("labels_seen")),
        str(entry.count("no_answer")),
        str(entry.count("unscored")),
        str(entry.count("error")),
        str(entry.declined),
        _status(entry),
    ]


def _flat(section: Section, entry: Entry) -> dict[str, Any]:
    first = entry.arm.runs[0]
    low, high = entry.ci or (None, None)
    best, worst = entry.rank or (None, None)
    return {
        "task": section.task,
        "task_version": first["task_version"],
        "key": section.title,
        "method": entry.arm.method,
        "method_version": first["method_version"],
        "variant": entry.variant,
        "model": entry.arm.model,
        "metric": section.metric,
        "value": entry.value,
        "ci_low": low,
        "ci_high": high,
        "ci_method": entry.ci_method,
        "scored_only": entry.scored_only,
        "rank_low": best,
        "rank_high": worst,
        "n_items": first["n_items"],
        "runs": len(entry.arm.runs),
        **{
            name: entry.count(name)
            for name in ("attempts", "no_answer", "unscored", "error", *DECLINED, "truncated")
        },
        "calls_per_attempt": entry.arm.usage("calls"),
        "tokens_per_attempt": entry.tokens,
        "usd_per_attempt": entry.arm.usage("cost_usd"),
        "estimated": entry.arm.estimated,
        "labels_seen": entry.access("labels_seen"),
        "pool_size": entry.access("pool_size"),
        "isolated": all(run.get("isolated", False) for run in entry.arm.runs),
        "status": _status(entry),
        "comparability_key": section.key,
        "subject_key": entry.arm.subject_key,
        "run_ids": " ".join(entry.arm.run_ids),
    }
