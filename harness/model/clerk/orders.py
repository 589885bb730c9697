"""The clerk writes an order and sends it (`team/interruptions`).

A change of mind it heeds or not, of one dialogue always the same: with probability `heeds`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from harness.model.clerk.desk import Deed, Desk

ORDER = re.compile(r"Please order the following")
_LINE = re.compile(r"^- (\d+) (\w+)$", re.MULTILINE)
_SETS = re.compile(r"\b(?:add|need) (\d+) (\w+)")
_DROPS = re.compile(r"\bLeave out the (\w+)")
#: of a count that it slips to
MOST = 9


class Orders(Desk):
    """`wanted` is how many of each item are to be ordered, `lines` how many are."""

    farewell = "The order is sent."

    @staticmethod
    def takes(request: str) -> bool:
        return ORDER.search(request) is not None

    def open(self, request: str) -> None:
        self.wanted = {item: int(count) for count, item in _LINE.findall(request)}
        self.lines: dict[str, int] = {}
        self.sent = False
        self._heeds = random.Random(request).random() < self.heeds

    def tell(self, text: str) -> bool:
        sets, drops = _SETS.findall(text), _DROPS.findall(text)
        if self._heeds:
            self.wanted.update((item, int(count)) for count, item in sets)
            for item in drops:
                self.wanted.pop(item, None)
        return bool(sets or drops)

    def carried_out(self, name: str, arguments: Mapping[str, Any], result: str) -> None:
        if name in ("add_line", "change_line"):
            self.lines[str(arguments["item"])] = int(arguments["count"])
        elif name == "remove_line":
            self.lines.pop(str(arguments["item"]), None)
        elif name == "send_order":
            self.sent = True

    def answered(self, question: str, verdict: bool) -> None:
        """It asks nothing that a yes would answer."""

    def deed(self, rng: random.Random) -> Deed | None:
        if self.sent:
            return None
        for item in self.lines:
            if item not in self.wanted:
                return Deed("remove_line", {"item": item})
        for item, count in self.wanted.items():
            if self.lines.get(item) != count:
                slips = rng.random() >= self.skill
                made = rng.randint(1, MOST) if slips else count
                chance = (1 - self.skill) / MOST + (self.skill if made == count else 0.0)
                name = "change_line" if item in self.lines else "add_line"
                return Deed(name, {"item": item, "count": made}, chance)
        return Deed("send_order")

    def plan(self, rng: random.Random) -> str:
        return "\n".join([*(f"{count} {item}" for item, count in self.wanted.items()), "and send the order"])
