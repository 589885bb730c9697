"""What a person did that makes an episode say little of the agent: found by rules, where the facts are known.

Simulated people are too helpful, or make things up (notes, section 7). A fault is counted, and figures are
shown with and without the episodes that have one. The rules are a reconstruction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.human.brief import Brief, Fact, one_spelling, values_in
from harness.human.events import Event
from harness.human.wording import ONLY_YES_NO, UNKNOWN, Request, told, yes_or_no

#: kinds of faults. `wrong` is an error such as people make, and makes no episode faulty
INVENTED, LEAKED, STOPPED, IGNORED, WRONG = "invented", "leaked", "stopped", "ignored", "wrong"
FAULTY = (INVENTED, LEAKED, STOPPED, IGNORED)
#: how people say that they don't know, or don't mind
_OPEN = re.compile(
    r"\b(?:do(?:es)? ?n[o']t know|not know|no (?:idea|clue|opinion|comment|preference)s?|"
    r"not sure|unsure|can ?not say|can't say|"
    r"do(?:es)? ?n[o']t (?:matter|mind|care)|up to you|nothing about that)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Fault:
    """What a person did wrong: one of the kinds, the place of the event in the log, and what it said."""

    kind: str
    event: int
    said: str


def faults(events: Sequence[Event], brief: Brief) -> list[Fault]:
    """The faults of a log, in its order, at most one of a kind an event.

    - `invented`: an answer to a question about nothing that the person knows, where "I do not know" was due;
      or a value that a fact can't have.
    - `leaked`: it tells a fact that the request is not about, though it may not say what nobody asked for; or
      a value, where only yes and no were wanted. A decision may give one fact as its reason.
    - `stopped`: it leaves.
    - `ignored`: a question about a fact that it knows gets neither the fact, yes or no, nor "I do not know".
    - `wrong`: another of the values that a fact may have, or yes for no.
    """
    found = []
    known = set[str]()
    for place, event in enumerate(events):
        if event.took and event.requested:
            found += [Fault(kind, place, event.reply) for kind in _kinds(event, brief, known)]
        known |= set(event.facts)
    return found


def _kinds(event: Event, brief: Brief, known: set[str]) -> list[str]:
    if event.verdict == "left":
        return [STOPPED]
    if event.kind == "move":
        return []
    stated = brief.stated(event.reply)
    kinds = [LEAKED] if _leaks(event, brief, stated, known) else []
    if event.kind != "question":
        return kinds
    facts = {fact.name: fact for fact in brief.facts}
    asked = [facts[name] for name in event.asked if name in facts]
    if not asked:
        return kinds if _leaves_open(event.reply) or stated else [*kinds, INVENTED]
    answered = [fact for fact in asked if fact in stated]
    if not answered:
        return [*kinds, *_indirect(event, asked)]
    if any(fact.value not in values_in(fact, event.reply) for fact in answered):
        kinds.append(WRONG)
    return kinds


def _leaks(event: Event, brief: Brief, stated: Sequence[Fact], known: set[str]) -> bool:
    shown = _shown(event)
    new = [f for f in stated if f.name not in known and not values_in(f, shown)]
    if brief.style == "lazy" and new:
        return True
    if brief.proactive:
        return False
    if event.kind == "question":
        return any(fact.name not in event.asked for fact in new)
    return len([f for f in stated if f.name not in known]) > 1


def _indirect(event: Event, asked: Sequence[Fact]) -> list[str]:
    """The faults of a reply to a question about facts of which it states no value."""
    said = event.reply.strip()
    if (yes := yes_or_no(said)) is not None:
        fact = asked[0]
        named = values_in(fact, _shown(event))
        return [] if (fact.value in named) == yes or not named else [WRONG]
    if _leaves_open(said):
        return []
    claims = any(said.startswith(told(fact, "")) for fact in asked)
    return [INVENTED if claims else IGNORED]


def _shown(event: Event) -> str:
    """What the agent wrote: the choices beside it name every value, whatever was asked."""
    request = Request.read(event.request)
    return request.text if request else event.request


def _leaves_open(reply: str) -> bool:
    """Whether a reply says itself that it doesn't answer."""
    return _OPEN.search(one_spelling(reply)) is not None or reply.strip() in (UNKNOWN, ONLY_YES_NO)
