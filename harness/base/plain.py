"""Values that code of others made, as JSON has them: copies of exact types, which nobody changes afterwards
and which are equal to nothing but what they say."""

from __future__ import annotations

import math
from typing import Any

from harness.base.files import DEEPEST, HALF, NO_JSON, plain_fault
from harness.base.surrogates import whole

#: values within one value that are looked at, and numbers between which means and variances are finite
MOST, BOUND = 1_000_000, 1e100
#: whole numbers that every column and every program holds
COUNTED = 2**53


class Unfit(ValueError):
    """What was given can't be taken; says why, as the rest of a sentence."""


class Unheld(Unfit):
    """The same of what any JSON text may say: a number that is none, or too large, or nested too deeply."""


def plain(value: Any, *, mend: bool = False) -> Any:
    """A copy of a value in JSON's own types; tuples become lists, and subclasses what they are made of.

    Args:
        mend: whether half a character becomes U+FFFD, as in what a model may have said, and isn't refused.

    Raises:
        Unfit: it is no JSON; the rest of a sentence that begins with what it is.
        Unheld: it is, and no record can hold it.
    """
    kind = type(value)
    if kind is str and (mend or value.isascii()):
        return whole(value) if mend else value
    if value is None or kind is bool:
        return value
    made = _Copy(mend).of(value, 0)
    if fault := plain_fault(made):
        raise (Unfit if fault.endswith(NO_JSON) else Unheld)(fault)
    return made


class _Copy:
    """One copy; counts its values, as a few lists within each other may stand for billions."""

    def __init__(self, mend: bool) -> None:
        self._mend, self._left = mend, MOST

    def of(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if depth > DEEPEST + 1:  # one more level than there may be, so that it is seen
            return None
        if self._left < 0:
            raise Unheld(f"it holds itself, or more than {MOST} values")
        kind = type(value)
        if value is None or kind in (bool, int, float):
            return value
        if issubclass(kind, str):
            text = value if kind is str else str.__str__(value)
            return whole(text) if self._mend else text
        if issubclass(kind, dict):
            return {self._key(key): self.of(each, depth + 1) for key, each in dict.items(value)}
        if issubclass(kind, list):
            return [self.of(each, depth + 1) for each in list.__iter__(value)]
        if issubclass(kind, tuple):
            return [self.of(each, depth + 1) for each in tuple.__iter__(value)]
        if issubclass(kind, float):
            return float.__float__(value)
        return int.__int__(value) if issubclass(kind, int) else value

    def _key(self, key: Any) -> str:
        if not issubclass(type(key), str):
            raise Unfit(f"it holds the key {named(key)}, which is no text")
        made: str = self.of(key, 0)
        return made


def text(value: Any, what: str, *, mend: bool = False) -> str:
    """A text.

    Args:
        what: how a message calls it, as in `its text`.
        mend: as in `plain`.

    Raises:
        Unfit: it is none, or holds half a character.
    """
    if type(value) is not str:
        if not issubclass(type(value), str):
            raise Unfit(f"{what} is {named(value)}, not text")
        value = str.__str__(value)
    if mend:
        return whole(value)
    if not value.isascii() and whole(value) != value:
        raise Unfit(f"{what}: {HALF}")
    return str(value)


def number(value: Any, what: str) -> float:
    """A finite number between -1e100 and 1e100.

    Raises:
        Unfit: it is none; a truth value isn't either.
    """
    kind = type(value)
    if kind is not float:
        if kind is bool or not issubclass(kind, int | float):
            raise Unfit(f"{what} is {named(value)}, not a number")
        try:
            value = float.__float__(value) if issubclass(kind, float) else float(int.__int__(value))
        except OverflowError:
            raise Unfit(f"{what} is a whole number of more than 300 digits") from None
    if not math.isfinite(value):
        raise Unfit(f"{what} is {value}, not a finite number")
    if not -BOUND <= value <= BOUND:
        raise Unfit(f"{what} is {value}, which is beyond {BOUND:g}")
    return float(value)


def count(value: Any, what: str) -> int:
    """A whole number from 0 to 2**53.

    Raises:
        Unfit: it is none; neither is a truth value, or a number with a point.
    """
    kind = type(value)
    if kind is not int:
        if kind is bool or not issubclass(kind, int):
            raise Unfit(f"{what} is {named(value)}, not a whole number")
        value = int.__int__(value)
    if not 0 <= value <= COUNTED:
        raise Unfit(f"{what} is {named(value)}, not a number from 0 to 2**53")
    return int(value)


def named(value: Any) -> str:
    """A value as a message shows it: itself where it is short and of an exact type, else its type."""
    kind = type(value)
    if kind is int:
        return str(value) if -(10**20) < value < 10**20 else "a number of more than 20 digits"
    if kind is str:
        return repr(value if len(value) <= 60 else f"{value[:57]}...")
    if value is None or kind in (bool, float):
        return repr(value)
    return f"a {kind.__name__}"
