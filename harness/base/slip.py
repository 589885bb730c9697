"""Numbers that are near a right one and wrong: what someone who miscalculates might say."""

from __future__ import annotations

import math
import random
from typing import Any


def slip(gold: Any, rng: random.Random) -> Any | None:
    """A number other than `gold`, as a text where that is one: a little more or less, double, half, or ten
    more, each as likely where it is another number. None where `gold` is no finite number.

    The kinds are those of the presumed code of arXiv 2602.03688 for GSM8K (second-hand).
    """
    text = str(gold).strip().replace(",", "")
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value) or isinstance(gold, bool) or "_" in text:
        return None
    little = rng.randint(1, 3)
    near = [value + little, value - little, value * 2, value / 2, value + 10]
    if value.is_integer():
        near = [each for each in near if each.is_integer()]
    if value >= 0:  # a count below zero is no slip, it is nonsense
        near = [each for each in near if each >= 0]
    found = rng.choice([each for each in near if each != value])
    as_text = str(int(found)) if found.is_integer() else repr(found)
    return as_text if isinstance(gold, str) else type(gold)(found)
