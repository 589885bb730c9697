"""A ToolSandbox scenario as a world: it is played in a worker and asks for one completion after another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.external.workers import Outside, Pool, nothing_outside
from harness.model.raw_calls import raw_calls, raw_text
from harness.sample import Sample
from harness.tasks.official import OfficialDialogue
from harness.world import Observation

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant

    from harness.model.gateway import Model


#: how long tools may take. The first request, which builds the scenarios, has more
MOVE_SECONDS = 120.0
#: ids of calls that can be a part of the name of a Python variable, as which the package uses them
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class Dialogue(OfficialDialogue):
    """The limit is the package's own: 30 messages of user, agent and tools. Parallel calls are tried in
    every order, as officially, so that more than seven of them outlast `MOVE_SECONDS`: an error.

    Other than officially, ids of calls that can't be part of a Python name get one of ours, as no call would
    work otherwise; and a turn of the simulated user that the package can't take (empty, another tool than the
    one that ends the dialogue, arguments that are no JSON object) is drawn again up to three times, after
    which the attempt is unscored. Officially it is a failure of the scenario.
    """

    def __init__(
        self,
        clock: str,
        sample: Sample,
        pool: Pool,
        user: Model,
        seconds: float,
        outside: Outside | None = None,
        keeps_reasoning: bool = False,
    ) -> None:
        super().__init__(sample, user, seconds, outside or nothing_outside, keeps_reasoning)
        self._request = {"scenario": sample.target, "clock": clock, "network": outside is not None}
        self._pool, self._moves = pool, 0
        self._ids: dict[str, str] = {}

    async def start(self) -> Observation:
        self._worker = await self._pool.acquire()
        return await self._until_agent(await self._ask(do="start", **self._request))

    async def _bring(self, action: ChatMessageAssistant) -> dict[str, Any]:
        self._moves += 1
        calls = []
        for number, call in enumerate(raw_calls(action)):
            own = call.id if _NAME.fullmatch(call.id) else f"call_{self._moves}_{number}"
            self._ids[own] = call.id
            calls.append({"id": own, "name": call.name, "arguments": call.arguments})
        self._seconds = MOVE_SECONDS
        return await self._ask(do="reply", text=raw_text(action), calls=calls)

    def _message(self, plain: dict[str, Any]) -> ChatMessage:
        from inspect_ai.model import ChatMessageTool

        text = plain["content"]
        if plain["role"] != "tool":
            return messages.of(plain["role"], text)
        return ChatMessageTool(content=text, tool_call_id=self._ids[plain["id"]])

    def answer(self) -> Any:
        """`{"context": ..., "clock": ..., "exception": ...}`: the final context in the package's own form,
        when the dialogue began, and what the package's code raised, if anything."""
        return None if self._result is None else {**self._result, "clock": self._request["clock"]}

    async def close(self) -> None:
        try:
            await super().close()
        finally:
            if self._worker is not None:
                self._pool.give_back(self._worker)

    def _usable(self, action: ChatMessageAssistant, offered: set[str]) -> bool:
        if not action.tool_calls:
            return bool((raw_text(action) or "").strip())
        return all(call.function in offered and not call.parse_error for call in action.tool_calls)
