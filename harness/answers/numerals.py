"""Numerals: in words, grouped by thousands, and the one way in which a value is written."""

from __future__ import annotations

import re
from fractions import Fraction


def written(value: Fraction) -> str:
    """A fraction as digits where it terminates, else as p/q."""
    bottom, places = value.denominator, 0
    for prime in (2, 5):
        count = 0
        while bottom % prime == 0:
            bottom, count = bottom // prime, count + 1
        places = max(places, count)
    if bottom != 1:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else sign + digits


_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
WORDS = {
    **{word: value for value, word in enumerate(_SMALL)},
    **{word: 20 + 10 * place for place, word in enumerate(_TENS)},
}
SCALES = {
    "dozen": 12,
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
PARTS = (
    {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4}
    | {"hundredth": 100, "hundredths": 100, "thousandth": 1000, "thousandths": 1000}
    | {
        name + plural: value
        for value, name in enumerate("fourth fifth sixth seventh eighth ninth tenth".split(), 4)
        for plural in ("", "s")
    }
)
WORD = re.compile(r"[a-z]+")


def in_words(text: str) -> Fraction | None:
    """The value of a numeral in words ('minus twenty-one', 'a dozen', 'three quarters'), None for any
    other text."""
    words = WORD.findall(text.casefold())
    if not words or not re.fullmatch(r"[a-z\s-]+", text.strip().casefold()):
        return None
    sign = 1
    if words[0] in ("minus", "negative") and len(words) > 1:
        sign, words = -1, words[1:]
    value, used = numeral(words)
    return sign * value if value is not None and used == len(words) else None


def numeral(words: list[str]) -> tuple[Fraction | None, int]:
    """The numeral that the words begin with, and how many of them it takes."""
    total, group = 0, 0
    used = position = 0
    last = 10**18  # a smaller kind of word must follow: 'five six' are two numerals
    for position, word in enumerate(words):
        if word in WORDS and WORDS[word] < last and not (last < 20 or (last == 20 and WORDS[word] > 9)):
            group += WORDS[word]
            last = 20 if WORDS[word] >= 20 else 1
        elif word in ("a", "an") and not used and words[position + 1 : position + 2]:
            follows = words[position + 1]
            if follows not in SCALES and follows not in ("half", "third", "quarter"):
                break
            group, last = 1, 1
        elif word in SCALES and used:
            if word == "hundred":
                group, last = (group or 1) * 100, 100
            else:
                total, group, last = total + (group or 1) * SCALES[word], 0, 10**18
        elif word in ("dozen", "half") and not used:
            rest = words[position + 1 :]
            if word == "half" and rest[:2] == ["a", "dozen"]:
                return Fraction(6), position + 3
            return (Fraction(12), 1) if word == "dozen" else (Fraction(1, 2), 1)
        elif word in PARTS and used:
            return Fraction(total + group, PARTS[word]), position + 1
        elif word == "and" and used and words[position + 1 : position + 2]:
            if words[position + 1] not in WORDS or last < 100:
                break
            continue
        else:
            break
        used = position + 1
    return (Fraction(total + group), used) if used else (None, 0)


_GROUPS = re.compile(
    r"(?<![\d.,'])(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d{2})+,\d{3}|[1-9]\d{0,2}(?:'\d{3})+"
    r"|[1-9]\d{0,2}(?: \d{3})+|[1-9]\d{0,2}(?:\.\d{3}){2,})(?![\d']|[,.]\d{3}(?!\d))"
)
#: groups of thousands with a comma before the decimals, as in 1.234,56 and 1 234,56
_COMMA_DECIMALS = re.compile(
    r"(?<![\d.,'])([1-9]\d{0,2}(?:\.\d{3})+|[1-9]\d{0,2}(?: \d{3})+),(\d{1,2})(?![\d.,])"
)


def ungrouped(text: str) -> str:
    """Text whose numerals have no thousands separators: 1,234, 1'234, 1 234, 1,00,000, 1.234.567, 1.234,5."""
    text = _COMMA_DECIMALS.sub(lambda parts: f"{re.sub('[. ]', '', parts[1])}.{parts[2]}", text)
    return _GROUPS.sub(lambda numeral: re.sub(r"[,' .]", "", numeral[0]), text)
