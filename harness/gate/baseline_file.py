"""The file of a baseline, typed: what is in it may come from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from harness.base.errors import RecordError
from harness.base.files import read_json, readable
from harness.results.parts import Open

SCHEMA = 1


class NamedRun(Open):
    """A run of a baseline: where its record lies in the store, and what was in it."""

    record: str
    result_digest: str


class NamedArm(Open):
    """The runs of one subject, with what they came to when the baseline was set."""

    task: str
    method: str
    model: str
    metric: str
    value: float
    rerun_stderr: float | None
    runs: list[NamedRun]


class BaselineFile(Open):
    schema_: int = Field(alias="schema", ge=1)
    name: str
    created_at: str
    arms: list[NamedArm]


def read_document(path: Path) -> dict[str, Any]:
    """The content of a baseline's file.

    Raises:
        RecordError: it can't be read, is no baseline, or one of a newer version.
    """
    with readable(path):
        found = read_json(path)
    schema = found.get("schema") if isinstance(found, dict) else None
    if type(schema) is int and schema > SCHEMA:
        raise RecordError(f"{path} has schema {schema}; this harness reads up to {SCHEMA}: upgrade it")
    try:
        BaselineFile.model_validate(found)
    except ValueError as error:
        said = " ".join(str(error).splitlines()[1:3])
        raise RecordError(f"{path} is not a baseline ({' '.join(said.split())[:200]})") from None
    document: dict[str, Any] = found
    return document
