"""A ToolSandbox scenario as a world: it is played in a worker and asks for one completion after another."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from harness import messages
from harness.errors import ModelCallError
from harness.sample import Sample
from harness.workers import Pool, Worker, WorkerError
from harness.world import RESULT_LIMIT, USER_TRIES, Limits, Seen, UserFailed, World, WorldFailed

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ModelOutput
    from inspect_ai.tool import ToolInfo

    from harness.model.gateway import Model


class Dialogue(World):
    """The limit is the package's own: 30 messages of user, agent and tools. Parallel calls are tried in
    every order, as officially, so that more than a handful of them outlast the worker's time: an error.

    Other than officially, the agent's model goes on seeing what it said beside its calls, and its own ids
    of calls; a tool's result is cut off after 16,000 characters; and a turn of the simulated user that the
    package can't take (empty, another tool than the one that ends the dialogue, arguments that are no JSON
    object) is drawn again up to three times, after which the attempt is unscored. Officially it is a
    failure of the scenario.
    """

    limits = Limits(steps=1000)

    def __init__(self, clock: str, sample: Sample, pool: Pool, user: Model, seconds: float) -> None:
        self._request = {"scenario": sample.target, "clock": clock}
        self._sample, self._pool, self._user, self._seconds = sample, pool, user, seconds
        self._worker: Worker | None = None
        self._known, self._moves = 0, 0
        self._ids: dict[str, str] = {}
        self._ended: dict[str, Any] | None = None

    async def start(self) -> Seen:
        self._worker = await self._pool.lend()
        return await self._until_agent(await self._ask(do="start", **self._request))

    async def step(self, move: ChatMessageAssistant) -> Seen:
        self._known += 1  # the move itself
        return await self._until_agent(await self._bring(move))

    async def _until_agent(self, wanted: dict[str, Any]) -> Seen:
        """Lets the user simulator answer until it is the agent's turn."""
        while wanted.get("who") == "user":
            wanted = await self._bring((await self._user_turn(wanted)).message)
        if "failed" in wanted:
            raise WorldFailed(wanted["failed"])
        if "done" in wanted:
            self._ended = wanted["done"]
            return Seen((), (), done=True)
        new = wanted["messages"][self._known :]
        self._known = len(wanted["messages"])
        return Seen([self._message(plain) for plain in new], _tools(wanted["tools"]))

    async def _user_turn(self, wanted: dict[str, Any]) -> ModelOutput:
        seen, tools = [self._message(plain) for plain in wanted["messages"]], _tools(wanted["tools"])
        offered = {tool.name for tool in tools}
        for draw in range(USER_TRIES):
            try:
                output = await self._user.generate(
                    self._sample.question, seen, purpose="user", draw=draw, tools=tools
                )
            except ModelCallError as error:
                raise UserFailed(f"user simulator: {error}") from error
            if output.choices and _usable(output.message, offered):
                return output
        raise UserFailed(f"user simulator: {USER_TRIES} unusable turns in a row")

    async def _bring(self, move: ChatMessageAssistant) -> dict[str, Any]:
        self._moves += 1
        calls = []
        for number, call in enumerate(move.tool_calls or ()):
            own = f"call_{self._moves}_{number}"  # it becomes part of a Python variable's name
            self._ids[own] = call.id
            arguments = "{unreadable" if call.parse_error else json.dumps(call.arguments)
            calls.append({"id": own, "name": call.function, "arguments": arguments})
        return await self._ask(do="reply", text=move.text, calls=calls)

    async def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._worker is not None
        try:
            found: dict[str, Any] = await asyncio.to_thread(self._worker.ask, request, self._seconds)
        except WorkerError as error:
            raise WorldFailed(str(error)) from error
        return found

    def _message(self, plain: dict[str, Any]) -> ChatMessage:
        from inspect_ai.model import ChatMessageTool
        from inspect_ai.tool import ToolCallError

        text = plain["content"]
        if plain["role"] != "tool":
            made = {"system": messages.system, "user": messages.user, "assistant": messages.assistant}
            return made[plain["role"]](text)
        error = ToolCallError("unknown", text.rpartition("\n")[2]) if plain["failed"] else None
        if len(text) > RESULT_LIMIT:
            text = f"{text[:RESULT_LIMIT]}\n[cut off: {len(text) - RESULT_LIMIT} more characters]"
        return ChatMessageTool(content=text, tool_call_id=self._ids[plain["id"]], error=error)

    def answer(self) -> Any:
        """`{"context": ..., "clock": ..., "exception": ...}`: the final context in the package's own form,
        when the dialogue began, and what the package's code raised, if anything."""
        return None if self._ended is None else {**self._ended, "clock": self._request["clock"]}

    async def close(self) -> None:
        if self._worker is None:
            return
        try:
            await self._ask(do="stop")
        except WorldFailed:  # it went with its worker
            pass
        finally:
            self._pool.give_back(self._worker)


def _usable(move: ChatMessageAssistant, offered: set[str]) -> bool:
    """Whether the package can go on from a turn of the simulated user."""
    if not move.tool_calls:
        return bool(move.text.strip())
    return all(call.function in offered and not call.parse_error for call in move.tool_calls)


def _tools(plain: list[dict[str, Any]]) -> list[ToolInfo]:
    from inspect_ai.tool import ToolInfo, ToolParams

    return [ToolInfo(name=tool["name"], description=tool["description"],
                     parameters=ToolParams.model_validate(tool["parameters"])) for tool in plain]  # fmt: skip
