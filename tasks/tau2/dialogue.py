"""A tau2 dialogue as a world: its orchestrator runs in a worker and asks for one completion after another."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness import messages
from harness.errors import ModelCallError
from harness.sample import Sample
from harness.workers import Worker, WorkerError
from harness.world import USER_TRIES, Limits, Seen, UserFailed, World, WorldFailed

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ModelOutput
    from inspect_ai.tool import ToolInfo

    from harness.model.gateway import Model


class Tau2Dialogue(World):
    """Limits and stop conditions are the orchestrator's own: 200 steps, 10 tool errors, the stop words.

    A move that it has no way to take, an empty one or, without a `user`, one that calls nothing, ends the
    dialogue: the agent has failed. (The official run gives such a simulation up and begins it anew.)
    """

    limits = Limits(steps=1000)

    def __init__(
        self, place: Mapping[str, Any], sample: Sample, worker: Worker, user: Model | None, seconds: float
    ) -> None:
        self._place, self._sample, self._user = place, sample, user
        self._worker, self._seconds = worker, seconds
        self._session, self._known = f"s{uuid.uuid4().hex}", 0
        self._simulation: dict[str, Any] | None = None
        self._ended = "no end"

    async def start(self) -> Seen:
        return await self._until_agent(
            await self._ask(do="start", **self._place, task=self._sample.target)
        )

    async def step(self, move: ChatMessageAssistant) -> Seen:
        if not move.tool_calls and (self._user is None or not move.text.strip()):
            self._ended = "the agent made an empty move" if self._user else "the agent called no tool"
            return Seen((), (), done=True)
        self._known += 1  # the move itself
        return await self._until_agent(await self._bring(move))

    async def _until_agent(self, wanted: dict[str, Any]) -> Seen:
        """Lets the user simulator answer until it is the agent's turn."""
        while wanted.get("who") == "user":
            wanted = await self._bring((await self._user_turn(wanted)).message)
        if "failed" in wanted:
            raise WorldFailed(wanted["failed"])
        if "done" in wanted:
            self._simulation = wanted["done"]
            return Seen((), (), done=True)
        new = wanted["messages"][self._known :]
        self._known = len(wanted["messages"])
        return Seen([as_message(plain) for plain in new], _tools(wanted["tools"]))

    async def _user_turn(self, wanted: dict[str, Any]) -> ModelOutput:
        assert self._user is not None
        seen, tools = [as_message(plain) for plain in wanted["messages"]], _tools(wanted["tools"])
        for draw in range(USER_TRIES):
            try:
                output = await self._user.generate(
                    self._sample.question, seen, purpose="user", draw=draw, tools=tools, temperature=0.0
                )
            except ModelCallError as error:
                raise UserFailed(f"user simulator: {error}") from error
            if output.choices and (output.message.text.strip() or output.message.tool_calls):
                return output
        raise UserFailed(f"user simulator: {USER_TRIES} empty turns in a row")

    async def _bring(self, move: ChatMessageAssistant) -> dict[str, Any]:
        calls = [
            {"id": call.id, "name": call.function,
             "arguments": {"unreadable": call.parse_error} if call.parse_error else call.arguments}
            for call in move.tool_calls or ()
        ]  # fmt: skip
        return await self._ask(do="reply", text=move.text, calls=calls)

    async def _ask(self, **request: Any) -> Any:
        request["session"] = self._session
        try:
            return await asyncio.to_thread(self._worker.ask, request, self._seconds)
        except WorkerError as error:
            raise WorldFailed(str(error)) from error

    def answer(self) -> Any:
        return {"simulation": self._simulation} | ({} if self._simulation else {"ended": self._ended})

    async def close(self) -> None:
        try:
            await self._ask(do="stop")
        except WorldFailed:  # it went with its worker
            pass


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
        made.append(ToolInfo(name=tool["name"], description=tool.get("description", ""),
                             parameters=ToolParams.model_validate(fields)))  # fmt: skip
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
