r"""Whether two tidy expressions are the same answer: structure is compared here, values by math-verify.

Lists are unordered, tuples and matrices ordered, an interval has its brackets, a set holds each member
once. Times, choices, words, numerals in a base and plain numerals need no algebra.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Literal

from harness.answers import numerals
from harness.tasks.math import words
from harness.tasks.math.latex import members, rows
from harness.tasks.math.notation import same_notation
from harness.tasks.math.structure import (
    INEQUALITY,
    OR,
    RELATION,
    SETLIKE,
    alternatives,
    collection,
    conditions,
    named_values,
    several,
    value_of,
)
from harness.tasks.math.units import compatible, without_unit
from harness.tasks.math.values import as_signs, numeral

#: `hedged`: alternatives of which not all are right; `restated`: equal, but not worked out; `unknown`: given
#: up, which says nothing about the answer.
Outcome = Literal["right", "wrong", "hedged", "restated", "unknown"]
_MOST_MEMBERS = 40
_MOST_DEPTH = 6
_BETWEEN = re.compile(r"(?:\\text\{\s*)?\b(?:between|either|from)\b")
_RANGE = re.compile(r"-?[\d.]+\s*(?:\\text\{\s*to\s*\}|\bto\b|--+)\s*-?[\d.]+.*")
_LETTERS = re.compile(r"(?<![\\a-zA-Z])(?<!\\begin\{)(?<!\\end\{)[a-zA-Z]{4,}")
_ABOUT = re.compile(
    r"^\s*(?:\\approx|\\sim|\\simeq|~|=)\s*|^(?:\\text\{\s*)?(?:approximately|about|exactly|around|only)(?:\s*\})?\s*",
    re.I,
)
_BOTH = re.compile(r"\s*(?:\\text\{\s*and\s*\}|(?<![a-zA-Z\\])and(?![a-zA-Z])|\\land(?![a-zA-Z])|\\wedge)\s*")
#: the set of all numbers with a property: {x : x > 1}
_SET_OF = re.compile(
    r"\\\{\s*([a-zA-Z])\s*(?:\\in\s*\\mathbb\{R\}\s*)?(?::|\||\\mid)\s*([^{}]*(?:[<>]|\\[lg]e)[^{}]*)\\\}"
)
_PRIMED = re.compile(r"([a-zA-Z])'")  # another letter; math-verify drops the prime
_SPACED_DIGITS = re.compile(r"\d\s+\d")


class Comparison:
    """One answer against a target. `equal` compares two LaTeX expressions that need algebra."""

    def __init__(self, equal: Callable[[str, str], Outcome]) -> None:
        self._equal = equal

    def outcome(self, given: str, wanted: str) -> Outcome:
        """The verdict on a tidy answer and a tidy target."""
        if given == wanted:
            return "right"
        if not several(wanted) and not conditions(given, wanted):
            if _BETWEEN.match(given) or (_RANGE.fullmatch(given) and not re.search(r"to|--|:", wanted)):
                return "hedged"
            offered = alternatives(given)
            if len(offered) > 1 and not words.same(given, wanted):
                found = {self._same(each, wanted, 0) for each in offered}
                if found == {"right"}:
                    return "right"
                return "unknown" if "unknown" in found and "right" not in found else "hedged"
        return self._same(given, wanted, 0)

    def _same(self, given: str, wanted: str, depth: int) -> Outcome:
        if given == wanted:
            return "right"
        if depth > _MOST_DEPTH:
            return "unknown"
        if (verdict := words.verdict(given, wanted)) is not None:
            return "right" if verdict else "wrong"
        given, wanted = words.as_symbols(given), words.as_symbols(wanted)
        given, wanted = _ABOUT.sub("", given), _ABOUT.sub("", wanted)
        given, wanted = _SET_OF.sub(_condition, given), _SET_OF.sub(_condition, wanted)
        given, wanted = self._unnamed(given, wanted)
        if given == wanted:
            return "right"
        if (verdict := same_notation(given, wanted)) is not None:
            return "right" if verdict else "wrong"
        given, given_unit = without_unit(given)
        wanted, wanted_unit = without_unit(wanted)
        if not compatible(given_unit, wanted_unit):
            return "wrong"
        one, other = numeral(given), numeral(wanted)
        if one is not None and other is not None:
            if one == other or "," not in given or "," not in wanted:
                return "right" if one == other else "wrong"
        given, wanted = _ungrouped(given, one), _ungrouped(wanted, other)
        return self._structure(given, wanted, depth)

    def _unnamed(self, given: str, wanted: str) -> tuple[str, str]:
        """Both without `x =` before a value, where only one has it or both say the same of it."""
        mine, theirs = value_of(given), value_of(wanted)
        if theirs is None:
            return (mine if mine is not None and not RELATION.search(wanted) else given), wanted
        if mine is None:
            return given, (theirs if not RELATION.search(given) else wanted)
        if mine == theirs or not (re.search(r"[a-zA-Z]", mine) and re.search(r"[a-zA-Z]", theirs)):
            return mine, theirs
        return given, wanted

    def _structure(self, given: str, wanted: str, depth: int) -> Outcome:
        matrix, wanted_matrix = rows(given), rows(wanted)
        if matrix is not None and wanted_matrix is not None:
            if [len(row) for row in matrix] != [len(row) for row in wanted_matrix]:
                return "wrong"
            return self._each(sum(matrix, []), sum(wanted_matrix, []), depth)
        mine, theirs = collection(given, matrix), collection(wanted, wanted_matrix)
        if mine is None and theirs is None:
            return self._algebra(given, wanted)
        if mine is None or theirs is None:
            if _values_beside_condition(mine, given) or _values_beside_condition(theirs, wanted):
                return "wrong"  # 0 < x < 2 is no list of 0 and 2
            if (
                SETLIKE.search(given + wanted)
                or INEQUALITY.search(given + wanted)
                or "pmatrix" in given + wanted
            ):
                return self._algebra(given, wanted)
            only = mine or theirs
            if only is not None and len(only[1]) == 1 and only[0] in ("list", "set"):
                return self._same(*((only[1][0], wanted) if mine else (given, only[1][0])), depth + 1)
            return "wrong"
        (shape, parts), (wanted_shape, wanted_parts) = mine, theirs
        if shape == wanted_shape == "set":
            parts, wanted_parts = self._distinct(parts, depth), self._distinct(wanted_parts, depth)
        if len(parts) != len(wanted_parts) or len(parts) > _MOST_MEMBERS:
            return "wrong" if len(parts) != len(wanted_parts) else "unknown"
        unordered = {"list", "set"}
        if shape in unordered and wanted_shape in unordered:
            named = named_values(parts), named_values(wanted_parts)
            if named[0] and named[1] and set(named[0]) == set(named[1]):
                return self._each([named[0][n] for n in named[1]], list(named[1].values()), depth)
            return self._any_order(parts, wanted_parts, depth)
        if "set" in (shape, wanted_shape):
            return "wrong"
        if "list" in (shape, wanted_shape):
            if not {shape, wanted_shape} <= {"list", "()", "column"}:
                return "wrong"
            names = named_values(parts) or named_values(wanted_parts)
            if names:  # x = 1, y = 2 is the point (1, 2)
                values = [names[name] for name in sorted(names)]
                return self._each(
                    *((values, wanted_parts) if named_values(parts) else (parts, values)), depth
                )
        elif shape != wanted_shape and {shape, wanted_shape} != {"()", "column"}:
            return "wrong"
        return self._each(parts, wanted_parts, depth)

    def _each(self, parts: Sequence[str], wanted: Sequence[str], depth: int) -> Outcome:
        unsure: Outcome | None = None
        for part, target in zip(parts, wanted, strict=True):
            found = self._same(part, target, depth + 1)
            if found in ("wrong", "hedged"):
                return "wrong"
            if found != "right":
                unsure = found
        return unsure or "right"

    def _any_order(self, parts: Sequence[str], wanted: Sequence[str], depth: int) -> Outcome:
        left, unsure = list(wanted), False
        for part in parts:
            for target in sorted(left, key=lambda each: each != part):
                found = self._same(part, target, depth + 1)
                if found == "right":
                    left.remove(target)
                    break
                unsure = unsure or found == "unknown"
            else:
                return "unknown" if unsure else "wrong"
        return "right"

    def _distinct(self, parts: Sequence[str], depth: int) -> list[str]:
        kept: list[str] = []
        for part in parts[:_MOST_MEMBERS]:
            if not any(self._same(part, each, depth + 1) == "right" for each in kept):
                kept.append(part)
        return kept + list(parts[_MOST_MEMBERS:])

    def _algebra(self, given: str, wanted: str) -> Outcome:
        given, wanted = _signs(given), _signs(wanted)
        if given == wanted:
            return "right"
        if not given or not wanted:
            return "wrong"
        for text in (wanted, given):
            if "\\ldots" in text or ":" in text or "\\text" in text or _LETTERS.search(text):
                return "unknown" if text is wanted else "wrong"  # words that are neither sign nor unit
            if _SPACED_DIGITS.search(text) or "'" in text:
                return "wrong"
        if "\\infty" in given and not ("," in given or SETLIKE.search(wanted) or INEQUALITY.search(wanted)):
            return "wrong"  # math-verify works 1/\infty out
        if INEQUALITY.search(given) and not RELATION.search(wanted):
            if set(re.findall(r"(?<![\\a-zA-Z])[a-zA-Z](?![a-zA-Z])", given)) - {"x"}:
                return "wrong"  # an interval is one of x unless the target says otherwise
        return self._equal(given, wanted)


def _ungrouped(text: str, value: Fraction | None) -> str:
    """A numeral of grouped thousands as plain digits, which is no list for the algebra."""
    return numerals.written(value) if value is not None and "," in text else text


def _values_beside_condition(found: tuple[str, list[str]] | None, text: str) -> bool:
    """Whether a text is a list of plain values, of which none is a condition or a set."""
    return found is not None and found[0] == "list" and not (SETLIKE.search(text) or INEQUALITY.search(text))


def _condition(found: re.Match[str]) -> str:
    """The property of a set as a condition on x, which intervals are of."""
    return re.sub(rf"(?<![\\a-zA-Z]){found[1]}(?![a-zA-Z])", "x", found[2]).strip()


def _signs(text: str) -> str:
    """An expression for math-verify: words that stand for signs are those signs."""
    text = OR.sub(r" \\lor ", text)
    parts = members(text)
    if len(parts) > 1 and all(map(INEQUALITY.search, parts)):
        text = " \\land ".join(parts)
    if INEQUALITY.search(text):
        text = _BOTH.sub(r" \\land ", text)
    return _PRIMED.sub(r"\1_{9}", as_signs(text))
