"""What a real person is shown when a reply is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from harness.human.wording import FORMS, Reply, Request, call_text

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

#: who speaks in a dialogue, as people read it
SPEAKERS = {"user": "The assistant", "assistant": "You", "system": "Instructions", "tool": "A tool"}


@dataclass(frozen=True)
class Shown:
    """A call as a person sees it: `brief` is what only the person knows, `dialogue` what was asked and said
    before, as (speaker, text), `request` what is asked now, as it was written. `sample` and `epoch` name the
    attempt that it is for."""

    sample: str
    epoch: int
    brief: str
    dialogue: tuple[tuple[str, str], ...]
    request: str

    @classmethod
    def of(cls, sample: str, epoch: int, messages: Sequence[ChatMessage]) -> Shown:
        """From the messages that a model would get."""
        told = [m.text for m in messages if m.role == "system"]
        others = [m for m in messages if m.role != "system"]
        before = tuple((SPEAKERS[m.role], m.text) for m in others[:-1])
        return cls(sample, epoch, "\n\n".join(told), before, others[-1].text if others else "")

    @property
    def asked(self) -> Request | None:
        """The request in its parts; None of a text that has none."""
        return Request.read(self.request)

    @property
    def form(self) -> str:
        """How it is answered; empty where any text will do."""
        return FORMS[self.asked.kind] if self.asked else ""

    def fault(self, reply: str) -> str:
        """Why a reply can't be taken; empty where it can."""
        if not reply:
            return "An empty reply says nothing."
        if self.asked is not None and Reply.read(self.asked.kind, reply) is None:
            return f"That can't be read. {self.form}"
        return ""

    def parts(self) -> dict[str, Any]:
        """The request in parts for a page: kind, text, action and choices."""
        asked = self.asked
        if asked is None:
            return {"kind": "text", "text": self.request, "action": "", "choices": [], "form": ""}
        return {
            "kind": asked.kind,
            "text": asked.text,
            "action": call_text(asked.action) if asked.action else "",
            "choices": list(asked.choices),
            "form": self.form,
        }

    def plain(self) -> dict[str, Any]:
        """As JSON, for `read`."""
        return {**asdict(self), "dialogue": [list(each) for each in self.dialogue]}

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Shown:
        """From `plain`.

        Raises:
            KeyError, TypeError, ValueError: it isn't of that form.
        """
        dialogue = tuple((str(speaker), str(text)) for speaker, text in found["dialogue"])
        return cls(
            str(found["sample"]), int(found["epoch"]), str(found["brief"]), dialogue, str(found["request"])
        )
