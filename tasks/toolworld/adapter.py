"""The office as a task: what was done is replayed on a fresh office and compared with what should be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.data.hub import Data
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.task import Task
from harness.tasks.toolworld.generate import item
from harness.tasks.toolworld.office import TOOLS, Office
from harness.world import Dialogue, Limits, ScriptedUser, SimulatedUser, Toolbox, ToolError, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

    from harness.model.gateway import Model

#: the splits' seeds lie apart
FIRST_SEED = {"test": 0, "dev": 1_000_000, "train": 2_000_000}
POLICY = (
    "You keep the calendar and the messages of an office. Do what the user asks with the tools, and "
    "nothing else; look things up instead of guessing. The month has 28 days. When something is missing, "
    "ask; when a request is done, say so in a short message."
)
ACTING = (
    "You are a user of an office assistant and talk with it in short, plain sentences. Bring up your "
    "requests one after another, in this order and with every detail; give the next one when the last "
    "was answered:\n{lines}\nYou have said the first one already. Never act for the assistant. When all "
    f"are done, or can't be, write {SimulatedUser.stop} and nothing else."
)


@cache
def toolbox() -> Toolbox:
    """The office's tools; built once a process."""
    return Toolbox(Office, TOOLS)


class ToolWorld(Task):
    """An episode is right if the agent ended up where the wanted actions lead, whatever its way there,
    and said what was asked for. One that a limit ended is wrong."""

    instruction = "Do what the user asks, with the tools."

    def load(self, data: Data) -> Splits:
        sizes = {"test": self.spec.n_items, "dev": 20, "train": self.args["train"]}
        for split in sizes:
            data.read.append(
                {
                    "id": f"generated/{self.spec.name}",
                    "config": None,
                    "split": split,
                    "revision": self.spec.version,
                    "pinned": True,
                }
            )
        made = {split: self._samples(split, size) for split, size in sizes.items()}
        return Splits(test=made["test"], dev=made["dev"], train=made["train"])

    def _samples(self, split: str, size: int) -> list[Sample]:
        """Items of every kind in turn, no two with the same opening."""
        kinds, seed = self.spec.settings["kinds"], FIRST_SEED[split]
        made: dict[str, Sample] = {}
        while len(made) < size:
            target = item(kinds[len(made) % len(kinds)], seed)
            opening, seed = target["lines"][0], seed + 1
            question = Question(f"{split}-{len(made)}", opening, metadata={"kind": target["kind"]})
            made.setdefault(opening, Sample(question, target, shot=json.dumps(target["actions"])))
        return list(made.values())

    @property
    def roles(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("user",) if self.args["user"] == "model" else ()

    def ask(self, question: Question, shots: Any = ()) -> list[ChatMessage]:
        return [messages.system(POLICY), *super().ask(question, shots)]

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        first, *later = sample.target["lines"]
        if self.args["user"] == "model":
            lines = "\n".join(f"{n}. {line}" for n, line in enumerate([first, *later], 1))
            user: Any = SimulatedUser(role("user"), sample.question, ACTING.format(lines=lines), first)
        else:
            user = ScriptedUser(later)
        limits = Limits(self.args["steps"], self.args["errors"], self.args["tokens"], self.args["seconds"])
        return Dialogue(self.ask(sample.question), toolbox(), Office(sample.target["office"]), user, limits)

    def parse(self, text: str, question: Question) -> Any | None:
        """A recorded trajectory: `{"calls": [[name, arguments], ...], "said": [text, ...]}`."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return found if _is_trajectory(found) else None

    def gold(self, sample: Sample) -> dict[str, Any]:
        return {"calls": sample.target["actions"], "said": sample.target["says"]}

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        done = outcome.stop_reason == "stop" and outcome.answer is not None
        return Score({"accuracy": float(done and self.correct(outcome.answer, sample))})

    def correct(self, answer: Mapping[str, Any], sample: Sample) -> bool:
        """Whether the calls lead where the wanted actions lead, and all that was asked for was said."""
        office, wanted = Office(sample.target["office"]), Office(sample.target["office"])
        for state, calls in ((office, answer["calls"]), (wanted, sample.target["actions"])):
            for name, arguments in calls:
                try:
                    toolbox().run(state, name, arguments)
                except ToolError:  # a recorded call that failed then fails again
                    pass
        said = "\n".join(answer["said"])
        return office.summary() == wanted.summary() and all(
            re.search(rf"(?<!\w){re.escape(text)}(?!\w)", said) for text in sample.target["says"]
        )


def _is_trajectory(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("calls"), list)
        and isinstance(found.get("said"), list)
        and all(isinstance(text, str) for text in found["said"])
        and all(
            isinstance(call, list)
            and len(call) == 2
            and isinstance(call[0], str)
            and isinstance(call[1], dict)
            for call in found["calls"]
        )
    )
