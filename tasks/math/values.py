r"""Plain numerals of LaTeX and of words as exact fractions, and words that stand for signs."""

from __future__ import annotations

import re
from fractions import Fraction

from harness.answers.numerals import PARTS, SCALES, in_words, ungrouped

_UNSIGNED = r"(?:\d+(?:\.\d+)?|\.\d+)"
_SCALE = "|".join(SCALES)
_NUMERAL = re.compile(
    rf"""(?P<sign>[-+]?)\s*
    (?:
        (?:(?P<whole>\d+)\s*)?\\frac\{{\s*(?P<minus>-?)\s*(?P<top>{_UNSIGNED})\s*\}}\{{\s*(?P<bottom>-?\s*{_UNSIGNED})\s*\}}
      | (?:(?P<full>\d+)\s+(?:and\s+)?)?(?P<over>{_UNSIGNED})\s*/\s*(?P<under>{_UNSIGNED})
      | (?P<plain>{_UNSIGNED})(?:\s*[eE]\s*(?P<power>[-+]?\d{{1,3}})
            |\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*\{{?\s*(?P<ten>[-+]?\d{{1,3}})\s*\}}?)?
      | (?P<start>\d*\.\d*)\s*\\overline\{{\s*(?P<period>\d+)\s*\}}
      | (?P<dotted>\d*\.\d+)\s*\\ldots
    )\s*""",
    re.VERBOSE,
)
_SCALED = re.compile(rf"(.*?\d)\s*\\?(?:text\s*\{{\s*)?({_SCALE})s?(?:\s*\}})?", re.IGNORECASE)
_PART = re.compile(rf"(.*?\d)\s*\\?(?:text\s*\{{\s*)?({'|'.join(PARTS)})(?:\s*\}})?", re.IGNORECASE)
_SIGN_WORDS = "plus|minus|times|over|squared|cubed|factorial|divided by|multiplied by|pi|infinity"
_OPERATORS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (rf"\\text\{{((?:(?:{_SIGN_WORDS})\s?)+)\}}", r" \1 "),
        (r"\b(?:divided by|over)\b", " / "),
        (r"\b(?:times|multiplied by)\b", r" \\cdot "),
        (r"\bplus\b", " + "),
        (r"\b(?:minus|negative)\b", " - "),
        (r"\bsquared\b", "^{2} "),
        (r"\bcubed\b", "^{3} "),
        (r"\bfactorial\b", "! "),
        (r"(?<![\\a-zA-Z])(?:positive )?infinity\b", r"\\infty "),
        (r"(?<![\\a-zA-Z])pi(?![a-zA-Z])", r"\\pi "),
        (r"(?<![\\a-zA-Z])sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"(?<![\\a-zA-Z])sqrt\s*(\d+|[a-z])(?![a-z])", r"\\sqrt{\1}"),
        (r"(?<![\\a-zA-Z])(sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|ln|log)(?=[\s(\d^_]|\\)", r"\\\1"),
        (r"\{\}\s*(?=[_^])", ""),
        (r"(?<![\w})])(?:_|\^)\s*\{?(\w+)\}?\s*C\s*_\s*\{?(\w+)\}?", r"\\binom{\1}{\2}"),
        (r"(?<![\w})])(?:_|\^)\s*\{?(\w+)\}?\s*P\s*_\s*\{?(\w+)\}?", r"\\frac{(\1)!}{(\1-\2)!}"),
        (r"\\binom\s*(\d)\s*(\d)", r"\\binom{\1}{\2}"),
        (r"(?<![\d.^_{/a-zA-Z])(\d+)\s*(\\frac\{\d+\}\{\d+\})(?=\s*[\\a-zA-Z(])", r"(\1+\2)"),
        (r"(?<![\d.^_{/a-zA-Z])(\d+)\s+(\d+)/(\d+)(?![\d.])", r"(\1+\\frac{\2}{\3})"),
        (r"\s*\\ast\s*|(?<=[\w)}])\s*\*\s*(?=[\w\\({])", r" \\cdot "),
    )
)


def as_signs(text: str) -> str:
    """An expression whose operator words, bare function names and combinations are LaTeX."""
    for pattern, replacement in _OPERATORS:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


def numeral(text: str) -> Fraction | None:
    r"""The value of a plain numeral, None for anything else.

    That is: digits with or without thousands separators, a decimal, also a repeating one (`0.\overline{3}`,
    `0.333...`), a fraction, a mixed number, a power of ten (`3e3`, `3 \times 10^3`), each with a sign, with
    'million' and its kind or 'halves' and its kind after it; or a numeral in words.
    """
    if len(text) > 400:
        return None
    if found := _NUMERAL.fullmatch(text):
        return _value(found)
    plain = ungrouped(text)
    if plain != text and (found := _NUMERAL.fullmatch(plain)):
        return _value(found)
    for pattern, sizes, divides in ((_SCALED, SCALES, False), (_PART, PARTS, True)):
        if (scaled := pattern.fullmatch(plain)) and (value := numeral(scaled[1])) is not None:
            size = sizes[scaled[2].lower()]
            return value / size if divides else value * size
    words = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text)
    return in_words(words)


def _value(found: re.Match[str]) -> Fraction | None:
    value: Fraction | None
    try:
        value = _unsigned(found)
    except (ZeroDivisionError, ValueError):
        return None
    return -value if value is not None and found["sign"] == "-" else value


def _unsigned(found: re.Match[str]) -> Fraction | None:
    if found["top"]:
        value = Fraction(found["top"]) / Fraction(found["bottom"].replace(" ", ""))
        if found["whole"]:
            return None if found["minus"] or value < 0 else int(found["whole"]) + value
        return -value if found["minus"] else value
    if found["over"]:
        return int(found["full"] or 0) + Fraction(found["over"]) / Fraction(found["under"])
    if found["plain"]:
        scale: Fraction = Fraction(10) ** int(found["power"] or found["ten"] or 0)
        return Fraction(found["plain"]) * scale
    if found["period"]:
        start, period = found["start"], found["period"]
        places = len(start.partition(".")[2])
        repeated = Fraction(int(period), (10 ** len(period) - 1) * 10**places)
        return Fraction(start.rstrip(".") or "0") + repeated
    return _continued(found["dotted"])


def _continued(decimal: str) -> Fraction | None:
    """The value of 0.333... or 0.1666...: the shortest group of digits that ends it twice, and often."""
    digits = decimal.partition(".")[2]
    for length in range(1, len(digits) // 2 + 1):
        group, count = digits[-length:], 0
        while digits.endswith(group * (count + 1)):
            count += 1
        if count >= (3 if length == 1 else 2):
            start = decimal[: len(decimal) - length * count] or "0"
            places = len(start.partition(".")[2])
            repeated = Fraction(int(group), (10**length - 1) * 10**places)
            return Fraction(start.rstrip(".") or "0") + repeated
    return None
