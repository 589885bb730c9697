r"""The second step of reading a completion: where it states an answer.

Every usual form is known here, and only here: `Answer: X` in any markdown, a heading with the answer
below it, 'the answer is X' and 'X is the answer', boxes, tags, fields of JSON, `#### X`. What a statement
holds is for `read` to say; of several, the last one counts. Every scan is linear in the length of the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache

from harness.answers.boxes import boxes, last_boxes
from harness.answers.phrases import at_lines, marked, phrases, some
from harness.answers.statement import MAX_ANSWER, Statement

__all__ = ["MAX_ANSWER", "Statement", "before_next_question", "from_last", "reply", "statements"]


def statements(text: str, nouns: tuple[str, ...] = ()) -> list[Statement]:
    """Where a text states an answer, in the order of the text.

    Args:
        text: what was said, see `normalise.said`.
        nouns: what this kind of answer is called besides 'answer' ('label', 'output', ...), in lower case.

    An invented next question and all after it are no part of the reply, once an answer was given.
    """
    fields = list(_fields(text))
    found = [*_boxed(text), *_tagged(text), *phrases(text, nouns), *marked(text)]
    found = sorted((*_outside(fields, found), *fields), key=lambda statement: statement.start)
    filled = [statement for statement in found if statement.text.strip(_EMPTY) or statement.form == "field"]
    if filled and filled[0].form == "correction":
        filled = filled[1:]  # it corrects nothing
    if filled and (later := next(at_lines(_RUN_ON, text, filled[0].end), None)):
        filled = [statement for statement in filled if statement.start < later.start()]
    # 'The answer is that she bakes 5 dozens' tells again what a field or a box gave
    whole = [place for place, statement in enumerate(filled) if statement.whole]
    if whole:
        filled = [s for place, s in enumerate(filled) if place < whole[-1] or not _TOLD_AGAIN.match(s.text)]
    return filled


def _outside(fields: list[Statement], found: list[Statement]) -> list[Statement]:
    """The statements that don't start in a field: `"answer": "5"` is no phrase with a colon."""
    if not fields:
        return found
    starts = [field.start for field in fields]
    before = [bisect_right(starts, statement.start) - 1 for statement in found]
    return [s for s, place in zip(found, before, strict=True) if place < 0 or s.start >= fields[place].end]


_TOLD_AGAIN = re.compile(r"that\s")


#: characters at the end of a text that are searched first
_TAIL = 500


def from_last(text: str, nouns: tuple[str, ...] = ()) -> Iterator[Statement]:
    """The statements of a text from the last to the first, see `statements`. The end of the text is searched
    before the rest of it, as most answers stand there."""
    tail = text.rfind("\n", 0, -_TAIL) + 1 if len(text) > 2 * _TAIL else 0
    if tail and not _reaches_over(text, tail):
        for statement in reversed(statements(text[tail:], nouns)):
            if not _TOLD_AGAIN.match(statement.text):
                yield statement._replace(start=tail + statement.start, end=tail + statement.end)
        yield from reversed([each for each in statements(text, nouns) if each.start < tail])
    else:
        yield from reversed(statements(text, nouns))


def _reaches_over(text: str, place: int) -> bool:
    """Whether what stands before a place may say how to read what follows: a field of JSON or a tag that goes
    on, or an invented next question."""
    head = text[:place]
    if any(end in head for end in _FIELD_ENDS) or (_TAG_OPENS.search(head) and "<" in text[place:]):
        return True
    return next(at_lines(_RUN_ON, text, 1), None) is not None


def reply(text: str, is_answer: Callable[[str], bool]) -> str:
    """The text up to an invented next question where that is an answer and nothing else; else all of it, as
    models also repeat the question that they answer."""
    head = before_next_question(text)
    return head if len(head) < len(text) and is_answer(head.strip()) else text


@lru_cache(maxsize=4)
def before_next_question(text: str) -> str:
    """The text up to an invented next question; all of it where it starts with one."""
    start = len(text) - len(text.lstrip())
    later = next(at_lines(_RUN_ON, text, start + 1), None)
    return text[: later.start()] if later else text


