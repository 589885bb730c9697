"""Ctrl-C: what a command has kept, and how to go on, in the one line with which it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def goes_on(kept: str) -> Iterator[None]:
    """Says what is kept where Ctrl-C ends the block; the same command goes on from there."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{kept}; run the same command to go on") from None
