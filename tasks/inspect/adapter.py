"""Inspect tasks as ours: their data, solver and scorer, with our method as the model that they call."""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from harness.base.errors import DataError, UsageError, nearest
from harness.base.values import typed
from harness.data.hub import Data
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.task import Task
from harness.world import World

if TYPE_CHECKING:
    import inspect_ai

    from harness.model.gateway import Model

HOME = "inspect_evals"


class InspectTask(Task):
    """`inspect/gsm8k` is a task of inspect_evals, `inspect/package/task` one of another package."""

    optional_roles = ("user", "judge")  # `harness.tasks.inspect.world.ROLES`
    _made: inspect_ai.Task | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": None}  # solvers and scorers are closures: made again where needed

    @property
    def made(self) -> inspect_ai.Task:
        """The inspect task.

        Raises:
            UsageError: no such package or task, or arguments that it doesn't take.
        """
        if self._made is None:
            self._made = _make(str(self.spec.settings["name"]), self.args["args"])
        return self._made

    def load(self, data: Data) -> Splits:
        # a mirror holds repositories as folders, which `datasets` takes for the repositories themselves
        with contextlib.chdir(data.mirror) if data.mirror else contextlib.nullcontext():
            made = self.made
        name = self.spec.name
        if made.sandbox or any(sample.sandbox for sample in made.dataset):
            raise UsageError(
                f"{name} runs in a sandbox, which its own runner must start: inspect eval "
                f"{name.removeprefix('inspect/')}"
            )
        data.read.append(
            {
                "id": name,
                "config": self.args["args"],
                "split": "test",
                "revision": str((made.metadata or {}).get("full_task_version") or made.version),
                "pinned": True,
            }
        )
        rows = []
        for number, sample in enumerate(made.dataset, 1):
            try:
                plain = sample.model_dump(mode="json", exclude_none=True)
            except ValueError as error:
                raise DataError(f"{name}: sample {sample.id or number} has no JSON form: {error}") from error
            question = Question(str(sample.id or number), _words(sample.input))
            rows.append(Sample(question, plain, _group(name, sample.metadata or {}, self.args["group"])))
        if self.args["group"] and all(row.group is None for row in rows):
            raise UsageError(f"{name}: no sample's metadata has the key {self.args['group']!r} of -T group")
        return Splits(sorted(rows, key=lambda row: _in_order(row.id)))  # some shuffle theirs, without a seed

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        from harness.tasks.inspect.world import Solving

        return Solving(self.made, sample, role, self.args["value"])

    def parse(self, text: str, question: Question) -> Any | None:
        return None

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        """What the inspect scorer said when the sample was solved."""
        if not isinstance(outcome.answer, dict):
            raise ValueError("an inspect task is scored while it is solved, not from recorded answers")
        return Score({"accuracy": outcome.answer["value"]}, reason=outcome.answer["explanation"])


def _make(name: str, arguments: str) -> inspect_ai.Task:
    package, _, task = name.rpartition("/")
    package = package or HOME
    points = {point.name: point for point in entry_points(group="inspect_ai")}
    if package not in points:
        cure = (
            "pip install 'method-harness[inspect-evals]'"
            if package == HOME
            else nearest(package, points, "package")
        )
        raise UsageError(
            f"inspect/{name}: no installed package {package!r} registers tasks with inspect-ai; {cure}"
        )
    module = importlib.import_module(points[package].value)
    made = getattr(module, task, None)
    if not callable(made):
        known = [key for key in vars(module) if not key.startswith("_")]
        raise UsageError(f"inspect/{name}: {package} has no task {task!r}; {nearest(task, known, 'task')}")
    try:
        return made(**_arguments(arguments))  # type: ignore[no-any-return]
    except TypeError as error:
        raise UsageError(f"inspect/{name}: {error}") from error
    except Exception as error:  # whatever its loader raises where there is no network, or no access
        raise DataError(
            f"inspect/{name} can't be loaded: {type(error).__name__}: {str(error).strip()[:300]}"
        ) from error


def _group(name: str, metadata: Mapping[str, Any], key: str) -> str | None:
    """What a sample shares with others by a key of its metadata; None where none is asked for or there."""
    value = metadata.get(key) if key else None
    return None if value is None else f"{name} {key}={value}"


def _arguments(text: str) -> dict[str, Any]:
    pairs = [part.partition("=") for part in text.split(",") if part]
    if not all(sign for _, sign, _ in pairs):
        raise UsageError(f"args={text!r} is not written as fewshot=0,shuffle=false")
    return {key.strip(): typed(value) if value else None for key, _, value in pairs}


def _in_order(key: str) -> list[Any]:
    """Text and numbers of an id in turn, so that 10 comes after 9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", key)]


def _words(given: Any) -> str:
    return given if isinstance(given, str) else "\n\n".join(message.text for message in given)
