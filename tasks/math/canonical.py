r"""Writes answers in one normal form, so that equal answers are, as far as notation goes, equal
strings and votes can be counted: `\frac12`, `\dfrac{1}{2}`, `1/2` and `0.5` are one answer.

Only notation is changed here, by cheap string rules; whether `(x+1)^2` equals `x^2+2x+1` is for
`symbolic`. A normal form is still readable as LaTeX.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import gcd

from harness.tasks.math.extraction import MAX_ANSWER, Kind

_MAX_PASSES = 300  # a pass opens one of nested groups, and an answer has room for 200


def canonical(answer: str, kind: Kind) -> str:
    r"""The normal form of an answer; `canonical(canonical(a, k), k) == canonical(a, k)`.

    'integer' and 'number' read the number in the answer, without its unit, currency, percent sign
    and thousands separators: a whole number in digits, a terminating decimal as a decimal, any
    other fraction as `p/q`. An answer with no number in it is treated as an expression.
    'expression' gives LaTeX without layout, units and the `x =` before a value; rationals become
    `p` or `\frac{p}{q}`, and the members of an unordered list are sorted.

    What is longer than `MAX_ANSWER` is only stripped. Never raises.
    """
    if len(answer) > MAX_ANSWER:
        return answer.strip()
    if kind != "expression":
        number = _number_in(answer)
        if number is not None:
            return number
    for _ in range(_MAX_PASSES):
        simpler = _expression(answer)
        if simpler == answer:
            break
        answer = simpler
    return answer if kind == "expression" else _number_in(answer) or answer


# --- numbers -----------------------------------------------------------------------------------

_PLAIN_INTEGER = re.compile(r"-?[1-9]\d{0,30}|0")
_SEPARATOR = r"(?:\{,\}|,?\\[!,;:]\s?|\\ )"  # as LaTeX writes it; a bare comma may part members
_LATEX_SEPARATORS = re.compile(rf"(?<=\d){_SEPARATOR}(?=\d{{3}}(?!\d))")
_SEPARATORS = re.compile(rf"(?<=\d)(?:{_SEPARATOR}|,)(?=\d{{3}}(?!\d))")
_RATIONAL = re.compile(
    r"""(?P<sign>[-+\u2212]?)\s*(?:\\?\$\s*)?(?P<minus>[-\u2212]?)\s*
    (?:
        (?P<units>\d*)\s*\\[dtc]?frac\s*\{\s*(?P<top>-?\d+)\s*\}\s*\{\s*(?P<bottom>\d+)\s*\}
      | (?:(?P<full>\d+)\s+)?(?P<over>\d+)\s*/\s*(?P<under>\d+)(?![\d.])
      | (?P<whole>\d*)(?P<decimals>\.\d+)?
    )""",
    re.VERBOSE,
)
_OPERATOR = r"(?:[-+*/^\u2212\u00d7]|\\times|\\cdot|\\div)"
_GOES_BEFORE = re.compile(rf"(?:\b\w|\d|[)}}])\s*{_OPERATOR}\s*\\?\$?\s*\.?(?:\d|\\[dtc]?frac)$")
_GOES_ON = re.compile(rf"\s*(?:{_OPERATOR}\s*\\?\$?\s*[\d\\]|,\s*-?\d|\\sqrt|\\pi)")
_NUMBER_START = re.compile(r"(?:[-+\u2212]\s*)?(?:\\?\$\s*)?(?:[-\u2212]\s*)?(?:\.?\d|\\[dtc]?frac)")


def _number_in(answer: str) -> str | None:
    """The number that an answer states: that after the last `=`, else the first one, which its unit
    follows. None where there is none, or where it is a part of a sum, a product or a list."""
    if _PLAIN_INTEGER.fullmatch(answer):
        return answer
    text = _SEPARATORS.sub("", _one_spaced(answer).rpartition("=")[2])
    start = _NUMBER_START.search(text)
    if not start or _GOES_BEFORE.search(text, 0, start.end()):
        return None
    match = _RATIONAL.match(text, start.start())
    if not match or _GOES_ON.match(text, match.end()):
        return None
    return _rational(match)


def _one_spaced(text: str) -> str:
    """With single spaces: many patterns below allow spaces at several places in a row, which takes
    long to try out on long runs of them."""
    return " ".join(text.split())


def _rational(match: re.Match[str]) -> str | None:
    negative = (match["sign"] in ("-", "\u2212")) != (match["minus"] in ("-", "\u2212"))
    if match["top"]:
        bottom = int(match["bottom"])
        top = int(match["units"] or 0) * bottom + int(match["top"])
    elif match["over"]:
        bottom = int(match["under"])
        top = int(match["full"] or 0) * bottom + int(match["over"])
    else:
        decimals = (match["decimals"] or "").lstrip(".")
        if not (match["whole"] or decimals):
            return None
        top, bottom = int(match["whole"] + decimals), 10 ** len(decimals)
    if bottom == 0:
        return None
    return _plain(-top if negative else top, bottom)


def _plain(top: int, bottom: int) -> str:
    """A fraction as digits where it terminates, else as p/q."""
    common = gcd(top, bottom)
    top, bottom = top // common, bottom // common
    if bottom == 1:
        return str(top)
    rest, places = bottom, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        places = max(places, count)
    if rest != 1:
        return f"{top}/{bottom}"
    digits = str(abs(top) * 10**places // bottom).rjust(places + 1, "0")
    return f"{'-' if top < 0 else ''}{digits[:-places]}.{digits[-places:]}"


# --- expressions -------------------------------------------------------------------------------

_UNICODE = str.maketrans(
    {
        "\u2212": "-",
        "\u2013": "-",
        "\u00d7": "\\times ",
        "\u00b7": "\\cdot ",
        "\u22c5": "\\cdot ",
        "\u00f7": "/",
        "\u03c0": "\\pi ",
        "\u221e": "\\infty ",
        "\u2264": "\\le ",
        "\u2265": "\\ge ",
        "\u2260": "\\ne ",
        "\u00b0": "^\\circ ",
        "\u221a": "\\sqrt ",
        "\u222a": "\\cup ",
        "\u2229": "\\cap ",
        "\u2208": "\\in ",
        "\u00b2": "^2",
        "\u00b3": "^3",
        "\u00bd": "\\frac{1}{2}",
        "\u00bc": "\\frac{1}{4}",
        "\u00be": "\\frac{3}{4}",
        "\u00a0": " ",
        "\u2009": " ",
        "\u202f": " ",
        "\u03b8": "\\theta ",
        "\u2220": "\\angle ",
    }
)

_LAYOUT = re.compile(
    r"\\(?:left|right|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?"
    r"|\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|quad|qquad)(?![a-zA-Z])"
    r"|(?<!\\)\\[,;:! >()\[\]]|~"
)
#: Notation that never changes the meaning, in the order in which it is rewritten.
_NOTATION = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\[dt]binom(?![a-zA-Z])", r"\\binom"),
        (r"\\le(?:q|qslant)(?![a-zA-Z])", r"\\le"),
        (r"\\ge(?:q|qslant)(?![a-zA-Z])", r"\\ge"),
        (r"\\neq(?![a-zA-Z])", r"\\ne"),
        (r"\\lbrace(?![a-zA-Z])", r"\\{"),
        (r"\\rbrace(?![a-zA-Z])", r"\\}"),
        (r"\\(begin|end)\{[bp]?matrix\}", r"\\\1{pmatrix}"),
        (r"\^\s*\{\s*\\circ\s*\}|\\degrees?(?![a-zA-Z])", r"^\\circ "),
        (r"\\?[%$]|\\(?:pounds|euro)(?![a-zA-Z])|[\u20ac\u00a3]", ""),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*([\da-zA-Z])\s*\{", r"\\frac{\1}{"),
        (r"(\\frac\s*\{[^{}]*\})\s*([\da-zA-Z])", r"\1{\2}"),
        (r"\\sqrt\s*([\da-zA-Z])", r"\\sqrt{\1}"),
        (r"(?:\\|\b)sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"(?<=\d)\s*\^?\s*\{?\s*\\?(?:text|mathrm)?\{?\s*(?:st|nd|rd|th)\b\s*\}*", ""),
        (r"([_^])\s*\{\s*(\w)\s*\}(?!\s*\w)", r"\1\2"),
    )
)

_THOUSANDS = re.compile(r"[-+]?\s*(?:\\?\$)?\s*\d{1,3}(?:,\d{3})+(?:\.\d+)?(?:\s*[^\d,].*)?", re.DOTALL)
_WRAPPED = re.compile(r"\\(?:text|mbox|hbox|mathrm|textrm|textbf|mathbf|textit|mathit|boxed)\s*\{([^{}]*)\}")
_UNIT = re.compile(
    r"(?<=[\w})\]])\s*\\(?:text|mbox|hbox|mathrm|textrm)\s*\{[^{}]*\}(?:\s*\^\s*\{?\d\}?)?\s*$"
)
_AND = re.compile(r"\\(?:text|mbox|mathrm|textrm)\s*\{\s*,?\s*(?:and|or)\s*\}|,?\s+\b(?:and|or)\b\s+")
_UNIT_WORDS = re.compile(
    r"(-?[\d.,]*\d|.*\})\s+(?!and\b|or\b)[a-zA-Z]{2,}\.?(?:\s+[a-zA-Z]+)*(?:\^\{?\d\}?)?\s*"
)
_DEGREES = re.compile(r"\^\s*\\circ(?![a-zA-Z])")
_TRIGONOMETRIC = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")
_ASSIGNED = re.compile(
    r"((?:\\?[a-zA-Z]++(?:_(?:\w|\{\w+\}))?'?\s*){1,3}(?:\([^()=]{0,20}\))?)\s*(?:=|\\in(?![a-zA-Z]))\s*(?=\S)"
)
_WORDS = re.compile(r"[a-zA-Z]+(?:['-][a-zA-Z]+|\s+[a-zA-Z]+)*")
_SPACE = re.compile(r"(\\[a-zA-Z]+)\s+(?=[a-zA-Z])|\s+")
_FRACTION = re.compile(
    r"(?P<sign>[-+]?)(?:(?P<whole>\d*)\\frac\{(?P<top>-?\d+)\}\{(?P<bottom>-?\d+)\}"
    r"|(?P<over>\d+)/(?P<under>\d+)|(?P<digits>\d*)(?P<decimals>\.\d+)?)"
)
_RELATION = re.compile(r"=|\\in(?![a-zA-Z])")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_LETTER = re.compile(r"[a-zA-Z]")
_CHOICE = re.compile(r"\(([A-Z])\)")


def _expression(text: str) -> str:
    """One pass of the rules; `canonical` repeats it until nothing changes."""
    text = _LATEX_SEPARATORS.sub("", _one_spaced(text.translate(_UNICODE)))
    text = _one_spaced(_LAYOUT.sub(" ", text))
    for pattern, replacement in _NOTATION:
        text = pattern.sub(replacement, text)
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    text = _UNIT.sub("", _AND.sub(",", text))
    text = _one_spaced(_WRAPPED.sub(r" \1 ", text))
    if not _TRIGONOMETRIC.search(text):
        text = _DEGREES.sub(" ", text).strip()
    if unit := _UNIT_WORDS.fullmatch(text):
        text = unit[1]
    if _WORDS.fullmatch(text):
        return _words(text)
    text = _SPACE.sub(lambda space: f"{space[1]} " if space[1] else "", text)
    text = _without_name(text).rstrip(".,;:")
    if choice := _CHOICE.fullmatch(text):
        return choice[1]
    return _fraction(text) or _collection(text)


def _words(text: str) -> str:
    text = " ".join(text.split())
    return text.casefold() if len(text) > 2 else text


def _without_name(text: str) -> str:
    """`x=5` and `f(x)=5` are the answer 5; a longer chain of equations ends in its value."""
    name = _ASSIGNED.match(text)
    if name and not _RELATION.search(text, name.end()):
        return text[name.end() :]
    sides = text.split("=")
    if len(sides) == 2 and _fraction(sides[1]) and not _LETTER.search(_COMMAND.sub("", sides[0])):
        return sides[1]  # a sum that was worked out, not an equation
    if text.count("=") > 1 and "," not in text and not re.search(r"[<>&]|\\(?:le|ge|ne)\b", text):
        return text.rpartition("=")[2]
    return text


def _fraction(text: str) -> str | None:
    r"""`p` or `\frac{p}{q}` in lowest terms where the text is a rational number, else None."""
    match = _FRACTION.fullmatch(text)
    if not match:
        return None
    if match["bottom"]:
        top, bottom = int(match["top"]), int(match["bottom"])
        top += int(match["whole"] or 0) * bottom
    elif match["over"]:
        top, bottom = int(match["over"]), int(match["under"])
    else:
        decimals = (match["decimals"] or "").lstrip(".")
        if not (match["digits"] or decimals):
            return None
        top, bottom = int(match["digits"] + decimals), 10 ** len(decimals)
    if bottom == 0:
        return None
    if (match["sign"] == "-") != (bottom < 0):
        top = -top
    bottom = abs(bottom)
    common = gcd(top, bottom)
    top, bottom = top // common, bottom // common
    if bottom == 1:
        return str(top)
    return f"{'-' if top < 0 else ''}\\frac{{{abs(top)}}}{{{bottom}}}"


def _collection(text: str) -> str:
    """Members of lists, tuples, intervals, sets and matrices in normal form. Only what is written
    as a set is sorted: a bare list may be meant as a tuple."""
    if text.startswith("\\begin{pmatrix}") and text.endswith("\\end{pmatrix}"):
        rows = text[len("\\begin{pmatrix}") : -len("\\end{pmatrix}")].split("\\\\")
        cells = ("&".join(map(_member, row.split("&"))) for row in rows if row.strip())
        return "\\begin{pmatrix}" + "\\\\".join(cells) + "\\end{pmatrix}"
    if text.startswith("\\{") and text.endswith("\\}") and _closes_at_end(text, 1):
        return ",".join(sorted(_list(text[2:-2])))
    if text[:1] in ("(", "[") and text[-1:] in (")", "]") and _closes_at_end(text, 0):
        members = list(_members(text[1:-1]))
        if len(members) > 1:
            return text[0] + ",".join(map(_member, members)) + text[-1]
        return text
    return ",".join(_list(text))


def _list(text: str) -> list[str]:
    members = list(_members(text))
    if len(members) == 1:
        return _both_signs(text)
    names = [_ASSIGNED.match(member) for member in members]
    first = names[0]
    if first and all(name and name[1] == first[1] for name in names):  # x = 1 or x = -2
        members = [name.string[name.end() :] for name in names if name]
    return list(map(_member, members))


def _both_signs(text: str) -> list[str]:
    r"""`a \pm b` is the list of `a+b` and `a-b`."""
    before, sign, after = text.partition("\\pm")
    if not sign or "\\pm" in after or "\\mp" in after or text[:1] in ("(", "["):
        return [text]
    after = after.lstrip()
    return [_member(f"{before}+{after}" if before else after), _member(f"{before}-{after}")]


def _member(text: str) -> str:
    text = text.strip()
    return _fraction(text) or text


def _members(text: str) -> Iterator[str]:
    """The parts between commas that stand in no bracket."""
    depth = start = 0
    for position, sign in enumerate(text):
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        elif sign == "," and depth == 0:
            yield text[start:position].strip()
            start = position + 1
    yield text[start:].strip()


def _closes_at_end(text: str, start: int) -> bool:
    """Whether the bracket at `start` is closed by the last character; `(` may end with `]`."""
    depth = 0
    for position in range(start, len(text)):
        if text[position] in "([{":
            depth += 1
        elif text[position] in ")]}":
            depth -= 1
            if depth == 0:
                return position == len(text) - 1
    return False
