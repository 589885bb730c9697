r"""Units behind a value: taken away, never multiplied with it.

A unit is one of a closed list (measures, money, angles, percent) or a plain English noun that is no
number word, sign word, condition or function: `3 apples` is 3, but `3 dozen`, `3 squared`, `3 or more`
and `3 if x>0` are not.
"""

from __future__ import annotations

import re

from harness.answers.numerals import PARTS, SCALES, WORDS

_NAMES = {
    "mm": "millimeter millimetre",
    "cm": "centimeter centimetre",
    "dm": "decimeter decimetre",
    "m": "meter metre",
    "km": "kilometer kilometre",
    "in": "inch inches",
    "ft": "foot feet",
    "yd": "yard yards yds",
    "mi": "mile",
    "mg": "milligram",
    "g": "gram gm gms",
    "kg": "kilogram kgs",
    "lb": "pound lbs",
    "oz": "ounce",
    "ton": "tonne",
    "ml": "milliliter millilitre mL",
    "l": "liter litre L",
    "gal": "gallon",
    "s": "second sec secs",
    "min": "minute mins",
    "h": "hour hr hrs",
    "day": "",
    "week": "",
    "month": "",
    "year": "yr yrs",
    "$": "dollar usd bucks \\$",
    "cent": "\\cent ¢",
    "euro": "eur \\euro",
    "pound sterling": "gbp \\pounds",
    "rupee": "rs inr",
    "%": "percent percentage pct \\%",
    "degree": "deg degrees ^\\circ",
    "rad": "radian",
    "mph": "",
    "kph": "kmh kmph",
    "hz": "hertz",
    "n": "newton N",
    "j": "joule J",
    "w": "watt W",
    "v": "volt V",
    "pa": "pascal Pa",
    "acre": "",
    "hectare": "ha",
    "": "unit",
}
_UNITS = {
    form: unit
    for unit, names in _NAMES.items()
    for name in [unit, *names.split()]
    for form in ((name, name + "s", name + "es") if len(name) > 2 else (name,))
    if form not in ("", "s", "es") or unit == "s"
}
_UNITS["s"] = "s"
_TINY = {name for name in _UNITS if len(name) < 3 and name.isalpha()}
#: words that say something about a value
_SIGN_WORDS = frozenset(
    "plus minus times over divided multiplied by squared cubed square cube root power factorial choose "
    "mod modulo "
    "half halves dozen dozens score gross pair double twice triple k "
    "pi tau alpha beta gamma delta theta phi lambda omega sigma infinity "
    "sin cos tan cot sec csc log ln exp sqrt lim max sum det arcsin arccos arctan gcd lcm "
    "or and not no greater least most than between to from until up if when where unless "
    "except "
    "for with without is are was be equals equal approximately about around roughly either neither nor "
    "undefined infinite i e d x y z n also but maybe respectively mode base".split()
) | frozenset([*WORDS, *SCALES, *(scale + "s" for scale in SCALES), *PARTS])

_CURRENCY = re.compile(
    r"^\s*([-+]?)\s*(?:US\s*|CA\s*)?(\\\$|\\euro|\\pounds|\bRs\.?|\bUSD|\bEUR)\s*(?=[-+.\d\\])"
)
_ORDINAL = re.compile(r"(?<=[\d}])\s*\^?\s*\{?\s*(?:\\text\{\s*)?(?:st|nd|rd|th)\s*\}?\s*\}?(?=\s|$|\\text)")
_MODULUS = re.compile(r"\s*(?:\(\s*)?(?:\\p?mod|\\bmod|(?<![a-z\\])mod)\s*\{?\s*(\w+)\s*\}?\s*\)?\s*$")
_REMARK = re.compile(
    r"\s*(?:\\text\{\s*)?\(\s*(?:in\s+)?(?:\\text\{)?[a-zA-Z][a-zA-Z .]{2,}\}?\s*\)(?:\s*\})?\s*$"
)
_DEGREES = re.compile(r"\s*\^\s*\\circ\s*(?:\\text\{\s*([CF])\s*\}|([CF])\b)?\s*$")
_PERCENT = re.compile(r"\s*\\?%\s*$|\s*\\text\{\s*%\s*\}$")
_WORD = r"(?:\\text\{[^{}]*\}|(?<![\\a-zA-Z_^])[a-zA-Z]{2,}\.?(?![a-zA-Z({_]))"
_TRAILING = re.compile(
    rf"(?P<unit>(?:{_WORD})(?:\s*\^\s*\{{?\s*-?\d\s*\}}?)?"
    rf"(?:\s*(?:/|\\cdot|\s)\s*(?:{_WORD})(?:\s*\^\s*\{{?\s*-?\d\s*\}}?)?)*)\s*$"
)
_FUNCTION = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")
_TOKEN = re.compile(r"[a-zA-Z%$¢]+|\^\s*\{?\s*(-?\d)\s*\}?|/|\\cdot")


