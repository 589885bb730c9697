"""The range of a metric: the one place that says which end is good, and turns values into shares and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: one value, or an array of them
Numbers = TypeVar("Numbers", float, "NDArray[Any]")


@dataclass(frozen=True)
class MetricRange:
    """The values that a metric can have, from `low` to `high`, and which end is the good one.

    The one place that knows it: comparisons, ranks, gates and pictures turn values into shares, of which
    more is always better, and turn what they found back into the metric's own unit. A range without a
    bound (`-inf`, `inf`) keeps its unit: its shares are the values, with their sign turned where less is
    better.
    """

    low: float = 0.0
    high: float = 1.0
    lower_is_better: bool = False

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.high - self.low)

    @property
    def width(self) -> float:
        """From end to end; 1 without a bound."""
        return self.high - self.low if self.bounded else 1.0

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return -1 if self.lower_is_better else 1

    @property
    def unit(self) -> float:
        """What a gain of one share is in the metric's own unit; below 0 where less is better."""
        return self.sign * self.width

    @property
    def points(self) -> float:
        """What a value is multiplied by where it is shown: 100, for points, within -1 and 1."""
        return 100.0 if self.low >= -1.0 and self.high <= 1.0 else 1.0

    @property
    def best(self) -> float:
        return self.low if self.lower_is_better else self.high

    @property
    def worst(self) -> float:
        """What an attempt counts as that could not be scored."""
        return self.high if self.lower_is_better else self.low

    def share(self, value: Numbers) -> Numbers:
        """How good values are, in [0, 1]: 0 is the worst possible, 1 the best."""
        if not self.bounded:
            return self.sign * value
        return (self.high - value if self.lower_is_better else value - self.low) / self.width

    def value(self, share: Numbers) -> Numbers:
        """The values of shares, in the metric's own unit."""
        return (self.worst if self.bounded else 0.0) + self.unit * share

    def change(self, gain: float) -> float:
        """A difference of shares as one of values."""
        return self.unit * gain + 0.0  # and no -0.0

    def changes(self, gains: Sequence[float]) -> tuple[float, float]:
        """The ends of an interval of differences of shares as those of one of values, the lower first."""
        low, high = sorted(map(self.change, gains))
        return low, high
