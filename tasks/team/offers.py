"""Offers of rooms whose every feature is in the open, and a till: the state of `team/hidden-constraints`."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, Literal

from harness.world import Toolbox, ToolError

#: features with the words by which a question is about each, and their values; no two features share one
FEATURES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "city": (("town", "where"), ("Lyon", "Porto", "Graz", "Turku")),
    "day": (("when", "date"), ("Monday", "Tuesday", "Wednesday", "Thursday")),
    "size": (("big", "seats"), ("small", "medium", "large", "huge")),
    "floor": (("storey", "level"), ("cellar", "ground", "middle", "attic")),
    "view": (("window", "look"), ("garden", "river", "street", "court")),
    "table": (("desk", "shape"), ("round", "long", "square", "oval")),
}
MOST_VALUES = 4
#: the most offers of an item: every combination of values is one
MOST_OFFERS = 256
TOOLS = ("list_offers", "hold_offer", "change_hold", "cancel_hold", "pay_offer")


class Offers:
    """Every combination of the values is an offer; one at most is held, and one paid."""

    def __init__(self, offers: Mapping[str, Mapping[str, str]]) -> None:
        self.offers = offers
        self.held: str | None = None
        self.paid: str | None = None

    def list_offers(self) -> list[dict[str, str]]:
        """All offers with their features."""
        return [{"offer": key, **features} for key, features in self.offers.items()]

    def hold_offer(self, offer: str) -> Literal["held"]:
        """Holds an offer, free of charge. One offer at most is held.

        Args:
            offer: The offer, as in O3.
        """
        self._open()
        if self.held is not None:
            raise ToolError(f"{self.held} is held; change or cancel that")
        self.held = self._known(offer)
        return "held"

    def change_hold(self, offer: str) -> Literal["changed"]:
        """Holds another offer in place of the one that is held.

        Args:
            offer: The other offer, as in O3.
        """
        self._open()
        if self.held is None:
            raise ToolError("nothing is held")
        self.held = self._known(offer)
        return "changed"

    def cancel_hold(self) -> Literal["cancelled"]:
        """Gives up the offer that is held."""
        self._open()
        if self.held is None:
            raise ToolError("nothing is held")
        self.held = None
        return "cancelled"

    def pay_offer(self, offer: str) -> Literal["paid"]:
        """Pays the offer that is held. This can't be undone.

        Args:
            offer: The offer that is held, as in O3.
        """
        self._open()
        if self._known(offer) != self.held:
            raise ToolError(f"{offer} is not held; hold it first")
        self.paid = offer
        return "paid"

    def _known(self, offer: str) -> str:
        if offer not in self.offers:
            raise ToolError(f"there is no offer {offer[:40]!r}")
        return offer

    def _open(self) -> None:
        if self.paid is not None:
            raise ToolError(f"{self.paid} is paid already")


@cache
def toolbox() -> Toolbox:
    """Built once a process."""
    return Toolbox(Offers, TOOLS)


def all_offers(values: Mapping[str, Sequence[str]], rng: random.Random) -> dict[str, dict[str, str]]:
    """Every combination of the values in a random order, by its id."""
    made = [dict(zip(values, each, strict=True)) for each in product(*values.values())]
    rng.shuffle(made)
    return {f"O{number}": features for number, features in enumerate(made, 1)}


def features_of(offers: Mapping[str, Mapping[str, str]], arguments: Mapping[str, Any]) -> str:
    """The features of the offer that a call is about, `name: value` a line; empty of no offer."""
    known = offers.get(str(arguments.get("offer")), {})
    return "\n".join(f"{name}: {value}" for name, value in known.items())
