"""Finds the answer of a puzzle in a completion, writes it in one form, and says if it is right.

Nothing here raises, whatever the text: completions hold unclosed thoughts, half LaTeX, special
tokens and repetitions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.tasks.puzzles import expression

#: of a longer completion only the end is looked at
MAX_TEXT, MAX_CELLS = 50_000, 1_000

_SPECIAL = re.compile(r"<\|[^|<>\n]{0,40}\|>")
_MARK = re.compile(
    r"\\boxed\s{0,3}\{|<answer>|(?:^|(?<=[\n.]))[ \t*_#>`-]{0,9}"
    r"(?:(?:the )?(?:final )?(?:answer|output|expression|solution))(?: is)?[ \t*_]{0,4}:",
    re.IGNORECASE,
)
_WRAPPING = " \t\r\n*_`$#>\"'“”‘’"
_CELLS = re.compile(r"[0-9](?:[\s,]*[0-9])*")
_RUN = re.compile(r"(?<![\w.^\\])[-+*/()0-9 ×÷−·=]{3,}+(?:(?<= )|(?!\w|\^|\.\d))")
_NAMES = re.compile(r"unique name: ([^\n]+)")


def read_grid(text: str) -> str | None:
    """A row of cells as its digits, `0120`; from `0 1 2 0`, `0120`, `[0, 1, 2, 0]`, `[[0,1,2,0]]`.

    It stands behind the last mark (`output:`, `Answer:`, `\\boxed{`, `<answer>`), else alone on the
    last line.
    """
    part = _place(text)[0].partition("|")[0].strip(_WRAPPING + ".[]()")
    if len(part) > 4 * MAX_CELLS or not _CELLS.fullmatch(part):
        return None
    cells = part.replace(",", " ").split()
    if len(cells) > 1 and any(len(cell) > 1 for cell in cells):
        return None
    digits = "".join(cells)
    return digits if len(digits) <= MAX_CELLS else None


def read_expression(text: str) -> str | None:
    """An expression in its normal form (see `Expression`); a mere number is one too.

    It stands behind the last mark, there perhaps among words, else alone on the last line.
    """
    part, marked = _place(text)
    part = part.strip(_WRAPPING + ".").removeprefix("\\(").removeprefix("\\[")
    whole = expression.read(part.removesuffix("\\)").removesuffix("\\]"))
    if whole is not None:
        return str(whole)
    for run in _RUN.findall(part[: expression.MAX_CHARACTERS]) if marked else ():
        among = expression.read(run)
        if among is not None and among.sign != "#":
            return str(among)
    return None


def solves(answer: str, numbers: Sequence[int], target: int) -> bool:
    """Whether an expression uses each number exactly once and has the target as its exact value."""
    whole = expression.read(answer)
    return whole is not None and sorted(whole.numbers()) == sorted(numbers) and whole.value() == target


def read_name(text: str, question: str = "") -> str | None:
    """The person that a completion names, in lower case: one of the names that the question lists,
    or else a single word."""
    listed = _NAMES.search(question)
    known = [part.strip().casefold() for part in listed[1].split(",")] if listed else []
    words: list[str] = re.findall(r"[^\W\d_]+", _place(text)[0].casefold()[:400])
    said: list[str] = sorted({word for word in words if word in known})
    if len(said) == 1:
        return said[0]
    return words[0] if len(words) == 1 else None


def _place(text: str) -> tuple[str, bool]:
    """Where the answer stands: the text behind the last mark and True, or the last line and False.
    Empty for a thought that was never closed."""
    text = _SPECIAL.sub(" ", text[-MAX_TEXT:])
    _, closed, after = text.rpartition("</think>")
    text = after if closed else text
    if "<think>" in text:
        return "", False
    marks = list(_MARK.finditer(text))
    if not marks:
        lines = (line for line in reversed(text.splitlines()) if line.strip(_WRAPPING))
        return next(lines, ""), False
    mark, rest = marks[-1][0], text[marks[-1].end() :]
    if mark.endswith("{"):
        return _until_closed(rest), True
    if mark.endswith(">"):
        return re.split(r"</\s?answer", rest, maxsplit=1, flags=re.IGNORECASE)[0], True
    return next((line for line in rest.splitlines() if line.strip(_WRAPPING)), ""), True


def _until_closed(text: str) -> str:
    """Up to the brace that closes one opened before; all where none does."""
    depth = 1
    for position, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[:position]
    return text
