"""What people are told and asked, and how they answer: one wording for models, simulations and real people.

The wording is ours. What it must say follows notes on simulated users in use (tau2-bench, Co-Gym): one fact
at a time, nothing made up, "I do not know" for what the person doesn't know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.base.files import plain_json
from harness.human.brief import Brief, Fact, Move, Refusal

#: kinds of requests, and how the first line of a request calls each
HEADS = {"question": "Question", "approval": "Approval", "plan": "Plan", "move": "Move"}
KINDS = tuple(HEADS)
UNKNOWN = "I do not know."
#: what a lazy person says to a question that can't be answered with yes or no
ONLY_YES_NO = "I only say yes or no."
YES, NO = "Yes.", "No."
#: what a person says who answers nothing more
LEAVES = "[LEAVES]"
#: in the metadata of a completion: the seconds that the person took, from when the request was shown
SECONDS = "human_seconds"

# the parts of a brief, and of a request
YOU = "You are the person for whom an assistant works. You answer its requests, each in one short message."
KNOW = "What you know, one fact a line:"
REFUSE = "What you don't want done:"
MOVES = "What you would do yourself, in this order:"
STYLE = {
    "informative": "Asked for something that you know, you give its value.",
    "lazy": "You answer questions with yes or no alone, and give no values.",
}
PROACTIVE = "You may add one fact that nobody asked for."
RULES = (
    "You tell one fact a message, whatever is asked, and none before it is asked for. You make nothing up: "
    f'of what doesn\'t stand here you say "{UNKNOWN}"'
)
#: how each kind of request is answered
FORMS = {
    "question": "Answer in a few words.",
    "approval": "Answer `approve`, `reject: your reason`, or `edit: {...}` with the call that you want.",
    "plan": "Answer `approve`, `reject: your reason`, or `edit: the plan that you want`.",
    "move": 'Answer with calls as JSON, [{"name": ..., "arguments": {...}}], or `decline`.',
}
DONE = "Done so far:"

_ACTION, _CHOICES = "Action: ", "Choices: "
_MARK = re.compile(r"^(\\*(?:Action|Choices): )", re.MULTILINE)
_QUOTED = re.compile(r"^\\(\\*(?:Action|Choices): )", re.MULTILINE)
_FACT = re.compile(r"^- (?P<name>.+?): (?P<value>.*?)(?: \((?P<more>\{.*\})\))?$")
_REFUSAL = re.compile(r"^- (?P<name>\S+) (?=\{)")
_UNLESS = " unless one of "
_VERDICT = re.compile(
    r"^\W{0,3}(approve|reject|edit)\b\W{0,2}(?:[:.]\s*|\s*$)(.*)", re.DOTALL | re.IGNORECASE
)
#: a "no" that denies nothing of what was asked
_NO_ANSWER = re.compile(r"\W*no\s+(?:idea|clue|preference|opinion|answer|comment)s?\b", re.IGNORECASE)
_FENCE = re.compile(r"^```\w*\s*|\s*```$")


@dataclass(frozen=True)
class Request:
    """What a person is asked. `kind` is one of `KINDS`; `action` is the call that an approval is about;
    `choices` are the possible answers, empty where any may be given."""

    kind: str
    text: str
    action: Move | None = None
    choices: tuple[str, ...] = ()

    def write(self) -> str:
        """The request as the last user message has it, for `Request.read`."""
        lines = [HEADS[self.kind], _MARK.sub(r"\\\1", self.text)]
        if self.action is not None:
            lines.append(_ACTION + call_text(self.action))
        if self.choices:
            lines.append(_CHOICES + json.dumps(list(self.choices), ensure_ascii=False))
        return "\n".join(lines)

    @staticmethod
    def read(written: str) -> Request | None:
        """The request that stands in a text as `write` makes it; None of any other text."""
        head, _, rest = written.partition("\n")
        kind = next((kind for kind, name in HEADS.items() if name == head), None)
        if kind is None:
            return None
        choices: tuple[str, ...] = ()
        action: Move | None = None
        lines = rest.split("\n")
        if len(lines) > 1 and lines[-1].startswith(_CHOICES):
            choices = _choices(lines.pop().removeprefix(_CHOICES))
        if len(lines) > 1 and lines[-1].startswith(_ACTION):
            action = _one_call(lines.pop().removeprefix(_ACTION))
        found = Request(kind, _QUOTED.sub(r"\1", "\n".join(lines)), action, choices)
        return found if found.write() == written else None  # a prompt may begin alike


@dataclass(frozen=True)
class Reply:
    """What a person answers: `text` to a question; a `verdict` (approve, reject, edit) on an action or a plan
    with the reason or the other plan as `text` and the other call as `calls`; `calls` as a move, of which
    `decline` is none. `left`: the person answers nothing more."""

    kind: str
    text: str = ""
    verdict: str = ""
    calls: tuple[Move, ...] = ()
    left: bool = False

    def write(self) -> str:
        """The reply in its form, for `Reply.read`."""
        if self.left:
            return LEAVES
        if self.kind == "question":
            return self.text
        if self.kind == "move":
            return (
                json.dumps([_plain(call) for call in self.calls], ensure_ascii=False)
                if self.calls
                else "decline"
            )
        if self.verdict == "edit":
            return f"edit: {call_text(self.calls[0]) if self.kind == 'approval' else self.text}"
        return f"{self.verdict}: {self.text}" if self.text else self.verdict

    @staticmethod
    def read(kind: str, written: str) -> Reply | None:
        """The reply to a request of that kind; None where the text hasn't the form."""
        text = written.strip()
        if text == LEAVES:
            return Reply(kind, left=True)
        if kind == "question":
            return Reply(kind, text) if text else None
        if kind == "move":
            if text.strip("`. ").casefold() == "decline":
                return Reply(kind)
            calls = _calls(text)
            return Reply(kind, calls=calls) if calls else None
        found = _VERDICT.match(text)
        if found is None:
            return None
        verdict, rest = found[1].casefold(), found[2].strip()
        if verdict != "edit":
            return Reply(kind, rest, verdict)
        if kind == "plan":
            return Reply(kind, rest, verdict) if rest else None
        calls = _calls(rest)
        return Reply(kind, "", verdict, calls) if calls and len(calls) == 1 else None


