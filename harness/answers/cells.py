"""Reads a row of cells, each a digit: what ARC-1D asks for."""

from __future__ import annotations

import re

from harness.answers.locate import before_next_question, reply
from harness.answers.markup import bare, without_fences, without_html, without_wrappers
from harness.answers.normalise import said
from harness.answers.read import NOTHING, content_of, last_statement, unless_cut
from harness.answers.reading import Reading

NOUNS = ("output", "output row", "output grid", "output sequence", "test output", "row", "grid", "sequence")
MAX_CELLS = 1_000

_BETWEEN = re.compile(r"(?:\\[ ,;:!]|\\quad|\\\\|[\s,|;&])+")
_CELLS = re.compile(r"\d(?:[\s,|;&]*\d)*")
_ROW = re.compile(r"[\[\s*`]*\d(?:[\s,|]*\d)*[\]\s*`.]*")
_BRACKETS = " \t\r\n.,;[](){}|\\\"'`$*"
_WORDS = re.compile(r"[a-zA-Z]{2,}")


def read_cells(completion: str) -> Reading:
    r"""A row of cells as its digits, `0120`; from `0 1 2 0`, `0120`, `[0, 1, 2, 0]`, `[[0,1,2,0]]`,
    `0|1|2|0`.

    It stands in the last statement (`output: ...`, `Answer: ...`, a box, a tag, a field), else alone on the
    last line. Cells of more than one digit are no row.
    """
    text, cut = said(completion)
    text = reply(without_html(without_fences(text)), lambda head: _ROW.fullmatch(head) is not None)
    found = last_statement(text, lambda each: _cells(content_of(each)), NOUNS)
    if found.reason == "no statement":
        lines = [line for line in before_next_question(text).splitlines() if line.strip(_BRACKETS)]
        found = _cells(lines[-1]) if lines else NOTHING
    return unless_cut(found, cut)


def _cells(content: str) -> Reading:
    content = without_wrappers(bare(content))
    if len(content) > 4 * MAX_CELLS or content.endswith(("...", "\u2026")):
        return Reading(None, "unreadable")
    rows = re.findall(r"\[([^\[\]]*)\]", content)
    if len(rows) > 1:
        return Reading(None, "several")
    columns = content.split("|")
    if any(len(column.strip(_BRACKETS)) > 1 for column in columns):  # a small policy's row ends at a bar
        content = columns[0]
    part = _BETWEEN.sub(" ", content).strip(_BRACKETS)
    if not _CELLS.fullmatch(part):
        has_digit = any(character.isdigit() for character in part)
        return Reading(None, "unreadable") if has_digit and not _WORDS.search(part) else NOTHING
    cells = part.split()
    if len(cells) > 1 and any(len(cell) > 1 for cell in cells):
        return Reading(None, "unreadable")
    digits = "".join(cells)
    return Reading(digits) if len(digits) <= MAX_CELLS else Reading(None, "unreadable")
