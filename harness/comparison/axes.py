"""What the axes of a surface can be: tokens that runs recorded, or the values that were set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from harness.comparison.arms import Arm

Axes = Literal["realised", "dials"]
AXES: tuple[Axes, ...] = get_args(Axes)
#: tokens of a unit of a realised axis
UNIT = 1000.0


@dataclass(frozen=True)
class Tokens:
    """Tokens of one kind.

    Attributes:
        name: what they are called.
        measures: of which methods that split their tokens by kind measure the sum.
        usage: where a server counts them.
    """

    name: str
    measures: tuple[str, ...]
    usage: str

    def of(self, arm: Arm) -> float | None:
        """Per attempt, as the method measured them, else as servers counted them; None where nobody did."""
        parts = [arm.measure(name) for name in self.measures]
        if any(part is None for part in parts):
            return arm.usage(self.usage)
        return sum(part or 0.0 for part in parts)


REASONING = Tokens("reasoning tokens", ("tokens_reasoning",), "reasoning_tokens")
#: of retrieved text, when it is first read, and of queries
SEARCH = Tokens("search tokens", ("tokens_retrieved", "tokens_arguments"), "retrieved_tokens")
#: by the name of a dial
REALISED = {"reasoning": REASONING, "searches": SEARCH, "retrieved": SEARCH}