def words(text: str) -> int:
    """How many words a person reads or writes in a text."""
    return len(text.split())


def yes_or_no(text: str) -> bool | None:
    """Whether a reply begins with yes (true) or with no; None of any other, such as "no idea"."""
    if _NO_ANSWER.match(text):
        return None
    first = text.split()[0].strip(".,;:!").casefold() if text.strip() else ""
    return {"yes": True, "no": False}.get(first)


def told(fact: Fact, value: str | None = None) -> str:
    """A fact as a person tells it."""
    return f"{fact.name}: {fact.value if value is None else value}"


def call_text(call: Move) -> str:
    """A call as JSON."""
    return json.dumps(_plain(call), ensure_ascii=False)


# -- the brief -----------------------------------------------------------------------------------------------


def brief_text(brief: Brief) -> str:
    """The system message that makes a person of a model, for `read_brief`."""
    parts = [YOU, f"What you want: {_line(brief.goal)}" if brief.goal else ""]
    if brief.facts:
        parts.append("\n".join([KNOW, *map(_fact_line, brief.facts)]))
    if brief.refuses:
        parts.append("\n".join([REFUSE, *map(_refusal_line, brief.refuses)]))
    if brief.moves:
        parts.append("\n".join([MOVES, *(f"- {call_text(call)}" for call in brief.moves)]))
    parts.append(" ".join([STYLE[brief.style], *([PROACTIVE] if brief.proactive else []), RULES]))
    parts.append("\n".join(f"{HEADS[kind]}: {form}" for kind, form in FORMS.items()))
    return "\n\n".join(filter(None, parts))


def read_brief(text: str) -> Brief | None:
    """The brief that a system message holds as `brief_text` writes it; None of any other text. What is needed
    for the goal doesn't stand there."""
    if not text.startswith(YOU):
        return None
    goal, facts, refuses, moves = "", list[Fact](), list[Refusal](), list[Move]()
    for part in text.split("\n\n"):
        head, *lines = part.split("\n")
        if head.startswith("What you want: "):
            goal = head.removeprefix("What you want: ")
        elif head == KNOW:
            facts = [fact for line in lines if (fact := _read_fact(line))]
        elif head == REFUSE:
            refuses = [each for line in lines if (each := _read_refusal(line))]
        elif head == MOVES:
            moves = [call for line in lines if (call := _one_call(line.removeprefix("- ")))]
    style = next(style for style, sentence in STYLE.items() if sentence in text)
    return Brief(goal, tuple(facts), tuple(refuses), tuple(moves), style, PROACTIVE in text)


def _fact_line(fact: Fact) -> str:
    more = {"also": list(fact.words), "one of": list(fact.options)}
    kept = {name: value for name, value in more.items() if value}
    shown = f" ({json.dumps(kept, ensure_ascii=False)})" if kept else ""
    return f"- {_line(fact.name)}: {_line(fact.value)}{shown}"


def _read_fact(line: str) -> Fact | None:
    found = _FACT.match(line)
    if found is None:
        return None
    more = json.loads(found["more"]) if found["more"] else {}
    return Fact(found["name"], found["value"], tuple(more.get("also", ())), tuple(more.get("one of", ())))


def _refusal_line(refusal: Refusal) -> str:
    shown = f"- {refusal.name} {json.dumps(dict(refusal.arguments), ensure_ascii=False)}"
    if refusal.unless:
        shown += _UNLESS + json.dumps([dict(each) for each in refusal.unless], ensure_ascii=False)
    return shown + (f": {_line(refusal.reason)}" if refusal.reason else "")


def _read_refusal(line: str) -> Refusal | None:
    found = _REFUSAL.match(line)
    if found is None:
        return None
    arguments, end = json.JSONDecoder().raw_decode(line, found.end())
    unless: list[Any] = []
    if line.startswith(_UNLESS, end):
        unless, end = json.JSONDecoder().raw_decode(line, end + len(_UNLESS))
    return Refusal(found["name"], arguments, line[end:].removeprefix(": "), tuple(unless))


def _line(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def _choices(text: str) -> tuple[str, ...]:
    """The texts in a JSON list; none where it is no such list."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return tuple(found) if isinstance(found, list) and all(isinstance(each, str) for each in found) else ()


# -- calls ---------------------------------------------------------------------------------------------------


def _plain(call: Move) -> dict[str, Any]:
    return {"name": call[0], "arguments": dict(call[1])}


def _calls(text: str) -> tuple[Move, ...] | None:
    """The calls in a JSON text, an object or a list of them; None where it is none."""
    try:
        found = plain_json(_FENCE.sub("", text.strip()))
    except ValueError:
        return None
    entries: Sequence[Any] = found if isinstance(found, list) else [found]
    made = []
    for entry in entries:
        name, arguments = (
            (entry.get("name"), entry.get("arguments", {})) if isinstance(entry, Mapping) else (0, 0)
        )
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return None
        made.append((name, arguments))
    return tuple(made)


def _one_call(text: str) -> Move | None:
    calls = _calls(text)
    return calls[0] if calls else None
