"""The third step of reading a completion: the answer that its last statement holds, or why it holds none.

A reader looks at statements from the last to the first. One that isn't about an answer of its kind ('the
answer is correct') is passed over; one that is but can't be read ends the search, so that what the
completion took back never counts.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.answers.boxes import boxes
from harness.answers.locate import Statement, from_last
from harness.answers.reading import Reading

#: Reads one statement; the reason "no statement" says that it isn't one of this kind.
ReadStatement = Callable[[Statement], Reading]

NOTHING = Reading(None, "no statement")
CUT = Reading(None, "cut off")


def unless_cut(found: Reading, cut: bool) -> Reading:
    """What was read; where nothing was stated in a completion that breaks off, that it was cut off."""
    return CUT if cut and found.reason == "no statement" else found


def content_of(statement: Statement) -> str:
    """What a statement holds: the last box in it where there is one, else all of its content."""
    inside = [] if statement.form == "box" else boxes(statement.text)[0]
    return inside[-1].content if inside else statement.text


def _breaks_off(statement: Statement) -> bool:
    """Whether a statement holds a box that is never closed, and none that is."""
    if statement.whole or "box" not in statement.text:
        return False
    inside, broken = boxes(statement.text)
    return broken and not inside


def last_statement(text: str, read: ReadStatement, nouns: tuple[str, ...] = ()) -> Reading:
    """What the last statement says that is one of the reader's kind."""
    for statement in from_last(text, nouns):
        if _breaks_off(statement):
            return CUT
        if statement.form == "field" and not statement.text.strip():
            return Reading(None, "unreadable")  # the model left the answer out
        found = read(statement)
        if found.answer is not None or found.reason != "no statement":
            return found
    return CUT if boxes(text)[1] else NOTHING
