"""How often, and where, Python looks for garbage in circles of objects while a grid runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: objects made since the last look; Python's own 700 means several looks a call, which cost a quarter of it
RARELY = 10_000


@contextmanager
def collected_rarely() -> Iterator[None]:
    """A block in which garbage is looked for once in 10,000 new objects, unless it is more rarely already or
    never. What is in no circle is freed at once, as always."""
    before = gc.get_threshold()
    if 0 < before[0] < RARELY:
        gc.set_threshold(RARELY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def not_in_what_is_loaded() -> Iterator[None]:
    """A block in which no garbage is looked for among what was there before it: it stays, and to look through
    it again and again would cost as much as the calls."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
