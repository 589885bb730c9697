"""What an agent is asked by methods that involve a human, and how it is told of a reply: one wording, which
simulated agents read too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

#: the agent writes its question, how sure it is, or its plan; nothing of it goes into the episode but what is
#: then put to the person
ASK = (
    "Before you act, you may ask the person one short question. Ask for the one thing that you most need to "
    "know and can't find out yourself. Reply with the question alone."
)
SURE = "How sure are you that this is what the person wants? Reply with one number from 0 (a guess) to 100."
PLAN = (
    "Write the plan of what you will do from here on, one step a line, with every value that you decided on. "
    "Reply with the plan alone; if you have to look something up before you can plan, reply LOOK alone."
)
#: the reply to `PLAN` of an agent that can't plan yet
LOOK = "LOOK"
#: beneath `ASK`, where it is said what to ask about
ABOUT = "Ask about: "
#: above `SURE`: the action that is meant
ACTION = "Your next action: "
#: why the human is given the move
HAND_OVER = "You decide what happens next."
#: how the answer to a request begins: a verdict, another call or plan, the calls that the person made, none
APPROVED, REJECTED = "Approved", "Rejected"
CHANGED = "Changed by the person to: "
DID = "The person did:"
NO_MOVE = "The person makes no move."

_NUMBER = re.compile(r"(?<![\w.,-])(\d{1,3}(?:\.\d{1,4})?)(?![\w]|[.,]\d)", re.ASCII)


def ask_prompt(about: str = "") -> str:
    """Asks for a question to the person, about something given or what the agent needs most."""
    return f"{ASK}\n{ABOUT}{about}" if about else ASK


def sure_prompt(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Asks how sure the agent is of calls that it is about to make."""
    return f"{ACTION}{action_text(calls)}\n{SURE}"


def action_text(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Calls as JSON on one line, the same text for equal calls."""
    made = [{"name": name, "arguments": dict(arguments)} for name, arguments in calls]
    return json.dumps(made, ensure_ascii=False, sort_keys=True)


def read_sure(text: str) -> float | None:
    """The share that a reply names as a number from 0 to 100; None where it names none, or several."""
    found = {float(number) for number in _NUMBER.findall(text)}
    value = found.pop() if len(found) == 1 else None
    return value / 100 if value is not None and value <= 100 else None
