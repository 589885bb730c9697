r"""Writes answers in one normal form, so that equal answers are, as far as notation goes, equal
strings and votes can be counted: `\frac12`, `\dfrac{1}{2}`, `1/2` and `0.5` are one answer.

Forms serve votes, never verdicts: whether `(x+1)^2` equals `x^2+2x+1` is for `answers.equivalent`, which
reads the answer as it was written. Answers of different value keep different forms, but for a unit, which
the question fixes: `5`, `5 \text{ cm}` and `5\%` are one vote.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal

from harness.answers.quantity import read_quantity
from harness.answers.statement import MAX_ANSWER
from harness.tasks.math import words
from harness.tasks.math.latex import rows, tidy
from harness.tasks.math.structure import collection, named_values, value_of
from harness.tasks.math.units import without_unit
from harness.tasks.math.values import numeral

Kind = Literal["integer", "number", "expression"]

_MAX_PASSES = 60
_CHOICE = re.compile(r"(?:\\text\{)?\s*\(?\s*(?:\\text\{)?\s*([A-Z])\s*\}?\s*\)?\s*\}?")
_SPACE = re.compile(r"(\\[a-zA-Z]+)\s+(?=[a-zA-Z])|\s+")


def canonical(answer: str, kind: Kind) -> str:
    r"""The normal form of an answer; `canonical(canonical(a, k), k) == canonical(a, k)`.

    'integer' and 'number' read the number that the answer states, as `harness.answers.quantity` does; an
    answer that states none is treated as an expression. 'expression' gives LaTeX without layout, units
    and the `x =` before a value; rationals become `p` or `\frac{p}{q}`, and the members of a set are sorted.

    What is longer than `MAX_ANSWER` is only stripped. Never raises.
    """
    if len(answer) > MAX_ANSWER:
        return answer.strip()
    if kind != "expression":
        number = read_quantity(answer).answer
        if number is not None:
            return number
    for _ in range(_MAX_PASSES):
        simpler = _form(answer, 0)
        if simpler == answer or len(simpler) > MAX_ANSWER:
            break
        answer = simpler
    return answer if kind == "expression" else read_quantity(answer).answer or answer


def _form(text: str, depth: int) -> str:
    """One pass; `canonical` repeats it until nothing changes."""
    text = tidy(text)
    if choice := _CHOICE.fullmatch(text):
        return choice[1]
    text = words.as_symbols(text)
    if (said := words.phrase(text)) is not None:
        return said
    if (value := value_of(text)) is not None:
        text = value
    value, _ = without_unit(text)
    exact = numeral(value)
    if exact is not None:
        return _fraction(exact)
    text = value or text
    matrix = rows(text)
    if matrix is not None and depth < 3:
        lines = ("&".join(_form(cell, depth + 1) for cell in row) for row in matrix)
        return "\\begin{pmatrix}" + "\\\\".join(lines) + "\\end{pmatrix}"
    found = collection(text, None)
    if found is None or depth >= 3:
        return _closed_up(text)
    shape, parts = found
    named = named_values(parts) if shape == "list" else {}
    if not named and shape == "list":
        parts = _without_one_name(parts)
    forms = [_form(part, depth + 1) if not named else _closed_up(part) for part in parts]
    if shape == "set":
        return ",".join(sorted(forms)) if len(forms) > 1 else f"\\{{{forms[0]}\\}}"
    return ",".join(forms) if shape == "list" else shape[0] + ",".join(forms) + shape[1]


def _without_one_name(parts: list[str]) -> list[str]:
    """x = 1, x = -2 says what the values of one variable are; x = 1, y = 2 needs its names."""
    names = [named_values([part]) for part in parts]
    if all(names) and len({next(iter(name)) for name in names}) == 1:
        return [next(iter(name.values())) for name in names]
    return parts


def _closed_up(text: str) -> str:
    """Without the spaces that part neither digits nor a command from a letter."""
    return _SPACE.sub(_kept_space, text)


def _kept_space(space: re.Match[str]) -> str:
    if space[1]:
        return f"{space[1]} "
    before, after = space.string[: space.start()], space.string[space.end() :]
    inside_text = before.rfind("\\text{") > before.rfind("}")
    return " " if inside_text or (before[-1:].isdigit() and after[:1].isdigit()) else ""


def _fraction(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
