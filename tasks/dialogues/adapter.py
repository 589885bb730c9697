"""`dialogues/custom`: the user's own reference dialogues, scored by the checklist reward of CM2."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.digest import digest
from harness.base.errors import DataError, UsageError
from harness.checklist import Checklist, Trajectory
from harness.checklist.judge_prompt import prompt_digest
from harness.checklist.judging import Judged
from harness.checklist.model_judge import ModelJudge
from harness.checklist.reward import is_broken, reward
from harness.checklist.rule import RewardRule
from harness.replay import ReplayTools, Simulator
from harness.replay.simulator import RULES
from harness.sample import LazySamples, Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec
from harness.task import Task
from harness.tasks.dialogues.reference import (
    Target,
    checklist_of,
    messages_of,
    read_targets,
    records_of,
    user_lines,
)
from harness.tasks.dialogues.schemas import offered
from harness.tasks.dialogues.world import ReferenceDialogue, only, why
from harness.world import Limits, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolInfo

    from harness.data.hub import Data
    from harness.model.gateway import Model

LOG = logging.getLogger("harness.tasks.dialogues")


class Dialogues(Task):
    """An episode's reward is the weight of the checklist items that a judge finds met, summed over the turns
    reached and divided by the reference's. The target is the reference dialogue."""

    instruction = "Do what the user asks, with the tools."
    stand_ins: Mapping[str, str] = {"simulator": "judge"}  # the paper has one model for both

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.roles = ("judge",)
        self.optional_roles = ("simulator",) if args["unseen"] == "simulate" else ()
        self.role_prompts = {"judge": prompt_digest(), "simulator": RULES}
        self.rule = RewardRule(gate=args["gate"], broken_turn=args["broken_turn"])
        self.rule.check_mode(args["judging"], "judging")
        for name in ("steps", "errors", "parallel", "votes", "simulator_tries"):
            if args[name] < 1:
                raise UsageError(f"{spec.name}: {name}={args[name]} is not at least 1")
        for name in ("test_share", "dev_share"):
            if not 0 <= args[name] <= 1:
                raise UsageError(f"{spec.name}: {name}={args[name]} is not from 0 to 1")

    # -- data -------------------------------------------------------------------------------------

    def load(self, data: Data) -> Splits:
        name, args = self.spec.name, self.args
        if not args["data"]:
            raise UsageError(f"{name} needs -T data=FILE, reference dialogues as JSONL")
        rows = self._targets(data, args["data"])
        if args["train"]:
            test, rest = rows, self._targets(data, args["train"])
        else:
            test, rest = _parted(rows, args["test_share"])
        asked = {_content(row) for row in test}
        left = [row for row in rest if _content(row) not in asked]
        dev, train = _parted(left, args["dev_share"]) if len(left) > 1 else ([], left)
        if rest and not args["train"]:
            LOG.warning(
                "%s: of %d dialogues %d are the test set, %d are for training, %d for dev; -T train=FILE or "
                "-T test_share=1 measures all",
                *(name, len(rows), len(test), len(train), len(dev)),
            )
        if len(left) < len(rest):
            LOG.warning(
                "%s: %d training dialogues are test dialogues too; left out", name, len(rest) - len(left)
            )
        return Splits(
            test=[self._sample(row, "") for row in test],
            train=LazySamples(train, lambda _, row: self._sample(row, "train-")),
            dev=[self._sample(row, "dev-") for row in dev],
        )

    def _targets(self, data: Data, name: str) -> list[Target]:
        found = read_targets(name, self.args["variant"])
        data.note_file(name)
        return found

    def _sample(self, row: Target, prefix: str) -> Sample:
        lines = user_lines(row)
        question = Question(prefix + row["id"], lines[0], metadata={"turns": len(lines)})
        return Sample(question, row, shot=json.dumps(row["messages"], ensure_ascii=False))

    def checklist(self, sample: Sample) -> Checklist:
        """
        Raises:
            DataError: the dialogue has none.
        """
        found = checklist_of(sample.target)
        if found is None:
            raise DataError(
                f"{self.spec.name}: the dialogue {sample.target['id']!r} has no checklist; write it with "
                f"'harness checklist annotate {self.args['train'] or self.args['data']}'"
            )
        return found

    # -- the world --------------------------------------------------------------------------------

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        row, args, checklist = sample.target, self.args, self.checklist(sample)
        records, simulator = records_of(row), None
        if args["unseen"] == "simulate":
            simulator = Simulator(
                role("simulator"),
                sample.question,
                records,
                cache=args["simulator_cache"],
                feed_forward=args["feed_forward"],
                later=args["later_records"],
                tries=args["simulator_tries"],
            )
        strict = partial(self._judged, role("judge"), sample.question) if args["strict"] else None
        return ReferenceDialogue(
            [message for message in row["messages"] if message["role"] == "system"],
            user_lines(row),
            ReplayTools(row["tools"], records, simulator),
            offered(list(row["tools"].values()), row["id"]),
            Limits(args["steps"], args["errors"], args["tokens"], args["seconds"] or None),
            parallel=args["parallel"],
            checklist=checklist,
            strict=strict,
        )

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        return [messages.user(question.input)]

    def dialogue(self, sample: Sample, draw: int = 0) -> tuple[list[ChatMessage], list[ToolInfo]]:
        """The reference itself; every draw is the same."""
        row = sample.target
        return messages_of(row), offered(list(row["tools"].values()), row["id"])

    # -- the score --------------------------------------------------------------------------------

    async def _judged(
        self, judge: Model, question: Question, checklist: Checklist, trajectory: Trajectory
    ) -> Judged:
        asked = ModelJudge(judge, question, mode=self.args["judging"], votes=self.args["votes"])
        return await asked.verdicts(checklist, trajectory)

    def needs_judge(self, sample: Sample) -> bool:
        return True

    async def judge(self, sample: Sample, outcome: Outcome, judge: Model) -> Any | None:
        """The answer with verdicts on all turns, those that strictness asked for kept."""
        answer = outcome.answer
        if not _is_answer(answer) or "judge" in answer:
            return None
        checklist = self.checklist(sample)
        trajectory = Trajectory.of(answer["messages"], outcome.stop_reason)
        known = answer["verdicts"]
        rest = only(checklist, {*range(len(known), len(trajectory.turns))})
        judged = await self._judged(judge, sample.question, rest, trajectory)
        return {
            **answer,
            "verdicts": [*known, *judged.verdicts[len(known) :]],
            "judge": {"calls": judged.calls, "failed": judged.failed, "why": why(judged)},
        }

    def parse(self, text: str, question: Question) -> Any | None:
        """A recorded episode: `{"messages": [...]}`. Whatever else it holds is left out: verdicts are the
        judge's to give."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict):
            return None
        found = {"messages": found.get("messages"), "stop": "", "tools": {}, "verdicts": []}
        return found if _is_answer(found) else None

    def gold(self, sample: Sample) -> dict[str, Any] | None:
        if sample.target["checklist"] is None:
            return None
        checklist, shown = self.checklist(sample), sample.target["messages"]
        turns = zip(Trajectory.of(shown).turns, checklist.turns, strict=True)
        verdicts = [[[True] * len(items) for _ in turn.steps] for turn, items in turns]
        return {"messages": shown, "stop": "", "tools": {}, "verdicts": verdicts, "judge": {}}

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        answer = outcome.answer
        if answer is None:
            return Score({"reward": 0.0, "completed": 0.0})
        if "judge" not in answer:
            return Score({}, "unscored", "the dialogue needs a judge: --role judge=MODEL")
        trajectory = Trajectory.of(answer["messages"], outcome.stop_reason)
        checklist, broken = self.checklist(sample), is_broken(trajectory)
        found = reward(checklist, answer["verdicts"], self.rule, broken=broken)
        if found.R is None:
            return Score({}, "unscored", f"judge: {found.unknown} items undecided: {answer['judge']['why']}")
        completed = len(trajectory.turns) == len(checklist.turns) and not broken
        return Score({"reward": found.R, "completed": float(completed)})


def _parted(rows: Sequence[Target], share: float) -> tuple[list[Target], list[Target]]:
    """A share of the dialogues and the rest, each in the order of the file; which ones, their ids decide. A
    share above 0 is at least one dialogue."""
    size = max(round(share * len(rows)), 1) if share else 0
    chosen = {row["id"] for row in sorted(rows, key=lambda row: digest(row["id"]))[:size]}
    return [r for r in rows if r["id"] in chosen], [r for r in rows if r["id"] not in chosen]


def _content(row: Target) -> str:
    """By what two dialogues are the same: what the user says."""
    return digest(user_lines(row))


def _is_answer(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and all(isinstance(found.get(name), list) for name in ("messages", "verdicts"))
        and all(_is_message(each) for each in found["messages"])
    )


def _is_message(each: Any) -> bool:
    calls = each.get("calls", ()) if isinstance(each, dict) else None
    return (
        isinstance(each, dict)
        and each.get("role") in ("system", "user", "assistant", "tool")
        and isinstance(each.get("content"), str)
        and isinstance(calls, list | tuple)
        and all(
            isinstance(call, dict)
            and isinstance(call.get("name"), str)
            and isinstance(call.get("arguments"), dict)
            for call in calls
        )
    )