_EMPTY = " \t\r\n*_`$.,:;~|\\"
_RUN_ON = re.compile(
    r"[ \t]*[#*_>]{0,4}[ \t]?(?:(?:Next |New |Another )?(?:Question|Problem|Exercise|Example"
    r"|Instruction|Human|User|Input|Text|Review|Passage|Context|Premise|Tweet|Utterance|Query"
    r"|Message)[ \t]*\d{0,4}[*_]{0,2}[ \t]*:"
    r"|Q[ \t]*\d{0,4}[:.]|(?:Question|Problem|Exercise)[ \t]+\d{1,4}[.:)]|\[Question\]|\u95ee\u9898[:]"
    r"|###[ \t]*(?:Instruction|Question|Human|User|Input)\b"
    r"|#{1,6}[ \t]*(?:Question|Problem|Exercise|Example)[ \t]+\d{1,4}[*_]{0,2}[ \t]*(?:\n|\Z))",
)


# --- marked from both ends ---------------------------------------------------------------------


def _boxed(text: str) -> Iterator[Statement]:
    found, _ = boxes(text)
    if found:
        group = last_boxes(text, found)
        for box in found[: len(found) - len(group)]:
            yield Statement("box", box.start, box.end, box.content)
        content = group[0].content if len(group) == 1 else ", ".join(box.content for box in group)
        yield Statement("box", group[0].start, group[-1].end, content)


_TAG_NAMES = "answer|final_answer|ans|solution|label|output|result"
_TAG_OPENS = re.compile(rf"<\s{{0,2}}(?:{_TAG_NAMES})\s{{0,2}}>", re.IGNORECASE)
_TAG = re.compile(
    rf"<\s{{0,2}}({_TAG_NAMES})\s{{0,2}}>(.*?)"
    r"(?:</\s{0,2}\1\s{0,2}>|(?=<\s{0,2}\1\s{0,2}>)|\Z)",
    re.IGNORECASE | re.DOTALL,
)


def _tagged(text: str) -> Iterator[Statement]:
    """What stands in a tag; the model may have stopped before it closed it."""
    if "<" in text:
        for tag in some(_TAG.finditer(text)):
            yield Statement("tag", tag.start(), tag.end(), tag[2])


_FIELD = re.compile(
    r"[\"'](?:final[_ ]?)?(?:answer|label|choice|output|prediction|result|solution|category|class"
    r"|sentiment|intent|topic)[\"']\s{0,9}:\s{0,9}",
    re.IGNORECASE,
)
_FIELD_ENDS = ('":', '" :', "':", "' :")
_VALUE = re.compile(
    r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|(\[[^\[\]{}]*\]|\[\[[^{}]*?\]\])|([^,}\n]+)', re.DOTALL
)


def _fields(text: str) -> Iterator[Statement]:
    """Fields of a JSON object that are named like an answer; the JSON around them may be broken."""
    if not any(end in text for end in _FIELD_ENDS):
        return
    for field in some(_FIELD.finditer(text)):
        if value := _VALUE.match(text, field.end()):
            quoted = value[1] if value[1] is not None else value[2]
            bare = (value[3] or value[4] or "").strip()
            if quoted is not None:
                content = _unescaped(quoted)
            else:
                content = "" if bare in ("null", "None") else bare
            yield Statement("field", field.start(), value.end(), content)


_ESCAPE = re.compile(
    r'\\(["\'/\\]|n(?!(?:eq?|u|ot|otin|eg|abla|i|mid|leq|geq|exists|parallel)(?![a-zA-Z]))|u[0-9a-fA-F]{4})'
)


def _unescaped(text: str) -> str:
    r"""The text of a JSON string. Models write `\frac` where they should write `\\frac`; both are read."""

    def plain(match: re.Match[str]) -> str:
        mark = match[1]
        return "\n" if mark == "n" else chr(int(mark[1:], 16)) if mark[0] == "u" else mark

    return _ESCAPE.sub(plain, text) if "\\" in text else text
