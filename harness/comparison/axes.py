"""What the axes of a surface can be: tokens that runs recorded, or the values that were set."""

from __future__ import annotations

from typing import Literal, get_args

Axes = Literal["realised", "dials"]
AXES: tuple[Axes, ...] = get_args(Axes)
#: by the name of a dial, what runs record of it, and what that is called
REALISED = {
    "reasoning": ("reasoning_tokens", "reasoning tokens"),
    "searches": ("retrieved_tokens", "retrieved tokens"),
}
#: tokens of a unit of a realised axis
UNIT = 1000.0
