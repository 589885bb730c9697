"""Works out a sum, product, quotient or power of plain numerals, exactly and within bounds."""

from __future__ import annotations

import re
from fractions import Fraction
from math import factorial

from harness.answers.reading import Reason

NUMERAL = r"(?:\d+(?:\.\d+)?|\.\d+)"
_MAX_VALUE: int = 10**60  # of numerator and denominator, once something was worked out
_RANGE = re.compile(r"[\d.$\s-]+")  # '5-6'
_DATE = re.compile(r"\d+-\d+-\d+")


class Sum:
    """A sum, product or power of numerals from a position on, as far as it goes."""

    def __init__(self, text: str, at: int) -> None:
        self.text, self.at = text, at
        self.reason: Reason = "unreadable"
        self._terms = 0

    def read(self) -> Fraction | None:
        try:
            first = self.at
            if _DATE.match(self.text, first):
                return None
            value = self._product()
            while sign := self._taken(rf"\s*([-+])\s*(?=\$?\s*\(*{NUMERAL})"):
                right = self._product()
                if sign == "-" and value < right and _RANGE.fullmatch(self.text, first, self.at):
                    self.reason = "hedged"
                    return None
                value = value + right if sign == "+" else value - right
                if not self._small(value):
                    return None
            return value
        except (ZeroDivisionError, ValueError, RecursionError):
            return None

    def _taken(self, pattern: str) -> str | None:
        found = re.compile(pattern).match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        return found[1]

    def _product(self) -> Fraction:
        value, divided = self._power(), 0
        while sign := self._taken(rf"\s*([*/])\s*(?=\$?\s*\(*-?{NUMERAL})"):
            if sign == "/" and (divided := divided + 1) > 1:
                raise ValueError  # a date
            value = value * self._power() if sign == "*" else value / self._power()
            if not self._small(value):
                raise ValueError
        return value

    def _power(self) -> Fraction:
        value = self._atom()
        if self._taken(r"\s*(\^|\*\*)\s*(?=\(?-?\d)"):
            sign = -1 if self._taken(r"\(?(-)") else 1
            power = int(self._taken(r"\(?(\d{1,3})(?!\d)\)?") or "x")
            if (
                power > 200
                or not self._small(value)
                or (abs(value) > 1 and power * value.numerator.bit_length() > 400)
            ):
                raise ValueError
            value = value ** (sign * power)
        if self._taken(r"(!)(?!=)"):
            if value.denominator != 1 or not 0 <= value <= 30:
                raise ValueError
            value = Fraction(factorial(int(value)))
        return value

    def _atom(self) -> Fraction:
        self._taken(r"\s*(\$)\s*")
        if self._taken(r"(\()"):
            self._terms += 1
            if self._terms > 20:
                raise ValueError
            value = self._product()
            while sign := self._taken(r"\s*([-+])\s*"):
                value = value + self._product() if sign == "+" else value - self._product()
            if not self._taken(r"\s*(\))"):
                raise ValueError
            return value
        minus = self._taken(r"(-)")
        numeral = self._taken(rf"({NUMERAL})") or "x"
        value = Fraction(numeral)
        if power := self._taken(r"[eE]([-+]?\d{1,3})(?![\d.a-zA-Z])"):
            if abs(int(power)) > 100:
                raise ValueError
            value *= Fraction(10) ** int(power)
        elif mixed := self._taken(r"(?:\s+(?:and\s+)?)(\d+/\d+)(?![\d./])"):
            top, bottom = map(int, mixed.split("/"))
            value += Fraction(top, bottom)
        self._taken(r"(\s?%|\s+percent\b)")
        return -value if minus else value

    @staticmethod
    def _small(value: Fraction) -> bool:
        return max(abs(value.numerator), value.denominator) < _MAX_VALUE
