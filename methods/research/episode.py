"""One episode under two budgets: a world that a governor watches, the calls of the model, and the ledger."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.episode import play
from harness.job import Job
from harness.methods.research.wording import ANSWER, THINK
from harness.sample import Outcome, Question
from harness.search import Caps, Governed, Governor, TokenLedger
from harness.search.governed import SEARCH

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolInfo

#: tokens of a completion beside its reasoning: a call of a tool, or the final answer
ROOM = 512
#: longest query that a method makes of other text, in characters
QUERY = 2_000

Act = Callable[[Sequence["ChatMessage"], Sequence["ToolInfo"]], Awaitable["ModelOutput"]]


class Episode:
    """What a method does with one question, under `caps`; `draw` numbers episodes of one question."""

    def __init__(self, question: Question, job: Job, caps: Caps, draw: int = 0) -> None:
        self.question, self.job, self.draw = question, job, draw
        self.governor = Governor(caps)
        self.ledger = TokenLedger()
        self.world = Governed(job.world(question), self.governor)

    async def play(self, act: Act) -> Outcome:
        """The episode that `act` makes, with what it took as measures."""
        outcome = await play(self.question, self.world, act)
        governor = self.governor
        outcome.measures = {
            **self.ledger.measures(),
            "searches_made": float(governor.searches),
            "documents": float(governor.documents),
            "searches_refused": float(governor.refused),
            "forced": float(self.world.forced),
        }
        outcome.trace = {**(outcome.trace or {}), "ledger": self.ledger.plain()}
        return outcome

    async def ask(
        self,
        seen: Sequence[ChatMessage],
        *,
        told: str = "",
        tools: Sequence[ToolInfo] = (),
        fresh: int = 0,
        final: bool | Callable[[ModelOutput], bool] = True,
        again: bool = True,
        **how: Any,
    ) -> ModelOutput:
        """One call of the model, booked. An answer whose thoughts the budget cut off is asked for once more.

        Args:
            told: what its system message says beside what stands there.
            fresh: tokens of what the tools gave since the last call.
            final: whether it must be the answer, or what tells it from what came; else it is thinking aloud.
            again: whether the prompt begins like that of the call before.
        """
        rules = [told] if told else []
        if self.governor.caps.reasoning is not None:
            rules.append(THINK.format(reasoning=self.governor.caps.reasoning))
        prompt = with_rules(seen, rules)
        output, ends = await self._call(prompt, tools, fresh, final, again, how)
        if self.governor.caps.reasoning is None or not ends or output.stop_reason != "max_tokens":
            return output
        said = [output.message] if output.completion.strip() else []
        cue = messages.user(ANSWER)
        return (await self._call([*prompt, *said, cue], tools, 0, True, True, how))[0]

    async def _call(
        self,
        prompt: Sequence[ChatMessage],
        tools: Sequence[ToolInfo],
        fresh: int,
        final: bool | Callable[[ModelOutput], bool],
        again: bool,
        how: Mapping[str, Any],
    ) -> tuple[ModelOutput, bool]:
        """A completion, and whether it is the answer."""
        settings = dict(how)
        if self.governor.caps.reasoning is not None:
            settings["max_tokens"] = ROOM + math.ceil(self.governor.reasoning_left)
        if tools and final is True:
            settings["tool_choice"] = "none"
        output = await self.job.model.generate(self.question, prompt, tools=tools, draw=self.draw, **settings)
        ends = final if isinstance(final, bool) else final(output)
        step = self.ledger.book(output, fresh, ends, again)
        if step is not None:
            self.governor.thought(step.reasoning, step.total)
        return output, ends


def with_rules(seen: Sequence[ChatMessage], rules: Sequence[str]) -> list[ChatMessage]:
    """The messages, with rules at the end of the system message."""
    if not rules:
        return list(seen)
    own = [seen[0].text] if seen and seen[0].role == "system" else []
    return [messages.system("\n\n".join([*own, *rules])), *seen[len(own) :]]


def calling(name: str, place: int, **arguments: str) -> ModelOutput:
    """An action that the method itself takes: a call of a tool."""
    from inspect_ai.model import ChatMessageAssistant, ModelOutput
    from inspect_ai.tool import ToolCall

    call = ToolCall(f"own_{place}", name, arguments)
    message = ChatMessageAssistant(id=messages.new_id(), content="", tool_calls=[call])
    return ModelOutput.from_message(message)


def searching(query: str, place: int) -> ModelOutput:
    """The method's own search."""
    return calling(SEARCH, place, query=query.strip()[:QUERY])
