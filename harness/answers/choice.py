"""Reads the letter of a choice. One letter that was asserted is an answer; a letter that was ruled out, or
one of several that are offered, is none."""

from __future__ import annotations

import re

from harness.answers.locate import Statement, before_next_question, reply
from harness.answers.markup import QUOTES, bare, without_code, without_html, without_wrappers
from harness.answers.normalise import said
from harness.answers.read import NOTHING, content_of, last_statement, unless_cut
from harness.answers.reading import Reading

_LEAD = re.compile(
    r"(?:(?:the|is|option|choice|letter|answer|alternative|statement|therefore|thus|hence|clearly"
    r"|definitely|most"
    r"|likely|probably|simply|just|indeed|actually|obviously|both|either|that|it|be|must|final|correct"
    r"|best|right"
    r"|options|choices|letters|opci\u00f3n|(?:a |la )?letra|lettera|lettre|la|r\u00e9ponse|correcta|antwort"
    r"|\u0432\u0430\u0440\u0438\u0430\u043d\u0442|\u9009\u9879)\b"
    r"|[\s,:*_$`\"'#>-])*",
    re.IGNORECASE,
)
#: a letter with something around it that tells it from a word: (B), [B], **B**, {B}, <B>, "B", $B$
_ENCLOSED = re.compile(r"[(\[{<*_\"'`$\u201c\u2018]+\s?([A-Za-z])\s?[)\]}>*_\"'`$\u201d\u2019]+(?![a-zA-Z])")
_PLAIN = re.compile(r"([A-Za-z])(?![a-zA-Z'\u2019])")
_ENDS = re.compile(
    r"\s*(?:$|[)\].,:;|/\\*_$\n\"'<=]|[-\u2013\u2014](?!\w)|->|\u2192"
    r"|\u3002|\u3067\u3059|\uc785\ub2c8\ub2e4|\u9009\u9879|\u9009|\u9879)"
)
_CONNECTIVE = re.compile(
    r"\s+(?:because|since|as|which|with|where|for|from|and|or|is|was|due|but|not|given|based|instead"
    r"|rather|by|in|on)\b"
    r"|\s+[(\[\-\u2013\u2014=:]",
)
_OR = re.compile(
    r"[)\]}*_$\"'.\s]*(?:,|/|&|\+|\bor\b|\band\b|\bund\b|\boder\b|;)\s*(?:or|and)?\s*"
    r"(?:maybe|perhaps|possibly|even|also)?\s*(?:option|choice)?\s*"
)
_NEGATION = re.compile(
    r"\b(?:not|n't|isn't|never|neither|nor|rather than|instead of|other than|except)\b", re.I
)
_NONE = re.compile(
    r"\b(?:none|neither|no option|no choice|all|both|any) (?:of|is|are)\b|\bcannot\b|\bcan't\b", re.I
)
_NOT_BUT = re.compile(r"\bnot\b[^.;]{0,40}?\bbut\b", re.IGNORECASE)
_PARENTHESES = re.compile(r"\(\s?([A-Za-z])\s?\)")


def read_choice(completion: str, letters: str) -> Reading:
    """The letter that a completion chooses, as it stands in `letters`.

    In order: the last statement of an answer; a reply that is a letter, or starts or ends with one on a line
    of its own; 'B is correct'; the one letter in parentheses that the last sentence with any asserts.

    Args:
        completion: the whole text.
        letters: those of the choices, in upper case, as "ABCD".
    """
    text, cut = said(completion)
    text = without_html(without_code(text))
    text = reply(text, lambda head: _ALONE.fullmatch(head) is not None)
    found = last_statement(text, lambda statement: _stated(statement, letters), ("correct choice", "choice"))
    if found.reason == "no statement":
        found = _unstated(before_next_question(text), letters)
    return unless_cut(found, cut)


def _stated(statement: Statement, letters: str) -> Reading:
    content = without_wrappers(content_of(statement)).strip()
    if statement.form == "backwards":  # 'I think option B is the answer': the letter ends it
        content = re.sub(r"^.*\s(?=\S+$)", "", content, flags=re.DOTALL)
    return _letter(content, letters)


