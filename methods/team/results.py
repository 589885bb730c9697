"""Requests to the human as calls of tools, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.base import messages
from harness.human import agent
from harness.team.tools import HAND_OVER, PLAN, PROPOSE, TOOLS
from harness.world import answers_to

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolCall


@dataclass(frozen=True)
class Came:
    """What came of one request. It was `answered`, or `refused` as beyond the budget; neither where it could
    not be put. `settled`: a plan was approved, or changed; `declined`: the human left a move to the agent."""

    answered: bool
    refused: bool
    settled: bool = False
    declined: bool = False


def requests(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """The calls that put something to the human."""
    return [call for call in calls if _is_request(call)]


def _is_request(call: ToolCall) -> bool:
    return call.function in TOOLS and not call.parse_error


def without_requests(action: ModelOutput) -> ModelOutput:
    """The agent's own action, in which calls of the human's tools, which it was not offered, are faults: only
    the policy decides when the human is involved."""
    if not action.choices or not requests(action.message.tool_calls or ()):
        return action
    calls = [
        replace(call, parse_error=f"there is no tool {call.function!r}") if call.function in TOOLS else call
        for call in action.message.tool_calls or ()
    ]
    message = action.message.model_copy(update={"tool_calls": calls})
    choice = action.choices[0].model_copy(update={"message": message})
    return action.model_copy(update={"choices": [choice, *action.choices[1:]]})


def came_of(calls: Sequence[ToolCall], seen: Sequence[ChatMessage]) -> list[Came]:
    """What came of the requests among an action's calls, by the messages that answer them."""
    found = []
    for call, answer in zip(calls, answers_to(calls, seen), strict=True):
        if not _is_request(call):
            continue
        error = answer.error if answer else None
        answered = answer is not None and error is None
        text = answer.text if answer and answered else ""
        found.append(
            Came(
                answered,
                refused=error is not None and error.type == "limit",
                settled=call.function == PLAN and text.startswith((agent.APPROVED, agent.CHANGED)),
                declined=call.function == HAND_OVER and text.startswith(agent.NO_MOVE),
            )
        )
    return found


def calling(name: str, place: int, **arguments: str) -> ModelOutput:
    """A request that the method itself makes, as a message of the agent."""
    from inspect_ai.model import ChatMessageAssistant, ModelOutput
    from inspect_ai.tool import ToolCall

    call = ToolCall(f"own_{place}", name, dict(arguments))
    return ModelOutput.from_message(ChatMessageAssistant(id=messages.new_id(), content="", tool_calls=[call]))


def proposal(call: ToolCall) -> ToolCall:
    """A call of another tool, put to the human."""
    from inspect_ai.tool import ToolCall

    return ToolCall(call.id, PROPOSE, {"name": call.function, "arguments": dict(call.arguments)})
