r"""Notations that need no algebra: times of day, ratios, numerals in a base."""

from __future__ import annotations

import re
from fractions import Fraction

from harness.tasks.math import words
from harness.tasks.math.values import numeral

_TIME = re.compile(
    r"(\d{1,2})(?:\s*(?:\\text\{\s*)?:(?:\s*\})?\s*(\d{2}))?"
    r"\s*(?:\\text\{)?\s*(?:([AaPp])\s*\.?\s*[Mm])?[.\s]*\}?[.\s]*"
)
_RATIO = re.compile(r"(.+?)\s*(?::|\\text\{\s*(?::|to)\s*\}|(?<![a-z])to(?![a-z]))\s*(.+)")
_IN_BASE = re.compile(
    r"\(?(-?[0-9A-F]+)\)?\s*(?:_\s*(?:(\w)|\{\s*(?:\\text\{)?\s*(?:base )?(\w+)\s*\}?\s*\}))?"
)


def same_notation(given: str, wanted: str) -> bool | None:
    """The verdict on times, ratios and numerals in a base, None for anything else."""
    if (same := _same_time(given, wanted)) is not None:
        return same
    if given.count(":") > 1 or wanted.count(":") > 1:
        return _proportional(given.split(":"), wanted.split(":"))
    ratio, wanted_ratio = _quotient(given), _quotient(wanted)
    if ":" in given + wanted and (ratio is not None or wanted_ratio is not None):
        one = ratio if ratio is not None else numeral(given)
        other = wanted_ratio if wanted_ratio is not None else numeral(wanted)
        return one == other if one is not None and other is not None else None
    based, wanted_based = _IN_BASE.fullmatch(given), _IN_BASE.fullmatch(wanted)
    if based and wanted_based:
        base, wanted_base = (words.base(each[2] or each[3] or "") for each in (based, wanted_based))
        if base or wanted_base:  # a base that only one of them names is that of the other
            return based[1] == wanted_based[1] and (base == wanted_base or not (base and wanted_base))
    return None


def _same_time(given: str, wanted: str) -> bool | None:
    """The verdict on two times; None where one is none, or both may be ratios: `3:25` without am or pm."""
    time, target = _TIME.fullmatch(given), _TIME.fullmatch(wanted)
    if not (time and target) or not all(each[2] or each[3] for each in (time, target)):
        return None
    minutes, wanted_minutes = time[2] or "00", target[2] or "00"
    if not (time[3] or target[3] or minutes.startswith("0") or wanted_minutes.startswith("0")):
        if _lowest(wanted) or int(wanted_minutes) > 59 or int(target[1]) > 24:
            return None
    half, wanted_half = (time[3] or "").lower(), (target[3] or "").lower()
    if half and wanted_half and half != wanted_half:
        return False
    return (int(time[1]), minutes) == (int(target[1]), wanted_minutes)


def _proportional(given: list[str], wanted: list[str]) -> bool:
    values, others = ([numeral(part.strip()) for part in parts] for parts in (given, wanted))
    if len(values) != len(others) or None in values or None in others:
        return False
    pairs = list(zip(values, others, strict=True))
    return all(a * pairs[0][1] == pairs[0][0] * b for a, b in pairs) and any(values)  # type: ignore[operator]


def _lowest(text: str) -> bool:
    value = _quotient(text)
    return value is not None and f"{value.numerator}:{value.denominator}" == text.replace(" ", "")


def _quotient(text: str) -> Fraction | None:
    found = _RATIO.fullmatch(text)
    if not found:
        return None
    one, other = numeral(found[1]), numeral(found[2])
    return one / other if one is not None and other else None
