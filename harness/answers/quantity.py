"""Reads the one number that a phrase states: digits of any script and grouping, words, simple sums.

A phrase is what stands where an answer is stated: `$1,234.50`, `12 apples, that is 1 dozen`,
`9 * 2 = 18 dollars`, `minus three`. What states several numbers or none is read as none.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from harness.answers.normalise import normalise
from harness.answers.numerals import PARTS, SCALES, WORD, in_words, numeral, ungrouped, written
from harness.answers.reading import Reading, Reason
from harness.answers.sums import NUMERAL, Sum

#: Longer phrases are no statement of a number.
MAX_LENGTH = 1000

_WHOLE = re.compile(r"-?[1-9]\d{0,30}|0")


def read_quantity(text: str) -> Reading:
    """The number in a phrase, or why there is none.

    The text is a whole number in digits, a terminating decimal as a decimal, any other fraction as
    `p/q` in lowest terms, each exact: 18.0 is `18`, 10 / 4 is `2.5`, 50% is `50`. Of a phrase with an
    equals sign the last side counts, and of 'so', 'thus' and their kind what follows the last.

    Why there is none: `hedged` ('5 or 6', 'between 5 and 6', '5-6'), `several` ('2, -1'),
    `unreadable` (no number, a time of day, a variable's multiple, a measure in two units, a phrase of
    more than 1000 characters). Never raises.
    """
    if _WHOLE.fullmatch(text):
        return Reading(text)
    if len(text) > MAX_LENGTH:
        return Reading(None, "unreadable")
    for part in _parts(_plain_text(_PRICE_CRIED.sub(r"\1", text))):
        value, reason = _stated(part)
        if value is not None:
            return Reading(written(value))
        if reason:
            return Reading(None, reason)
    return Reading(None, "unreadable")


# --- text --------------------------------------------------------------------------------

#: what `normalise` leaves as it is: the dashes of ranges, signs of operations, other scripts' separators
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2012\u2013\u2014\u2015", "-"),
        **dict.fromkeys("\u00d7\u22c5\u00b7\u2217", "*"),
        **dict.fromkeys("\u00f7\u2044\u2215", "/"),
        **dict.fromkeys("\u2032\u2019\u02bc", "'"),
        "\u2245": "\u2248",
        "\u066b": ".",
        "\u066c": ",",
    }
)
_LATEX = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"<\s*(-?[\d.,]+)\s*>", r" \1 "),
        (r"<[^<>]{1,40}>|\\n(?=[A-Z\s]|$)", " "),
        (r"\b(\d{1,2}):00\s*(?=[ap]\.?m\b)", r"\1 "),
        (r"\\(?:left|right|displaystyle|textstyle|boxed|fbox)(?![a-zA-Z])", ""),
        (r"\\(?:text|textbf|mathbf|mathrm|textrm|mbox|textit|emph|operatorname)\s*(?=\{)", " "),
        (r"\{,\}|,?\\!\s?", ","),
        (r"(?<=\d)(?:\\[,;: ]|~)(?=\d{3}(?!\d))", ","),
        (r"(?<=\d)\s*\^?\s*\{?\s*(st|nd|rd|th)\b\s*\}*", r"\1 "),
        (r"\\[,;: ()\[\]]|\\q?quad(?![a-zA-Z])", " "),
        (r"\\[dtc]?frac\s*(\d)\s*(\d)", r" \1/\2"),
        (r"\\[dtc]?frac\s*\{?\s*(-?[\d.,]+)\s*\}?\s*\{\s*(-?[\d.,]+)\s*\}", r" \1/\2"),
        (r"\\(?:times|cdot|ast)(?![a-zA-Z])", "*"),
        (r"\\div(?![a-zA-Z])", "/"),
        (r"\\(?:approx|simeq|sim)(?![a-zA-Z])", "\u2248"),
        (r"\^\s*\{?\s*\\circ\s*\}?|\\degrees?(?![a-zA-Z])|\u00b0", " degrees "),
        (r"\^\s*\{\s*([^{}]*?)\s*\}", r"^\1"),
        (r"\\?\$|[\u20ac\u00a3\u00a5\u20b9\u20bd]", " $ "),
        (r"\\%", "%"),
        (r"(\d)\s*\*\*\s*(?=\d)", r"\1^"),
        (r"[{}`]|\*\*|__", " "),
        (r"(?<=\d)\s*[xX*]\s*(?=\d)", " * "),
    )
)


def _plain_text(text: str) -> str:
    text = " ".join(normalise(text).translate(_SIGNS).split())
    if not text.isascii():
        text = "".join(map(_ascii, text))
    for pattern, replacement in _LATEX:
        text = pattern.sub(replacement, text)
    return ungrouped(" ".join(text.split()))


def _ascii(sign: str) -> str:
    if unicodedata.category(sign) == "Nd":
        return str(unicodedata.decimal(sign))
    if unicodedata.category(sign) == "No" and "VULGAR" in unicodedata.name(sign, ""):
        value = Fraction(unicodedata.numeric(sign)).limit_denominator(20)
        return f" {value.numerator}/{value.denominator} "
    return "" if unicodedata.category(sign) == "Cf" else sign


_REMARK = re.compile(r"(?:\s+|(?<=[a-z]))\(([^()]*)\)\s*[.!]?$")
_SO = re.compile(r"\b(?:so|therefore|thus|hence)\b(?=.*\d)", re.IGNORECASE)


def _parts(phrase: str) -> list[str]:
    """What to read, the best first: what follows the last equals sign, else the last 'so'."""
    remark = _REMARK.search(phrase)
    if remark and re.search(r"\d", phrase[: remark.start()]):
        alternative = re.match(r"\s*or\b(.*)", remark[1], re.IGNORECASE)
        phrase = phrase[: remark.start()] + (f" or {alternative[1]}" if alternative else "")
    parts = [part for part in re.split(r"=|\u2248", phrase) if part.strip()]
    last = parts[-1] if parts else ""
    if len(parts) > 1 and not re.search(r"\d", last) and in_words(last) is None:
        last = phrase
    return [_SO.split(last)[-1]]


# --- the number ----------------------------------------------------------------------

_START = re.compile(
    rf"(?:(?<![\w.^])|(?<=[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]))(?:(?:US|USD|Rs\.?|INR|EUR|GBP|CAD|AUD|[ACR](?=\\?\$))(?=[\s$\d]))?"
    rf"(?P<sign>[-+]?)\s*\$?\s*(?P<minus>[-+]?)\s*(?=\(*{NUMERAL})"
)
_BETWEEN = re.compile(rf"\bbetween\b.*?{NUMERAL}.*?\band\b.*?{NUMERAL}|\beither\b", re.IGNORECASE)
_RULED_OUT = re.compile(rf"\b(?:not|isn't|rather than|instead of)\s+(?:\$\s*)?-?{NUMERAL}", re.IGNORECASE)
_UNITS = (
    "st|nd|rd|th|mm|cm|dm|km|m|mi|ft|in|yd|kg|mg|g|lbs?|oz|t|ml|l|L|h|hrs?|min|mins|s|secs?|mph|kmh|kph|c|cents?|"
    "p|W|kW|kWh|V|A|Hz|GB|MB|KB|TB|J|kJ|N|cal|kcal|C|F|K|am|pm"
)
_COMPOUND = (
    r"(?:hours?|hrs?|minutes?|mins?|seconds?|secs?|days?|weeks?|months?|years?|feet|foot|ft|inch(?:es)?|pounds?|"
    r"lbs?|ounces?|oz|dollars?|cents?|kg|kilograms?|g|grams?|km|kilometers?|meters?|m|cm|h|s|quarters?|dimes?)"
)
_REFUSED: tuple[tuple[str, Reason], ...] = (
    (rf"\s*(?:{_COMPOUND}\s*)?,?\s*(?:or|to)\s+(?:maybe\s+)?\$?\s*-?{NUMERAL}", "hedged"),
    (r"\s*(?:[a-z]+\s+)?if\b.*\b(?:else|otherwise)\b.*\d", "hedged"),
    (r"\s*(?:[a-z]+\s+)?or\s+(?:more|less|fewer|so)\b", "hedged"),
    (rf"\s*-\s*\$?\s*{NUMERAL}", "hedged"),
    (rf"\s*(?:,|;|&|,?\s*and\b)\s*\$?\s*-?{NUMERAL}", "several"),
    (rf"\s+\$?\s*-?{NUMERAL}", "several"),
    (rf"\s*{_COMPOUND}\b,?\s*(?:and\s*)?{NUMERAL}\s*{_COMPOUND}\b", "unreadable"),
    (r"\s*(?:\u00b1|\+/?-|\\pm)", "unreadable"),
    (rf"\s*(?::|\bmod\b|\\?pmod)\s*{NUMERAL}", "unreadable"),
    (
        r"\s*\*?\s*(?:\\?(?:sqrt|pi|sin|cos|tan|log|ln|infty)(?![a-z])|\u03c0|\u221a|\\[a-z])",
        "unreadable",
    ),
    (r"\s*[-+*/^]\s*(?:[a-z(\\$]|$)(?![a-z]{2})", "unreadable"),
    (r"\s+(?:plus|times|minus|over|squared|cubed|factorial|divided by|multiplied by)\b", "unreadable"),
    (r"\s*(?:am|pm|a\.m\.|p\.m\.)(?![a-z])(?=.*:)", "unreadable"),
    (r"[.:/'^_]\d", "unreadable"),
)
_AFTER = tuple((re.compile(pattern, re.IGNORECASE), reason) for pattern, reason in _REFUSED)
_ATTACHED = re.compile(rf"(?!(?:{_UNITS})(?:\W|\d|$))[a-zA-Z\\(]")
_VARIABLE = re.compile(
    r"\s+(?!m\^?\{?[23]\b|[mghsLlWVNJ]\s*(?:$|[.,)]))[b-hj-zB-HJ-Z](?=\s*(?:$|[-+*/^=.,)]))(?!\s*\.\s*[a-z])"
)
_SCALED = re.compile(
    r"\s*(?:(dozen|hundred|thousand|million|billion|trillion)s?\b|(k|(?-i:M))(?![a-zA-Z]))", re.I
)
_PART_OF = re.compile(rf"\s+({'|'.join(PARTS)})\b", re.IGNORECASE)
#: '$18!' cries out, as a price has no factorial
_PRICE_CRIED = re.compile(r"(\$\s?\d[\d,]*(?:\.\d+)?)!(?!\w)")


def _stated(text: str) -> tuple[Fraction | None, Reason | None]:
    text = _RULED_OUT.sub(" ", text)
    if _BETWEEN.search(text):
        return None, "hedged"
    start = _START.search(text)
    if not start:
        return _spelled(text)
    before = text[: start.start("sign")].rstrip()
    negative = (start["sign"] == "-") != (start["minus"] == "-")
    if start["sign"] and re.search(r"(?:(?<![a-zA-Z])[a-zA-Z]|[\d)])$", before):
        return None, "unreadable"  # a difference or a sum that begins with a variable
    if re.search(
        r"(?:(?<![a-zA-Z])[b-hj-zB-HJ-Z]|[\d)])\s*[*/^+]$|(?<![a-zA-Z])[a-zA-Z]-$|[<>]$|\\[a-z]+$|\^$"
        r"|\b(?:log|ln|sin|cos|tan|sqrt|exp)$",
        before,
    ):
        return None, "unreadable"
    if negative and start["sign"] and re.search(r"[a-zA-Z]{2}$", before) and text[start.end("sign")] == " ":
        negative = False  # 'the total - 5' has a dash
    if re.search(r"\b(?:minus|negative)(?:\s*\$)?$", before, re.IGNORECASE):
        if re.search(r"\b(?:\w+)\s+minus\s*\$?$", before) and not re.search(r"\bis\s+minus\s*\$?$", before):
            return None, "unreadable"
        negative = not negative
    reader = Sum(text, start.end())
    value = reader.read()
    if value is None:
        return None, reader.reason
    rest = text[reader.at :]
    if scaled := _SCALED.match(rest):
        value *= SCALES[scaled[1].lower()] if scaled[1] else 10**6 if scaled[2] == "M" else 1000
        rest = rest[scaled.end() :]
    elif part := _PART_OF.match(rest):
        value /= PARTS[part[1].lower()]
        rest = rest[part.end() :]
    reason = _refused(rest, value)
    if reason:
        return None, reason
    return (-value if negative else value), None


def _refused(rest: str, value: Fraction) -> Reason | None:
    """Why what follows a number makes it another statement, None where it doesn't."""
    if _ATTACHED.match(rest) or _VARIABLE.match(rest):
        return "unreadable"
    for pattern, reason in _AFTER:
        if found := pattern.match(rest):
            if reason == "hedged" and (again := re.search(rf"-?{NUMERAL}$", found[0])):
                if " or" in found[0] and Fraction(again[0]) == value:
                    continue
            return reason
    return None


#: 'the one', 'no one': the word is a pronoun there
_NO_NUMBER = frozenset("no the this that any every each which some only another".split())


def _spelled(text: str) -> tuple[Fraction | None, Reason | None]:
    words = WORD.findall(text.casefold())
    for position in range(len(words)):
        value, used = numeral(words[position:])
        before = words[position - 1] if position else ""
        if value is None or (used == 1 and words[position] == "one" and before in _NO_NUMBER):
            continue
        rest = words[position + used :]
        if rest[:1] in (["or"], ["to"]) and len(rest) > 1 and numeral(rest[1:])[0] is not None:
            return None, "hedged"
        if rest[:1] in (["plus"], ["times"], ["minus"], ["over"], ["point"], ["squared"], ["cubed"]):
            return None, "unreadable"
        if rest[:1] == ["and"] and numeral(rest[1:])[0] is not None:
            return None, "several"
        return (-value if before in ("minus", "negative") else value), None
    return None, None
