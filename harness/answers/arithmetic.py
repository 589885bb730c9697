"""Arithmetic expressions over whole numbers: found, read, valued exactly, written in one normal form.

The text comes from a model and may be anything: it is never evaluated as code, and length and depth
are bounded, so that no text costs more than a moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from harness.answers.locate import before_next_question
from harness.answers.markup import bare, without_fences, without_html, without_wrappers
from harness.answers.normalise import said
from harness.answers.read import NOTHING, content_of, last_statement, unless_cut
from harness.answers.reading import Reading

#: an expression is no longer than this, nests no deeper, and its numbers have no more digits
MAX_CHARACTERS, MAX_DEPTH, MAX_DIGITS = 400, 40, 9

_SIDES = re.compile(r"==?=?|\\approx|≈")
_STEPS = re.compile(r"\s*(?:[,;\n]|\bthen\b|\band\b|\\\\)\s*")
_TOKEN = re.compile(r"\s*(?:([0-9]+)|(\\[dt]?frac)(?![a-z])|([-+*/(){}]))")
_RUN = re.compile(r"(?<![\w.^\\])[-+*/()0-9 ×÷−·=]{3,}+(?:(?<= )|(?!\w|\^|\.\d))")
_SPELLINGS = (
    (re.compile(r"\\left(?![a-z])|\\right(?![a-z])|\\[,;!: ]|\\quad(?![a-z])|~"), " "),
    (re.compile(r"\\times(?![a-z])|\\cdot(?![a-z])|\\ast(?![a-z])|[×·⋅∙∗✕✖]"), "*"),
    (re.compile(r"(?<=[0-9)\s])[xX](?=[0-9(\s])"), "*"),
    (re.compile(r"\\div(?![a-z])|[÷∕⁄]"), "/"),
    (re.compile(r"[−–—﹣－]"), "-"),
    (re.compile(r"[＋﹢]"), "+"),
    (re.compile(r"[（\[［]|\\\{|\\lbrace(?![a-z])"), "("),
    (re.compile(r"[）\]］]|\\\}|\\rbrace(?![a-z])"), ")"),
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A number (`sign` is '#'), or two expressions joined by one of + - * /.

    A leading minus is a subtraction from nothing: `left` is None.
    """

    sign: str
    number: int = 0
    left: Expression | None = None
    right: Expression | None = None

    def numbers(self) -> list[int]:
        """The numbers as written, from left to right."""
        if self.sign == "#":
            return [self.number]
        return [n for side in (self.left, self.right) if side for n in side.numbers()]

    def value(self) -> Fraction | None:
        """The exact value; None where it divides by zero."""
        if self.sign == "#":
            return Fraction(self.number)
        left = self.left.value() if self.left else Fraction(0)
        right = self.right.value() if self.right else Fraction(0)
        if left is None or right is None or (self.sign == "/" and right == 0):
            return None
        if self.sign == "+":
            return left + right
        if self.sign == "-":
            return left - right
        return left * right if self.sign == "*" else left / right

    def __str__(self) -> str:
        """The normal form: no spaces, parentheses only where needed, the parts of a sum or of a
        product in one order. Expressions that differ in no more than that are equal strings."""
        return _written(self)


def read_arithmetic(completion: str) -> Reading:
    """The expression that a completion answers with, in its normal form (see `Expression`); a mere number is
    one too.

    It stands in the last statement (`Answer: ...`, a box, a tag), there perhaps among words, else on the last
    line: alone, or as the only expression among its words.
    """
    text, cut = said(completion)
    text = without_html(without_fences(text))
    found = last_statement(text, lambda each: _among(content_of(each)), ("expression", "equation"))
    if found.reason == "no statement":
        lines = [line for line in before_next_question(text).splitlines() if line.strip(" \t*_`$.#>")]
        found = _worked_out(lines[-1]) if lines else NOTHING
    return unless_cut(found, cut)


_GIVES = re.compile(r"\s*(?:gives|equals|is|makes|yields|evaluates to|results in)\s+(\d+)\b")


def _worked_out(line: str) -> Reading:
    """The expression that a line is, or whose value it tells: 'The expression (2+3)*5 gives 25.'"""
    whole = read(without_wrappers(bare(line)))
    if whole is not None:
        return Reading(str(whole))
    for run in _RUN.finditer(line[:MAX_CHARACTERS]):
        value, told = read(run[0]), _GIVES.match(line, run.end())
        if value is not None and value.sign != "#" and told and value.value() == int(told[1]):
            return Reading(str(value))
    return NOTHING


def _among(content: str) -> Reading:
    """The expression that a text is, else the only one among its words."""
    content = without_wrappers(bare(content))
    whole = read(content)
    if whole is not None:
        return Reading(str(whole))
    runs = [run for run in _RUN.findall(content[:MAX_CHARACTERS]) if any(map(str.isdigit, run))]
    found = {str(each) for run in runs if (each := read(run)) is not None and each.sign != "#"}
    if len(found) == 1:
        return Reading(found.pop())
    return Reading(None, "several") if found else NOTHING if not runs else Reading(None, "unreadable")


