"""What the generated team tasks share: their splits, the person's arguments, and how an episode is scored."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.errors import UsageError
from harness.human import Brief
from harness.human.events import Event, is_event
from harness.human.measures import Weights
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec
from harness.task import Task
from harness.team import auditing
from harness.team.person import brief_of, check_person
from harness.team.scoring import Prices, TeamEpisode, item_metrics, set_metrics, team_episode
from harness.world import Dialogue, Limits, ScriptedUser, Toolbox, ToolError, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

    from harness.data.hub import Data
    from harness.model.gateway import Model
    from harness.stats import Estimate

#: the splits' seeds lie apart
FIRST_SEED = {"test": 0, "dev": 1_000_000, "train": 2_000_000}
#: the most items of a split
MOST_ITEMS = 100_000


class TeamTask(Task):
    """Subclasses say what the world is, what the person knows (`brief`) and when an episode is a success."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        check_person(spec.name, args)
        check_prices(spec.name, args)
        if self.judges:
            self.roles = ("judge",)

    @property
    def limits(self) -> Limits:
        """Where an episode ends."""
        return Limits(steps=self.args["steps"], errors=self.args["errors"])

    @property
    def prices(self) -> Prices:
        """What success is weighed by, as the arguments say."""
        low, high = self.args["prices"]
        return Prices(Weights(*self.args["weights"]), self.args["price"], low, high, self.args["most_effort"])

    def person(self, **known: Any) -> Brief:
        """A brief in the style that the arguments ask for."""
        return brief_of(self.args, **known)

    def parse(self, text: str, question: Question) -> Any | None:
        """A recorded trajectory as JSON, in the form of the world's answer."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return found if is_answer(found) else None

    def success(self, sample: Sample, outcome: Outcome) -> float:
        """How well the episode did what was wanted, from 0 to 1."""
        raise NotImplementedError

    def episode(self, sample: Sample, outcome: Outcome) -> TeamEpisode:
        """An outcome as what is scored."""
        answer = outcome.answer if is_answer(outcome.answer) else {}
        named = sample.question.metadata.get("irreversible", ())
        calls = answer.get("calls", ())
        return team_episode(
            sample.id, self.success(sample, outcome), answer, self.brief(sample), named, calls
        )

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        return Score(item_metrics(self.episode(sample, outcome), self.prices))

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> Mapping[str, float | Estimate]:
        episodes = [self.episode(*pair) for pair in zip(samples, outcomes, strict=True)]
        return set_metrics(episodes, self.prices)

    # -- the audit by a judge ----------------------------------------------------------------------------

    @property
    def judges(self) -> bool:
        return bool(self.args["audit"] == "judge")

    async def judge(self, sample: Sample, outcome: Outcome, judge: Model) -> Any | None:
        """The answer with the faults that a judge finds in what the person said, as `audit`; None where it
        was judged before, or nobody could be asked."""
        answer, brief = outcome.answer, self.brief(sample)
        if not is_answer(answer) or brief is None or "human" not in answer or "audit" in answer:
            return None
        events = [Event.of(each) for each in answer["human"]]
        return {**answer, "audit": await auditing.judged(sample.question, events, brief, judge)}


class GeneratedTeamTask(TeamTask):
    """Subclasses say what an item is (`item`), its world's state, and whether the state is as wanted."""

    instruction = "Do what the person asks, with the tools."
    #: what the agent is told first
    policy = ""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        for name in ("items", "train"):
            if not 1 <= args[name] <= MOST_ITEMS:
                raise UsageError(f"{spec.name}: {name}={args[name]} is not from 1 to {MOST_ITEMS}")

    # -- items -------------------------------------------------------------------------------------------

    def item(self, split: str, number: int, rng: random.Random) -> Sample:
        """The item of that number, from a generator of its own."""
        raise NotImplementedError

    def load(self, data: Data) -> Splits:
        read = {"id": f"generated/{self.spec.name}", "config": None, "revision": self.spec.version}
        sizes = {"test": self.args["items"], "dev": 20, "train": self.args["train"]}
        data.read.extend({**read, "split": split, "pinned": True} for split in sizes)
        made = {split: self._samples(split, size) for split, size in sizes.items()}
        return Splits(test=made["test"], dev=made["dev"], train=made["train"])

    def _samples(self, split: str, size: int) -> Sequence[Sample]:
        seed = FIRST_SEED[split]
        rngs = (random.Random(f"{self.spec.name}-{seed + n}") for n in range(size))
        return [self.item(split, n, rng) for n, rng in enumerate(rngs)]

    # -- the world ---------------------------------------------------------------------------------------

    def toolbox(self) -> Toolbox:
        """The agent's tools."""
        raise NotImplementedError

    def state(self, sample: Sample) -> Any:
        """A fresh state of the item's world."""
        raise NotImplementedError

    def done(self, state: Any, sample: Sample) -> bool:
        """Whether a state is as it is wanted."""
        raise NotImplementedError

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        return [messages.system(self.policy), *super().ask(question, shots)]

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        return Dialogue(
            self.ask(sample.question), self.toolbox(), self.state(sample), ScriptedUser(()), self.limits
        )

    # -- scores ------------------------------------------------------------------------------------------

    def replayed(self, answer: Any, sample: Sample) -> Any:
        """The state after the calls of an answer, of which those that fail change nothing."""
        state, tools = self.state(sample), self.toolbox()
        for name, arguments in answer["calls"]:
            try:
                tools.run(state, name, arguments)
            except ToolError:
                continue
        return state

    def success(self, sample: Sample, outcome: Outcome) -> float:
        """1.0 for an episode whose state ended as wanted, whatever was said of it; 0.0 where a limit ended
        it."""
        if not is_answer(outcome.answer) or outcome.stop_reason != "stop":
            return 0.0
        return float(self.done(self.replayed(outcome.answer, sample), sample))


def check_prices(task: str, args: Mapping[str, Any]) -> None:
    """Whether what success is weighed by makes sense.

    Raises:
        UsageError: it doesn't.
    """
    if len(args["weights"]) != 4 or min(args["weights"]) < 0:
        raise UsageError(
            f"{task}: weights={args['weights']} are not four numbers from 0: of a turn, a word written, a "
            "word read, a takeover"
        )
    if len(args["prices"]) != 2 or not 0 <= args["prices"][0] < args["prices"][1]:
        raise UsageError(f"{task}: prices={args['prices']} is not a range, the lower first")
    if not (args["price"] >= 0 and args["most_effort"] > 0):
        raise UsageError(f"{task}: price is not below 0, and most_effort is above 0")


def is_answer(found: Any) -> bool:
    """Whether data from outside has the form of a world's answer."""
    if not isinstance(found, dict):
        return False
    parts = [found.get(name, []) for name in ("calls", "said", "human", "interruptions")]
    if not all(isinstance(part, list) for part in parts) or "calls" not in found:
        return False
    calls, said, *logs = parts
    return (
        all(isinstance(text, str) for text in said)
        and all(is_event(each) for log in logs for each in log)
        and type(found.get("steps", 0)) is int
        and all(isinstance(call, list) and len(call) == 2 for call in calls)
        and all(isinstance(name, str) and isinstance(given, dict) for name, given in calls)
    )
