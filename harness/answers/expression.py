r"""Reads an expression as it is written: a value, a formula, a list, a word. What it means is for a grader
to say."""

from __future__ import annotations

import re

from harness.answers.boxes import boxes, last_boxes
from harness.answers.closing import closing_statement
from harness.answers.locate import MAX_ANSWER, Statement, reply
from harness.answers.markup import bare, without_code, without_html
from harness.answers.normalise import said
from harness.answers.read import NOTHING, last_statement, unless_cut
from harness.answers.reading import Reading


def read_expression(completion: str, closing: bool = False) -> Reading:
    r"""The last expression that a completion states as its answer, at most `MAX_ANSWER` characters long.

    Boxes that stand in one list are read as a list. Layout, units and the like are left as they are.

    Args:
        completion: the whole text.
        closing: whether the statement that a derivation closes with counts where nothing else is stated
            ('Therefore, the sixth term is 350.'), see `closing`.
    """
    text, cut = said(completion)
    text = reply(without_html(without_code(text)), lambda head: _ALONE.fullmatch(bare(head)) is not None)
    found = last_statement(text, read_stated)
    if found.reason == "no statement" and (alone := _ALONE.fullmatch(bare(text))):
        found = _reading(alone[1])
    if found.reason == "no statement" and closing:
        stated = closing_statement(text)
        found = _reading(stated) if stated else found
    if found.reason == "no statement":  # a word is an answer where nothing with a value is stated
        found = last_statement(text, _word)
    return unless_cut(found, cut)


def read_stated(statement: Statement) -> Reading:
    """The expression that one statement holds."""
    content = statement.text
    inside, _ = boxes(content)
    if inside:
        content = ", ".join(box.content for box in last_boxes(content, inside))
    elif statement.form != "box":
        if statement.form == "tag" and (stated := _nested(content)):
            return stated
        if not statement.whole:
            content = _without_remark(content)
            plain = _closed(bare(content))
            if _PROSE.match(plain) or (statement.form == "phrase" and _PLAIN_WORDS.fullmatch(plain)):
                return NOTHING
    return _reading(content)


def _word(statement: Statement) -> Reading:
    """The words that a phrase states: 'The answer is east'."""
    content = bare(_without_remark(statement.text))
    return _reading(content) if content and not _PROSE.match(content) else NOTHING


def _nested(content: str) -> Reading | None:
    """'The answer is 42' within a tag."""
    found = last_statement(content, read_stated)
    return found if found.answer is not None else None


def _reading(content: str) -> Reading:
    answer = _closed(bare(content))
    if answer.count("$") % 2 and "\\$" not in answer and not _PRICE.search(answer):
        answer = bare(answer.replace("$", "").rstrip("'\""))  # half of a formula's marks
    if not answer or len(answer) > MAX_ANSWER:
        return NOTHING
    if _WORDY.fullmatch(answer) and len(answer.split()) > 6:
        return NOTHING
    return Reading(answer)


#: what follows 'the answer is' in sentences that are about the answer and don't give it
_PROSE = re.compile(
    r"(?:correct|right|wrong|incorrect|verified|confirmed|as follows|given by|given in|shown|found"
    r"|obtained|derived"
    r"|below|above|in the form|in simplest|in its|expressed|written|therefore correct|consistent|valid"
    r"|indeed|also"
    r"|unique|based on|already|now|simply the|just the|not\b|the same|to be|what|how|that\b|where|when)\b"
    r"|(?:an?|the|our|some|any)\s+(?:positive |negative |real |single |whole )?(?:integer|number"
    r"|fraction|answer|value|expression|solution)s?$",
    re.IGNORECASE,
)
_PRICE = re.compile(r"(?<![-\d.])\$\s?\d")
_PLAIN_WORDS = re.compile(r"[a-z][a-z'-]+(?: [a-z'-]+)*")
_WORDY = re.compile(r"[^\d\\$=+*/^<>]*")
#: a reply that is a value and nothing else
_ALONE = re.compile(
    r"(?:(?:it|the value|the result)\s(?:is|equals)\s)?"
    r"((?=.*[\d\\])(?:\\[a-zA-Z]+|[a-zA-Z](?![a-zA-Z])|[^a-zA-Z\n=])+(?:(?<=\d)\s[a-zA-Z]{2,20}\.?)?)",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"^(.*\S)\s+\((?!mod\b|base\b|deg)(?:[a-z][^()]*\s[^()]*|or [^()]*|approx[^()]*|units?|exact\w*"
    r"|very|given)\)\s*$",
    re.DOTALL,
)
_EXPLAINED = re.compile(
    r"\s*,?\s+(?:because|since|so that|which (?:is|means|gives|equals)|as (?:we|it|the|required|desired"
    r"|shown|can|this)"
    r"|i\.e\.|that is|where\b(?! x)|(?:by|from|after|using) (?=[a-z]{3})|due to\b|(?:and )?not\b(?! \w+ but)"
    r"|rather than\b|instead of\b)",
    re.IGNORECASE,
)
_LEADS = re.compile(
    r"^(?:[,*_ ]*(?:therefore|thus|then|hence|so|simply|just|now|clearly|indeed|obviously)\b[*_]*,?\s+)+",
    re.IGNORECASE,
)
#: 'not 5 but 6', 'the sum of 2 and 3, which is 5'
_TURNED = re.compile(
    r"^not\s[^.;]{1,40}?\sbut\s+(?=\S)|^the\s[^.;]{1,80}?,\s+which\s(?:is|equals)\s+(?=[\d$\\-])",
    re.IGNORECASE,
)
_NAMED = re.compile(r"^(?:the|our|an?)\s+[^\d\\$=]{0,80}?\s(?:is|are|equals)\s+(?=\S)", re.IGNORECASE)


def _without_remark(content: str) -> str:
    """Without what explains an answer rather than being one: 'so', '(without quotes)', ', because ...'."""
    content = _NAMED.sub("", _TURNED.sub("", _LEADS.sub("", content.strip(" \t\n*_"))))
    if explained := _EXPLAINED.search(content):
        content = content[: explained.start()] or content
    if remark := _REMARK.match(bare(content)):
        content = remark[1]
    return content


def _closed(answer: str) -> str:
    r"""Without braces that close nothing: `\text{Answer: } 5` begins inside of a group."""
    if answer.startswith("}"):
        answer = answer[1:].lstrip()
    surplus = answer.count("}") - answer.count("{")
    while surplus > 0 and answer.endswith("}"):
        answer, surplus = answer[:-1].rstrip(), surplus - 1
    return answer
