"""The installed official package, reached through workers."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

from harness.external.workers import Pool, pool

SCRIPT = Path(__file__).with_name("checker.py")


#: workers that mostly wait for the web
WAITING = 8


def workers(packages: Path, waiting: bool = False) -> Pool:
    """The workers of this process for an installed package: one a core, or more if they mostly wait."""
    return pool(SCRIPT, packages, size=WAITING) if waiting else pool(SCRIPT, packages)


def verify(packages: Path) -> None:
    """The fixture: played answers must be right, empty ones wrong, and right ones right again.

    Raises:
        ValueError: a count or a verdict differs.
    """
    made = Pool(SCRIPT, packages, 1)
    try:
        for category, size, mode, play in (
            ("simple_python", 400, "fc", _native_calls),
            ("multi_turn_base", 200, "prompt", _written_turns),
        ):
            rows = made.one().ask({"do": "load", "category": category})
            if len(rows) != size:
                raise ValueError(f"{category} has {len(rows)} entries instead of {size}")
            row, played = next((row, play(row["truth"])) for row in rows if play(row["truth"]))
            for result, wanted in ((played, True), ([[] for _ in row["turns"]], False), (played, True)):
                found = made.one().ask(
                    {"do": "score", "category": category, "id": row["id"], "mode": mode, "result": result}
                )
                if found["valid"] != wanted:
                    raise ValueError(f"{row['id']} is graded {found}, not {wanted}")
    finally:
        made.close()


def _native_calls(truth: Any) -> Any:
    """Calls with the first accepted value of every argument that may not be left out."""
    return [
        {name: json.dumps({key: values[0] for key, values in arguments.items() if "" not in values})}
        for call in truth
        for name, arguments in call.items()
    ]


def _written_turns(truth: Any) -> Any:
    """One step a turn, written as prompted models write calls; None where arguments have no names, which
    that way of writing loses."""
    calls = [ast.parse(call, mode="eval").body for turn in truth for call in turn]
    if any(isinstance(call, ast.Call) and call.args for call in calls):
        return None
    return [[f"[{', '.join(turn)}]"] if turn else [] for turn in truth]
