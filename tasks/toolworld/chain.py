"""The task `toolworld/chain`: several requests one after another, with a checklist for every turn."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.errors import UsageError
from harness.checklist import Checklist, Step, ToolUse, Trajectory, Turn, Verdicts
from harness.checklist.reward import reward
from harness.sample import LazySamples, Outcome, Question, Sample, Score
from harness.tasks.toolworld import rules
from harness.tasks.toolworld.adapter import FIRST_SEED, ToolWorld, metadata
from harness.tasks.toolworld.chains import TURNS, chain
from harness.tasks.toolworld.compact import ERR, decode, request_line, request_words, result_text
from harness.tasks.toolworld.compact_world import CompactDialogue
from harness.tasks.toolworld.expert import demonstration
from harness.tasks.toolworld.office import Office
from harness.tasks.toolworld.scoring import all_answered, by_turn, turns_right, works
from harness.tasks.toolworld.tools import toolbox
from harness.world import Limits, ScriptedUser, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolInfo

    from harness.model.gateway import Model

#: seeds of the next split begin beyond
MOST_ITEMS = FIRST_SEED["dev"] - FIRST_SEED["test"]


class Chain(ToolWorld):
    """Right if the office ends up as wanted and every number was said in its turn."""

    def __init__(self, spec: Any, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        if self.args["turns"] not in TURNS:
            raise UsageError(f"turns={self.args['turns']} is not from {TURNS[0]} to {TURNS[-1]}")
        if not 1 <= self.args["items"] <= MOST_ITEMS:
            raise UsageError(f"items={self.args['items']} is not from 1 to {MOST_ITEMS}")
        if not 0.0 <= self.args["slip"] <= 1.0:
            raise UsageError(f"slip={self.args['slip']} is not a share from 0 to 1")

    @property
    def items(self) -> int:
        return int(self.args["items"])

    @property
    def compact(self) -> bool:
        """Whether agent and world talk in words of the compact notation."""
        return bool(self.args["style"] == "compact")

    @property
    def limits(self) -> Limits:
        of_turn = {name: self.args[name] for name in ("turn_steps", "turn_errors")}
        return replace(super().limits, **of_turn)

    def samples(self, split: str, size: int) -> Sequence[Sample]:
        """Made when they are looked at; a sample's place decides it alone."""
        faults = self.args["slip"], tuple(self.args["flaws"])
        style = self.args["turns"], self.compact, *faults
        return LazySamples(range(size), lambda n, _: _sample(split, n, *style))

    def dialogue(self, sample: Sample, draw: int = 0) -> tuple[list[ChatMessage], list[ToolInfo]]:
        """In compact words what the expert does, another time with every draw; else the wanted calls."""
        if not self.compact:
            return [*self.ask(sample.question)[:1], *_wanted(sample.target)], toolbox().infos
        rng = random.Random(f"expert-{sample.target['office']}" + f"-{draw}" * bool(draw))
        said = demonstration(sample.target, rng, self.args["slip"], self.args["flaws"])
        return [(messages.assistant if own else messages.user)(words) for own, words in said], []

    # -- the world -----------------------------------------------------------------------------------

    def render(self, question: Question) -> str:
        return request_words(question.input) if self.compact else super().render(question)

    def ask(self, question: Question, shots: Any = ()) -> list[ChatMessage]:
        asked = super().ask(question, shots)
        return asked[1:] if self.compact else asked

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        if not self.compact:
            return super().world(sample, role)
        office, user = Office(sample.target["office"]), ScriptedUser(sample.target["lines"][1:])
        return CompactDialogue(self.ask(sample.question), toolbox(), office, user, self.limits)

    # -- checklists ----------------------------------------------------------------------------------

    def trajectory(self, messages: Sequence[Mapping[str, Any]], stop: str = "stop") -> Trajectory:
        return Trajectory.of(_in_full(messages) if self.compact else messages, stop)

    def checklist(self, sample: Sample) -> Checklist:
        return rules.reference_checklist(sample.target)

    def request_checklist(self, trajectories: Sequence[Trajectory]) -> Checklist | None:
        longest: Sequence[Turn] = max((each.turns for each in trajectories), key=len, default=())
        return rules.request_checklist([turn.user for turn in longest])

    def verdicts(self, checklist: Checklist, trajectory: Trajectory) -> Verdicts:
        return rules.verdicts(checklist, trajectory)

    # -- scores --------------------------------------------------------------------------------------

    def parse(self, text: str, question: Question) -> Any | None:
        """As in `ToolWorld.parse`; more messages than turns are of another chain."""
        found = super().parse(text, question)
        return None if found is not None and len(found["said"]) > self.args["turns"] else found

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        answer, right, earned, broken = outcome.answer, 0.0, 0.0, outcome.stop_reason != "stop"
        if answer is not None:
            broken |= not all_answered(answer, sample.target)
            checklist = self.checklist(sample)
            met = self.verdicts(checklist, _as_trajectory(answer, sample.target))
            right = turns_right(answer, sample.target)
            earned = reward(checklist, met).R or 0.0
        return Score(
            {
                "accuracy": self.success(sample, outcome),
                "checklist": earned,
                "turns_right": right,
                "broken": float(broken),
            }
        )


