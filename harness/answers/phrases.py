"""Statements in words: 'Answer: X' in any markdown, a heading with X below it, 'the answer is X', 'X is the
answer', `#### X`. A noun is looked for first, so that text without any costs little."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, takewhile

from harness.answers.statement import MAX_ANSWER, Statement

_NOUNS: tuple[str, ...] = ("answer", "antwort", "respuesta", "risposta", "resposta", "solution", "result")
_NOUNS += ("ans:", "ans.", "ans =", "ans :", "correct ", "best ", "values", "roots")
_FOREIGN = (
    "ответ",
    "答案",
    "答え",
    "解答",
    "正解",
    "정답",
    "réponse",
    "lösung",
    "đáp án",
    "उत्तर",
    "الإجابة",
    "الجواب",
)
_ANSWER = rf"answers?|ans\b\.?(?=\s?[:=.])|antwort|respuesta|risposta|resposta|{'|'.join(_FOREIGN)}"
#: what a heading may be, and what 'X is the ...' goes on with
_HEADED = ("answer", "solution", "result", "output", "label", "conclusion")
_IS_THE = (" is the ", " is my ", " is our ", " is therefore ", " is thus ", " are the ", " is clearly ")
#: other words that lead to an answer where they are what the sentence is about
_LESSER = r"solutions?|result|correct (?:choice|option|letter|label|value)|best (?:choice|option|label)"
_MARKUP = r"[*_\"'`)\]}]{0,5}"
_VERB = (
    r"\b(?:is|equals?|(?:should|must|would|will|has to|can only) be|becomes|comes (?:out )?to"
    r"|turns out to be|ist"
    r"|est|es|\u00e8|\u00e9|jest)\b[ \t]*:?|\u662f|\u4e3a|\u70ba|\u306f|\uc740|\u044d\u0442\u043e"
    r"|\u0647[\u064a\u0648](?!\w)|\bl\u00e0\b"
)
_SIGN = r":|=|\u2192|->|\|"
_DASHED = r"[ \t]+[-\u2013\u2014][ \t]+"
_GAP = r"[^\n.:=<>\"|\u2192\u3002]{0,60}?"


@lru_cache(maxsize=64)
def _phrase(nouns: tuple[str, ...]) -> re.Pattern[str]:
    own = "|".join(map(re.escape, nouns))
    lesser = f"{_LESSER}|{own}" if own else _LESSER
    remark = r"(?:[ \t]?\((?=[^()\n]*[a-zA-Z])[^()\n]{0,40}\))?"
    tail = rf"{_MARKUP}{remark}(?:{_DASHED}|{_GAP}(?:{_VERB}|{_SIGN}))[\s*_]*"
    plural = rf"(?:solutions?|answers?|values|roots)\b{_GAP}\bare\b[ \t]*:?[\s*_]*"
    short = tail.replace("{0,60}", "{0,25}")
    return re.compile(rf"(?<![a-zA-Z])(?:{plural}|(?:{_ANSWER}){tail}|(?:{lesser}){short})", re.IGNORECASE)


#: 'the check of the answer: ...' is about an answer and gives none, nor does 'if the answer is ...'
_ABOUT = re.compile(
    r"(?:\b(?:of|check|verify|if|whether|what|wrong|incorrect|previous|common|student's|their|your|to)"
    r"(?: (?:the|your|an?|my|our|this|final|correct))*"
    r"|\b(?:assum(?:e|es|ed|ing)|suppos(?:e|es|ed|ing)|imagine"
    r"|(?<!\bI )(?<!\bwe )(?:might|could|may) (?:say|think|guess|argue|assume|claim|believe|expect))"
    r"(?: (?:that|the|an?|my|our|this|final|correct))*)[ \t]*$",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"answers? (?:the|this|these|following|each|all|any|in the (?:form|format))\b", re.IGNORECASE
)
_HEADING = re.compile(
    r"[ \t]*(?:#{1,6}[ \t]*|[*_]{1,3}[ \t]*|>[ \t]*)?(?:\d[.)][ \t]*)?(?:the )?(?:final |correct "
    r"|short |my )?"
    r"(?:answer|solution|result|output|label|conclusion)s?[ \t]*[*_:#]*[ \t]*\n",
    re.IGNORECASE,
)
_BACKWARDS = re.compile(
    r"(?<=\S)[*_$)\]}\"']{0,4}[ \t]+(?:is|are)[ \t]+(?:therefore |thus |clearly |indeed )?(?:the|my"
    r"|our)[ \t]+"
    r"(?:(?:final|correct|right|best|only)[ \t]+){0,2}(?:answers?|solutions?|choice"
    r"|option)\b(?![ \t]+(?:of|that|in))",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"^.*\b(?:that|so|therefore|thus|hence|conclude|believe|think|say|confident|sure|case)\b[,:]?\s+(?=\S)",
    re.IGNORECASE | re.DOTALL,
)


#: 'This is the final answer' gives none
_POINTS_BACK = re.compile(r"(?:this|that|these|it|which|what|there|here)\b", re.IGNORECASE)
#: statements of a kind that are looked at, beside the first
_MOST = 100


def some(matches: Iterator[re.Match[str]]) -> Iterator[re.Match[str]]:
    """The first match and the last hundred: what a text repeats endlessly must not cost more than it says."""
    if (first := next(matches, None)) is not None:
        yield first
        yield from deque(matches, maxlen=_MOST)


def at_lines(pattern: re.Pattern[str], text: str, start: int = 0) -> Iterator[re.Match[str]]:
    """Matches of a pattern at starts of lines, from the line that begins at or after `start`; but for the
    first line of the text, a match begins with the end of the line before."""
    if not start and (match := pattern.match(text)):
        yield match
    later = _after_line(pattern)
    place = max(start - 1, 0)
    while match := later.search(text, place):
        yield match
        place = match.start() + 1


@lru_cache(maxsize=64)
def _after_line(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """The pattern behind the end of a line: a search for that costs less than a try at every line."""
    return re.compile(rf"\n(?:{pattern.pattern})", pattern.flags)


def phrases(text: str, nouns: tuple[str, ...]) -> Iterator[Statement]:
    """Statements in words.

    Args:
        text: what was said.
        nouns: what this kind of answer is called besides 'answer', in lower case.
    """
    lower = text.lower()
    if len(lower) != len(text):  # a capital whose small letter is two characters
        lower = text
    for match in _at_nouns(text, lower, nouns):
        if _ABOUT.search(text, max(match.start() - 40, 0), match.start()) or _ASKS.match(text, match.start()):
            continue
        end, content = _content(text, match.end())
        if match[0].rstrip(" *_").endswith("|"):  # a row of a table
            content = content.partition("|")[0]
        yield Statement("phrase", match.start(), end, content)
    if any(noun in lower for noun in _HEADED):
        for match in some(at_lines(_HEADING, text)):
            yield Statement("heading", match.start(), *_content(text, _skip_blank(text, match.end())))
    if any(word in lower[-_TAIL:] for word in _TAKES_BACK) and (corrected := _corrected(text)):
        yield corrected
    if any(words in lower for words in _IS_THE):
        for match in some(_BACKWARDS.finditer(text)):
            start = _sentence_start(text, match.start())
            content = _LEAD_IN.sub("", text[start : match.start()], count=1)
            if not _POINTS_BACK.match(content):
                yield Statement("backwards", start, match.end(), content)


def _at_nouns(text: str, lower: str, nouns: tuple[str, ...]) -> Iterator[re.Match[str]]:
    """Matches of the phrase where its nouns stand: the first, and the last hundred from the end on."""
    places: set[int] = set()
    for noun in (*_NOUNS, *nouns) if text.isascii() else (*_NOUNS, *_FOREIGN, *nouns):
        place = lower.find(noun)
        while place >= 0:
            places.add(place)
            place = lower.find(noun, place + len(noun))
    pattern, ordered = _phrase(nouns), sorted(places)
    if len(ordered) > 20 * _MOST:  # a text that repeats a noun endlessly
        ordered = ordered[: 10 * _MOST] + ordered[-10 * _MOST :]
    matches = (match for place in ordered if (match := pattern.match(text, place)))
    if (first := next(matches, None)) is not None:
        yield first
        later = (match for place in reversed(ordered) if (match := pattern.match(text, place)))
        yield from islice(takewhile(lambda match: match.start() > first.start(), later), _MOST)


#: characters at the end of a text in which it may take back what it stated
_TAIL = 300
_TAKES_BACK: tuple[str, ...] = (
    "wait",
    "actually",
    "no,",
    "no.",
    "oops",
    "sorry",
    "correction",
    "hold on",
    "mistake",
    "error",
)
_TAKES_BACK += ("wrong", "incorrect")
_CORRECTS = re.compile(
    rf"\b(?:{'|'.join(map(re.escape, _TAKES_BACK))})(?![a-z])[^\n]{{0,100}}?"
    r"\b(?:it|this|that)(?:'s| is| should be| must be| has to be)"
    r"(?: (?:actually|really|in fact|indeed|rather))?"
    r"[ \t]*:?[ \t]*(?=\S)",
    re.IGNORECASE,
)


def _corrected(text: str) -> Statement | None:
    """The last sentence where it takes back what was stated: 'Wait, that's wrong. It should be 42.'"""
    matches = list(_CORRECTS.finditer(text, max(len(text) - _TAIL, 0)))
    if not matches:
        return None
    end, content = _content(text, matches[-1].end())
    over = text[end:].strip(" .!*_$\n")
    return None if over else Statement("correction", matches[-1].start(), end, content)


