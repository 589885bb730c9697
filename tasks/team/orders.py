"""An order that is written line by line and then sent: the state of `team/interruptions`."""

from __future__ import annotations

from functools import cache
from typing import Literal

from harness.world import Toolbox, ToolError

ITEMS = (
    "pens", "folders", "staplers", "notebooks", "envelopes", "markers", "lamps", "cups", "clips", "rulers",
    "labels", "towels",
)  # fmt: skip
MOST = 9
CHANGING = ("add_line", "change_line", "remove_line")
TOOLS = (*CHANGING, "list_lines", "send_order")


class Order:
    """Lines of an order, one an item."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.sent = False

    def add_line(self, item: str, count: int) -> Literal["added"]:
        """Adds a line to the order.

        Args:
            item: What is ordered, as in pens.
            count: How many, from 1 on.
        """
        self._open()
        if item not in ITEMS:
            raise ToolError(f"there is no item {item[:40]!r}; the items are {', '.join(ITEMS)}")
        if item in self.lines:
            raise ToolError(f"there is a line of {item}; change or remove that")
        self.lines[item] = self._count(count)
        return "added"

    def change_line(self, item: str, count: int) -> Literal["changed"]:
        """Changes how many of an item are ordered.

        Args:
            item: The item of a line.
            count: How many, from 1 on.
        """
        self._open()
        self.lines[self._known(item)] = self._count(count)
        return "changed"

    def remove_line(self, item: str) -> Literal["removed"]:
        """Removes a line from the order.

        Args:
            item: The item of a line.
        """
        self._open()
        del self.lines[self._known(item)]
        return "removed"

    def list_lines(self) -> dict[str, int]:
        """The lines of the order: how many of each item."""
        return dict(self.lines)

    def send_order(self) -> Literal["sent"]:
        """Sends the order. This can't be undone."""
        self._open()
        if not self.lines:
            raise ToolError("the order has no line")
        self.sent = True
        return "sent"

    def _known(self, item: str) -> str:
        if item not in self.lines:
            raise ToolError(f"there is no line of {item[:40]!r}")
        return item

    def _count(self, count: int) -> int:
        if count < 1:
            raise ToolError(f"{count} is below 1")
        return count

    def _open(self) -> None:
        if self.sent:
            raise ToolError("the order is sent already")


@cache
def toolbox() -> Toolbox:
    """Built once a process."""
    return Toolbox(Order, TOOLS)
