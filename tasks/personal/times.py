"""When something was, as numbers that can be put in order."""

from __future__ import annotations

import math
from datetime import datetime

NUMBER, LOCAL, ZONED = "number", "date without a time zone", "date with a time zone"


def time_of(text: str) -> tuple[float, str] | None:
    """A number as it is, or the seconds of an ISO date since 1970, and which of three kinds it is; None where
    it is neither. Times of different kinds can't be put in order."""
    try:
        value = float(text)
    except ValueError:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            return None
        zone = found.utcoffset()
        seconds = (found.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()
        return (seconds, LOCAL) if zone is None else (seconds - zone.total_seconds(), ZONED)
    return (value, NUMBER) if math.isfinite(value) else None
