r"""Answers in words and letters: `\text{Evelyn}`, `yes`, `(B)`, 'no solution', 'all real numbers'."""

from __future__ import annotations

import re

from harness.answers import numerals

_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_SENTENCE = re.compile(r"[a-zA-Z](?:[a-zA-Z'. ,;!]|(?<=[a-zA-Z]{2})-(?=[a-zA-Z]{2}))*[a-zA-Z.]")
_CHOICE = re.compile(r"\(\s*([A-Z])\s*\)|([A-Z])")
_CHOSEN = re.compile(
    r"(?i:choice|option|answer)?\s*(?:\(\s*([A-Z])\s*\)|([A-Z])(?=[.):]|$))[.):]*(?:\s+.*|$)"
)
_ARTICLE = re.compile(r"\b(?:a|an|the)\s+(?=\w)|^(?:on|in|at|it is|it's)\s+(?=\w)")
_ONE_WORD = {"yes", "no", "true", "false"}
_SAME = {
    "does not exist": "dne",
    "do not exist": "dne",
    "no solutions": "none",
    "no solution": "none",
    "no real solution": "none",
    "no real solutions": "none",
    "there is no solution": "none",
    "there are no solutions": "none",
    "empty set": "none",
    "no such number": "none",
    "is undefined": "undefined",
    "not defined": "undefined",
}
_SYMBOLS = {
    "all real numbers": "\\mathbb{R}",
    "all reals": "\\mathbb{R}",
    "real numbers": "\\mathbb{R}",
    "all real": "\\mathbb{R}",
    "all integers": "\\mathbb{Z}",
    "integers": "\\mathbb{Z}",
    "none": "\\emptyset",
    "infinity": "\\infty",
    "positive infinity": "\\infty",
    "negative infinity": "-\\infty",
    "minus infinity": "-\\infty",
}
_ALL_BUT = re.compile(r"all real numbers\s+(?:except|other than)\s+(?:for\s+)?(?:x\s*=\s*)?(-?[\d./]+)")
_BASES = {"binary": 2, "octal": 8, "decimal": 10, "hexadecimal": 16}


def phrase(text: str) -> str | None:
    """The words of an answer that is nothing but words, in lower case without articles; None for anything
    else. Up to three bare letters are variables unless they are a known word."""
    plain = " ".join(_TEXT.sub(r" \1 ", text).split()).strip("()")
    if not _SENTENCE.fullmatch(plain) or "," in plain:
        return None
    bare = _TEXT.sub("", text).strip(" ()")
    folded = plain.casefold().rstrip(".").strip()
    known = {*_SAME.values(), *_ONE_WORD, "odd", "even"}
    longest = max(folded.split(), key=len, default="")
    if bare and folded not in known and (len(longest) < 4 or not re.search(r"[aeiouy]", longest)):
        return None
    folded = " ".join(_ARTICLE.sub("", folded).replace("-", " ").split())
    return _SAME.get(folded, folded)


def verdict(given: str, wanted: str) -> bool | None:
    """Whether an answer says what a target of words or one letter says; None where the target is
    neither."""
    if choice := _CHOICE.fullmatch(_TEXT.sub(r"\1", wanted).strip()):
        letter = choice[1] or choice[2]
        chosen = _CHOSEN.fullmatch(_TEXT.sub(r"\1", given).strip())
        if chosen:
            return (chosen[1] or chosen[2]) == letter
        return False if choice[1] and _SENTENCE.fullmatch(given) and phrase(given) else None
    expected = phrase(wanted)
    if expected is None or expected in _SYMBOLS or numerals.in_words(expected) is not None:
        if expected == "none" and phrase(given) == "none":
            return True
        if expected is None and wanted.isalpha() and (written := _TEXT.fullmatch(given)):
            return written[1].strip().casefold() == wanted.casefold()
        return None
    said = phrase(_remark_less(given))
    if said is None and given.isalpha():
        return given.casefold() == expected
    if said is None:
        first = re.split(r"[,;:.(]", _TEXT.sub(r" \1 ", given))[0].strip().casefold()
        return first == expected if expected in _ONE_WORD or first in _ONE_WORD else False
    if expected in _ONE_WORD:
        return said == expected or (said.split()[0] == expected and not _ONE_WORD & set(said.split()[1:]))
    return said == expected


def same(given: str, wanted: str) -> bool:
    """Whether two phrases are the same words."""
    one = phrase(given)
    return one is not None and one == phrase(wanted)


def _remark_less(text: str) -> str:
    return re.sub(r"(?<=[a-zA-Z}])\s*\([^()]*\)\s*$", "", text)


def as_symbols(text: str) -> str:
    """An expression in words as its symbol or numeral ('five', 'all real numbers'), else the text."""
    if excluded := _ALL_BUT.fullmatch(_TEXT.sub(r" \1 ", text).strip()):
        return f"\\mathbb{{R}}\\setminus\\{{{excluded[1]}\\}}"
    words = phrase(text)
    if words is None:
        return text
    if words in _SYMBOLS:
        return _SYMBOLS[words]
    plain = " ".join(_TEXT.sub(r" \1 ", text).split())
    value = numerals.in_words(plain)
    return numerals.written(value) if value is not None else text


def base(name: str) -> str:
    """A base as digits, whether it is written so or in words."""
    value = numerals.in_words(name) if name.isalpha() else None
    return numerals.written(value) if value is not None else str(_BASES.get(name.lower(), name))
