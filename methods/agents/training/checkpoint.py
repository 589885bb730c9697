"""Checkpoints of a topology that learns: whole or not at all, the newest alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.methods.agents.topology import Learner

#: the rows of the curve so far, written last: what makes a checkpoint whole
ROWS = "rows.json"


def write(learner: Learner, rows: Sequence[dict[str, Any]], workspace: Path) -> None:
    """Keeps what was learned in `rows`, and drops what was kept before."""
    part = workspace / "checkpoint.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    learner.save(part)
    (part / ROWS).write_text(json.dumps(rows), "utf-8")
    kept = _all(workspace)
    part.rename(workspace / f"checkpoint-{rows[-1]['step']}")
    for old in kept:
        shutil.rmtree(old, ignore_errors=True)


def read(learner: Learner, workspace: Path) -> list[dict[str, Any]]:
    """Puts a learner where it was when the newest checkpoint was written.

    Returns:
        The rows of the curve up to there; none where there is no checkpoint.
    """
    kept = _all(workspace)
    if not kept:
        return []
    newest = max(kept, key=lambda path: int(path.name.rpartition("-")[2]))
    learner.load(newest)
    return list(json.loads((newest / ROWS).read_text("utf-8")))


def _all(workspace: Path) -> list[Path]:
    return [path for path in workspace.glob("checkpoint-*") if (path / ROWS).is_file()]
