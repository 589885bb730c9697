r"""Finds the answer of a reply to a question of LiveBench's math category.

A reader takes the reply without its thoughts and the question, and returns one answer or None. LiveBench
looks for the target everywhere that its rules allow; here the places come in an order, and the first that
holds an answer decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from harness.sample import Question
from harness.tasks.reasoning.livebench_marks import last, last_box, last_line, tagged, without

LETTERS = frozenset("ABCDE")
#: stands in a list of numbers for what is none
NO_NUMBER = "?"
#: characters of a last line that may be an expression
LONGEST_LINE = 200

_FOUR_TIMES = re.compile(r"([A-E])\1{3}")
_OPTION = re.compile(r"\\textbf{\(([A-E])\)\s?}(.*?)(?:\\qquad|\$)")
_DIGITS = re.compile(r"\d+")
#: what stands before an answer that is stated
_STATING = (
    r"(?i:answer)[^\w\n]{0,9}?(?:is[^\w\n]{0,9}?)?|\\boxed\{(?:\\text(?:bf)?\{)?|<solution>[^\w\n]{0,4}?"
)
_CONSTANT = re.compile(r"\s*\+\s*[cC](?![A-Za-z])")
_TYPESET = re.compile(r"\\(?:text|textbf|overline)\{([^{}]*)\}")
#: what a last line says before the value: "The answer is", "**Answer:**", "So"
_BEFORE_VALUE = re.compile(r"^(?:.*(?:=|:|\bis\b)[\s*]*)?(?:[A-Za-z]{2,}\s+)*")
_QUANTITY = re.compile(r"-?\d+(?: ?/ ?\d+|\.\d+)?")
_FORMULA = re.compile(r"[^=$]*[\\^][^=$]*")
_FRACTION = re.compile(r"\\frac\{(\d+)\}\{(\d+)\}")


def letter(text: str, question: Question) -> str | None:
    """The choice of an AMC or SMC problem, A to E: <solution> with one letter once or repeated, the letter
    four times or more, the last box, the letter alone or in the first parentheses of the last line, the value
    of an option at the end of the reply."""
    inside = (last(tagged(text)) or "").upper()
    if len(set(inside)) == 1 and inside[0] in LETTERS:
        return inside[0]
    if repeated := _FOUR_TIMES.findall(text):
        return str(repeated[-1])
    boxed = without(last_box(text) or "", "\\textbf{", "\\text{", "}", "\\").upper()
    line = last_line(text).upper()
    alone = line.replace("*", "")
    if alone not in LETTERS and "(" in line and ")" in line:
        alone = line.split("(")[1].split(")")[0]
    for found in (boxed, alone):
        if found in LETTERS:
            return found
    return _by_value(text, question.input)


def _by_value(text: str, question: str) -> str | None:
    """The option whose value ends last among the final characters, the longer one if two end together."""
    found = []
    for name, written in _OPTION.findall(question):
        value = written.strip().strip("$").strip("~")
        end = text[-20 - len(value) :]
        if value and value in end:
            found.append((end.rfind(value) + len(value) - len(end), len(value), name))
    return max(found)[2] if found else None


def three_digits(text: str, question: Question) -> str | None:
    """The number of an AIME problem as written, among the last 50 characters: one of three digits before
    another one, a stated one before one that merely stands there, and the last of these."""
    end = text[-50:]
    stated, found = _stated(end, _DIGITS), _DIGITS.findall(end)
    three = [[each for each in numbers if len(each) == 3] for numbers in (stated, found)]
    return last(three[0] or three[1] or stated or found)


def _stated(text: str, number: re.Pattern[str]) -> list[str]:
    """The numbers after 'answer', and in a box, <solution> or bold."""
    found = re.findall(rf"(?:{_STATING})({number.pattern})|\*\*({number.pattern})\*\*", text)
    return [one or other for one, other in found]


def order(text: str, question: Question) -> str | None:
    """The numbers of an olympiad's proof as `1,2,3`: on the last line with 'answer:' or the line after it,
    else in the last box, else on the last line, else after the last 'answer:'. What is no number there is
    `?`."""
    for found in _orders(text):
        if found and set(found) != {NO_NUMBER}:
            return ",".join(found)
    return None


def _orders(text: str) -> Iterator[list[str]]:
    lower = text.lower()
    lines = lower.strip().split("\n")
    if places := [place for place, line in enumerate(lines) if "answer:" in line]:
        listed = without(lines[places[-1]].split("answer:")[1], "**", ".").strip()
        if not listed and places[-1] + 1 < len(lines):
            listed = without(lines[places[-1] + 1], "**", ".").strip()
        ends = (part.strip().split(" ")[-1] for part in listed.split(","))
        yield [_whole(without(end, "$", "{", "}", "\\", "boxed", "<", ">")) for end in ends]
    if "\\boxed" in text:
        boxed = last_box(text)
        plain = without(text if boxed is None else boxed, "\\text{", "}", "\\")
        yield [_whole(part) for part in plain.split(",")]
    yield [_whole(found[0]) for part in lines[-1].split(",") if (found := _DIGITS.search(part))]
    rest = []
    for place, part in enumerate(lower.rpartition("answer:")[2].split(",")):
        found = _DIGITS.search(part)
        rest += [_whole(found[0])] if found else []
        if place and (not found or found[0] != part.strip()):
            break
    yield rest


def _whole(text: str) -> str:
    try:
        return str(int(text))
    except ValueError:
        return NO_NUMBER


def expression(text: str, question: Question) -> str | None:
    r"""An expression in LaTeX, as written: in the last box, else between the last pair of $; else what the
    last line ends with. Only what follows its last '=' counts, without a constant of integration."""
    text = _CONSTANT.sub("", text)
    found = last_box(text)
    if found is None and text.count("$") >= 2:
        close = text.rfind("$")
        close -= text[close - 1] == "$"
        found = text[text.rfind("$", 0, close) + 1 : close].split("\\quad \\text{or} \\quad")[-1]
    if found is None:
        line = last_line(text).rpartition("\\boxed{")[2].removesuffix(".")
        found = _BEFORE_VALUE.sub("", line) if len(line) <= LONGEST_LINE else ""
    return _TYPESET.sub(r"\1", found.split("=")[-1].replace("$", "")).strip() or None


def quantity(text: str, question: Question) -> str | None:
    """A whole number or fraction: in the last <solution>, else in the last box, in lowest terms or as an
    expression; else, as written, the last stated number among the last 200 characters, else the last."""
    for marked in last(tagged(text, anyhow=True)), last_box(text):
        plain = set_plainly(marked or "")
        if (number := value(plain, whole=False)) is not None:
            return str(number)
        if _FORMULA.fullmatch(plain):
            return re.sub(r"(\d)(?=\\frac)", r"\1*", plain)  # no mixed numbers: LiveBench multiplies
    end = without(text[-200:], "\\,", "\\;")
    found = last(_stated(end, _QUANTITY) or _QUANTITY.findall(end))
    return found and found.replace(" ", "")


def set_plainly(text: str) -> str:
    """Without spaces and without LaTeX that only sets."""
    text = re.sub(r"\\[dt]frac", r"\\frac", text.strip().replace("\\\\", "\\"))
    text = re.sub(r"\\(?:left|right|[bB]ig[lr]|,|;)", "", text).replace("\\cdot", "*")
    return text.replace("\n", "").replace(" ", "")


def value(text: str, whole: bool = True) -> Fraction | None:
    r"""The value of `3`, `-3/4`, `0.75` or a \frac, which need not be the `whole` text."""
    found = _FRACTION.fullmatch(text) if whole else _FRACTION.match(text)
    try:
        return Fraction(int(found[1]), int(found[2])) if found else Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
