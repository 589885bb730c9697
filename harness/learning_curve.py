"""The rows of a learning curve: what a `fit` says of each of its steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.base.plain import COUNTED, number

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
    success: float | None = Field(None, description="of the same rollouts by the worlds' own check")
    loss: float | None = Field(None, description="of the step's update, as the method defines it")
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
    for n, row in enumerate(rows):
        try:
            found = Point.model_validate(dict(row)).model_dump(exclude_none=True)
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"row {n}: {first['loc'][0]}: {first['msg'].lower()}") from None
        for name, value in found.items():
            if type(value) is int and value > COUNTED:
                raise ValueError(f"row {n}: {name} is above 2**53")
            number(value, name)
        if kept and found["step"] <= kept[-1]["step"]:
            raise ValueError(f"row {n}: step {found['step']} doesn't follow {kept[-1]['step']}")
        for name in GROWING:
            if kept and found.get(name, 0) < kept[-1].get(name, 0):
                raise ValueError(f"row {n}: {name} falls from {kept[-1][name]} to {found.get(name)}")
        kept.append(found)
    return kept
