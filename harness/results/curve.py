"""Learning curves: what a `fit` tells of each of its steps, sealed as rows beside the attempts.

`curve.v1.schema.json` beside this file is the published JSON Schema of a row. A record names its curve's
file, rows and digest; records without one are as valid. Scores of a curve are of a validation split and
never of the test items. More of a score or a reward is better, whatever the metric of the test: they are
what `job.training.reward` gives, shares of the metric's range.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.base.digest import canonical_json
from harness.base.errors import RecordError

VERSION = 1
FILE = "curve.jsonl"
#: what may differ between two executions of the same training
VOLATILE = ("wall_s",)
#: numbers that only grow, because they count from the start
GROWING = ("rollouts", "tokens", "flops", "wall_s")

Rows = list[dict[str, Any]]


class Point(BaseModel):
    """One step of a training. Counts are from the start to the end of the step; what isn't known is
    left out."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)

    step: int = Field(ge=0, description="0 is before training")
    rollouts: int | None = Field(None, ge=0, description="responses drawn, discarded ones included")
    tokens: int | None = Field(None, ge=0, description="read and written, without measuring on dev")
    flops: float | None = Field(None, ge=0, description="operations of training, without measuring on dev")
    wall_s: float | None = Field(None, ge=0, description="seconds, without measuring on dev")
    reward: float | None = Field(None, description="mean reward of what the step trained on")
    dev: float | None = Field(None, description="score on the validation split, where measured")
    difficulty: float | None = Field(None, description="mean difficulty of the problems chosen")
    entropy: float | None = Field(None, description="of the curriculum's choice, in nats")


def json_schema() -> dict[str, Any]:
    """The published JSON Schema of a row."""
    return Point.model_json_schema()


def checked(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """The rows of a curve without what is None.

    Raises:
        ValueError: a row isn't a `Point`, steps don't rise, or a count falls.
    """
    kept: Rows = []
    for number, row in enumerate(rows):
        try:
            found = Point.model_validate(dict(row)).model_dump(exclude_none=True)
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"row {number}: {first['loc'][0]}: {first['msg'].lower()}") from None
        if kept and found["step"] <= kept[-1]["step"]:
            raise ValueError(f"row {number}: step {found['step']} doesn't follow {kept[-1]['step']}")
        for name in GROWING:
            if kept and found.get(name, 0) < kept[-1].get(name, 0):
                raise ValueError(f"row {number}: {name} falls from {kept[-1][name]} to {found.get(name)}")
        kept.append(found)
    return kept


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
        raise RecordError(f"{path} can't be read: {str(error).splitlines()[0]}") from None
    found = _facts(rows)
    if any(found[name] != named[name] for name in found):
        raise RecordError(f"{path} was changed after it was sealed; restore it or remove the run")
    return rows
