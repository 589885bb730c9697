r"""The structure of a tidy expression: a named value, a list, a set, an interval, alternatives."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.tasks.math.latex import enclosed, members
from harness.tasks.math.values import numeral

_NAME = re.compile(
    r"(?P<name>\\text\{[^{}]*\}|\(\s*[a-zA-Z](?:\s*,\s*[a-zA-Z])+\s*\)|\\?[a-zA-Z]+(?:_(?:\w|\{\w+\}))?'?(?:\s*\\?[a-zA-Z]{1,8}){0,2}\s*(?:\([^()=]{0,20}\))?)\s*"
    r"(?:=|\\in(?![a-zA-Z])|:(?!\d))\s*(?=\S)"
)
RELATION = re.compile(r"[<>=]|\\(?:le|ge|ne|in|equiv)(?![a-zA-Z])")
INEQUALITY = re.compile(r"[<>]|\\(?:le|ge|ne)(?![a-zA-Z])")
SETLIKE = re.compile(r"\\(?:cup|cap|setminus|emptyset|infty|mathbb)(?![a-zA-Z])|\\backslash")
OR = re.compile(
    r"\s*,?\s*(?:\\text\{\s*,?\s*or\s*,?\s*\}|(?<![a-zA-Z\\])or(?![a-zA-Z])|\\lor(?![a-zA-Z])|\\vee)\s*"
)
_AND = re.compile(
    r"\s*,?\s*(?:\\text\{\s*,?\s*(?:and|or)\s*,?\s*\}|(?<![a-zA-Z\\])(?:and|or)(?![a-zA-Z])|\\lor)\s*"
)
PLUS_MINUS = re.compile(r"\\pm(?![a-zA-Z])")


def several(text: str) -> bool:
    """Whether a tidy target holds several values, or is a condition on them."""
    if len(members(text)) > 1 and numeral(text) is None:
        return True
    inner = enclosed(text)
    if inner and (inner[0] == "{" or len(members(inner[1])) > 1):
        return True
    return bool(
        PLUS_MINUS.search(text)
        or "\\begin" in text
        or _AND.search(text)
        or INEQUALITY.search(text)
        or SETLIKE.search(text)
    )


def conditions(given: str, wanted: str) -> bool:
    """Whether both texts are conditions on a variable, such as `x > 1`."""
    return bool(INEQUALITY.search(given) and INEQUALITY.search(wanted))


def alternatives(text: str) -> list[str]:
    """What an answer offers: the parts around 'or', both signs, a value and its other form."""
    remark = re.fullmatch(r"(.*?\S)\s*\(\s*(?:\\text\{\s*)?or\b\s*(?:\}\s*)?(.*?)\)", text)
    parts = [remark[1], remark[2]] if remark else [part for part in OR.split(text) if part.strip()]
    if len(parts) == 1 and PLUS_MINUS.search(text):
        return both_signs(text)
    if len(parts) == 1 and len(close := re.split(r"\s*\\approx\s*", text)) > 1 and close[0]:
        first = value_of(close[0] + "=0")
        return close[1:] if first is not None else close[:1]  # the value itself stands first
    return parts


def both_signs(text: str) -> list[str]:
    r"""`a \pm b` is the list of `a+b` and `a-b`."""
    if not PLUS_MINUS.search(text) or enclosed(text):
        return [text]
    plus = PLUS_MINUS.sub("+", text).replace("\\mp", "-")
    minus = PLUS_MINUS.sub("-", text).replace("\\mp", "+")
    return [plus.removeprefix("+").strip(), minus.strip()]


def value_of(text: str) -> str | None:
    """What follows `x =`, or the last sign of equality of a chain; None where that is no value."""
    if "=" not in text and "\\in" not in text and ":" not in text:
        return None
    if INEQUALITY.search(text) or len(members(text)) > 1 or _AND.search(text):
        return None
    name = _NAME.match(text)
    if name and not re.search(r"=|\\in(?![a-zA-Z])", text[name.end() :]):
        value = text[name.end() :]
        return None if _uses(name["name"], value) else value
    sides = [side.strip() for side in text.split("=")]
    if len(sides) > 2 or (
        len(sides) == 2 and not re.search(r"[a-zA-Z]", re.sub(r"\\[a-zA-Z]+", "", sides[0]))
    ):
        if (
            not re.search(r"[a-zA-Z]", re.sub(r"\\[a-zA-Z]+(?:\{[a-z ]*\})?", "", sides[-1]))
            or len(sides) > 2
        ):
            return sides[-1]
    return None


def _uses(name: str, value: str) -> bool:
    letter = name.strip()
    return len(letter) == 1 and bool(re.search(rf"(?<![\\a-zA-Z]){letter}(?![a-zA-Z])", value))


def named_values(parts: Sequence[str]) -> dict[str, str]:
    """The values of `x = 1`, `y = 2` by name, empty unless every part has a name of its own."""
    named = [_NAME.match(part) for part in parts]
    found = {match["name"].strip(): match.string[match.end() :] for match in named if match}
    return found if len(found) == len(parts) else {}


def collection(text: str, matrix: list[list[str]] | None) -> tuple[str, list[str]] | None:
    """(shape, members) of a list, set, tuple, interval or column, None for anything else."""
    if matrix is not None:
        column = len(matrix) > 1 and all(len(row) == 1 for row in matrix)
        row = len(matrix) == 1 and len(matrix[0]) > 1
        return ("column", sum(matrix, [])) if column or row else None
    if found := enclosed(text):
        opening, content, closing = found
        parts = members(content)
        if opening == "{":
            if not content or re.search(r"[|:]|\\text", content):
                return None
            return "set", [each for part in parts for each in both_signs(part)]
        return (opening + closing, parts) if len(parts) > 1 else None
    if SETLIKE.search(re.sub(r"\\infty(?![a-zA-Z])", "", text)) or conditions(text, text):
        return None
    parts = [each for part in members(_AND.sub(" , ", text)) if part for each in both_signs(part)]
    return ("list", parts) if len(parts) > 1 else None