_HASHES = re.compile(r"[ \t]*####[ \t]*(\S[^\n]{0,200})(?:\n|\Z)")
_LABELLED = re.compile(r"[ \t]*A:[ \t]*(\S[^\n]*)")
_PLAIN_VALUE = re.compile(
    r"\$[^$]+\$\.?|\\\(.+\\\)\.?|\$?\\boxed\{.*\}\$?\.?"
    r"|[*_]*[-+]?\$?\s?[-+]?[\d,]*\.?\d+\s?%?(?:\s+[a-zA-Z ]{1,30})?\.?[*_]*"
)


def marked(text: str) -> Iterator[Statement]:
    """What follows `####` or `A:` at the start of a line. A heading of the fourth level begins with `####`
    too, so only a number or a formula counts there."""
    if "####" in text:
        for match in some(at_lines(_HASHES, text)):
            if _PLAIN_VALUE.fullmatch(match[1].strip()):
                yield Statement("mark", match.start(), match.end(1), match[1])
    if "A:" in text:
        for match in some(at_lines(_LABELLED, text)):
            yield Statement("mark", match.start(), match.end(), match[1])


# --- the content of a phrase -------------------------------------------------------------------

#: a full stop ends a sentence, but not between digits, after an initial, or within 'Rs. 20'
_SENTENCE_END = re.compile(
    r"(?<!\bRs)(?<!\bNo)(?<!\bno)(?<!\bapprox)(?<!\bca)(?<!\bvs)(?<!\b[MDSJ]r)(?<!\bMrs)(?<!\bMs)(?<!\bSt)(?<!\bMt)(?<!\bProf)\.(?=\s|$|\*|\"|\\\)|</)"
    r"|[\u3002!?](?=\s|$|\S)"
)
#: 'J. R. R. Tolkien', 'George W. Bush'
_INITIAL = re.compile(r"(?:^|[A-Z][a-z]+ |\. ?)[A-Z]$")
_NAME = re.compile(
    r"\s?(?!(?:It|This|That|The|These|There|Here|In|We|He|She|They|Because|Since|As|So|Note|Option|Let"
    r"|However|Therefore|Thus|Hence|For|If|I|A)\b)[A-Z]"
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
        before = text[start : stop.start()].strip(" *_(\"'")
        if stop[0] == "." and (not before or (len(before) == 1 and before.isalpha())):
            continue
        if stop[0] == "." and _INITIAL.search(before) and _NAME.match(text, stop.end()):
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
