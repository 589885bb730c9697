"""Episodes of an agent and a person as a run's page draws them: who acted, and who waited meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.base.files import plain_json
from harness.human.events import INTERRUPTION, IRREVERSIBLE
from harness.results.stored import trace_of

#: characters of what was said or done
SHORT = 160
#: of an episode, beyond which the rest is left out
MOST = 200


def timeline(trace: str | None, answer: str | None) -> list[list[Any]] | None:
    """What `assets/timeline.js` draws of an attempt, in order; None where no person stood beside the agent.

    An entry is [who, what, text, seconds]: `agent` or `human`; the tools that were called, or the kind of the
    request that the person answered, `refused` where nobody was asked, `interruption` where it spoke up;
    what was said or done; seconds of the person, None where they are unknown.
    """
    if not trace or not answer or '"human"' not in answer:
        return None
    try:
        found = plain_json(answer)
    except ValueError:
        return None
    logs = [found.get(name) for name in ("human", "interruptions")] if isinstance(found, dict) else []
    if not logs or not isinstance(logs[0], list):
        return None
    events: dict[int, list[Mapping[str, Any]]] = {}
    entries = [event for log in logs if isinstance(log, list) for event in log if isinstance(event, dict)]
    for event in entries:
        if isinstance(event.get("step"), int) and event.get("kind") != IRREVERSIBLE:  # what the person did
            events.setdefault(event["step"], []).append(event)
    messages = trace_of({"trace": trace}).get("messages")
    if not isinstance(messages, list):
        return None
    return list(_entries(messages, events))[:MOST]


def _entries(messages: list[Any], events: Mapping[int, list[Mapping[str, Any]]]) -> Iterator[list[Any]]:
    """Each action of the agent, the interruptions before it in front, what it asked for behind it."""
    said = [m for m in messages if isinstance(m, dict) and m.get("role") == "assistant"]
    for step, message in enumerate(said):
        here = [(_of_person(event), event.get("kind") == INTERRUPTION) for event in events.get(step, ())]
        yield from (entry for entry, unasked in here if unasked)
        calls = [call for call in message.get("calls") or () if isinstance(call, dict)]
        names = ", ".join(str(call.get("name")) for call in calls) or "says"
        told = "; ".join(str(call.get("arguments")) for call in calls) or str(message.get("content") or "")
        yield ["agent", names[:SHORT], told[:SHORT], None]
        yield from (entry for entry, unasked in here if not unasked)
    for event in events.get(len(said), ()):  # nothing was done on it any more
        yield _of_person(event)


def _of_person(event: Mapping[str, Any]) -> list[Any]:
    kind = "refused" if event.get("refused") else str(event.get("kind"))
    seconds = event.get("seconds")
    known = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    return ["human", kind[:SHORT], str(event.get("reply") or "")[:SHORT], seconds if known else None]
