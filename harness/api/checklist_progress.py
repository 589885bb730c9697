"""How far a command over the rows of a file is, on stderr."""

from __future__ import annotations

import sys
import time


class RowProgress:
    """One line that is rewritten on a terminal; elsewhere a line every 15 seconds. `show=False`: nothing."""

    def __init__(self, what: str, total: int, show: bool = True) -> None:
        self._what, self._total, self._done, self._show = what, total, 0, show
        self._live = sys.stderr.isatty()
        self._shown = time.monotonic() - (15.0 if self._live else 0.0)

    def step(self) -> None:
        """One row more is done."""
        self._done += 1
        now = time.monotonic()
        last = self._done == self._total
        if not self._show or now - self._shown < (0.1 if self._live else 15.0) and not (last and self._live):
            return
        self._shown = now
        line = f"{self._what} {self._done}/{self._total}"
        print(
            f"\r{line}" if self._live else line, end="\n" if last or not self._live else "", file=sys.stderr
        )
