"""One episode in which a policy decides, before each action of the agent, whether its human is involved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.errors import UsageError
from harness.episode import play
from harness.human import agent
from harness.methods.team import results, uncertainty
from harness.methods.team.policy import SAY, Move, Policy, Spent, Step, View
from harness.model.metering import used
from harness.model.raw_calls import calls_as_written
from harness.sample import Outcome, Question
from harness.team.tools import ASK, HAND_OVER, PLAN, TOOLS
from harness.world import Observation, World, WorldWrapper

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ModelOutput
    from inspect_ai.tool import ToolCall, ToolInfo

    from harness.model.gateway import Model

#: plans that are put to the human in an episode, at most
PLANS = 8
#: of one action, however many tokens it should take
MOST_SAMPLES = 64
Seen = Sequence["ChatMessage"]
Tools = Sequence["ToolInfo"]


@dataclass(frozen=True)
class Sampling:
    """How an action is made: of `samples` the most frequent is taken, at `temperature` where there are
    several; more of them where the episode didn't take `tokens` for each of its actions yet. `measure` is one
    of `uncertainty.MEASURES`."""

    measure: str = "disagreement"
    samples: int = 1
    temperature: float = 0.7
    tokens: float = 0.0

    @property
    def several(self) -> bool:
        """Whether an action may be one of several samples."""
        return self.samples > 1 or self.tokens > 0


@dataclass
class Decision:
    """What was decided before one action, and how many of its requests the human answered."""

    move: Move
    step: int
    uncertainty: float | None = None
    answered: int = 0

    def plain(self) -> dict[str, Any]:
        """As a trace has it."""
        return {"move": str(self.move), "step": self.step, "uncertainty": self.uncertainty}


@dataclass
class Questions:
    """What the agent asks: about each of `about` in turn, as long as there are some, and then whatever it
    wants to know. What was put to the human before isn't put again, unless `repeats`."""

    about: list[str] = field(default_factory=list)
    repeats: bool = False