def _letter(content: str, letters: str) -> Reading:
    """The letter that the content of a statement asserts."""
    content = bare(content)
    if _NONE.match(content):
        return Reading(None, "unreadable")
    if turned := _NOT_BUT.match(content):
        content = content[turned.end() :]
    lead = _LEAD.match(content)
    start = lead.end() if lead else 0
    # the lead-in takes marks that may be around the letter: step back onto them
    while start > 0 and content[start - 1] in "*_$`\"'":
        start -= 1
    rest = content[start:]
    if _NEGATION.match(rest):
        return Reading(None, "unreadable")
    enclosed = _ENCLOSED.match(rest)
    match = enclosed or _PLAIN.match(rest)
    if match and (enclosed or _stands_alone(rest, match)):
        return _one(match[1], rest[match.end() :], letters)
    together = re.match(r"[A-Z]{2,}\b", rest)
    if together and all(letter in letters for letter in together[0]):
        return Reading(together[0][0]) if len(set(together[0])) == 1 else Reading(None, "several")
    return _asserted(rest, letters)


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    """Whether a letter with no marks around it is one, and no word: 'A' may be an article, 'I' a pronoun."""
    letter, after = match[1], match.end()
    if _ENDS.match(text, after):
        return letter.isupper() or len(text.strip(" .,:;)")) <= 2 or text[after : after + 1] in ").:"
    return letter.isupper() and _CONNECTIVE.match(text, after) is not None


def _one(letter: str, rest: str, letters: str) -> Reading:
    letter = letter.upper()
    if letter not in letters:
        return Reading(None, "unreadable")
    other = _OR.match(rest)
    if other:
        next_letter = _ENCLOSED.match(rest, other.end()) or _PLAIN.match(rest, other.end())
        if next_letter and next_letter[1].upper() in letters and next_letter[1].upper() != letter:
            enclosed = not next_letter[0][0].isalpha()
            end = next_letter.end()
            if (enclosed or next_letter[1].isupper()) and (
                enclosed
                or _ENDS.match(rest, end)
                or _CONNECTIVE.match(rest, end)
                or next_letter[1] not in "AI"
            ):
                return Reading(None, "hedged")
    return Reading(letter)


# --- letters that nothing presents -------------------------------------------------------------

_CLAIM = re.compile(
    r"(?:\b(?:option|choice|answer|statement)\s+)?(?:\(\s?([A-Za-z])\s?\)"
    r"|(?<![\w(])([A-Z])\)?)[*_\"']{0,3}\s+"
    r"(?:is|must be|seems|has to be|should be|would be)\s+(?:clearly |therefore |thus |indeed |the |a )*"
    r"(?:correct|right|true|best|most|answer|only)\b",
)
_REMAINS = re.compile(r"\b[Oo]nly (?:option |choice |answer )?\(?([A-Z])\)? (?:remains|is left|works|fits)\b")
#: a line of a list of choices that says that its choice is right: '(C) ... correct', '(C) \u2713'
_TICKED = re.compile(r"(?i:\b(?:correct|right|true)|[\u2713\u2714\u2705])[*_.! \t]*$")
#: a last line that ends with its letter: 'Therefore, C.', 'I would go with option B'
_ENDING = re.compile(
    r"(?i:(?:\b(?:is|it's|be|with|towards?|option|choice|answer|choose|pick|select"
    r"|therefore|thus|hence|so)[,:]?\s+|[\u9009\u9078][\u9879\u64c7\u62e9]?[\u4e3a\u662f:]?\s?)"
    r"(?:option |choice |answer )?)[*_]*\(?([A-Z])\)?"
    r"(?:[.!*_\s\u3002]*|[.,]?\s+(?:[-\u2013\u2014]|because\b|since\b)\s.*)$"
)
_RULED_OUT = re.compile(
    r"\b(?:not|n't|isn't|rule[ds]? out|ruling out|eliminat\w+|exclud\w+|wrong|incorrect|fails?|false"
    r"|cannot|can't|discard\w*|reject\w*|unlikely|except|neither|nor|decide|between|or)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WHOLE_LINE = re.compile(
    r"[*_\s#>]*(?:[Oo]ption |[Cc]hoice )?[(\[]?([A-Za-z])(?:[)\]]|[.:](?=\s|$))?[*_\s]*"
    r"(?:$|(?<=[)\].:*_])\s*\S.*)"
)
_DENIED = re.compile(
    r"[\s).:*_-]*(?:the [^-]{1,30} - )?(?:is|was|can|does|would|seems)?\s*"
    r"(?:clearly |definitely |also |just |simply )?"
    r"(?:not\b|n't|isn't|cannot|wrong|incorrect|false|ruled|eliminated|\u2717|\u2718|\u274c)",
    re.IGNORECASE,
)
_BLANK = QUOTES + "*_ \t$"
_LISTED = re.compile(r"[*_\s#>-]*(?:\(([A-Za-z])\)|([A-Za-z])[).:](?=\s|\*|$))")
_ALONE = re.compile(r"[*_\s#>`$\"']*[(\[<{]?([A-Za-z])[)\]>}]?[.*_\s`$\"']*")


