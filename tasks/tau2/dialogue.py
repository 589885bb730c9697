"""A tau2 dialogue as a world: its orchestrator runs in a worker and asks for one completion after another."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.external.workers import Outside, Worker, nothing_outside
from harness.sample import Sample
from harness.tasks.official import OfficialDialogue
from harness.world import Observation

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant
    from inspect_ai.tool import ToolInfo

    from harness.model.gateway import Model


class Tau2Dialogue(OfficialDialogue):
    """Limits and stop conditions are the orchestrator's own: 200 steps, 10 tool errors, the stop words.

    An action that it has no way to take, an empty one or, without a `user`, one that calls nothing, ends the
    dialogue: the agent has failed. (The official run gives such a simulation up and begins it again.)
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
    ) -> None:
        super().__init__(sample, user, seconds, outside)
        self._place, self._worker = place, worker
        self._session = f"s{uuid.uuid4().hex}"
        self._ended = "no end"

    async def start(self) -> Observation:
        return await self._until_agent(await self._ask(do="start", **self._place, task=self._sample.target))

    async def step(self, action: ChatMessageAssistant) -> Observation:
        if not action.tool_calls and (self._user is None or not action.text.strip()):
            self._ended = "the agent made an empty action" if self._user else "the agent called no tool"
            return Observation((), (), done=True)
        return await super().step(action)

    async def _bring(self, action: ChatMessageAssistant) -> dict[str, Any]:
        calls = [
            {
                "id": call.id,
                "name": call.function,
                "arguments": {"unreadable": call.parse_error} if call.parse_error else call.arguments,
            }
            for call in action.tool_calls or ()
        ]
        return await self._ask(do="reply", text=action.text, calls=calls)

    async def _ask(self, **request: Any) -> dict[str, Any]:
        return await super()._ask(session=self._session, **request)

    def _message(self, plain: dict[str, Any]) -> ChatMessage:
        return as_message(plain)

    def _tools(self, plain: list[dict[str, Any]]) -> list[ToolInfo]:
        return _tools(plain)

    def _usable(self, action: ChatMessageAssistant, offered: set[str]) -> bool:
        return bool(action.text.strip() or action.tool_calls)

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
    return {"system": messages.system, "user": messages.user}[plain["role"]](plain["content"])


def _tools(plain: list[dict[str, Any]]) -> list[ToolInfo]:
    from inspect_ai.tool import ToolInfo, ToolParams

    made = []
    for tool in plain:
        schema = _inlined(tool["parameters"], tool["parameters"].get("$defs", {}))
        fields = {key: schema[key] for key in ("properties", "required") if key in schema}
        made.append(
            ToolInfo(
                name=tool["name"],
                description=tool.get("description", ""),
                parameters=ToolParams.model_validate(fields),
            )
        )
    return made


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """A JSON schema with its references to `$defs` replaced by what they stand for."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _inlined({**definitions[schema["$ref"].rpartition("/")[2]], **rest}, definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items() if key != "$defs"}
