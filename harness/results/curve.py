"""Learning curves, sealed as rows next to the attempts.

`curve.v1.schema.json` beside this file is the published JSON Schema of a row. A record names its curve's
file, rows and digest; records without one are as valid. Scores of a curve are of a validation split and
never of the test items. More of a score or a reward is better, whatever the metric of the test: they are
what `job.training.reward` gives, shares of the metric's range.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.base.digest import canonical_json
from harness.base.errors import RecordError, reason_of
from harness.learning_curve import Rows, checked

VERSION = 1
FILE = "curve.jsonl"
#: what may differ between two executions of the same training
VOLATILE = ("wall_s",)


def sealed(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], bytes]:
    """What the record says of a curve, and the content of its file.

    Raises:
        ValueError: as `checked`.
    """
    kept = checked(rows)
    lines = b"".join(canonical_json(row).encode() + b"\n" for row in kept)
    return {"version": VERSION, "file": FILE, **_facts(kept)}, lines


def _facts(rows: Rows) -> dict[str, Any]:
    """What a record repeats of its curve: `dev_peak` is the first step with the largest value."""
    hasher = hashlib.sha256()
    for row in rows:
        lasting = {name: value for name, value in row.items() if name not in VOLATILE}
        hasher.update(canonical_json(lasting).encode() + b"\n")
    measured = [{"step": row["step"], "value": row["dev"]} for row in rows if "dev" in row]
    peak = max(measured, key=lambda point: point["value"], default=None)
    return {
        "rows": len(rows),
        "digest": hasher.hexdigest(),
        "dev_last": measured[-1] if measured else None,
        "dev_peak": peak,
    }


def read_curve(record: Mapping[str, Any]) -> Rows:
    """The learning curve of a record (or of a row of the index), verified; empty where it has none.

    Raises:
        RecordError: the file is missing, broken, or not the one that was sealed.
    """
    named = record.get("curve")
    if not named:
        return []
    path = Path(record["record"]).parent / named["file"]
    try:
        rows = checked(json.loads(line) for line in path.read_text("utf-8").splitlines())
    except (OSError, ValueError, TypeError) as error:
        raise RecordError(f"{path} can't be read: {reason_of(error)}") from None
    found = _facts(rows)
    if any(found[name] != named[name] for name in found):
        raise RecordError(f"{path} was changed after it was sealed; restore it or remove the run")
    return rows
