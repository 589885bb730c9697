"""Several labels of a closed set for a text: cells of the user's and completions, read as sets."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from harness.answers import Reading, said
from harness.data.cells import as_text, tidy
from harness.tasks.intent.labels import normal

INSTRUCTION = "Choose all labels that fit the text, which may be none."
CLOSING = (
    "Reply with the labels alone, spelled as in the list, on one line with semicolons between them; "
    "or with [] where none fits."
)
EMPTY = "[]"
#: the answer stands near the end of a completion, and no list of labels is longer
MAX_TEXT = 20_000

#: an array of numbers as numpy writes it
_NUMBERS = re.compile(r"\[\s*[-+]?[\d.][\d.e+-]*(?:\s+[-+]?[\d.][\d.e+-]*)*\s*\]")
_NAMED = {"True": True, "False": False, "None": None, "nan": None}
_NONE = {"none", "no label", "no labels", "none of them", "none of the labels", "empty", ""}
_PREFIX = re.compile(
    r"(?:the )?(?:(?:final|correct|best|predicted|right) )?"
    r"(?:labels?|answers?|intents?|categor(?:y|ies)|class(?:es)?|tags?|topics?|emotions?)"
    r"(?: (?:are|is)\s*:?\s+|\s{0,9}[:=]\s*)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"(?:[-+*•>]|\d{1,3}[.)])\s+")
_BETWEEN = re.compile(r"(\s*(?:[;,|&]|\band\b)\s*)", re.IGNORECASE)
_MARKUP = "*_`~ \t"
_FENCE = re.compile(r"\s*(?:```|~~~)\w*\s*")


def written(labels: Iterable[str]) -> str:
    """Labels in the form of answers, in which equal sets are equal texts: a JSON list in alphabetical
    order."""
    return json.dumps(sorted(set(labels)), ensure_ascii=False)


def cell_labels(value: Any, separator: str) -> list[str] | None:
    """The labels of a cell: a list, the text of a list as JSON or Python writes it, or a text with
    `separator` between them. None for a text without a separator that is no list."""
    found = as_text(value)
    if isinstance(found, str) and found.strip():
        listed = as_text(_list_of(found.strip()))
        if listed is None and separator:
            listed = found.split(separator)
        if listed is None:
            return None
        found = listed
    labels = map(tidy, found or ())
    return list(dict.fromkeys(label for label in labels if label))


def _list_of(text: str) -> list[Any] | None:
    """A list as JSON, Python or numpy writes it; numbers keep their characters. None for any other text."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = json.loads(text, parse_int=str, parse_float=str)
        return found if isinstance(found, list) else None
    except (ValueError, RecursionError):
        return text[1:-1].split() if _NUMBERS.fullmatch(text) else _python_list(text)


def _python_list(text: str) -> list[Any] | None:
    """The values of a list of Python; between texts there may be space alone, as numpy writes an array, which
    Python would read as one text."""
    found: list[Any] = []
    before = ","
    try:
        tokens = [
            each for each in tokenize.generate_tokens(io.StringIO(text).readline) if each.string.strip()
        ]
        for token in tokens[1:-1]:
            if token.type == tokenize.STRING and before not in "+-":
                found.append(ast.literal_eval(token.string))
            elif token.type == tokenize.NUMBER and before in ",+-":
                found.append(before.strip(",") + token.string)
            elif token.string in _NAMED and before == ",":
                found.append(_NAMED[token.string])
            elif not (token.string == "," or (token.string in "+-" and before == ",")):
                return None
            before = token.string if token.type == tokenize.OP else "value"
    except (tokenize.TokenError, ValueError, SyntaxError):
        return None
    return found


def read_labels(completion: str, choices: tuple[str, ...]) -> Reading:
    """The labels that a completion gives, as `written`, or why it gives none.

    They are those of a JSON list, alone or in an object under `labels` or its like; else of the last lines
    that name labels and nothing else, after `Labels:` or without it, on one line or each on its own. Of these
    every part has to be a label; what a JSON list holds besides stays as it is, and is wrong. Never raises.
    """
    text, cut = said(completion[-MAX_TEXT:])
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
        found = _at_the_end(lines, choices)
        found = _stated_before(lines, choices) if found is None else found
    if found is None:
        return Reading(None, "cut off" if cut else "no statement")
    return Reading(written(found))


def _stated_before(lines: Sequence[str], choices: tuple[str, ...]) -> list[str] | None:
    """The labels of the last statement of labels, after which something else was said."""
    for place in range(len(lines) - 1, -1, -1):
        states, rest = _stated(lines[place])
        if states:
            end = next((n for n in range(place + 1, len(lines)) if not lines[n]), len(lines))
            return _at_the_end(lines[place : place + 1 if rest else end], choices)
    return None


def _at_the_end(lines: Sequence[str], choices: tuple[str, ...]) -> list[str] | None:
    """The labels on the last lines that hold nothing else, from the line that states them on if one does."""
    found: list[str] | None = None
    for line in reversed(lines):
        states, rest = _stated(line)
        if not line or (states and not rest):
            break
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
            value = _list_of(part)
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
    forms: dict[str, list[str]] = {}
    for label in choices:
        forms.setdefault(normal(label), []).append(label)
    return {label: label for label in choices}, {
        form: labels[0] for form, labels in forms.items() if form and len(labels) == 1
    }