@lru_cache(maxsize=4096)  # methods of one grid learn in the same worlds
def _sample(split: str, n: int, turns: int, compact: bool, slip: float, flaws: tuple[str, ...]) -> Sample:
    target = chain(turns, FIRST_SEED[split] + n)
    question = Question(f"{split}-{n}", target["lines"][0], metadata=metadata("chain"))
    return Sample(question, target, shot=_shot(target, compact, slip, flaws) if split == "train" else "")


def _shot(target: Mapping[str, Any], compact: bool, slip: float, flaws: Sequence[str]) -> str:
    """A JSON list: the expert's actions in words, or in plain style the wanted calls."""
    if not compact:
        return json.dumps([action for actions in target["actions"] for action in actions])
    said = demonstration(target, random.Random(f"expert-{target['office']}"), slip, flaws)
    return json.dumps([words for own, words in said if own])


def _wanted(target: Mapping[str, Any]) -> Iterator[ChatMessage]:
    """A dialogue in which every wanted call is made, and nothing is looked up."""
    from inspect_ai.model import ChatMessageAssistant
    from inspect_ai.tool import ToolCall

    office = Office(target["office"])
    for turn, (line, actions, says) in enumerate(
        zip(target["lines"], target["actions"], target["says"], strict=True)
    ):
        yield messages.user(line)
        for number, (name, arguments) in enumerate(actions):
            call = ToolCall(id=f"call_{turn}_{number}", function=name, arguments=arguments)
            yield ChatMessageAssistant(content="", tool_calls=[call])
            yield toolbox().answer(office, call)
        yield messages.assistant(" ".join(says) or "Done.")


def _as_trajectory(answer: Mapping[str, Any], target: Mapping[str, Any]) -> Trajectory:
    """An answer as turns. Calls that fail, now that they are carried out again, are no part of it."""
    made, office = Trajectory([]), Office(target["office"])
    lines = target["lines"]
    for line, (calls, said) in zip(lines, by_turn(answer, len(lines)), strict=False):
        steps = [Step(calls=(ToolUse(*call),)) for call in calls if works(office, call)]
        steps += [Step(said)] if said is not None else []
        made.turns.append(Turn(line, steps, said is not None))
    return made


def _in_full(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages of compact words as the lines, calls and results that were meant."""
    made: list[dict[str, Any]] = []
    act = None
    for message in messages:
        words = message["content"]
        if message["role"] == "assistant":
            act = decode(words)
            calls: list[dict[str, Any]] = []
            if act is None:
                calls = [{"name": words[:80], "arguments": {}, "unreadable": words[:300]}]
            elif act.tool:
                calls = [{"name": act.tool, "arguments": act.arguments}]
            made.append({"role": "assistant", "content": act.said if act else "", "calls": calls})
        elif not message.get("of"):
            made.append({"role": "user", "content": request_line(words)})
        elif words == ERR or act is None:
            made.append({"role": "tool", "content": words, "failed": True})
        else:
            made.append({"role": "tool", "content": result_text(act, words)})
    return made
