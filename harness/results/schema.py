"""The run record, version 1. A newer version is refused, an older one is migrated by `MIGRATIONS`.

`run.v1.schema.json` beside this file is the published JSON Schema of these classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.base.digest import digest
from harness.base.errors import RecordError

SCHEMA = 1
#: what may differ between two executions of the same run and is left out of `result_digest`
VOLATILE = ("created_at", "wall_s", "environment", "command", "attempt", "result_digest", "volatile")
#: version -> function from a record of that version to one of the next
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Counts(Strict):
    """Attempts by what became of them; ok + unscored + error = attempts."""

    attempts: int = Field(ge=0)
    ok: int = Field(ge=0)
    unscored: int = Field(ge=0)
    error: int = Field(ge=0)
    no_answer: int = Field(ge=0, description="ok, but the completion held no answer: counted wrong")
    truncated: int = Field(ge=0, description="cut off by a token limit")
    user_failed: int = Field(0, ge=0, description="unscored, as the simulated user failed")
    user_retries: int = Field(0, ge=0, description="turns of simulated users that were asked for again")


class Metric(Strict):
    """A mean over items: unscored and failed attempts count as 0."""

    value: float
    stderr: float | None
    ci: tuple[float, float] | None
    ci_method: str
    df: float | None = None
    rerun_stderr: float | None = None
    n_clusters: int | None = None
    scored_only: float | None = Field(None, description="mean over scored attempts, where it differs")
    n_items: int | None = Field(None, description="items of the category that it is the mean of")


class Named(Strict):
    name: str
    version: str
    distribution: str = ""
    args: dict[str, Any] = {}


class Samples(Strict):
    file: str
    rows: int
    digest: str = Field(description="SHA-256 over the canonical JSON of the rows in order")


class Measured(Strict):
    step: int
    value: float


class Curve(Strict):
    """The learning curve of a method that trains, in a file beside the record."""

    version: Literal[1] = Field(description="of the rows: curve.v1.schema.json")
    file: str
    rows: int
    digest: str = Field(description="SHA-256 over the canonical JSON of the rows, without seconds")
    dev_last: Measured | None = Field(None, description="the last score on the validation split")
    dev_peak: Measured | None = Field(None, description="its largest score, at the first step that has it")


class RunRecord(Strict):
    """One immutable record of a (task, method, model, seed) run."""

    schema_: int = Field(SCHEMA, alias="schema")
    kind: Literal["run"] = "run"
    run_id: str
    attempt: int = Field(ge=1)
    status: Literal["complete", "stopped", "retracted"]
    reason: str | None = Field(None, description="why it stopped, was corrected or was retracted")
    created_at: str
    task: Named
    method: Named
    model: str
    model_revision: str
    seed: int
    epochs: int
    n_items: int = Field(ge=0)
    primary: str
    metric_limits: dict[str, float]
    metrics: dict[str, Metric]
    counts: Counts
    usage: dict[str, Any] = Field(description="logical use: as on a cold cache")
    volatile: dict[str, Any] = Field(description="what this execution really paid and took")
    known_broken: list[str] = Field(
        [], description="items that are broken upstream; metrics '[without known-broken]' leave them out"
    )
    data: list[dict[str, Any]]
    licence: str = ""
    canary: str = ""
    data_access: dict[str, int]
    comparability: dict[str, Any]
    comparability_key: str
    subject: dict[str, Any]
    subject_key: str
    samples: Samples
    curve: Curve | None = Field(None, description="absent where the method tells no learning curve")
    environment: dict[str, Any]
    command: str = ""
    supersedes: str | None = Field(None, description="the run that this record corrects or retracts")
    result_digest: str

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


def json_schema() -> dict[str, Any]:
    """The published JSON Schema."""
    return RunRecord.model_json_schema(by_alias=True)


def result_digest(record: Mapping[str, Any]) -> str:
    """The hash of a record without what is volatile; `samples.digest` ties the attempts to it."""
    return digest({key: value for key, value in record.items() if key not in VOLATILE})


def check(found: Any, where: str) -> dict[str, Any]:
    """A record that may be trusted, migrated to the present schema.

    Raises:
        RecordError: not a record, of a newer schema, edited by hand, or breaking an invariant.
    """
    if not isinstance(found, dict) or not isinstance(found.get("schema"), int):
        raise RecordError(f"{where} is not a run record")
    record: dict[str, Any] = found
    if record["schema"] > SCHEMA:
        raise RecordError(
            f"{where} has schema {record['schema']}; this harness reads up to {SCHEMA}: upgrade it"
        )
    while record["schema"] < SCHEMA:
        migrate = MIGRATIONS.get(record["schema"])
        if migrate is None:
            raise RecordError(f"{where} has schema {record['schema']}, which is unknown")
        record = migrate(record)
    try:
        RunRecord.model_validate(record)
    except ValueError as error:
        first = str(error).splitlines()
        raise RecordError(f"{where} is broken: {' '.join(first[1:3]).strip()}") from None
    if result_digest(record) != record["result_digest"]:
        raise RecordError(f"{where} was changed after it was sealed; restore it or remove it")
    for fault in invariants(record):
        raise RecordError(f"{where}: {fault}")
    return record


def invariants(record: Mapping[str, Any]) -> list[str]:
    """What must hold between the numbers of a record; each breach as a sentence."""
    faults = []
    counts, metrics = record["counts"], record["metrics"]
    if counts["ok"] + counts["unscored"] + counts["error"] != counts["attempts"]:
        faults.append("ok + unscored + error is not the number of attempts")
    if record["status"] == "complete" and counts["attempts"] < record["n_items"]:
        faults.append("complete, but with fewer attempts than items")
    for name, metric in metrics.items():
        limit = record["metric_limits"].get(name)
        if limit is not None and not -1e-9 <= metric["value"] <= limit + 1e-9:
            faults.append(f"{name} = {metric['value']} is outside 0 to {limit}")
    for family, rising in (("pass@", True), ("pass^", False)):
        series = sorted(
            (int(name.removeprefix(family)), metric["value"])
            for name, metric in metrics.items()
            if name.startswith(family) and name.removeprefix(family).isdigit()
        )
        for (k, a), (j, b) in zip(series, series[1:], strict=False):
            if (b < a - 1e-9) if rising else (b > a + 1e-9):
                faults.append(f"{family}{j} = {b} and {family}{k} = {a} are in the wrong order")
    for a in ("mrr@1", "precision@1", "hit@1"):
        for b in ("mrr@1", "precision@1", "hit@1"):
            if a in metrics and b in metrics and abs(metrics[a]["value"] - metrics[b]["value"]) > 1e-9:
                faults.append(f"{a} and {b} differ")
    return faults
