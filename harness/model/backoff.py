"""How long to wait before a call that failed in passing is made again."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping

#: waits of 0.5, 1, 2 ... 16, then 20 s: some two minutes, so that a minute of refusals is lived through
#: (a server that does nothing else for so long ends its cells before: see `silence`)
MAX_RETRIES = 10
FIRST_WAIT = 0.5
LONGEST_WAIT = 20.0
#: the longest that a server is obeyed, in seconds
CEILING = 120.0


def wait(retry: int, wanted_wait: float | None, chance: float, first: float = FIRST_WAIT) -> float:
    """Seconds before a retry: doubling up to 20, and no shorter than what the server asks for.

    Args:
        retry: how many retries came before.
        wanted_wait: what the server asks for, in seconds; None if it says nothing.
        chance: uniform in [0, 1), different for calls that fail together, so that they do not come
            back together.
        first: the wait before the first retry, in seconds.
    """
    own = min(LONGEST_WAIT, first * 2.0**retry) * (0.75 + chance / 2)
    return max(own, min(CEILING, (wanted_wait or 0.0) * (1 + chance / 10)))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date
    (RFC 9110, section 10.2.3). None where it says nothing that can be understood."""
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        text = headers.get(name)
        if not text:
            continue
        try:
            seconds = float(text) * scale
        except ValueError:
            try:
                seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
            except (ValueError, OverflowError):
                continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None
