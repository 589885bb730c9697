"""Records in other forms: the object of --json, Every Eval Ever, Markdown and LaTeX tables."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.base.errors import DECLINED
from harness.base.terminal import printable
from harness.results.attempts import TOKENS
from harness.results.ranges import metric_range
from harness.results.served import names_text

#: what LaTeX would take for a command
LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{sign: "\\" + sign for sign in "&%$#_{}"},
    }
)
#: what Markdown would take for a table's border, HTML, code or the target of a link
MARKDOWN = {"\\": "\\\\", "|": "\\|", "<": "&lt;", "`": "\\`", "](": "]\\("}


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A pipe table; cells are shown as they are, whatever they hold."""

    def safe(text: str) -> str:
        for sign, escaped in MARKDOWN.items():
            text = text.replace(sign, escaped)
        return printable(" ".join(text.split()))

    lines = ["| " + " | ".join(map(safe, columns)) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(map(safe, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


#: what a spreadsheet takes for the beginning of a formula, also in the width of Chinese and Japanese type
_FORMULA = tuple("=+-@|%\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?%?")


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same columns as CSV; empty without a row. Texts are as in `csv_cell`."""
    text = io.StringIO()
    if rows:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(map(csv_cell, rows[0]))
        writer.writerows(map(csv_cell, row.values()) for row in rows)
    return text.getvalue()


def csv_cell(value: Any) -> Any:
    """A value for a cell of CSV. A text is `printable`, and one that a spreadsheet would compute (`=1+1`,
    `@SUM(A1)`) has a `'` before it, with which spreadsheets mark text."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    computed = text.lstrip().startswith(_FORMULA) and len(text) > 1 and not _NUMBER.fullmatch(text)
    return f"'{text}" if computed else text


def latex(columns: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int) -> str:
    """A booktabs table of cells that are shown as they are: the first `text_columns` flush left, the rest
    flush right."""
    return tabular(
        [latex_text(name) for name in columns],
        [[latex_text(cell) for cell in row] for row in rows],
        text_columns,
    )


def latex_text(text: str) -> str:
    """Text that LaTeX shows as it is, on one line."""
    return printable(" ".join(text.split())).translate(LATEX)


def tabular(columns: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int) -> str:
    """A booktabs table of cells that are LaTeX already."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(cells) + r" \\"

    return (
        "\n".join(
            [
                r"\begin{tabular}{" + "l" * text_columns + "r" * (len(columns) - text_columns) + "}",
                r"\toprule",
                line(columns),
                r"\midrule",
                *map(line, rows),
                r"\bottomrule",
                r"\end{tabular}",
            ]
        )
        + "\n"
    )


#: statuses of attempts that have no score of their own
WITHOUT_SCORE = ("unscored", "error", *DECLINED)


def run_object(record: Mapping[str, Any]) -> dict[str, Any]:
    """A run as `harness eval --json` prints it."""
    usage, volatile = record["usage"], record["volatile"]
    metrics = {
        name: {
            key: metric[key]
            for key in (
                "value",
                "stderr",
                "ci",
                "ci_method",
                "rerun_stderr",
                "n_clusters",
                "scored_only",
                "n_items",
            )
            if key in ("value", "stderr", "ci", "ci_method") or metric.get(key) is not None
        }
        for name, metric in record["metrics"].items()
    }
    counts = {
        key: record["counts"].get(key, 0)
        for key in (
            *("ok", "unscored", "error", *DECLINED, "no_answer", "truncated"),
            *("user_failed", "grader_failed", "user_retries", "judge_errors"),
        )
    }
    return {
        "run_id": record["run_id"],
        "status": record["status"],
        "task": record["task"]["name"],
        "task_version": record["task"]["version"],
        "method": record["method"]["name"],
        "method_version": record["method"]["version"],
        "model": record["model"],
        "seed": record["seed"],
        "n_items": record["n_items"],
        "epochs": record["epochs"],
        "counts": counts,
        "reasons": record.get("reasons"),
        "primary": record["primary"],
        "metrics": metrics,
        "usage": {
            "calls": usage["calls"],
            "cache_hits": volatile["cache_hits"],
            **{name: usage.get(name) for name in TOKENS if name != "calls"},
            "cost_usd": usage["cost_usd"],
            "unreported": usage.get("unreported", 0),
            "estimated": usage.get("estimated", 0),
            "paid_usd": volatile.get("paid_usd"),
            "wall_s": volatile["wall_s"],
            **({"by_purpose": usage["by_purpose"]} if "by_purpose" in usage else {}),
        },
        "data_access": record["data_access"],
        "served": record.get("served"),
        "isolated": bool(record.get("isolated")),
        "draws": record["draws"],
        "draw_digest": record.get("draw_digest"),
        "comparability_key": record["comparability_key"],
        "reused": bool(record.get("reused")),
        "record": record["record"],
        "samples": record["samples_path"],
        **{key: record[key] for key in ("curve", "measures") if record.get(key)},
    }


def every_eval_ever(record: Mapping[str, Any]) -> dict[str, Any]:
    """A run in the form of Every Eval Ever, schema 0.3.0: ids are names and time stamps there, and
    extra values must be strings."""
    metrics = []
    for name, metric in record["metrics"].items():
        uncertainty: dict[str, Any] = {"num_samples": metric.get("n_items") or record["n_items"]}
        if metric["stderr"] is not None:
            uncertainty["standard_error"] = {"value": metric["stderr"]}
        if metric["ci"]:
            uncertainty["confidence_interval"] = {
                "lower": metric["ci"][0],
                "upper": metric["ci"][1],
                "confidence_level": 0.95,
                "method": metric["ci_method"],
            }
        span = metric_range(record, name)
        metrics.append(
            {
                "evaluation_name": f"{record['task']['name']}/{name}",
                "metric_config": {
                    "metric_id": name,
                    "lower_is_better": span.lower_is_better,
                    "min_score": span.low if math.isfinite(span.low) else None,
                    "max_score": span.high if math.isfinite(span.high) else None,
                    "score_type": "continuous",
                },
                "score_details": {"score": metric["value"], "uncertainty": uncertainty},
                "generation_config": {
                    "additional_details": {k: str(v) for k, v in record["subject"]["decoding"].items()}
                },
            }
        )
    return {
        "schema_version": "0.3.0",
        "evaluation_id": f"{record['task']['name']}/{record['model']}/{record['run_id'][:12]}",
        "retrieved_timestamp": record["created_at"],
        "source_metadata": {
            "source_type": "evaluation_run",
            "source_organization_name": "harness",
            "evaluator_relationship": "third_party",
        },
        "eval_library": {
            "name": "harness",
            "version": record["environment"]["harness"],
            "additional_details": {
                "method": record["method"]["name"],
                "run_id": record["run_id"],
                **{name: str(n) for name in WITHOUT_SCORE if (n := record["counts"].get(name, 0))},
            },
        },
        "model_info": {
            "name": record["model"],
            "id": record["model"],
            "additional_details": {
                "revision": record["model_revision"],
                **({"served": served} if (served := names_text(record)) else {}),
            },
        },
        "evaluation_results": metrics,
    }