def without_unit(text: str) -> tuple[str, str]:
    """(value, unit) of a tidy expression; the unit is '' where there is none, or none that tells."""
    unit = ""
    if currency := _CURRENCY.match(text):
        unit = _UNITS.get(currency[2].rstrip(".").lower(), "$")
        text = currency[1] + text[currency.end() :].strip()
    text = _ORDINAL.sub("", text).strip()
    if (modulus := _MODULUS.search(text)) and modulus.start():
        return text[: modulus.start()].rstrip(" ("), f"mod {modulus[1]}"
    if (remark := _REMARK.search(text)) and remark.start():
        text = text[: remark.start()].strip()
    if percent := _PERCENT.search(text):
        return text[: percent.start()].strip(), "%"
    if (degrees := _DEGREES.search(text)) and not _FUNCTION.search(text):
        return text[: degrees.start()].strip(), f"degree {degrees[1] or degrees[2] or ''}".strip()
    trailing = _TRAILING.search(text)
    if trailing and trailing.start():
        value = text[: trailing.start()].strip()
        named = _named(
            trailing["unit"], bool(re.fullmatch(r"[-+]?[\d.,/\s]+|[-+]?[\d\s]*\\frac\{\d+\}\{\d+\}", value))
        )
        if named is not None and re.search(r"[\w})!]$", value):
            return value, named or unit
    return text, unit


def _named(words: str, plain: bool) -> str | None:
    """The unit that words name, '' for one that doesn't tell, None where they are no unit. `plain`: they
    follow digits, so that two bare letters may be a unit as well."""
    inside = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", words)
    bare = re.sub(r"\\text\{[^{}]*\}", " ", words)
    found: list[str] = []
    power, known = 1, True
    for token in _TOKEN.finditer(inside):
        word = token[0].rstrip(".")
        if word.startswith("^"):
            if found:
                found[-1] += f"^{token[1]}"
            continue
        if word in ("/", "\\cdot") or word in ("per", "a", "an", "the", "each", "of"):
            if word in ("/", "per"):
                found.append("/")
            continue
        if word.lower() in ("square", "sq", "cubic", "cu"):
            power = 2 if word.lower().startswith("sq") else 3
            continue
        loose = re.search(rf"(?<![a-zA-Z]){re.escape(word)}(?![a-zA-Z])", bare)
        if loose and len(word) < 3 and not (plain and word in _TINY and len(word) == 2):
            return None
        if word.lower() in _SIGN_WORDS and not (word in _TINY and not loose):
            return None
        unit = _UNITS.get(word, _UNITS.get(word.lower()) if len(word) > 1 else None)
        if unit is None:
            if len(word) < 3 or not re.fullmatch(r"[A-Z]?[a-z]+", word):
                return None
            unit, known = word.lower().removesuffix("s"), False
        found.append(f"{unit}^{power}" if power > 1 and unit else unit)
        power = 1
    if power > 1 and not found:
        return ""
    return ("" if known else "~") + " ".join(filter(None, found)) if any(found) else ""


def compatible(one: str, other: str) -> bool:
    """Whether a value with one unit may be compared with a value with the other: they are the same, or
    one of them names none. Nouns of no closed list (marked ~) are the same where they share a word."""
    if not one or not other or one == other:
        return True
    if one.startswith("~") or other.startswith("~"):
        shared = set(one.strip("~").split()) & set(other.strip("~").split()) - {"/"}
        return bool(shared)
    return {one.partition(" /")[0], other.partition(" /")[0]} in ({"$"}, {"cent"})