class TeamEpisode(WorldWrapper):
    """The world of one episode, watched, and the agent in it.

    Args:
        model: the agent.
        world: with the tools by which a human is involved, or without.
        purpose: what its calls are booked as.
    """

    def __init__(
        self,
        question: Question,
        model: Model,
        world: World,
        policy: Policy,
        sampling: Sampling,
        *,
        questions: Questions | None = None,
        plans: int = PLANS,
        purpose: str = "answer",
    ) -> None:
        super().__init__(world)
        self.question, self._model = question, model
        self._policy, self._sampling, self._purpose = policy, sampling, purpose
        self._questions = questions or Questions()
        self._irreversible = frozenset(question.metadata.get("irreversible", ()))
        self.decisions: list[Decision] = []
        self.spent = Spent()
        #: tokens that the agent read and wrote
        self.tokens = 0
        #: samples of its actions
        self.samples = 0
        self._said = set[str]()
        self._steps, self._declined = 0, False
        self._told, self._planned_at, self._plans_left = 0, -1, plans
        self._looks = False  # whether it looks something up, as it can't plan before
        self._asking: Tools = ()
        self._plan = ""

    async def play(self) -> Outcome:
        """The episode, with what it took as measures."""
        outcome = await play(self.question, self, self._act)
        spent = self.spent
        outcome.measures = {
            "interventions": float(spent.interventions),
            "requests_refused": float(spent.refused),
            "agent_tokens": float(self.tokens),
            "agent_samples": float(self.samples),
        }
        outcome.trace = {**(outcome.trace or {}), "decisions": [each.plain() for each in self.decisions]}
        return outcome

    # -- the world, watched ---------------------------------------------------------------------------

    async def start(self) -> Observation:
        return self._noted(await self._world.start())

    async def step(self, action: ChatMessageAssistant) -> Observation:
        seen = await self._world.step(action)
        self._steps += 1
        requests = results.requests(action.tool_calls or ())
        came = results.came_of(action.tool_calls or (), seen.messages)
        decision = self.decisions[-1]
        decision.answered = sum(each.answered for each in came)
        for each in came:
            if each.answered or each.refused:
                self.spent = self.spent.after(decision.move, each.refused)
        if not requests and action.tool_calls:
            self.spent = self.spent.after(Move.ACT, refused=False)
        self._declined = any(each.declined for each in came)
        if any(each.settled for each in came):
            self._planned_at = self._told
        if self._looks:
            self._looks, self._planned_at = False, -1
        return self._noted(seen)

    def _noted(self, seen: Observation) -> Observation:
        self._told += sum(message.role == "user" and not message.tool_call_id for message in seen.messages)
        return seen

    # -- the agent ------------------------------------------------------------------------------------

    async def _act(self, seen: Seen, tools: Tools) -> ModelOutput:
        """The agent's next message: its own action, or a request to the human."""
        own = [tool for tool in tools if tool.name not in TOOLS]
        self._asking = [tool for tool in tools if tool.name in TOOLS]
        reachable = bool(self._asking)
        action: ModelOutput | None = None
        while True:
            view = View((), None, self.spent, self.limits.steps, self._new_request, self._declined)
            if action is None and (not reachable or self._policy.wants_action(view)):
                action, doubt = await self._action(seen, own)
                action = results.without_requests(action)
                if not action.choices:
                    self._decided(Move.ACT)
                    return action
                steps, speaks = tuple(self._steps_of(action, own)), not action.message.tool_calls
                view = replace(view, steps=steps, uncertainty=doubt, speaks=speaks)
            move = self._policy.decide(view) if reachable else Move.ACT
            made = await self._request(move, seen, own, action)
            if made is not None:
                self._decided(move, view.uncertainty)
                return made
            if action is not None:
                self._decided(Move.ACT, view.uncertainty)
                return action
            self._planned_at = self._told  # there is no new plan, and the agent acts

    def _decided(self, move: Move, doubt: float | None = None) -> None:
        self.decisions.append(Decision(move, self._steps, doubt))

    @property
    def _new_request(self) -> bool:
        """Whether somebody has said something since the last plan."""
        return self._planned_at < self._told and self._plans_left > 0

    def _steps_of(self, action: ModelOutput, own: Tools) -> Iterator[Step]:
        calls = calls_as_written(action.message, self.mended).tool_calls or ()
        for call in calls:
            yield Step(call.function, dict(call.arguments), call.function in self._irreversible)
        if not calls and not own:
            yield Step(SAY, {"text": action.completion})

    async def _request(
        self, move: Move, seen: Seen, own: Tools, action: ModelOutput | None
    ) -> ModelOutput | None:
        """The message that puts something to the human; None where there is nothing to put."""
        if move is Move.ASK:
            asked = self._questions
            text = await self._written(agent.ask_prompt(asked.about.pop(0) if asked.about else ""), seen, own)
            if not text or (text in self._said and not asked.repeats):
                return None
            self._said.add(text)
            return results.calling(ASK, self._steps, question=text)
        if move is Move.PLAN:
            text = await self._written(agent.PLAN, seen, own)
            self._plans_left -= 1
            if text.strip('.`*"') == agent.LOOK:
                self._looks = True
                return None
            if not text or (text == self._plan and not self._questions.repeats):
                return None
            self._plan = text
            return results.calling(PLAN, self._steps, plan=text)
        if move is Move.HAND_OVER:
            return results.calling(HAND_OVER, self._steps, reason=agent.HAND_OVER)
        if move is Move.PROPOSE and action is not None:
            return self._proposed(action, own)
        return None

    def _proposed(self, action: ModelOutput, own: Tools) -> ModelOutput | None:
        """The action with those of its calls that the policy puts to the human as proposals."""
        message = calls_as_written(action.message, self.mended)
        calls: list[ToolCall] = []
        steps = self._steps_of(action, own) if message.tool_calls else ()  # words can't be proposed
        for call, step in zip(message.tool_calls or (), steps, strict=True):
            proposes = not call.parse_error and self._policy.proposes(step)
            calls.append(results.proposal(call) if proposes else call)
        if not results.requests(calls):
            return None
        changed = message.model_copy(update={"tool_calls": calls, "metadata": None})
        choice = action.choices[0].model_copy(update={"message": changed})
        return action.model_copy(update={"choices": [choice, *action.choices[1:]]})

    async def _action(self, seen: Seen, own: Tools) -> tuple[ModelOutput, float | None]:
        """The agent's next action and, where the policy wants to know, how uncertain it is."""
        how, wants = self._sampling, self._policy.wants_uncertainty
        more: dict[str, Any] = {"temperature": how.temperature} if how.several else {}
        if wants and how.measure == "log-probability":
            more["logprobs"] = True
        draws = range(how.samples)
        samples = await asyncio.gather(*(self._call(seen, own, draw=draw, **more) for draw in draws))
        wanted = how.tokens * (1 + self.spent.actions)
        while self.tokens < wanted and len(samples) < MOST_SAMPLES:
            samples.append(await self._call(seen, own, draw=len(samples), **more))
        self.samples += len(samples)
        place, spread = uncertainty.disagreement(samples, words=not own)
        chosen = samples[place]
        if not wants or not chosen.choices or (own and not chosen.message.tool_calls):
            return chosen, None
        if how.measure == "disagreement":
            return chosen, spread
        if how.measure == "log-probability":
            doubt = uncertainty.improbability(chosen)
            if doubt is None:
                raise UsageError(
                    f"{self._model.name} gives no log-probabilities; -M measure=disagreement or self-rating "
                    "does without"
                )
            return chosen, doubt
        calls = [(step.name, step.arguments) for step in self._steps_of(chosen, own)]
        return chosen, uncertainty.self_rated(await self._written(agent.sure_prompt(calls), seen, own))

    async def _written(self, asked: str, seen: Seen, own: Tools) -> str:
        """What the agent writes when it is asked something beside the episode."""
        output = await self._call([*seen, messages.user(asked)], own, silent=True)
        return output.completion.strip()

    async def _call(self, seen: Seen, own: Tools, silent: bool = False, **how: Any) -> ModelOutput:
        """One call of the model; a `silent` one takes words alone."""
        tools: Tools = own
        if not own and any(m.role == "tool" for m in seen):  # servers want tools where calls were made
            tools, silent = self._asking, True
        if silent and tools:
            how["tool_choice"] = "none"
        output = await self._model.generate(self.question, seen, purpose=self._purpose, tools=tools, **how)
        self.tokens += sum(used(output) or ())
        return output
