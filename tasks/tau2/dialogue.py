"""A tau2 dialogue as a world: its orchestrator runs in a worker and asks for one completion after another."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.external.workers import Outside, Worker, nothing_outside
from harness.model.raw_calls import raw_calls, raw_text
from harness.sample import Sample
from harness.tasks.official import OfficialDialogue
from harness.world import Observation

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant

    from harness.model.gateway import Model


#: thoughts at the head of a text, as the client of the official runner (litellm) tells them apart
_THOUGHTS = re.compile(r"<(?:think|thinking)>.*?</(?:think|thinking)>(.*)", re.DOTALL)


class Tau2Dialogue(OfficialDialogue):
    """Limits and stop conditions are the orchestrator's own: 200 steps, 10 tool errors, the stop words.

    An action that it has no way to take ends the dialogue, and the agent has failed: an empty one, one with a
    call whose arguments are no JSON object, or, without a `user`, one that calls nothing.
    The official run gives such a simulation up, begins it again three times, and then counts it as one that
    was cut off: 0. (Other than officially, NaN in arguments is no JSON, as no record can hold it.)
    """

    user_decoding = {"temperature": 0.0}
    unusable = "empty"

    def __init__(
        self,
        place: Mapping[str, Any],
        sample: Sample,
        worker: Worker,
        user: Model | None,
        seconds: float,
        outside: Outside = nothing_outside,
        keeps_reasoning: bool = False,
    ) -> None:
        super().__init__(sample, user, seconds, outside, keeps_reasoning)
        self._place, self._worker = place, worker
        self._session = f"s{uuid.uuid4().hex}"
        self._ended = "no end"

    async def start(self) -> Observation:
        return await self._until_agent(await self._ask(do="start", **self._place, task=self._sample.target))

    async def step(self, action: ChatMessageAssistant) -> Observation:
        if not action.tool_calls and (self._user is None or not (_said(action) or "").strip()):
            self._ended = "the agent made an empty action" if self._user else "the agent called no tool"
            return Observation((), (), done=True)
        unread = next((call for call in action.tool_calls or () if call.parse_error), None)
        if unread is not None:
            self._ended = f"a call of {unread.function[:80]} can't be read: {unread.parse_error}"[:500]
            return Observation((), (), done=True)
        return await super().step(action)

    async def _bring(self, action: ChatMessageAssistant) -> dict[str, Any]:
        calls = [
            {"id": call.id, "name": call.name, "arguments": call.arguments} for call in raw_calls(action)
        ]
        return await self._ask(do="reply", text=_said(action), calls=calls)

    async def _ask(self, **request: Any) -> dict[str, Any]:
        return await super()._ask(session=self._session, **request)

    def _message(self, plain: dict[str, Any]) -> ChatMessage:
        return as_message(plain)

    def _usable(self, action: ChatMessageAssistant, offered: set[str]) -> bool:
        if action.tool_calls:
            return not any(call.parse_error for call in action.tool_calls)
        return bool((_said(action) or "").strip())

    def answer(self) -> Any:
        return {"simulation": self._result} | ({} if self._result else {"ended": self._ended})


def as_message(plain: dict[str, Any]) -> ChatMessage:
    from inspect_ai.model import ChatMessageAssistant, ChatMessageTool
    from inspect_ai.tool import ToolCall

    if plain["role"] == "tool":
        return ChatMessageTool(content=plain["content"], tool_call_id=plain["id"])
    if plain["role"] == "assistant":
        calls = [ToolCall(call["id"], call["name"], call["arguments"]) for call in plain["calls"]]
        return ChatMessageAssistant(content=plain["content"], tool_calls=calls or None)
    return messages.of(plain["role"], plain["content"])


def _said(action: ChatMessageAssistant) -> str | None:
    """The text of a message as the official runner's client has it: without thoughts at its head, unless they
    came in a field of their own."""
    text = raw_text(action)
    apart = not isinstance(action.content, str) and any(
        part.type == "reasoning" and part.internal != "think" for part in action.content
    )
    found = None if apart or text is None else _THOUGHTS.match(text)
    return found[1] if found else text