def _unstated(text: str, letters: str) -> Reading:
    stripped = map(str.strip, without_wrappers(text).splitlines())
    lines = [line for line in stripped if line.strip(_BLANK)]
    if not lines:
        return NOTHING
    for line in (lines[0], lines[-1]) if len(lines) > 1 else lines:
        if alone := _ALONE.fullmatch(line):
            return _one(alone[1], "", letters) if alone[1].upper() in letters else NOTHING
    claims = [claim for claim in _CLAIM.finditer(text) if not _negated(text, claim.start())]
    if claims:
        return _one(claims[-1][1] or claims[-1][2], "", letters)
    if "nly " in text and (remains := _REMAINS.search(text)):
        return _one(remains[1], "", letters)
    if ticked := [found for line in lines if (found := _LISTED.match(line)) and _is_ticked(line)]:
        return _one(ticked[0][1] or ticked[0][2], "", letters) if len(ticked) == 1 else NOTHING
    if len(lines) == 1 or (_WHOLE_LINE.fullmatch(lines[0]) and not _lists(lines)):
        first = _first_line(lines[0], letters)
        if first.reason != "no statement":
            return first
    last = re.split(r"(?<=[.!?;])\s+|,\s+(?:but|so)\s+", lines[-1].strip())[-1]
    if (ending := _ENDING.search(last)) and not _RULED_OUT.search(last[: ending.start()]):
        return _one(ending[1], "", letters)
    for sentence in reversed(_SENTENCE.split(text)):
        if _PARENTHESES.search(sentence):
            listed = _LISTED.match(sentence) and _lists(lines)
            return NOTHING if listed else _asserted(sentence, letters)
    return NOTHING


def _lists(lines: list[str]) -> bool:
    """Whether lines go through the choices, each with its letter."""
    found = [_LISTED.match(line) for line in lines[:40] if not _RULED_OUT.search(line)]
    return len({(match[1] or match[2]).upper() for match in found if match}) > 1


def _is_ticked(line: str) -> bool:
    return _TICKED.search(line) is not None and not _RULED_OUT.search(line)


def _negated(text: str, start: int) -> bool:
    return bool(
        re.search(r"\b(?:if|whether|not|n't|think)\s+(?:that\s+)?$", text[max(start - 30, 0) : start])
    )


def _first_line(line: str, letters: str) -> Reading:
    """A reply that begins with its letter: 'B) Paris', '**B. Paris**', 'A or B'."""
    content = re.sub(r"^(?:[Oo]ption|[Cc]hoice) +(?=\(?[A-Z]\b)", "", bare(line))
    enclosed = _ENCLOSED.match(content)
    match = enclosed or _PLAIN.match(content)
    if not match or match[1].upper() not in letters or _DENIED.match(content, match.end()):
        return NOTHING
    found = _one(match[1], content[match.end() :], letters)
    marked = enclosed is not None or re.match(r"[).:,](?=\s|$)|\s*$|\s+-\s", content[match.end() :])
    if found.reason == "hedged" or (
        marked
        and (match[1].isupper() or enclosed is not None or re.match(r"[.)]\s|$", content[match.end() :]))
    ):
        return found
    return NOTHING


def _asserted(sentence: str, letters: str) -> Reading:
    """The letter in parentheses of a sentence that has one, and rules nothing out."""
    found = {letter.upper() for letter in _PARENTHESES.findall(sentence) if letter.upper() in letters}
    if not found:
        return NOTHING
    if len(found) > 1:
        return Reading(None, "several")
    return NOTHING if _RULED_OUT.search(sentence) else Reading(found.pop())
