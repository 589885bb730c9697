"""The clerk books offers (`team/hidden-constraints`).

It lists them, holds one that fits all that it was told, and pays it. Of several that fit it takes one at
random; where it chose before, and something of it was turned down, one that changes least.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.human import agent
from harness.model.clerk.desk import Deed, Desk

MATTERS = re.compile(r"What matters to me: (.+)")
CHOOSING = ("hold_offer", "change_hold")


class Offers(Desk):
    """`left` are the values that a feature may have, where something was said of it; `out` the offers that
    were turned down; `chosen` is the offer that it chose last; `doubted` that something speaks against the
    one that it holds."""

    farewell = "It is paid."

    @staticmethod
    def takes(request: str) -> bool:
        return MATTERS.search(request) is not None

    def open(self, request: str) -> None:
        found = MATTERS.search(request)
        self.matters = [name.strip() for name in found[1].split(",")] if found else []
        self.offers: dict[str, dict[str, str]] = {}
        self.left: dict[str, set[str]] = {}
        self.out: set[str] = set()
        self.held = self.paid = self.chosen = ""
        self.doubted = False

    def tell(self, text: str) -> bool:
        found = False
        for name in self.matters:
            for value in re.findall(rf"(?<!\w){re.escape(name)}: (\w+)", text):
                self._leave(name, {value})
                found = True
        return found

    def carried_out(self, name: str, arguments: Mapping[str, Any], result: str) -> None:
        if name == "list_offers" and result.startswith("["):
            self.offers = {row.pop("offer"): row for row in json.loads(result)}
        elif name in CHOOSING:
            self.held = self.chosen = str(arguments["offer"])
            self.doubted = False
        elif name == "cancel_hold":
            self.held = ""
        elif name == "pay_offer":
            self.paid = str(arguments["offer"])

    def answered(self, question: str, verdict: bool) -> None:
        for name in self.matters:
            if f"the {name} " in question:
                values = self.values(name)
                named = {value for value in values if re.search(rf"\b{re.escape(value)}\b", question)}
                self._leave(name, named if verdict else set(values) - named)

    def refused(self, name: str, arguments: Mapping[str, Any]) -> None:
        self._rule_out(str(arguments.get("offer", "")))

    def plan_judged(self, plan: str, approved: bool, reason: str) -> None:
        planned = dict(re.findall(r"^(\w+): (\S+)$", plan, re.MULTILINE))
        self.chosen = next((key for key, row in self.offers.items() if row == planned), self.chosen)
        if approved:
            self.tell(plan)
        elif not self.tell(reason) and not reason.startswith(agent.CHANGED):
            self._rule_out(self.chosen)

    def deed(self, rng: random.Random) -> Deed | None:
        if self.paid:
            return None
        if not self.offers:
            return Deed("list_offers")
        if self.held and not self.doubted:
            return Deed("pay_offer", {"offer": self.held})
        offer, chance = self._choice(rng)
        return Deed("change_hold" if self.held else "hold_offer", {"offer": offer}, chance)

    def sure(self, calls: Sequence[Mapping[str, Any]]) -> float:
        """One over how many offers fit, where the calls name one."""
        return 1 / len(self.fitting()) if any("offer" in call["arguments"] for call in calls) else 1.0

    def plan(self, rng: random.Random) -> str:
        if not self.offers:
            return agent.LOOK
        features = self.offers[self.held if self.held and not self.doubted else self._choice(rng)[0]]
        listed = "\n".join(f"{name}: {value}" for name, value in features.items())
        return f"I hold the offer with\n{listed}\nand pay it."

    def question(self, about: str) -> str:
        """About a feature, or the first that isn't settled, naming half of its values: so yes, no and a value
        are all of use."""
        name = about or next((name for name in self.matters if len(self.values(name)) != 1), "")
        if not name:
            return super().question(about)
        values = self.values(name)
        if not values:
            return f"What is the {name} to be?"
        return f"Is the {name} to be {' or '.join(values[: max(1, len(values) // 2)])}?"

    # -- what follows ---------------------------------------------------------------------------------

    def values(self, name: str) -> list[str]:
        """The values of a feature that are left, in the order of the offers."""
        every = dict.fromkeys(row[name] for row in self.offers.values() if name in row)
        return [value for value in every if name not in self.left or value in self.left[name]]

    def fitting(self) -> list[str]:
        """The offers that fit all that was told; all of those that nobody turned down where none does."""
        left, told = [key for key in self.offers if key not in self.out], self.left.items()
        fit = [key for key in left if all(self.offers[key].get(name) in values for name, values in told)]
        return fit or left or list(self.offers)

    def _nearest(self) -> list[str]:
        """Those of them that differ least from the offer that was chosen last."""
        fit, last = self.fitting(), self.offers.get(self.chosen)
        if last is None:
            return fit
        differs = {key: sum(self.offers[key][name] != value for name, value in last.items()) for key in fit}
        least = min(differs.values())
        return [key for key, number in differs.items() if number == least]

    def _choice(self, rng: random.Random) -> tuple[str, float]:
        """An offer, and the probability with which it is chosen; a slip is any offer."""
        every, near = list(self.offers), self._nearest()
        offer = rng.choice(every if rng.random() >= self.skill else near)
        right = self.skill / len(near) if offer in near else 0.0
        return offer, right + (1 - self.skill) / len(every)

    def _leave(self, name: str, values: set[str]) -> None:
        self.left[name] = values
        self.doubted = self.doubted or (bool(self.held) and self.held not in self.fitting())

    def _rule_out(self, offer: str) -> None:
        self.out.add(offer)
        self.doubted = True
