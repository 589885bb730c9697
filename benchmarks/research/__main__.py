"""Runs the methods of research on generated worlds with `sim/reader`, and one of them under many budgets, and
writes tables and pictures.

    python -m benchmarks.research [--out results/published/research] [--seeds 10] [--items 48]

What ran before is found in the store, and a stopped experiment goes on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.research.report import written
from benchmarks.research.surface import section, swept
from harness import evaluate

METHODS = (
    "no-search",
    "rag",
    "plan-search-write",
    "react-search",
    "ircot",
    "parallel-verify",
    "oracle-documents",
)
#: of every method: what a fair comparison holds equal
BUDGETS = {"reasoning": 2048, "searches": 6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/published/research"))
    parser.add_argument("--store", type=Path, default=Path("results/research"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--items", type=int, default=48)
    given = parser.parse_args()
    rows = []
    for method in METHODS:
        dials = {
            name: value
            for name, value in BUDGETS.items()
            if name == "reasoning" or method not in ("no-search", "rag", "oracle-documents")
        }
        runs = evaluate(
            task="research/synthetic",
            method=method,
            model="sim/reader",
            task_args={"items": given.items},
            method_args=dials,
            seeds=given.seeds,
            store=str(given.store),
            transcripts=False,
            progress=False,
        )
        rows += [_row(method, record) for record in runs.records]
    given.out.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    (given.out / "runs.jsonl").write_text(lines, "utf-8")
    surface = section(swept(given.store, given.seeds, given.items), given.out)
    written(rows, given.out, given.seeds, given.items, surface)


def _row(method: str, record: dict[str, object]) -> dict[str, object]:
    """What the report needs of a run."""
    metrics: dict[str, dict[str, float]] = record["metrics"]  # type: ignore[assignment]
    measures: dict[str, dict[str, float]] = record["measures"]  # type: ignore[assignment]
    usage: dict[str, object] = record["usage"]  # type: ignore[assignment]
    return {
        "method": method,
        "seed": record["seed"],
        "metrics": {name: found["value"] for name, found in metrics.items()},
        "measures": {name: found["mean"] for name, found in measures.items()},
        "calls": usage["calls"],
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"],
        "result_digest": record["result_digest"],
    }


if __name__ == "__main__":
    main()
