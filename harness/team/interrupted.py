"""A world whose person changes its mind while the agent works."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.errors import UsageError
from harness.human.events import EARLY, INTERRUPTION, Event
from harness.human.wording import words
from harness.world import Observation, World, WorldWrapper, carried_out

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessageAssistant

#: what a change of mind does to what was asked for
KINDS = ADDITION, REVISION, RETRACTION = "addition", "revision", "retraction"


@dataclass(frozen=True)
class Interruption:
    """A change of mind of that kind after that share (0 to 1) of the run, as `KIND@SHARE` says."""

    kind: str
    share: float

    @classmethod
    def read(cls, text: str) -> Interruption:
        """From `KIND@SHARE`.

        Raises:
            UsageError: it has another form.
        """
        kind, _, share = text.partition("@")
        try:
            number = float(share)
        except ValueError:
            number = math.nan
        if kind not in KINDS or not 0 <= number <= 1:
            raise UsageError(
                f"interrupt={text!r} is not KIND@SHARE: {', '.join(KINDS)} at a share of the run from 0 to "
                "1, as in addition@0.5"
            )
        return cls(kind, number)

    def after(self, calls: int) -> int:
        """After how many calls it comes, of a run that takes so many."""
        return math.ceil(self.share * calls)


class Interrupted(WorldWrapper):
    """`world`, in which the person says `text` once `after` calls of the tools `counted` (all, where none
    is named) were carried out, whoever made them; at the latest where the world would end the episode,
    which then goes on. The answer is the inner one with `interruptions`, a log, in which one that came since
    the agent had stopped too soon has the verdict `EARLY`."""

    def __init__(self, world: World, text: str, after: int, counted: Collection[str] = ()) -> None:
        super().__init__(world)
        self._text, self._after, self._counted = text, after, frozenset(counted)
        self._made = self._steps = 0
        self._events: list[Event] = []

    async def start(self) -> Observation:
        return self._due(await self._world.start())

    async def step(self, action: ChatMessageAssistant) -> Observation:
        seen = await self._world.step(action)
        self._steps += 1
        made = carried_out(action.tool_calls or (), seen.messages)
        self._made += sum(not self._counted or call.function in self._counted for call in made)
        return self._due(seen)

    def _due(self, seen: Observation) -> Observation:
        """What the agent sees, with the change of mind where it is due."""
        if not seen.done:
            self._tools = seen.tools
        if self._events or not (self._made >= self._after or seen.done):
            return seen
        self._events.append(
            Event(
                INTERRUPTION,
                self._steps,
                reply=self._text,
                requested=False,
                verdict="" if self._made >= self._after else EARLY,
                words_written=words(self._text),
            )
        )
        return Observation(
            (*seen.messages, messages.user(self._text)),
            self._tools,
            new_conversation=seen.new_conversation,
            failed=seen.failed,
            own=seen.own,
            waited=seen.waited,
        )

    def answer(self) -> Any:
        inner = self._world.answer()
        return None if inner is None else {**inner, "interruptions": [e.plain() for e in self._events]}


def came_early(answer: Any) -> bool:
    """Whether a world's answer says that the agent had stopped before the person's change of mind was due."""
    events = answer.get("interruptions") if isinstance(answer, Mapping) else None
    return any(isinstance(each, Mapping) and each.get("verdict") == EARLY for each in events or ())
