"""The office as a task: what was done is replayed on a fresh office and compared with what should be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.data.hub import Data
from harness.human import Brief
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec
from harness.task import Task
from harness.tasks.toolworld import people
from harness.tasks.toolworld.generate import item
from harness.tasks.toolworld.office import Office
from harness.tasks.toolworld.scoring import correct, is_trajectory
from harness.tasks.toolworld.tools import toolbox
from harness.team.interrupted import RETRACTION, Interrupted, came_early
from harness.team.person import check_person
from harness.team.scoring import person_metrics, recovery, team_episode
from harness.world import Dialogue, Limits, ScriptedUser, SimulatedUser, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

    from harness.model.gateway import Model
    from harness.stats import Estimate

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


def metadata(kind: str) -> dict[str, Any]:
    """What a method may know of an item."""
    return {"kind": kind, "irreversible": list(people.IRREVERSIBLE)}


class ToolWorld(Task):
    """An episode is right if the agent ended up where the wanted actions lead, whatever its way there,
    and said what was asked for when it was asked. One that a limit ended is wrong."""

    instruction = "Do what the user asks, with the tools."

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        check_person(spec.name, args)
        #: the user's change of mind
        self.change = people.read_change(spec.name, args)

    def load(self, data: Data) -> Splits:
        sizes = {"test": self.items, "dev": 20, "train": self.args["train"]}
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
        made = {split: self.samples(split, size) for split, size in sizes.items()}
        return Splits(test=made["test"], dev=made["dev"], train=made["train"])

    @property
    def items(self) -> int:
        """How many items the test split has."""
        return self.spec.n_items

    def samples(self, split: str, size: int) -> Any:
        """Items of every kind in turn, no two with the same opening."""
        kinds, seed = people.kinds_for(self.spec.settings["kinds"], self.change), FIRST_SEED[split]
        made: dict[str, Sample] = {}
        while len(made) < size:
            target = item(kinds[len(made) % len(kinds)], seed)
            opening, seed = target["lines"][0], seed + 1
            if self.change is not None:
                target = people.interrupted(target, self.change)
            question = Question(f"{split}-{len(made)}", opening, metadata=metadata(target["kind"]))
            wanted = [action for actions in target["actions"] for action in actions]
            made.setdefault(opening, Sample(question, target, shot=json.dumps(wanted)))
        return list(made.values())

    @property
    def scripted(self) -> bool:
        """Whether the user's lines are said as they stand, one a turn."""
        return bool(self.args.get("user", "scripted") == "scripted")

    @property
    def roles(self) -> tuple[str, ...]:  # type: ignore[override]
        return () if self.scripted else ("user",)

    @property
    def limits(self) -> Limits:
        """Where an episode ends."""
        return Limits(*(self.args[name] for name in ("steps", "errors", "tokens", "seconds")))

    def ask(self, question: Question, shots: Any = ()) -> list[ChatMessage]:
        return [messages.system(POLICY), *super().ask(question, shots)]

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        first, *later = sample.target["lines"]
        user: Any = ScriptedUser(later)
        if not self.scripted:
            lines = "\n".join(f"{n}. {line}" for n, line in enumerate([first, *later], 1))
            user = SimulatedUser(role("user"), sample.question, ACTING.format(lines=lines), first)
        office = Office(sample.target["office"])
        made = Dialogue(self.ask(sample.question), toolbox(), office, user, self.limits)
        if self.change is None:
            return made
        return Interrupted(made, sample.target["change"], sample.target["after"])

    def parse(self, text: str, question: Question) -> Any | None:
        """A recorded trajectory, in the form that `Dialogue.answer` gives; without `after`, every text was
        said after all of the calls."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return found if is_trajectory(found) else None

    def gold(self, sample: Sample) -> dict[str, Any]:
        calls: list[Any] = []
        said: list[str] = []
        after: list[int] = []
        for actions, texts in zip(sample.target["actions"], sample.target["says"], strict=True):
            calls += actions
            said.append(" ".join(texts) or "Done.")
            after.append(len(calls))
        return {"calls": calls, "said": said, "after": after}

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        return Score({"accuracy": self.success(sample, outcome)})

    def brief(self, sample: Sample) -> Brief:
        return people.brief(sample.target, self.args)

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> Mapping[str, float | Estimate]:
        """What a person took who worked with the agent, and success after a change of mind."""
        if not any({"human", "interruptions"} & {*(outcome.answer or ())} for outcome in outcomes):
            return {}
        episodes = [
            team_episode(sample.id, self.success(sample, outcome), outcome.answer, self.brief(sample))
            for sample, outcome in zip(samples, outcomes, strict=True)
        ]
        return person_metrics(episodes) | recovery(episodes)

    def success(self, sample: Sample, outcome: Outcome) -> float:
        """1.0 for an episode that is right, else 0.0. Who had stopped before a wish was taken back
        isn't right by having done nothing."""
        done = outcome.stop_reason == "stop" and outcome.answer is not None
        idle = self.change is not None and self.change.kind == RETRACTION and came_early(outcome.answer)
        return float(done and not idle and correct(outcome.answer, sample.target, self.scripted))
