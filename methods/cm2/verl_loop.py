"""An episode of a task's world inside verl: its agent loop plays the world by the policy in training.

The interface is that of verl 0.7 (`AgentLoopBase.run`, `AgentLoopOutput`). Nothing here was run on a cluster:
what is tested is the loop against stubs of verl's classes, its server and a tokenizer.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from harness.base.errors import UsageError
from harness.checklist.judging import Judge, RuleJudge
from harness.checklist.model_judge import ModelJudge
from harness.checklist.reward import is_broken, reward
from harness.checklist.rule import RewardRule
from harness.episode import play
from harness.methods.cm2.actions import action_of
from harness.methods.cm2.codec import Codec
from harness.methods.cm2.verl_tokens import Tokens
from harness.registry import load_task, registry
from harness.sample import Outcome, Question, Sample
from harness.task import Task

try:
    from verl.experimental.agent_loop.agent_loop import AgentLoopBase as _Base
    from verl.experimental.agent_loop.agent_loop import AgentLoopOutput as _Output
except ImportError:  # where files are written, verl isn't installed
    _Base, _Output = object, dict

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolInfo

    from harness.model.gateway import Model

#: how often an episode is played that a judge, a simulator or the world failed on; after that its reward is 0
#: and nothing of it is learned (verl can't drop a rollout from its group: the group's mean still counts it)
TRIES = 3


class WorldLoop(_Base):  # type: ignore[misc, valid-type]
    """One rollout. A row's `extra_info.sample` holds the sample, `settings` (JSON text, from the loop's own
    configuration file) all else: task, its arguments, roles, the reward's rule."""

    def __init__(self, *given: Any, settings: str, **named: Any) -> None:
        super().__init__(*given, **named)
        self.settings: dict[str, Any] = json.loads(settings)
        self._key = settings
        self._codec = Codec(self.tokenizer)
        sizes = self.config.actor_rollout_ref.rollout
        self.prompt_length, self.response_length = int(sizes.prompt_length), int(sizes.response_length)

    async def run(self, sampling_params: dict[str, Any], **row: Any) -> Any:
        """verl's entry: a rollout of the row's world, with its reward."""
        sample = sample_of(row["extra_info"]["sample"])
        value, played = None, 0
        while value is None and played < TRIES:
            played += 1
            tokens, outcome = await self._play(sample, sampling_params)
            value = await self._reward(sample, outcome) if tokens.fits else 0.0
        trace = outcome.trace or {}
        learned = value is not None and tokens.fits
        return _Output(
            prompt_ids=tokens.prompt[-self.prompt_length :],
            response_ids=tokens.ids or [self.tokenizer.eos_token_id],
            response_mask=[int(own and learned) for own in tokens.own] or [0],
            response_logprobs=tokens.logprobs,
            reward_score=value or 0.0,
            num_turns=len(trace.get("messages", ())),
            metrics={},
            extra_fields={
                "reward_extra_info": {
                    "failed": float(value is None),
                    "played": float(played),
                    "actions": float(trace.get("steps", 0)),
                    "tool_errors": float(trace.get("tool_errors", 0)),
                    "cut": float(outcome.stop_reason == "model_length"),
                }
            },
        )

    async def _play(self, sample: Sample, sampling: Mapping[str, Any]) -> tuple[Tokens, Outcome]:
        tokens, request = Tokens(self._codec, self.prompt_length, self.response_length), uuid4().hex

        async def act(seen: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> ModelOutput:
            from inspect_ai.model import ModelOutput

            tokens.read(seen, tools)
            if tokens.full:
                return ModelOutput(model="policy")
            drawn = await self.server_manager.generate(
                request_id=request, prompt_ids=tokens.all, sampling_params=dict(sampling)
            )
            text = tokens.write(drawn.token_ids, getattr(drawn, "log_probs", None))
            if text is None:
                return ModelOutput(model="policy")
            output = ModelOutput.from_content("policy", "")
            output.choices[0].message = action_of(text, len(seen))
            return output

        task, role = _task(self._key), _roles(self._key)
        return tokens, await play(sample.question, task.world(sample, role), act)

    async def _reward(self, sample: Sample, outcome: Outcome) -> float | None:
        """In [0, 1]; None where the judge, the simulator or the world failed."""
        if outcome.error is not None or outcome.unscored is not None:
            return None
        task = _task(self._key)
        checklist = task.checklist(sample)
        if checklist is None:
            raise UsageError(
                f"{task.spec.name} has no checklist for {sample.id!r}; take a task that has them"
            )
        trace = outcome.trace or {}
        trajectory = task.trajectory(trace.get("messages", ()), outcome.stop_reason)
        judge: Judge = RuleJudge(task.verdicts)
        if self.settings["judged"]:
            judge = ModelJudge(
                _roles(self._key)("judge"),
                sample.question,
                mode=self.settings["judge_mode"],
                votes=self.settings["votes"],
            )
        judged = await judge.verdicts(checklist, trajectory)
        rule = RewardRule(**self.settings["rule"])
        return reward(checklist, judged.verdicts, rule, broken=is_broken(trajectory)).R


def sample_as_text(sample: Sample) -> str:
    """A sample as a row keeps it."""
    asked = sample.question
    kept = [asked.id, asked.input, list(asked.choices), dict(asked.metadata), sample.target]
    return json.dumps(kept, ensure_ascii=False)


def sample_of(text: str) -> Sample:
    """The sample in a row."""
    name, given, choices, metadata, target = json.loads(text)
    return Sample(Question(name, given, choices=tuple(choices), metadata=metadata), target)


@cache
def _task(settings: str) -> Task:
    kept = json.loads(settings)
    return load_task(registry().task(kept["task"]), kept["task_args"])


@cache
def _roles(settings: str) -> Callable[[str], Model]:
    """The models of the roles, opened once a process; equal questions of two rollouts are asked once."""
    from harness.model.budget import Budget
    from harness.model.cache import Cache
    from harness.model.factory import open_model
    from harness.model.gateway import Model
    from harness.model.ledger import Ledger

    kept = json.loads(settings)
    held = Cache(Path(tempfile.mkdtemp(prefix="harness-")) / "completions.sqlite")
    models = {
        role: Model(
            open_model(name, kept["role_args"]),
            ledger=Ledger(),
            budget=Budget(),
            cache=held,
            seed=kept["seed"],
        )
        for role, name in kept["roles"].items()
    }

    def role(name: str) -> Model:
        if name not in models:
            raise UsageError(f"{kept['task']} needs --role {name}=MODEL at the launch")
        return models[name]

    return role
