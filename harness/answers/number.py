"""Reads a number: that of the last statement, else that of the last sentence that has one."""

from __future__ import annotations

import re

from harness.answers.locate import Statement, before_next_question, reply
from harness.answers.markup import QUOTES, bare, without_code, without_html
from harness.answers.normalise import said
from harness.answers.numerals import PARTS, SCALES, WORDS
from harness.answers.quantity import read_quantity
from harness.answers.read import NOTHING, content_of, last_statement, unless_cut
from harness.answers.reading import Reading

#: sentences at the end of a reply that offer or hope, and have numbers of their own
_CHATTER = re.compile(
    r"[*_\s]*(?:let me know|i hope|hope|feel free|please|if you|would you|do you|note\b|this (?:took"
    r"|was|is) )",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])[*_\")\]]*\s+(?=\S)|\n+")
_FORMULA = re.compile(r"\$([^$]*)\$")
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join((*WORDS, *SCALES, *PARTS))})\b", re.IGNORECASE)
#: a reply that is a number and its unit
_ALONE = re.compile(r"[*_$\\]*[-+]?\d[\d.,/ ]*%?(?: [a-zA-Z]{1,20}){0,2}[.*_$]*")
#: longer statements of several sentences are derivations
_LONGEST_PHRASE = 60


def read_number(completion: str) -> Reading:
    """The number that a completion states as its answer, exact: a whole number in digits, a terminating
    decimal as a decimal, any other fraction as `p/q` in lowest terms.

    Where nothing is stated, the number of the last sentence that has one counts, as in the evaluations of
    word problems; what offers help or hopes is passed over.
    """
    text, cut = said(completion)
    text = reply(without_html(without_code(text)), lambda head: _ALONE.fullmatch(head) is not None)
    found = last_statement(text, _stated)
    if found.reason == "no statement":
        found = _last_number(before_next_question(text))
    return unless_cut(found, cut)


def _stated(statement: Statement) -> Reading:
    found = _in(content_of(statement))
    if statement.form == "field" and found.reason == "no statement":
        return Reading(None, "unreadable")  # 'it can't be determined' is what the model answers
    return found


def has_number(text: str) -> bool:
    """Whether a text has a digit, a sign such as ½, or a number in words."""
    return any(map(str.isnumeric, text)) or _NUMBER_WORD.search(text) is not None


def _in(content: str) -> Reading:
    content = bare(content).strip(QUOTES)
    if not has_number(content):
        return NOTHING
    if len(content) > _LONGEST_PHRASE and len(_SENTENCE.split(content)) > 1:
        return _last_number(content)  # a field or tag that holds the whole derivation
    if content.count("$") > 1:
        content = _FORMULA.sub(r" \1 ", content)
    return read_quantity(content)


#: numbers with nothing but signs between them, such as '3 x 10^3' or '5 + 3 = 8'
_RUN = re.compile(
    r"[-+]?(?:\\?\$\s?)?\\?(?:[dt]?frac\s?\{-?\d+\}\{\d+\}|\.?\d[\d.,']*(?:\s\d+/\d+)?)"
    r"(?:\s?[-+*/x\u00d7\u00f7^=]\s?\$?\.?\d[\d.,']*)*\s?%?"
)


def _last_number(text: str) -> Reading:
    """The number of the last sentence that has one; of several there, the last."""
    for sentence in reversed(_SENTENCE.split(text)):
        if any(map(str.isnumeric, sentence)) and not _CHATTER.match(sentence):
            runs = list(_RUN.finditer(sentence))
            whole = _in(sentence)
            if len(runs) < 2 or whole.answer is None and len(runs) == 2:
                return whole  # one number, or two that are one measure: '2 hours 10 minutes'
            return _in(sentence[runs[-1].start() : runs[-1].end()])
    return NOTHING
