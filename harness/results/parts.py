"""The parts of a run record that hold more fields than are named here: whom it asked, what it spent, where
it was made. What is named is typed; what isn't is JSON."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

#: whole numbers that every program and file format holds
Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Positive = Annotated[int, Field(ge=1, le=2**63 - 1)]
Amount = Annotated[float, Field(ge=0)]
Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
RunId = Annotated[str, Field(pattern="^[0-9a-f]{12,64}$")]
#: the name of a file beside the record, or beside that of an earlier attempt of the run
FileName = Annotated[str, Field(pattern=r"^(\.\./[0-9a-f]{12}(-[0-9]+)?/)?[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]


class Strict(BaseModel):
    """Every value has its type from the start: `"7"` and `true` are no numbers, and neither is NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Open(Strict):
    """The same with more fields than are named."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class SpentOn(Open):
    """What the calls of one purpose took, as on a cold cache; null where it is unknown."""

    calls: Count = 0
    input_tokens: Count | None = 0
    output_tokens: Count | None = 0
    reasoning_tokens: Count | None = 0
    cached_input_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    unreported: Count = Field(0, description="calls that came without token counts")
    estimated: Count = Field(0, description="calls whose tokens a tokenizer counted, and no server")
    cost_usd: Amount | None = 0.0
    human_seconds: Amount | None = Field(0.0, description="that people took to reply, or a simulation says")


class Spent(SpentOn):
    """The same of all calls, and by purpose."""

    calls: Count
    input_tokens: Count | None
    output_tokens: Count | None
    cost_usd: Amount | None
    retrieved_tokens: Count = 0
    by_purpose: dict[str, SpentOn] = {}


class Volatile(Open):
    """What this execution really paid and took."""

    wall_s: Amount
    seconds: Amount = 0.0
    cache_hits: Count
    retries: Count = 0
    paid_usd: Amount | None = None
    thrown_calls: Count = Field(0, description="calls whose answers were thrown away, as of probes")
    thrown_tokens: Count = 0
    thrown_usd: Amount = 0.0
    uncounted_tokens: Count = Field(0, description="at most so many were taken that nobody counted")
    uncounted_usd: Amount = 0.0


class Environment(Open):
    """Where the run was made."""

    harness: str = Field(description="version of the harness")


class Source(Open):
    """A data set or file that was read."""

    id: str | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None


class InstalledFiles(Strict):
    """The official code and data, without what Python compiled."""

    count: Count
    bytes: Count
    digest: str = Field(description="SHA-256 of names and digests of the files")


class Checkout(Strict):
    """Where official code was taken from; null is unknown."""

    url: str
    wanted: str = Field(description="the revision that the recipe names")
    revision: str = Field(description="the revision that was there; 'unknown' where git knew none")
    as_wanted: bool | None
    changed: bool | None = Field(description="whether what is taken had changes that aren't committed")


class Package(Strict):
    """An official package as it was installed. Earlier records hold `commit` or `requirement` alone: what the
    recipe names, whatever was installed."""

    commit: str = ""
    requirement: str = ""
    distributions: dict[str, str] = Field({}, description="versions by name, as their metadata say them")
    files: InstalledFiles | None = None
    checkout: Checkout | None = None
    altered: bool = Field(False, description="whether the files are others than those of the setup")


class Role(Open):
    """Who plays a role."""

    model: str
    revision: str = ""
    args: dict[str, Any] = {}


class Comparability(Open):
    """What two rows must share to be compared; hashed as it stands."""

    task: str
    task_args: dict[str, Any]
    limit: Count | None
    prompt_digest: str
    metric: str
    roles: dict[str, Role]


class Subject(Open):
    """What is measured; hashed as it stands."""

    method: str
    method_args: dict[str, Any]
    model: str
    model_revision: str = ""
    model_args: dict[str, Any] = {}
    roles: dict[str, Role] = {}
    embedder: list[Any] | None = None
    decoding: dict[str, Any]
    data_access: list[str] = []
