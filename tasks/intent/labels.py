"""Reads one label of a closed set out of a completion. Exact after tidying; a near miss is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

from harness.answers import Reading, normalise, said, statements
from harness.answers.locate import before_next_question, from_last
from harness.answers.markup import QUOTES, without_fences, without_html, without_wrappers
from harness.answers.read import content_of

#: No label is as long as this, and the answer stands near the end of a completion.
MAX_LINE, MAX_TEXT = 2_000, 100_000
#: what an answer may be called
NOUNS = tuple(
    "label intent category class domain emotion topic tag sentiment prediction classification type".split()
)

_MARKUP = "*_`~ \t"
_LEAD = re.compile(r"(?:[-+*•>]|#{1,6})\s+")
_SIGNED = re.compile(r"[-+] \d")
_AROUND, _AFTER = QUOTES + "()[]{} \t", ".,;:!?。！？，"
_PREFIX = re.compile(
    r"(?:the )?(?:(?:final|correct|best|predicted) )?"
    rf"(?:answer|{'|'.join(NOUNS)})(?: is)?\s{{0,9}}[:=]\s*",
    re.IGNORECASE,
)
#: what comes right before a label at the end of a sentence: 'I would say positive', 'the mood is: positive'
_JOINT = re.compile(
    r"(?:\b(?:is|as|say|be|with|would|choose|pick|so|but|therefore|thus|hence)\b|['’]s\b)(?:\s*:)?"
    r"(?:\s+(?:clearly|definitely|an?|the)\b)*|[:=→]|->",
    re.IGNORECASE,
)
#: what closes a clause that a negation stands in
_CLAUSE = re.compile(r"[;.!?]\s|,?\s(?:so|but|therefore|thus|hence)\b")
#: a reply that begins with its label and goes on: 'No, it doesn't.', 'Entailment: the premise says so'
_OPENS = re.compile(r"([^\s,;:.!](?:[^,;:.!\n]{0,60}[^\s,;:.!])?)[*_]*[,;:.!][*_]*\s+(?=\S)")
_NEGATED = re.compile(r"\b(?:not|never|neither|nor|cannot|rather than|instead of)\b|n['’]t\b", re.IGNORECASE)
_REASON = re.compile(
    r"\s+\([^()]*\)\s*$|\s+[-–—]\s.*$|,?\s+(?:because|since|as|due to|(?:even )?though|although"
    r"|but|however|rather than)\b.*$",
    re.DOTALL,
)
_EITHER = re.compile(r"\s*(?:,|/|\bor\b|\band\b|;)\s*")


def read_label(completion: str, choices: tuple[str, ...]) -> Reading:
    """The label that a completion gives, spelled as in `choices`, or why it gives none.

    It is the label on the last line that isn't empty, else the last one that is stated (`Label: x`, a field
    of JSON, a tag, a box), else the label that the reply begins with, else the one that its last line ends
    with ('I would say positive'). Quotes, punctuation around it, markup, case, and underscores for spaces
    don't matter. Never raises.
    """
    text, cut = said(completion[-MAX_TEXT:])
    text = before_next_question(without_html(without_fences(text))).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip(_MARKUP)]
    if not lines:
        return Reading(None, "cut off" if cut else "no statement")
    index = _index(choices)
    if (found := _match(lines[-1], index)) is not None:
        return Reading(None, "several") if _lists(lines, index) else Reading(found)
    for statement in from_last(text, NOUNS):
        content = without_wrappers(content_of(statement)).strip()
        if (found := _match(content, index) or _explained(content, index)) is not None:
            return Reading(found)
        if _several(content, index):
            return Reading(None, "hedged")
        if statement.whole or _PREFIX.match(text, statement.start):
            return Reading(None, "unreadable")
    for line in (lines[0], lines[-1]):
        if (found := _match(line, index) or _explained(line, index)) is not None:
            return Reading(found)
    if (found := _at_the_end(lines[-1], index)) is not None:
        return Reading(found)
    if (found := _at_the_start(lines[0], index)) is not None:
        return Reading(found)
    if cut:
        return Reading(None, "cut off")
    return Reading(None, "hedged" if _several(lines[-1], index) else "no statement")


def as_given(completion: str, choices: tuple[str, ...]) -> Reading:
    """As `read_label`, but case counts, and a one-line answer outside the set stays as it is.

    This is how the recorded answers of a replay are read: an answer that is no label is wrong, and
    a class of its own in a vote.
    """
    text = without_fences(said(completion[-MAX_TEXT:]).text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) != 1:
        return read_label(completion, choices)
    fields = [statement for statement in statements(lines[0], NOUNS) if statement.form == "field"]
    answer = fields[-1].text if fields else _PREFIX.sub("", lines[0].strip(_MARKUP), count=1)
    answer = answer.strip(QUOTES + _MARKUP)
    return Reading(answer) if answer else Reading(None, "no statement")


def normal(label: str) -> str:
    """The form in which a label and an answer are compared."""
    plain = bare = _plain(label)
    while True:
        less = bare.strip(_AROUND).rstrip(_AFTER)
        if less == bare:
            return bare or plain
        bare = less


def _explained(line: str, index: tuple[Mapping[str, str], ...]) -> str | None:
    """The label of a line that goes on with a remark or a reason."""
    short = _REASON.sub("", line)
    return _match(short, index) if short != line else None


def _at_the_end(line: str, index: tuple[Mapping[str, str], ...]) -> str | None:
    """The label that a sentence ends with, behind a verb or a colon, where nothing is negated."""
    if len(line) > MAX_LINE or line.startswith("{"):
        return None
    for joint in reversed(list(_JOINT.finditer(line))):
        found = _match(line[joint.end() :], index)
        if found is None:
            found = _explained(line[joint.end() :], index)
        if found is not None:
            clause = _CLAUSE.split(line[: joint.end()] + " ")[-1]
            return None if _NEGATED.search(clause) else found
    return None


def _at_the_start(line: str, index: tuple[Mapping[str, str], ...]) -> str | None:
    """The label that a line begins with and explains, where it names no other."""
    opening = _OPENS.match(line[:MAX_LINE])
    found = _match(opening[1], index) if opening else None
    if opening is None or found is None:
        return None
    rest = f" {_plain(line[opening.end() :])} "
    others = (label for label in index[1].values() if label != found)
    return (
        None
        if any(re.search(rf"(?<!\w){re.escape(_plain(label))}(?!\w)", rest) for label in others)
        else found
    )


def _lists(lines: Sequence[str], index: tuple[Mapping[str, str], ...]) -> bool:
    """Whether all lines are labels, and three or more of them."""
    found: set[str] = set()
    for line in lines[:20]:
        if (label := _match(line, index)) is None:
            return False
        found.add(label)
    return len(found) > 2


def _several(line: str, index: tuple[Mapping[str, str], ...]) -> bool:
    """Whether a line offers more than one label."""
    parts = _EITHER.split(line[:MAX_LINE])
    return 1 < len(parts) <= 20 and len({found for part in parts if (found := _match(part, index))}) > 1


def _match(line: str, index: tuple[Mapping[str, str], ...]) -> str | None:
    if len(line) > MAX_LINE:
        return None
    exact, plain, bare = index
    candidate = line
    for candidate in _candidates(line):
        found = exact.get(candidate) or plain.get(_plain(candidate))
        if found is not None:
            return found
    return bare.get(normal(candidate))


def _candidates(line: str) -> Iterator[str]:
    """The line with less and less around it."""
    line = line.strip()
    yield line
    if _SIGNED.match(line):  # '- 1' is -1 where that is a label, and the first of a list where it isn't
        yield line.replace(" ", "", 1)
    if line.startswith("**") and line.endswith("**") and len(line) > 4:  # '**A***' is A* in bold
        yield line[2:-2]
    line = _LEAD.sub("", line, count=1) if _LEAD.match(line) else line
    line = line.strip(_MARKUP)
    yield line
    line = _PREFIX.sub("", line, count=1).strip(_MARKUP)
    yield line
    line = line.strip(QUOTES + _MARKUP)
    yield line
    yield line.rstrip(".,;:!").strip(QUOTES + _MARKUP)


def _plain(text: str) -> str:
    return " ".join(normalise(text).replace("_", " ").casefold().split())


@lru_cache(maxsize=64)
def _index(choices: tuple[str, ...]) -> tuple[Mapping[str, str], ...]:
    """Labels by spelling, by plain form and by bare form; a form of two labels is left out."""
    exact = {normalise(label): label for label in choices} | {label: label for label in choices}
    return exact, by_form(choices, _plain), by_form(choices, normal)


def by_form(choices: Sequence[str], form: Callable[[str], str]) -> Mapping[str, str]:
    """Labels by a form of theirs; a form of two labels is left out, and an empty one."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for label in choices:
        key = form(label)
        if key in found:
            twice.add(key)
        found[key] = label
    return {key: label for key, label in found.items() if key not in twice and key}
