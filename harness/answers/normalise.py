"""The first step of reading a completion: one spelling for characters, and nothing but what was said.

A completion arrives with the marks of its model's template, with thoughts that were not meant for the reader,
and in the characters of its keyboard. None of that is part of an answer.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

#: Only the end of a longer completion is read.
MAX_TEXT = 1_000_000


class Said(NamedTuple):
    """What a completion says to its reader; `cut` where a thought, or all of the text, was never finished."""

    text: str
    cut: bool


def said(completion: str) -> Said:
    """The completion without its template's marks and its thoughts, normalised; see `as_written`."""
    text, cut = as_written(completion)
    return Said(normalise(text), cut)


def as_written(completion: str) -> Said:
    """The completion without its template's marks and its thoughts, in the characters of the model.

    The first mark that ends a turn ends the completion. A thought ends at its closing mark, whether or not it
    was opened (templates open it in the prompt), and one that is never closed reaches to the end: what stands
    in it is no answer.
    """
    text = completion[-MAX_TEXT:]
    if "<" not in text and "[" not in text and "\u25c1" not in text:
        return Said(text, False)
    text, cut = _without_thoughts(_turn(text))
    return Said(_OTHER_MARK.sub(" ", text), cut)


# --- characters --------------------------------------------------------------------------------

_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_WIDE_LETTERS = {code for code in _FULL_WIDTH if chr(code - 0xFEE0).isalpha()}
_CHARACTERS: dict[int, str | None] = {
    **{code: plain for code, plain in _FULL_WIDTH.items() if code not in _WIDE_LETTERS},
    **dict.fromkeys((0x00A0, 0x2007, 0x2009, 0x200A, 0x202F, 0x205F, 0x3000), " "),
    # without width: marks of direction, joiners of words, a soft hyphen, the mark of byte order
    **dict.fromkeys((0x00AD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F)), None),
    **dict.fromkeys((*range(0x2060, 0x2065), *range(0x2066, 0x206A), 0xFEFF, 0xFE0E, 0xFE0F), None),
    # a hyphen or a minus in every spelling; the longer dashes are minus signs in some places only
    **dict.fromkeys((0x2010, 0x2011, 0x2212, 0xFE63, 0x2796, 0x02D7, 0x207B), "-"),
}
_DASH = re.compile(r"(?<![^\s([{$=:,;*`\"'|<>])[\u2012-\u2015](?=\s?[\d.\\$(]|[a-zA-Z](?![a-zA-Z]))")
_WIDE_WORD = re.compile(r"(?<![a-zA-Z])[\uff21-\uff3a\uff41-\uff5a]+(?![a-zA-Z])")
#: joiners shape the letters of Persian, Indic scripts and emoji; beside anything else they are noise
_JOINER = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")


def normalise(text: str) -> str:
    """One spelling for characters that look alike: NFC, plain spaces, full-width forms as their plain ones,
    a minus sign for every dash that stands for one, nothing without width.

    Letters keep their script and case: a full-width letter among plain ones stays what it is.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text).translate(_CHARACTERS)
    text = _WIDE_WORD.sub(lambda word: word[0].translate(_FULL_WIDTH), text)
    return _JOINER.sub("", _DASH.sub("-", text))


# --- the turn ----------------------------------------------------------------------------------

#: Templates that name the part of a reply: what follows the last mark of the final part counts.
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]{0,80}<\|message\|>")
_OPENS_TURN = re.compile(
    r"\s*(?:<s>|<bos>|<\|begin_of_text\|>|<\|startoftext\|>|<\|im_start\|>\s*assistant\b|<\|assistant\|>"
    r"|<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>|<start_of_turn>\s*model\b|\[/INST\]"
    r"|<\|start\|>\s*assistant\b|<\uff5cAssistant\uff5c>)\s*"
)
_ENDS_TURN = re.compile(
    r"<\|(?:im_end|im_start|endoftext|end_of_text|eot_id|eom_id|end_of_solution|end_of_turn|eos|end|return"
    r"|user|assistant|system|start_header_id|EOT|END_OF_TURN_TOKEN)\|>|</s>|<eos>|<end_of_turn>"
    r"|<start_of_turn>"
    r"|<\uff5c(?:end\u2581of\u2581sentence|User|Assistant)\uff5c>|\[INST\]"
)
_OTHER_MARK = re.compile(r"<\|[^|<>\n]{0,40}\|>")


def _turn(text: str) -> str:
    """The turn of the assistant: what stands between the marks that open and end it."""
    if "<|channel|>" in text:
        parts = list(_CHANNEL.finditer(text))
        final = [part for part in parts if part[1] == "final"]
        if parts and not final:
            return "<think>"  # the reply broke off before it spoke to its reader
        if final:
            text = text[final[-1].end() :]
    while opening := _OPENS_TURN.match(text):
        text = text[opening.end() :]
    end = _ENDS_TURN.search(text)
    return text[: end.start()] if end else text


# --- thoughts ----------------------------------------------------------------------------------

_THOUGHT = re.compile(
    r"<\s{0,2}(/?)\s{0,2}(?:seed:)?(?:think(?:ing)?|thoughts?|thought_process|inner_monologue|antthinking)"
    r"(?:\s[^<>]{0,80})?>"
    r"|\[(/?)(?:THINK(?:ING)?|think(?:ing)?)\]"
    r"|<\|(?:(?:begin|start)_of_(?:thought|thinking)|(end)_of_(?:thought|thinking)|(/?)think(?:ing)?)\|>"
    r"|\u25c1(/?)think\u25b7",
    re.IGNORECASE,
)
#: Sections that prompts ask for and readers see. One that never ends is over where the answer begins.
_SECTION = re.compile(
    r"<\s{0,2}(/?)\s{0,2}(?:reasoning|scratchpad|analysis|reflection|rationale)\s{0,2}>", re.I
)
_ANSWER_TAG = re.compile(r"<\s{0,2}(?:final_)?answer\s{0,2}>", re.IGNORECASE)


def _without_thoughts(text: str) -> tuple[str, bool]:
    text, cut = _without(text, _THOUGHT)
    sections = _SECTION.search(text)
    if not sections or cut:
        return text, cut
    rest, open_section = _without(text, _SECTION)
    if not open_section:  # a reply that is one section, and nothing else, says what stands in it
        return (rest, False) if rest.strip() else (_SECTION.sub("", text), False)
    start = _ANSWER_TAG.search(text, sections.end())
    return (text[start.start() :], False) if start else (rest, True)


def _without(text: str, marks: re.Pattern[str]) -> tuple[str, bool]:
    """The text outside of the marked parts, and whether the last part never ends. A closing mark ends
    everything that was opened before it, and what stands before one that nothing opened is a thought."""
    kept: list[str] = []
    start = 0
    inside = False
    for mark in marks.finditer(text):
        if any(mark.groups()):  # it closes
            if not inside:
                kept.clear()
            inside = False
            start = mark.end()
        elif not inside:
            kept.append(text[start : mark.start()])
            inside = True
    if not inside:
        kept.append(text[start:])
    return "".join(kept), inside