def read(text: str) -> Expression | None:
    """The expression that a text is, from end to end; None where it is none.

    Understands × ÷ − and LaTeX's \\times, \\div, \\cdot and \\frac. Of an equation it is the first side that
    is more than a number; an equation that doesn't hold is no expression. Steps one after the other
    (`2+3=5, 5*5=25`) are the last one with what the earlier ones worked out put in.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    for pattern, plain in _SPELLINGS:
        text = pattern.sub(plain, text)
    steps = [step for step in _STEPS.split(text) if step.strip()]
    if len(steps) == 1:
        return _equation(text)
    worked: list[Expression] = []
    for step in steps:
        found = _equation(step) if "=" in step or step is steps[-1] else None
        if found is None:
            return None
        worked.append(_put_in(found, worked))
    return worked[-1] if worked else None


def _equation(text: str) -> Expression | None:
    sides = [_read_side(side) for side in _SIDES.split(text)]
    found = [side for side in sides if side is not None]
    if not found or any(side.value() != found[0].value() for side in found[1:]):
        return None
    return next((side for side in found if side.sign != "#"), found[0])


def _put_in(whole: Expression, worked: list[Expression]) -> Expression:
    """The expression with each result that was worked out before, once, in the place of its number; what
    was put in is taken out of `worked`."""
    if whole.sign == "#":
        for place, earlier in enumerate(worked):
            if earlier.value() == whole.number:
                return worked.pop(place)
        return whole
    left = _put_in(whole.left, worked) if whole.left else None
    right = _put_in(whole.right, worked) if whole.right else None
    return Expression(whole.sign, left=left, right=right)


def _read_side(text: str) -> Expression | None:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or len(match[1] or "") > MAX_DIGITS:
            return None
        tokens.append(match[1] or match[2] or match[3])
        position = match.end()
    reader = _Reader(tokens)
    try:
        whole = reader.sum(0)
    except _NoExpression:
        return None
    return whole if reader.at_end else None


class _NoExpression(Exception):
    """The tokens break the grammar, or nest too deep."""


class _Reader:
    """Recursive descent: sum -> product {(+|-) product}; product -> part {(*|/) part}."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._next = tokens, 0

    @property
    def at_end(self) -> bool:
        return self._next == len(self._tokens)

    def sum(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise _NoExpression
        whole = self._product(depth)
        while (sign := self._take("+", "-")) is not None:
            whole = Expression(sign, left=whole, right=self._product(depth))
        return whole

    def _product(self, depth: int) -> Expression:
        whole = self._part(depth)
        while True:
            sign = self._take("*", "/")
            if sign is None and not self._opens():  # (2+3)(5) is a product
                return whole
            whole = Expression(sign or "*", left=whole, right=self._part(depth))

    def _opens(self) -> bool:
        return not self.at_end and self._tokens[self._next] in ("(", "{")

    def _part(self, depth: int) -> Expression:
        if depth > MAX_DEPTH or self.at_end:
            raise _NoExpression
        token = self._tokens[self._next]
        self._next += 1
        if token.isdigit():
            return Expression("#", int(token))
        if token == "+":
            return self._part(depth + 1)
        if token == "-":
            return Expression("-", right=self._part(depth + 1))
        if token in ("(", "{"):
            return self._closed(")" if token == "(" else "}", depth)
        if token.endswith("frac"):
            upper = self._braced(depth)
            return Expression("/", left=upper, right=self._braced(depth))
        raise _NoExpression

    def _braced(self, depth: int) -> Expression:
        if self._take("{") is None:
            raise _NoExpression
        return self._closed("}", depth)

    def _closed(self, end: str, depth: int) -> Expression:
        inner = self.sum(depth + 1)
        if self._take(end) is None:
            raise _NoExpression
        return inner

    def _take(self, *wanted: str) -> str | None:
        if not self.at_end and self._tokens[self._next] in wanted:
            self._next += 1
            return self._tokens[self._next - 1]
        return None


def _written(whole: Expression) -> str:
    """`whole` as a sorted sum of sorted products."""
    if whole.sign == "#":
        return str(whole.number)
    additive = whole.sign in "+-"
    parts = sorted(
        ((direct, _inside(part, additive)) for part, direct in _parts(whole, additive, True)),
        key=lambda entry: (not entry[0], len(entry[1]), entry[1]),
    )
    plus, minus = ("+", "-") if additive else ("*", "/")
    text = "".join((plus if direct else minus) + part for direct, part in parts)
    return text[1:] if parts[0][0] else text


def _parts(whole: Expression, additive: bool, direct: bool) -> Iterator[tuple[Expression, bool]]:
    """The terms of a sum, or the factors of a product; False with those subtracted or divided by."""
    if whole.sign == "#" or (whole.sign in "+-") is not additive:
        yield whole, direct
        return
    if whole.left is not None:
        yield from _parts(whole.left, additive, direct)
    if whole.right is not None:
        # 6/(3/x) is not written as 6*x/3, which has a value where x is zero
        if whole.sign == "/" and any(not up for _, up in _parts(whole.right, False, True)):
            yield whole.right, not direct
        else:
            yield from _parts(whole.right, additive, direct == (whole.sign in "+*"))


def _inside(part: Expression, additive: bool) -> str:
    text = _written(part)
    return text if additive or part.sign == "#" else f"({text})"
