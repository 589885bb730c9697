"""A world whose tools a governor watches: what the caps don't allow is refused, and the answer is asked
for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.base import messages
from harness.search.governor import CapReached, Governor
from harness.search.words import count_tokens
from harness.world import Observation, World, WorldWrapper

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessageAssistant, ChatMessageTool
    from inspect_ai.tool import ToolCall, ToolInfo

#: the tool whose calls count as searches; every other reads
SEARCH = "search"
FINISH = "You can look nothing up any more. Give your final answer now, in the form that was asked for."
#: a hit, or a document, as the tools show it
_SHOWN = re.compile(r"(?:\A|\n\n)\[([^\[\]\n]{1,300})\](?=\s|\Z)")


class Governed(WorldWrapper):
    """The same world under the caps of `governor`.

    A call beyond a cap isn't carried out: the agent gets an error in its place. Once nothing may be looked up
    any more, the tools are taken away and the final answer is asked for; what is said then ends the episode,
    and calls that come all the same are dropped.
    """

    def __init__(self, world: World, governor: Governor) -> None:
        super().__init__(world)
        self._governor = governor
        #: whether the final answer was asked for
        self.forced = False
        #: tokens of what the tools gave since the agent's last action
        self.fresh = 0

    async def start(self) -> Observation:
        return self._allowed(await self._world.start())

    async def step(self, action: ChatMessageAssistant) -> Observation:
        self.fresh = 0
        calls = action.tool_calls or []
        if not calls:
            return await self._world.step(action)
        if self.forced:
            return await self._world.step(action.model_copy(update={"tool_calls": None}))
        # one after the other, so that a cap can fall between two calls of one message
        came = Observation((), self._tools)
        for call in calls:
            seen = await self._result(action, call)
            came = replace(
                seen,
                messages=(*came.messages, *seen.messages),
                failed=came.failed + seen.failed,
                waited=came.waited + seen.waited,
            )
            if seen.done:
                break
        return self._allowed(came)

    async def _result(self, action: ChatMessageAssistant, call: ToolCall) -> Observation:
        try:
            self._governor.begin(search=call.function == SEARCH)
        except CapReached as reached:
            return Observation([refusal(call, reached)], self._tools)
        seen = await self._world.step(action.model_copy(update={"tool_calls": [call]}))
        for message in seen.messages:
            tokens = count_tokens(message.text)
            shown = _SHOWN.findall(message.text)
            # what stands in a document that is read whole may look like a hit
            self._governor.came(set(shown if call.function == SEARCH else shown[:1]), tokens)
            self.fresh += tokens
        return seen

    def _allowed(self, seen: Observation) -> Observation:
        """What the agent may see and use now."""
        self._tools: tuple[ToolInfo, ...] = tuple(seen.tools)
        if seen.done or self._governor.may_search:
            return seen
        self.forced = True
        told = (messages.user(FINISH),) if self._tools else ()
        return replace(seen, messages=(*seen.messages, *told), tools=())


def refusal(call: ToolCall, reached: CapReached) -> ChatMessageTool:
    """What the agent gets in place of what it called for."""
    from inspect_ai.model import ChatMessageTool
    from inspect_ai.tool import ToolCallError

    error = ToolCallError("limit", str(reached))
    return ChatMessageTool(
        content=f"Error: {reached}", tool_call_id=call.id, function=call.function, error=error
    )
