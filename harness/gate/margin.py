"""A margin: the largest acceptable loss, as a share of the baseline's value or in the metric's own unit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from harness.base.errors import UsageError
from harness.spec import MetricRange

_PERCENT = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*%\s*")


@dataclass(frozen=True)
class Margin:
    """`value` is a share of the baseline's value if `relative`, else in the unit of the metric."""

    value: float
    relative: bool

    def __str__(self) -> str:
        return f"{100 * self.value:.6g}%" if self.relative else f"{self.value:.6g}"

    def loss(self, baseline_value: float) -> float:
        """The loss that it allows, in the unit of the metric; an increase where less is better."""
        return self.value * baseline_value if self.relative else self.value

    def check(self, where: str, metric: str, span: MetricRange, baseline_value: float) -> None:
        """Whether a metric can have it.

        Raises:
            UsageError: an absolute one of a metric without limits or beyond them; a relative one of a value
                that is not above 0.
        """
        if self.relative:
            if not baseline_value > 0 or span.low < 0:
                raise UsageError(
                    f"{where}: a margin of {self} needs a metric that starts at 0 and a baseline above it, "
                    f"and {metric} is {baseline_value:.4g}; give one in its unit, such as 0.02"
                )
        elif not span.bounded:
            raise UsageError(
                f"{where}: {metric} has no limits, so that a margin of {self} says nothing of how much that "
                "is; give a share of the baseline's value, such as 5%"
            )
        elif self.value > span.width:
            raise UsageError(
                f"{where}: margin {self} is more than {metric} can lose; it lies between 0 and {span.width:g}"
            )

    def shown(self, baseline_value: float, span: MetricRange) -> str:
        """In both units: `5% (2.2 points of 44.9)`."""
        scale = span.points
        unit = " points" if scale == 100 else ""
        return f"{self} ({scale * self.loss(baseline_value):.3g}{unit} of {scale * baseline_value:.4g})"


def parse_margin(value: Any, where: str) -> Margin:
    """The margin that a file or a flag gives: `5%`, or a number.

    Raises:
        UsageError: it is neither, or below 0; a relative one is 100% or more.
    """
    if isinstance(value, Margin):
        return value
    if isinstance(value, str):
        percent = _PERCENT.fullmatch(value)
        if percent:
            share = float(percent[1]) / 100
            if share >= 1:
                raise UsageError(f"{where}: a margin of {value} allows the loss of everything; 5% is usual")
            return Margin(share, True)
        try:
            value = float(value)
        except ValueError:
            pass
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise UsageError(
            f"{where}: margin lies at 0 or above, as 5% of the baseline's value or 0.02 in the unit of the "
            f"metric, not {value!r}"
        )
    return Margin(float(value), False)
