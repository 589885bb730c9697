"""Policies that a training left in a folder: what it said of itself, its curve and its cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.model.ledger import Usage

if TYPE_CHECKING:
    from harness.job.job import Job
    from harness.model.gateway import Model

#: rows as a training wrote them, and the policy's number of parameters -> rows for `job.training.curve`
Points = Callable[[Iterable[Mapping[str, Any]], int], Iterable[Mapping[str, Any]]]


def facts(folder: Path) -> dict[str, Any]:
    """What `training.json` says of the training; empty where it says nothing."""
    try:
        return dict(json.loads((folder / "training.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def write(folder: Path, told: Mapping[str, Any], curve: Iterable[Mapping[str, Any]]) -> None:
    """Writes what a training says of itself, and its rows, beside the policy's weights."""
    (folder / "curve.jsonl").write_text("".join(json.dumps(row) + "\n" for row in curve), "utf-8")
    (folder / "training.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def answer_with(job: Job, folder: Path, points: Points) -> tuple[Model, dict[str, Any]]:
    """The run's model with the weights in `folder`, and what is known of their training; its learning curve
    becomes the run's.

    Raises:
        UsageError: the folder doesn't hold weights of that architecture.
    """
    model, told = job.training.with_policy(folder), facts(folder)
    job.training.curve(curve(folder, lambda rows: points(rows, int(told["parameters"]))))
    return model, told


def charge(job: Job, told: Mapping[str, Any]) -> None:
    """Books what an earlier training took and read, as if it were trained now; nothing is paid again."""
    for purpose, usage in told["usage"].items():
        job.training.charge(purpose, spent_before(usage))
    job.access.update(told["access"])


def spent_before(usage: Mapping[str, Any]) -> Usage:
    """What an earlier training or process spent, as this one's: nothing of it is paid again."""
    kept = Usage.from_dict(usage)
    return replace(kept, cache_hits=kept.calls, paid_usd=0.0)


def arguments_of(model: Model) -> list[dict[str, Any]]:
    """The arguments that can change what a model says, for a key of what was learned with it; none where it
    has none, as before they were part of such keys."""
    arguments = dict(model.provider.arguments)
    return [arguments] if arguments else []


def weights_digest(folder: Path) -> str:
    """The content of weights that no revision names."""
    hasher = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with open(file, "rb") as blocks:
            hasher.update(file.name.encode() + hashlib.file_digest(blocks, "sha256").digest())
    return hasher.hexdigest()


def curve(
    folder: Path, points: Callable[[Iterable[Mapping[str, Any]]], Iterable[Mapping[str, Any]]]
) -> list[Mapping[str, Any]]:
    """The learning curve that `points` makes of the rows in a folder; empty where none can be read."""
    from harness.learning_curve import checked

    try:
        lines = (folder / "curve.jsonl").read_text("utf-8").splitlines()
        return list(checked(points(map(json.loads, lines))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
