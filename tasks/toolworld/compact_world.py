"""The office for agents that write compact words: the same dialogue, with words in place of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.base import messages
from harness.tasks.toolworld.compact import ERR, decode, request_words, result_words
from harness.world import Dialogue, Observation, ToolError

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessageAssistant


class CompactDialogue(Dialogue):
    """An action is the text of a message, and offers no tools: results are messages of the user that name
    the call they answer. Words that are no action are a call that failed."""

    _moves = 0

    async def start(self) -> Observation:
        return Observation(self.opening)

    async def step(self, action: ChatMessageAssistant) -> Observation:
        self._moves += 1
        act = decode(action.text)
        if act is None:
            return self._result(ERR)
        if act.tool:
            try:
                return self._result(result_words(act.tool, self.call(act.tool, act.arguments)))
            except ToolError:
                return self._result(ERR)
        line = await self.say(act.said)
        if line is None:
            return Observation((), done=True)
        return Observation((messages.user(request_words(line)),))

    def _result(self, words: str) -> Observation:
        from inspect_ai.model import ChatMessageUser

        message = ChatMessageUser(content=words, tool_call_id=[f"move_{self._moves}"])
        return Observation((message,), failed=int(words == ERR))
