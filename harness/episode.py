"""The agent loop: an agent and a world take turns until one of them, or a limit, ends the episode."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.base.errors import Declined, JudgeFailed, ModelCallError, UserFailed, WorldBroken, WorldFailed
from harness.base.surrogates import sendable
from harness.model.metering import used
from harness.model.raw_calls import calls_as_written
from harness.sample import Outcome, Question
from harness.world import Observation, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ModelOutput
    from inspect_ai.tool import ToolInfo

#: the agent's action after the messages so far, with the tools that it may call now
Act = Callable[[Sequence["ChatMessage"], Sequence["ToolInfo"]], Awaitable["ModelOutput"]]

#: the stop reason of an episode whose world broke down: too many of a run are no result
WORLD_BROKEN = "world_broken"


async def play(question: Question, world: World, act: Act) -> Outcome:
    """One episode. Its outcome holds the world's answer and the whole transcript.

    `stop_reason` is `stop` when the world ended the episode, else the limit that did (`step_limit`,
    `error_limit`, `token_limit`, `time_limit`, `turn_step_limit`, `turn_error_limit`) or `model_length`: the
    agent's context was full. When the user simulator, or a judge that the world asks, fails the outcome is
    unscored; when the agent's model or the world does, it is an error. Every call goes through the gateway
    with its question, so an episode that was killed is played again from the cache and pays nothing twice.

    Raises:
        BudgetSpent: before a call of the agent or of the simulated user.
    """
    episode = _Episode(question, world, act)
    unscored = error = declined = None
    try:
        async with asyncio.timeout(world.limits.seconds) as clock:
            reason = await episode.run(clock)
    except TimeoutError:
        reason = "time_limit"
    except UserFailed as failure:
        reason, unscored = "user_failed", str(failure)
    except JudgeFailed as failure:
        reason, unscored = "judge_failed", str(failure)
    except Declined as failure:
        declined = failure.status
        reason, error = f"model_{declined}", str(failure)
        if declined == "context_overflow":  # as for a model that says so itself: the dialogue ends there
            reason, error, declined = "model_length", None, None
    except ModelCallError as failure:
        reason, error = "model_failed", str(failure)
    except WorldFailed as failure:
        reason = WORLD_BROKEN if isinstance(failure, WorldBroken) else "world_failed"
        error = str(failure)
    finally:
        await world.close()
    return Outcome(
        question.id,
        question.epoch,
        episode.last_words,
        answer=sendable(world.answer()),
        stop_reason=reason,
        error=error,
        unscored=unscored,
        declined=declined,
        trace=episode.trace(reason),
    )


class _Episode:
    def __init__(self, question: Question, world: World, act: Act) -> None:
        self.world, self.act = world, act
        self.transcript: list[ChatMessage] = []
        self.shown: list[ChatMessage] = []  # of the present conversation, as the agent sees it
        self.last_words = ""
        self.steps = self.calls = self.errors = self.tokens = 0
        self.turn_steps = self.turn_errors = 0  # since the user's last words

    async def run(self, clock: asyncio.Timeout) -> str:
        limits = self.world.limits
        seen = await self.world.start()
        self.transcript += seen.messages
        self.shown += seen.messages
        while not seen.done:
            if self.steps >= limits.steps:
                return "step_limit"
            if limits.turn_steps is not None and self.turn_steps >= limits.turn_steps:
                return "turn_step_limit"
            output = await self.act(list(self.shown), seen.tools)
            self.steps += 1
            self.tokens += sum(used(output) or ())  # those that nobody reports count against no limit
            if not output.choices or output.stop_reason == "model_length":
                return "model_length"
            action = calls_as_written(output.message, self.world.mended)
            self.transcript.append(action)
            self.last_words = action.text or self.last_words
            self.calls += len(action.tool_calls or ())
            seen = await self._step(action, clock)
            self.shown = [] if seen.new_conversation else [*self.shown, seen.own or action]
            self.transcript += seen.messages
            self.shown += seen.messages
            failed = sum(m.role == "tool" and m.error is not None for m in seen.messages) + seen.failed
            self.errors += failed
            if any(m.role == "user" and not m.tool_call_id for m in seen.messages):
                self.turn_steps = self.turn_errors = 0
            else:
                self.turn_steps, self.turn_errors = self.turn_steps + 1, self.turn_errors + failed
            if seen.done:
                break
            if limits.errors is not None and self.errors >= limits.errors:
                return "error_limit"
            if limits.turn_errors is not None and self.turn_errors >= limits.turn_errors:
                return "turn_error_limit"
            if limits.tokens is not None and self.tokens >= limits.tokens:
                return "token_limit"
        return "stop"

    async def _step(self, action: ChatMessageAssistant, clock: asyncio.Timeout) -> Observation:
        """What the world makes of an action. Where a person may be waited for, the time stands still until
        the world says how long that was."""
        end = clock.when()
        if end is None or not self.world.waits_for_people:
            return await self.world.step(action)
        clock.reschedule(None)
        seen = await self.world.step(action)
        clock.reschedule(end + seen.waited)
        return seen

    def trace(self, reason: str) -> dict[str, Any]:
        """The episode for people to read, and its counts."""
        return {
            "stop": reason,
            "steps": self.steps,
            "calls": self.calls,
            "tool_errors": self.errors,
            "messages": [plain(message) for message in self.transcript],
        } | ({"user_retries": self.world.user_retries} if self.world.user_retries else {})


def plain(message: ChatMessage) -> dict[str, Any]:
    """A message as a trace has it; the thoughts of a model that gives them apart are `thinking`."""
    plain: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.role == "assistant" and isinstance(message.content, list):
        thoughts = [part.reasoning for part in message.content if part.type == "reasoning"]
        if any(thoughts):
            plain["thinking"] = "\n".join(thoughts)
    if message.role == "assistant" and message.tool_calls:
        plain["calls"] = [
            {"id": call.id, "name": call.function, "arguments": call.arguments}
            | ({"unreadable": call.parse_error[:300]} if call.parse_error else {})
            for call in message.tool_calls
        ]
    if message.role == "tool":
        plain["of"] = message.tool_call_id
        if message.error is not None:
            plain["failed"] = True
    if message.role == "user" and message.tool_call_id:  # a result, where the agent talks in a notation
        plain["of"] = message.tool_call_id[0]
    return plain
