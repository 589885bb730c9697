r"""The second step of reading a completion: where it states an answer.

Every usual clothing is known here, and only here: `Answer: X` in any markdown, a heading with the answer
below it, 'the answer is X' and 'X is the answer', boxes, tags, fields of JSON, `#### X`. What a statement
holds is for `read` to say; of several, the last one counts. Every scan is linear in the length of the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from harness.answers.boxes import boxes, last_boxes

#: What is longer than this is a derivation, not an answer.
MAX_ANSWER = 1000


class Statement(NamedTuple):
    """A place where an answer is stated: where it starts, where its content ends, and the content as it is
    written. `form` is its clothing; `whole` where its end is marked, so that all of it is the answer."""

    form: str
    start: int
    end: int
    text: str

    @property
    def whole(self) -> bool:
        return self.form in ("box", "tag", "field")


def statements(text: str, nouns: tuple[str, ...] = ()) -> list[Statement]:
    """Where a text states an answer, in the order of the text.

    Args:
        text: what was said, see `normalise.said`.
        nouns: what this kind of answer is called besides 'answer' ('label', 'output', ...), in lower case.

    An invented next question and all after it are no part of the reply, once an answer was given.
    """
    fields = list(_fields(text))
    found = [*_boxed(text), *_tagged(text), *_phrases(text, nouns), *_marked(text)]
    found = sorted((*_outside(fields, found), *fields), key=lambda statement: statement.start)
    filled = [statement for statement in found if statement.text.strip(_EMPTY) or statement.form == "field"]
    if filled and (later := _RUN_ON.search(text, filled[0].end)):
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


def before_next_question(text: str) -> str:
    """The text up to an invented next question; all of it where it starts with one."""
    start = len(text) - len(text.lstrip())
    later = _RUN_ON.search(text, start + 1)
    return text[: later.start()] if later else text


_EMPTY = " \t\r\n*_`$.,:;~|\\"
_RUN_ON = re.compile(
    r"^[ \t]*[#*_>]{0,4}[ \t]?(?:(?:Next |New |Another )?(?:Question|Problem|Exercise|Example"
    r"|Instruction|Human"
    r"|User|Input|Text|Review|Passage|Context|Premise|Tweet|Utterance|Query"
    r"|Message)[ \t]*\d{0,4}[*_]{0,2}[ \t]*:"
    r"|Q[ \t]*\d{0,4}[:.]|(?:Question|Problem|Exercise)[ \t]+\d{1,4}[.:)]|\[Question\]|\u95ee\u9898[:]"
    r"|###[ \t]*(?:Instruction|Question|Human|User|Input)\b)",
    re.MULTILINE,
)


# --- marked from both ends ---------------------------------------------------------------------


def _boxed(text: str) -> Iterator[Statement]:
    found, broken = boxes(text)
    if found:
        group = last_boxes(text, found)
        for box in found[: len(found) - len(group)]:
            yield Statement("box", box.start, box.end, box.content)
        content = group[0].content if len(group) == 1 else ", ".join(box.content for box in group)
        yield Statement("box", group[0].start, group[-1].end, content)
    if broken:
        start = text.rfind("box") - 1
        yield Statement("broken", start, len(text), text[start:][: MAX_ANSWER + 1])


_TAG = re.compile(
    r"<\s{0,2}(answer|final_answer|ans|solution|label|output|result)\s{0,2}>(.*?)"
    r"(?:</\s{0,2}\1\s{0,2}>|(?=<\s{0,2}\1\s{0,2}>)|\Z)",
    re.IGNORECASE | re.DOTALL,
)


def _tagged(text: str) -> Iterator[Statement]:
    """What stands in a tag; the model may have stopped before it closed it."""
    if "<" in text:
        for tag in _some(_TAG.finditer(text)):
            yield Statement("tag", tag.start(), tag.end(), tag[2])


_FIELD = re.compile(
    r"[\"'](?:final[_ ]?)?(?:answer|label|choice|output|prediction|result|solution|category|class"
    r"|sentiment|intent"
    r"|topic)[\"']\s{0,9}:\s{0,9}",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|(\[[^\[\]{}]*\]|\[\[[^{}]*?\]\])|([^,}\n]+)', re.DOTALL
)


def _fields(text: str) -> Iterator[Statement]:
    """Fields of a JSON object that are named like an answer; the JSON around them may be broken."""
    if '"' not in text and "'" not in text:
        return
    for field in _some(_FIELD.finditer(text)):
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


# --- phrases -----------------------------------------------------------------------------------

_ANSWER = (
    r"answers?|\u043e\u0442\u0432\u0435\u0442|\u7b54\u6848|\u7b54\u3048|\u89e3\u7b54|\uc815\ub2f5"
    r"|antwort|respuesta"
    r"|r\u00e9ponse|risposta|resposta"
)
#: other words that lead to an answer where they are what the sentence is about
_LESSER = r"solutions?|result|correct (?:choice|option|letter|label|value)|best (?:choice|option|label)"
_MARKUP = r"[*_\"'`)\]}]{0,5}"
_VERB = (
    r"\b(?:is|equals?|(?:should|must|would|will|has to|can only) be|becomes|comes (?:out )?to"
    r"|turns out to be|ist"
    r"|est|es|\u00e8|\u00e9|jest)\b[ \t]*:?|\u662f|\u4e3a|\u70ba|\u044d\u0442\u043e"
)
_SIGN = r":|=|\u2192|->|\|"
_DASHED = r"[ \t]+[-\u2013\u2014][ \t]+"
_GAP = r"[^\n.:=\"|\u2192\u3002]{0,60}?"


@lru_cache(maxsize=64)
def _phrase(nouns: tuple[str, ...]) -> re.Pattern[str]:
    own = "|".join(map(re.escape, nouns))
    lesser = f"{_LESSER}|{own}" if own else _LESSER
    tail = rf"{_MARKUP}(?:\s?\([^()\n]{{0,40}}\))?(?:{_DASHED}|{_GAP}(?:{_VERB}|{_SIGN}))[\s*_]*"
    plural = rf"(?:solutions?|answers?|values?|roots?)\b{_GAP}\bare\b[ \t]*:?[\s*_]*"
    return re.compile(rf"(?<![a-zA-Z])(?:{plural}|(?:{_ANSWER}|{lesser}){tail})", re.IGNORECASE)


#: 'the check of the answer: ...' is about an answer and gives none, nor does 'if the answer is ...'
_ABOUT = re.compile(
    r"(?:\b(?:of|check|verify|if|whether|what|wrong|incorrect|previous|common|student's|their|your|to)"
    r"(?: (?:the|your|an?|my|our|this|final|correct))*)[ \t]*$",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"answers? (?:the|this|these|following|each|all|any|in the (?:form|format))\b", re.IGNORECASE
)
_HEADING = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]*|[*_]{1,3}[ \t]*|>[ \t]*)?(?:\d[.)][ \t]*)?(?:the )?(?:final |correct "
    r"|short |my )?"
    r"(?:answer|solution|result|output|label|conclusion)s?[ \t]*[*_:#]*[ \t]*\n",
    re.IGNORECASE | re.MULTILINE,
)
_BACKWARDS = re.compile(
    r"(?<=\S)[*_$)\]}\"']{0,4}[ \t]+(?:is|are)[ \t]+(?:therefore |thus |clearly |indeed )?(?:the|my"
    r"|our)[ \t]+"
    r"(?:(?:final|correct|right|best|only)[ \t]+){0,2}(?:answers?|solutions?|choice"
    r"|option)\b(?![ \t]+(?:to|of|that|in))",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"^.*\b(?:that|so|therefore|thus|hence|conclude|believe|think|say|confident|sure|case)\b[,:]?\s+(?=\S)",
    re.IGNORECASE | re.DOTALL,
)


def _some(matches: Iterator[re.Match[str]]) -> Iterator[re.Match[str]]:
    """The first match and the last hundred: what a text repeats endlessly must not cost more than it says."""
    if (first := next(matches, None)) is not None:
        yield first
        yield from deque(matches, maxlen=100)


def _phrases(text: str, nouns: tuple[str, ...]) -> Iterator[Statement]:
    for match in _some(_phrase(nouns).finditer(text)):
        if _ABOUT.search(text, max(match.start() - 40, 0), match.start()) or _ASKS.match(text, match.start()):
            continue
        yield Statement("phrase", match.start(), *_content(text, match.end()))
    for match in _some(_HEADING.finditer(text)):
        yield Statement("heading", match.start(), *_content(text, _skip_blank(text, match.end())))
    for match in _some(_BACKWARDS.finditer(text)):
        start = _sentence_start(text, match.start())
        content = _LEAD_IN.sub("", text[start : match.start()], count=1)
        if not content.lower().startswith(("this ", "that ", "it ", "which ", "what ", "there ")):
            yield Statement("backwards", start, match.end(), content)


_HASHES = re.compile(r"^[ \t]*####[ \t]*(\S[^\n]{0,200})$", re.MULTILINE)
_LABELLED = re.compile(r"^[ \t]*A:[ \t]*(\S[^\n]*)$", re.MULTILINE)
_PLAIN_NUMBER = re.compile(r"[*_]*[-+]?\$?\s?[-+]?[\d,]*\.?\d+\s?%?(?:\s+[a-zA-Z ]{1,30})?\.?[*_]*")


def _marked(text: str) -> Iterator[Statement]:
    """What follows `####` or `A:` at the start of a line. A heading of the fourth level begins with `####`
    too, so only a number counts there."""
    if "####" in text:
        for match in _some(_HASHES.finditer(text)):
            if _PLAIN_NUMBER.fullmatch(match[1].strip()):
                yield Statement("mark", match.start(), match.end(), match[1])
    if "A:" in text:
        for match in _some(_LABELLED.finditer(text)):
            yield Statement("mark", match.start(), match.end(), match[1])


# --- the content of a phrase -------------------------------------------------------------------

#: a full stop ends a sentence, but not between digits, after an initial, or within 'Rs. 20'
_SENTENCE_END = re.compile(
    r"(?<!\bRs)(?<!\bNo)(?<!\bno)(?<!\bapprox)(?<!\bca)(?<!\bvs)\.(?=\s|$|\*|\"|\\\)|</)"
    r"|[\u3002!?](?=\s|$|\S)"
)
_GOES_ON = re.compile(r"[*_]*\s*(?:,\s*(?:and\s+|or\s+)?\$|(?:and|or)\b|\\cup|\\cap)")  # 'is $1$ and $2$'
_DELIMITERS = (("\\[", "\\]"), ("$$", "$$"), ("\\(", "\\)"), ("$", "$"))


def _content(text: str, start: int) -> tuple[int, str]:
    """Where the statement that begins at `start` ends, and its text: a formula whole, else up to the end of
    the sentence or line."""
    for opening, closing in _DELIMITERS:
        if text.startswith(opening, start):
            end = text.find(closing, start + len(opening), start + MAX_ANSWER)
            line = text.find("\n", start, start + MAX_ANSWER)
            if end >= 0 and (opening in ("\\[", "$$") or line < 0 or end < line):
                end += len(closing)
                if _GOES_ON.match(text, end):
                    end = _sentence_end(text, end)
                return end, text[start:end]
    end = _sentence_end(text, start)
    return end, text[start:end]


def _sentence_end(text: str, start: int) -> int:
    last = min(start + MAX_ANSWER + 1, len(text))
    line = text.find("\n", start, last)
    last = line if line >= 0 else last
    for stop in _SENTENCE_END.finditer(text, start, last):
        # '5!' is a factorial, and 'B. Paris' is one statement with the letter before it
        if stop[0] == "!" and text[stop.start() - 1 : stop.start()].isdigit():
            continue
        if stop[0] == "." and len(text[start : stop.start()].strip(" *_(\"'")) <= 1:
            continue
        return stop.start()
    return last


def _sentence_start(text: str, end: int) -> int:
    line = text.rfind("\n", max(end - MAX_ANSWER, 0), end) + 1
    start = max(line, end - MAX_ANSWER)
    for stop in _SENTENCE_END.finditer(text, start, end):
        start = stop.end()
    while start < end and text[start].isspace():
        start += 1
    return start


def _skip_blank(text: str, start: int) -> int:
    while start < len(text) and (text[start].isspace() or text[start] in "*_"):
        start += 1
    return start
