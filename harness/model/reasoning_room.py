"""Room for thinking: a limit that a task set for a short answer is not spent on a model's reasoning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.model import endings
from harness.model.provider import Call

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

#: tokens for reasoning beside the answer; a task's limit of at least half of it leaves room already
ROOM = 8192
#: the least that is of use, where the model's context or the server's own limit leaves no more
LEAST = 512


class Room:
    """Of one model. `limit` is the longest completion by the task's own setting; None where the user set
    another, which is never raised. What is raised stays out of the key of a completion: asked for is an
    answer of `limit` tokens, however long the model thinks about it."""

    def __init__(self, limit: int | None, model: str, notice: Callable[[str], None]) -> None:
        self._limit = limit if limit is not None and limit < ROOM // 2 else None
        self._model, self._notice = model, notice
        self._raised, self._room = False, ROOM

    def widened(self, call: Call) -> Call:
        """The call as it is sent."""
        if not self._raised or call.decoding.get("max_tokens") != self._limit:
            return call
        return replace(call, decoding={**call.decoding, "max_tokens": (self._limit or 0) + self._room})

    def wanted(self, call: Call, sent: Call, output: ModelOutput) -> bool:
        """Whether the task's limit ended the reasoning of a call that was sent without room, so that it is
        made again; from then on every such call has room. Or the room was more than there is."""
        if sent is not call and endings.overflows(output):
            return self.narrowed(call, sent, 400)
        if self._limit is None or sent.decoding.get("max_tokens") != self._limit:
            return False
        if not output.choices or output.stop_reason != "max_tokens" or not endings.reasons(output):
            return False
        if not self._raised:
            self._raised = True
            self._notice(
                f"{self._model} reasons, and the task's limit of {self._limit} tokens is meant for the "
                f"answer: {ROOM} more are given; --max-tokens sets another limit"
            )
        return True

    def narrowed(self, call: Call, sent: Call, status: int | None) -> bool:
        """Whether a call that had room was refused and is made again with half of it, as room and prompt may
        be more than the model's context, or the room more than the server allows; or without, at the end."""
        if sent is call or status not in (400, 413, 422):
            return False
        given = sent.decoding["max_tokens"] - (self._limit or 0)
        if given == self._room:  # else another call has narrowed it
            self._room //= 2
            if self._room < LEAST:
                self._raised, self._limit = False, None
                self._notice(
                    f"{self._model} takes no more tokens than the task's limit: its reasoning is cut off"
                )
        return True
