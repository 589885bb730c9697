"""Several labels of a closed set for a text: completions read as sets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from harness.answers import Reading, said
from harness.answers.locate import before_next_question, from_last
from harness.answers.markup import without_wrappers
from harness.tasks.custom.lists import list_of
from harness.tasks.intent.labels import by_form, normal

INSTRUCTION = "Choose all labels that fit the text, which may be none."
CLOSING = (
    "Reply with the labels alone, spelled as in the list, on one line with semicolons between them; "
    "or with [] where none fits."
)
EMPTY = "[]"
#: the answer stands near the end of a completion, and no list of labels is longer
MAX_TEXT = 20_000

_NONE = {"none", "no label", "no labels", "none of them", "none of the labels", "empty", ""}
_PREFIX = re.compile(
    r"(?:the )?(?:(?:final|correct|best|predicted|right) )?"
    r"(?:labels?|answers?|intents?|categor(?:y|ies)|class(?:es)?|tags?|topics?|emotions?)"
    r"(?: (?:are|is)\s*:?\s+|\s{0,9}[:=]\s*)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"(?:[-+*•>]|\d{1,3}[.)])\s+")
_BETWEEN = re.compile(r"(\s*(?:[;,|&\u3001]|\band\b)\s*|\s+/\s+)", re.IGNORECASE)
_MARKUP = "*_`~ \t"
_FENCE = re.compile(r"\s*(?:```|~~~)\w*\s*")


def written(labels: Iterable[str]) -> str:
    """Labels in the form of answers, in which equal sets are equal texts: a JSON list in alphabetical
    order."""
    return json.dumps(sorted(set(labels)), ensure_ascii=False)


def read_labels(completion: str, choices: tuple[str, ...]) -> Reading:
    """The labels that a completion gives, as `written`, or why it gives none.

    They are those of a JSON list, alone or in an object under `labels` or its like; else of the last lines
    that name labels and nothing else, after `Labels:` or without it, on one line or each on its own. Of these
    every part has to be a label; what a JSON list holds besides stays as it is, and is wrong. Never raises.
    """
    text, cut = said(completion[-MAX_TEXT:])
    text = before_next_question(text)
    lines = [line.strip() for line in text.splitlines() if not _FENCE.fullmatch(line)]
    while lines and not lines[-1]:
        lines.pop()
    listed = _from_json(lines)
    found: list[str] | None
    if isinstance(listed, list):
        found = [_match(part, choices) or part for part in listed]
    elif isinstance(listed, str):
        found = _labels_in(listed, choices)
    else:
        found = _all_of(lines, choices)
        for read in (_at_the_end, _stated_before):
            found = read(lines, choices) if found is None else found
        found = _marked(text, choices) if found is None else found
    if found is None:
        return Reading(None, "cut off" if cut else "no statement")
    return Reading(written(found))


def _all_of(lines: Sequence[str], choices: tuple[str, ...]) -> list[str] | None:
    """The labels of a reply that is a list of them, with blank lines between or without."""
    filled = [line for line in lines if line]
    if len(filled) < 2 or any(_stated(line)[0] for line in filled):
        return None
    each = [_labels_in(_stated(line)[1], choices) for line in filled]
    return None if None in each else [label for labels in each for label in labels or ()]


def _marked(text: str, choices: tuple[str, ...]) -> list[str] | None:
    """The labels in the last box, tag or field that states some."""
    for statement in from_last(text):
        labels = _labels_in(without_wrappers(statement.text), choices)
        if labels is not None:
            return labels
    return None


def _stated_before(lines: Sequence[str], choices: tuple[str, ...]) -> list[str] | None:
    """The labels of the last statement of labels, after which something else was said."""
    for place in range(len(lines) - 1, -1, -1):
        states, rest = _stated(lines[place])
        if states:
            end = next((n for n in range(place + 1, len(lines)) if not lines[n]), len(lines))
            return _at_the_end(lines[place : place + 1 if rest else end], choices)
    return None


def _at_the_end(lines: Sequence[str], choices: tuple[str, ...]) -> list[str] | None:
    """The labels on the last lines that hold nothing else, from the line that states them on if one does;
    blank lines are within a list of bullets alone."""
    found: list[str] | None = None
    below = ""
    for place, line in reversed(list(enumerate(lines))):
        states, rest = _stated(line)
        if not line and _BULLET.match(below) and _BULLET.match(lines[place - 1]):
            continue
        if not line or (states and not rest):
            break
        below = line
        labels = _labels_in(rest, choices)
        if labels is None:
            return None if states else found
        found = [*labels, *(found or [])]
        if states:
            break
    return found


def _stated(line: str) -> tuple[bool, str]:
    """Whether a line begins as a statement of labels, and what follows that; without bullet and markup."""
    line = _BULLET.sub("", line, count=1) if _BULLET.match(line) else line
    bare = line.strip(_MARKUP)
    prefix = _PREFIX.match(bare)
    return bool(prefix), (bare[prefix.end() :] if prefix else bare).strip(_MARKUP)


def _from_json(lines: Sequence[str]) -> list[str] | str | None:
    """The texts of a JSON list that ends the completion, alone, after a statement or in an object, where it
    may be one text."""
    if not lines:
        return None
    body, last = "\n".join(lines).strip(), _stated(lines[-1])[1]
    for part in (body, body[body.rfind("\n[") + 1 :], body[body.rfind("\n{") + 1 :], last):
        if part[:1] not in ("[", "{"):
            continue
        try:
            value = json.loads(part)
        except (ValueError, RecursionError):
            value = list_of(part)
        if isinstance(value, Mapping):
            value = next((v for k, v in value.items() if _PREFIX.fullmatch(f"{k}:")), None)
            if isinstance(value, str):
                return value
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return value
    return None


def _labels_in(line: str, choices: tuple[str, ...]) -> list[str] | None:
    """The labels that a line is made of, the longest first where one holds another; None where a part of it
    is no label."""
    whole = _match(line, choices)
    if whole is not None:
        return [whole]
    if line.strip(" .()[]{}").casefold() in _NONE:
        return []
    pieces = _BETWEEN.split(line.rstrip(".").strip("[](){} "))
    found: list[str] = []
    start = 0
    while start < len(pieces):
        for end in range(min(len(pieces), start + 9), start, -2):
            label = _match("".join(pieces[start:end]), choices)
            if label is not None:
                found.append(label)
                start = end + 1
                break
        else:
            if pieces[start].strip() or not found:
                return None
            start += 2  # nothing between two separators, as in "a, and b"
    return found


def _match(text: str, choices: tuple[str, ...]) -> str | None:
    """The label that a text is, spelled as in `choices`; case and punctuation around it don't matter where
    that leaves one label."""
    exact, plain = _index(choices)
    bare = text.strip().strip(_MARKUP)
    return exact.get(bare) or plain.get(normal(bare))


@lru_cache(maxsize=16)
def _index(choices: tuple[str, ...]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    return {label: label for label in choices}, by_form(choices, normal)
