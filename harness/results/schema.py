"""The run record, version 4. A newer version is refused, an older one is migrated (`migrations.py`).

`run.v4.schema.json` beside this file is the published JSON Schema of these classes; `run.v1.schema.json` and
so on are those of earlier versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from harness.base.digest import digest
from harness.base.errors import RecordError
from harness.results.invariants import invariants
from harness.results.migrations import MIGRATIONS, without_paths
from harness.results.parts import (
    Amount,
    Comparability,
    Count,
    Environment,
    FileName,
    Interval,
    Package,
    Positive,
    RunId,
    Source,
    Spent,
    Strict,
    Subject,
    Volatile,
    Whole,
)

SCHEMA = 4
#: what may differ between two executions of the same run and is left out of `result_digest`
VOLATILE = (
    "created_at",
    "wall_s",
    "environment",
    "command",
    "attempt",
    "result_digest",
    "volatile",
    "served",
)
#: the same of records that were sealed before version 4
VOLATILE_3 = VOLATILE[:-1]

#: what is hashed for itself, as `<part>_key`
KEYED = ("comparability", "subject")
#: fields that a record may leave out and readers look for
LEFT_OUT = {"reason": None, "licence": "", "canary": "", "command": "", "supersedes": None}


class Counts(Strict):
    """Attempts by what became of them; ok + unscored + error + refused + filtered + context_overflow =
    attempts."""

    attempts: Count
    ok: Count
    unscored: Count
    error: Count
    refused: Count = Field(0, description="the model refused, by the server's own sign")
    filtered: Count = Field(0, description="a filter of the server held prompt or answer back")
    context_overflow: Count = Field(0, description="prompt and completion don't fit the model's context")
    no_answer: Count = Field(description="ok, but the completion held no answer: counted wrong")
    truncated: Count = Field(description="cut off by a token limit")
    user_failed: Count = Field(0, description="unscored, as the simulated user failed")
    grader_failed: Count = Field(0, description="unscored, as the grader broke down")
    user_retries: Count = Field(
        0, description="replies of the user, simulated or a person, that were asked for again"
    )
    judge_errors: Count = Field(0, description="verdicts that a method's own judge failed to give")


class Metric(Strict):
    """A mean over items, or a value of the set as a whole: unscored and failed attempts count as the lowest
    value of the metric's range, which is 0 unless the task says otherwise; in scores of classes, as no
    answer."""

    value: float
    stderr: Amount | None
    ci: Interval | None
    ci_method: str
    df: Amount | None = None
    rerun_stderr: Amount | None = None
    n_clusters: Count | None = None
    scored_only: float | None = Field(
        None, description="mean over items of the means of their scored attempts, where it differs"
    )
    n_items: Count | None = Field(None, description="items that it is the mean of; null before version 2")


class Named(Strict):
    name: str
    version: str
    distribution: str = ""
    args: dict[str, Any] = {}


class NamedTask(Named):
    settled: str | None = Field(
        None, description="what the task was found to be, where its arguments and data decide what it offers"
    )


class Range(Strict):
    """The values that a metric can have; null is no bound."""

    low: float | None = 0.0
    high: float | None = 1.0
    lower_is_better: bool = False


class Code(Strict):
    """The source that ran."""

    digest: str = Field(description="SHA-256; empty where nobody noted it")
    development: bool = Field(description="whether it may change without a new version")


class ServedModel(Strict):
    """What came from the servers of one model, as they say it themselves."""

    names: list[str] = Field([], description="names that servers returned with answers")
    fingerprints: list[str] = Field([], description="system_fingerprint of answers")
    addresses: list[str] = Field([], description="of servers that aren't the provider's official one")
    engine: str = Field("", description="engine and version, where the server says it")
    revision: str = Field("", description="where the user named it")
    reached: dict[str, Any] = Field({}, description="arguments that said where and how; without secrets")
    told: dict[str, Any] = Field({}, description="what /v1/models says of the weights; paths without folders")
    rewritten: bool = Field(
        False, description="official tools and messages reached it as its own client writes them"
    )


class Served(Strict):
    """What really came to and from the models; no key and no digest depends on it."""

    models: dict[str, ServedModel] = Field({}, description="by the name that was asked")
    decoding: dict[str, list[dict[str, Any]]] = Field(
        {}, description="by purpose, the different settings that were sent; of seeds only that there were any"
    )


class Price(Strict):
    """USD per million tokens. `cached_input` and `cache_write` are of prompt tokens that the server read from
    or wrote to a cache of its own, `reasoning` of thoughts; without them these cost as the others do."""

    input: Amount
    output: Amount
    cached_input: Amount | None = None
    cache_write: Amount | None = None
    reasoning: Amount | None = None
    per_request: Amount | None = Field(None, description="USD a request")
    per_hour: Amount | None = Field(None, description="USD an hour of a person")
    above: list[dict[str, Amount]] | None = Field(
        None, description="other prices of calls whose prompt has more than so many `tokens`"
    )
    source: str = Field("", description="whose list it is; empty for the user's own, or none")
    as_of: str | None = Field(None, description="date of the price, as YYYY-MM-DD")


class ClassesOfTask(Strict):
    """Targets and answers are classes."""

    several: bool = Field(False, description="lists of classes, in JSON, not one class each")
    out_of_scope: str | None = Field(None, description="the class of what none of the others fits")


class Origin(Strict):
    """Where an imported record comes from."""

    tool: str
    version: str = ""
    file: str = Field("", description="name of the file")
    digest: str = Field("", description="SHA-256 of its bytes")
    notes: str = ""


class Planned(Strict):
    """What was asked for before the run, beside what came of it."""

    n_items: Count | None = None
    epochs: Positive | None = None
    seeds: Positive | None = Field(
        None, description="runs of the grid that this one is of; null where not noted"
    )
    effect: float | None = Field(
        None, gt=0, description="the difference that is to be detected, as a share of the metric's range"
    )
    power: float | None = Field(
        None,
        ge=0,
        le=1,
        description="the chance of that, two-sided at 0.05, by the noise known before the run",
    )


class MeasureOfMethod(Strict):
    """What a method measured of itself: a mean over the items that have it."""

    mean: float
    stderr: Amount | None
    n_items: Positive


class Samples(Strict):
    file: FileName
    rows: Count
    digest: str = Field(description="SHA-256 over the canonical JSON of the rows in order")


class Measured(Strict):
    step: Count
    value: float


class Curve(Strict):
    """The learning curve of a method that trains, in a file beside the record."""

    version: Literal[1] = Field(description="of the rows: curve.v1.schema.json")
    file: FileName
    rows: Count
    digest: str = Field(
        description="SHA-256 over the canonical JSON of the rows, without seconds, tools and request"
    )
    dev_last: Measured | None = Field(None, description="the last score on the validation split")
    dev_peak: Measured | None = Field(None, description="its largest score, at the first step that has it")


class RunRecord(Strict):
    """One immutable record of a (task, method, model, seed) run."""

    schema_: int = Field(SCHEMA, alias="schema")
    kind: Literal["run"] = "run"
    run_id: RunId
    attempt: int = Field(ge=1, le=2**31)
    status: Literal["complete", "stopped", "retracted"]
    reason: str | None = Field(None, description="why it stopped, was corrected or was retracted")
    created_at: str
    task: NamedTask
    method: Named
    model: str
    model_revision: str
    seed: Whole
    epochs: Positive
    n_items: Count
    primary: str
    metric_ranges: dict[str, Range]
    metrics: dict[str, Metric]
    counts: Counts
    reasons: dict[str, Count] = Field(
        {}, description="ok attempts by why no answer was read (harness.answers.REASONS) or compared"
    )
    measures: dict[str, MeasureOfMethod] = Field(
        {}, description="what the method measured of itself; nothing is ranked by it"
    )
    usage: Spent = Field(description="logical use, as on a cold cache; a number is null where it is unknown")
    prices: dict[str, Price] = Field({}, description="by model; empty where no cost is known")
    served: Served = Field(default_factory=lambda: Served.model_validate({}))
    volatile: Volatile = Field(description="what this execution really paid and took")
    known_broken: list[str] = Field(
        [], description="items that are broken upstream; metrics '[without known-broken]' leave them out"
    )
    classes: ClassesOfTask | None = Field(None, description="absent where answers are no classes")
    data: list[Source]
    licence: str = ""
    canary: str = ""
    private_targets: bool = Field(False, description="the targets are not stored with the attempts")
    data_access: dict[str, Count]
    code: dict[Literal["task", "method"], Code]
    isolated: bool = Field(
        False, description="whether the method's code ran in a process without a way to data and store"
    )
    packages: dict[str, Package] = Field({}, description="official packages that graded or played")
    draws: Literal["run", "none"] | None = Field(
        description="'run': something is drawn once a run, so that items share its luck; null: unknown, as "
        "in every record before version 3 and of recorded answers"
    )
    draw_digest: str | None = Field(
        None, description="SHA-256 of what was drawn for all items, where the method tells it"
    )
    origin: Origin | None = Field(None, description="only of imported records")
    planned: Planned | None = None
    comparability: Comparability
    comparability_key: str
    subject: Subject
    subject_key: str
    samples: Samples
    curve: Curve | None = Field(None, description="absent where the method tells no learning curve")
    environment: Environment
    command: str = ""
    supersedes: RunId | None = Field(None, description="the run that this record corrects or retracts")
    result_digest: str

    model_config = ConfigDict(populate_by_name=True)


def json_schema() -> dict[str, Any]:
    """The published JSON Schema."""
    return RunRecord.model_json_schema(by_alias=True)


def result_digest(record: Mapping[str, Any]) -> str:
    """The hash of a record without what is volatile; `samples.digest` ties the attempts to it."""
    schema = record.get("schema")
    volatile = VOLATILE if isinstance(schema, int) and schema >= 4 else VOLATILE_3
    return digest({key: value for key, value in record.items() if key not in volatile})


def check(found: Any, where: str) -> dict[str, Any]:
    """A record that may be trusted, migrated to the present schema.

    Raises:
        RecordError: not a record, of a newer schema, edited by hand, or breaking an invariant.
    """
    if not isinstance(found, dict) or type(found.get("schema")) is not int or found["schema"] < 1:
        raise RecordError(f"{where} is not a run record")
    record: dict[str, Any] = found
    if record["schema"] > SCHEMA:
        raise RecordError(
            f"{where} has schema {record['schema']}; this harness reads up to {SCHEMA}: upgrade it"
        )
    try:
        untouched = result_digest(record) == record.get("result_digest")
        keyed = all(digest(record[part]) == record[f"{part}_key"] for part in KEYED)
        while record["schema"] < SCHEMA:
            record = MIGRATIONS[record["schema"]](record)
        record = _filled(without_paths(record))
        RunRecord.model_validate(record)
    except ValidationError as error:
        raise RecordError(f"{where} is broken: {first_fault(error)}") from None
    except KeyError as error:
        raise RecordError(f"{where} is broken: it has no {error.args[0]!r}") from None
    except Exception as error:  # whatever another's file makes of us, it is that file's fault
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise RecordError(f"{where} is broken: {said[:200]}") from None
    if not untouched:
        raise RecordError(f"{where} was changed after it was sealed; restore it or remove it")
    if not keyed:
        raise RecordError(f"{where}: its keys are not those of what it says was compared; remove it")
    for fault in invariants(record):
        raise RecordError(f"{where}: {' '.join(fault.split())[:400]}")
    return record


def first_fault(error: ValidationError) -> str:
    """The first fault that pydantic found, on one line."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return " ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}".split())[:200]


def _filled(record: dict[str, Any]) -> dict[str, Any]:
    """A record with the values that a reader may take for there, where whoever wrote it left them out."""
    named = {part: {"distribution": "", "args": {}, **record[part]} for part in ("task", "method")}
    bare = {name: None for name, field in Metric.model_fields.items() if not field.is_required()}
    metrics = {name: {**bare, **metric} for name, metric in record["metrics"].items()}
    return {**LEFT_OUT, **record, **named, "metrics": metrics, "usage": {"by_purpose": {}, **record["usage"]}}
