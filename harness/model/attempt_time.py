"""How long an attempt at an item may take, from its first call on, for methods that answer many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.base.errors import ModelCallError
from harness.model.gateway import Model
from harness.sample import Question

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput


def too_long(seconds: float) -> str:
    """The error of an attempt that took longer than it may."""
    return f"the attempt took longer than {seconds:g} seconds (--attempt-time)"


class AttemptClock:
    """Of the attempts of one run that are under way. A call on behalf of any other question (an annotation, a
    rollout) is no attempt."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        self._open: set[tuple[str, int]] = set()
        self._ends: dict[tuple[str, int], float] = {}

    def begin(self, question: Question) -> None:
        """The attempt at a question may begin; it does with its first call."""
        if self.seconds is not None:
            self._open.add((question.id, question.epoch))

    def end(self, question_id: str, epoch: int) -> None:
        """The attempt has its outcome."""
        self._open.discard((question_id, epoch))
        self._ends.pop((question_id, epoch), None)

    def left(self, question: Question) -> float | None:
        """Seconds that are left of the attempt; None where none is under way."""
        key = (question.id, question.epoch)
        if self.seconds is None or key not in self._open:
            return None
        now = time.monotonic()
        return self._ends.setdefault(key, now + self.seconds) - now

    def pause(self, question: Question, seconds: float) -> None:
        """So many seconds were a person's, and not of the attempt."""
        key = (question.id, question.epoch)
        if key in self._ends:
            self._ends[key] += seconds


#: the purpose of calls to people: the time of an attempt stands still meanwhile
OF_PEOPLE = "human"


class Timed(Model):
    """A model whose calls end with the attempt that they are made for, but for those to people."""

    clock = AttemptClock()

    async def generate(self, question: Question, messages: Sequence[ChatMessage], **more: Any) -> ModelOutput:
        if more.get("purpose") == OF_PEOPLE:
            began = time.monotonic()
            try:
                return await super().generate(question, messages, **more)
            finally:
                self.clock.pause(question, time.monotonic() - began)
        left = self.clock.left(question)
        if left is None:
            return await super().generate(question, messages, **more)
        try:
            async with asyncio.timeout(max(left, 0)) as clock:
                return await super().generate(question, messages, **more)
        except TimeoutError:
            if not clock.expired():
                raise
            raise ModelCallError(too_long(self.clock.seconds or 0)) from None
