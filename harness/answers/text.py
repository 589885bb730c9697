"""Reads an answer of words: what stands where the completion states it, else all that was said."""

from __future__ import annotations

import re

from harness.answers.boxes import boxes
from harness.answers.locate import Statement, before_next_question, from_last
from harness.answers.markup import bare, without_fences, without_html, without_wrappers
from harness.answers.normalise import said
from harness.answers.reading import Reading

_MARKUP = "*_` \t\r\n"
#: a second sentence that explains the first
_EXPLAINS = re.compile(
    r"(?<=[.!?\u3002])\s*(?:[*_(]*)(?:It|This|That|The|These|Because|Since|He|She|They|As|Note"
    r"|Explanation|Reason|Here|In|We|I)\b.*$",
    re.DOTALL,
)
#: 'Answer:' and nothing after it
_LEAD_ALONE = re.compile(r"\W*(?:the )?(?:final )?answer(?: is)?\W*", re.IGNORECASE)
#: what may stand before the word 'answer' in a line that is its own
_BEFORE_ANSWER = frozenset(("", "the", "final", "the final", "my", "short", "correct"))


def read_text(completion: str) -> Reading:
    """The answer in words: a tag, box or field that holds one, the paragraph behind the last `Answer:`, what
    'the answer is' says; where nothing is stated, all of the reply. Its characters stay as they are, but for
    what `normalise` spells alike."""
    text, cut = said(completion)
    text = before_next_question(without_html(without_fences(text)))
    answer = None
    for statement in from_last(text):
        if statement.form != "correction" and (answer := _stated(text, statement)):
            break
    if answer is None and not _LEAD_ALONE.fullmatch(text):
        answer = _one_line(text)
    if answer:
        return Reading(answer)
    return Reading(None, "cut off" if cut else "no statement")


def _stated(text: str, statement: Statement) -> str:
    content = statement.text
    if statement.form in ("phrase", "heading"):
        start = statement.end - len(statement.text)
        paragraph = re.split(r"\n\s*\n", text[start:], maxsplit=1)[0]
        if inside := boxes(paragraph)[0]:
            content = inside[-1].content
        elif _is_line(text, statement):  # 'Answer: Washington D.C.' is no sentence
            content = _EXPLAINS.sub("", paragraph)
    return _one_line(without_wrappers(content))


def _is_line(text: str, statement: Statement) -> bool:
    """Whether the statement is a line of its own: `Answer: X`, and no sentence with a verb."""
    lead = text[statement.start : statement.end - len(statement.text)].rstrip(_MARKUP)
    before = text[: statement.start].rpartition("\n")[2].strip(" \t*_#>`-").lower()
    return lead.endswith((":", "\n")) and before in _BEFORE_ANSWER


def _one_line(text: str) -> str:
    text = " ".join(text.split()).strip(_MARKUP)
    return bare(text) if text.startswith(("$", "\\(", "\\[")) else text
