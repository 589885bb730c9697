"""The audit of a person by a judge, for what no rule can tell: whether it made something up, told too much,
ignored a question or broke off. The wording is ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.errors import ModelCallError
from harness.human.audit import IGNORED, INVENTED, LEAKED, STOPPED, WRONG, Fault
from harness.human.brief import Brief
from harness.human.events import Event
from harness.human.wording import brief_text

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

    from harness.model.gateway import Model
    from harness.sample import Question

#: how often a judge is asked whose reply can't be read
TRIES = 3
KINDS: Mapping[str, str] = {
    INVENTED: "it says something that its instructions don't hold, as if it knew it",
    LEAKED: "it tells something that it knows and was not asked for, against its instructions",
    IGNORED: "it does not answer the question at all",
    STOPPED: "it breaks off before the work is done",
    WRONG: "its answer contradicts its instructions",
}
INSTRUCTIONS = (
    "You check how one person behaved who works with an assistant. You get the person's instructions and the "
    "requests to it with its replies, each with a number. Name every reply that is at fault. The faults "
    "are:\n{kinds}\n"
    'Reply with a JSON list alone, such as [{{"reply": 2, "fault": "invented"}}]; [] where there is no '
    "fault."
)
_LIST = re.compile(r"\[.*\]", re.DOTALL)


def prompt(events: Sequence[Event], brief: Brief) -> list[Any]:
    """What the judge is asked about a log."""
    kinds = "\n".join(f"- {kind}: {meaning}" for kind, meaning in KINDS.items())
    shown = [f"[{n}] Request:\n{event.request}\nReply:\n{event.reply}" for n, event in _replies(events)]
    text = f"The person's instructions:\n<<<\n{brief_text(brief)}\n>>>\n\n" + "\n\n".join(shown)
    return [messages.system(INSTRUCTIONS.format(kinds=kinds)), messages.user(text)]


def read(text: str, events: Sequence[Event]) -> list[Fault] | None:
    """The faults that a judge names; None where its reply has another form."""
    found = _LIST.search(text)
    try:
        entries: Any = json.loads(found[0]) if found else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(entries, list):
        return None
    known = dict(_replies(events))
    made = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("fault") not in KINDS:
            return None
        place = entry.get("reply")
        if type(place) is not int or place not in known:
            return None
        made.append(Fault(entry["fault"], place, known[place].reply))
    return made


async def judged(
    question: Question, events: Sequence[Event], brief: Brief, judge: Model
) -> list[dict[str, Any]]:
    """The faults that a judge finds in a log, as JSON; the judge isn't asked where nobody replied.

    Raises:
        ModelCallError: the judge failed, or gave no reply in its form in `TRIES` tries.
    """
    if not list(_replies(events)):
        return []
    asked = prompt(events, brief)
    for draw in range(TRIES):
        output: ModelOutput = await judge.generate(question, asked, purpose="judge", draw=draw)
        found = read(output.completion, events)
        if found is not None:
            return [{"kind": fault.kind, "event": fault.event} for fault in found]
    raise ModelCallError(f"the audit's judge gave no list of faults in {TRIES} tries")


def _replies(events: Sequence[Event]) -> list[tuple[int, Event]]:
    return [(place, event) for place, event in enumerate(events) if event.took and event.requested]
