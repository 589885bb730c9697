"""A job that notes who reaches for what it keeps to itself, for the conformance kit."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from harness.job.data import JobData
from harness.job.job import Job


def _outside(name: str) -> bool:
    """Whether a private name is asked for by code that isn't the job's own: that of a method."""
    if not name.startswith("_") or (name.startswith("__") and name != "__dict__"):
        return False
    caller = sys._getframe(2).f_globals.get("__name__", "")
    return not str(caller).startswith(("harness.job.", "copy"))


class WatchedData(JobData):
    """`job.data`, watched."""

    reached: set[str]

    def __getattribute__(self, name: str) -> Any:
        if _outside(name):
            object.__getattribute__(self, "reached").add(f"job.data.{name}")
        return object.__getattribute__(self, name)


class WatchedJob(Job):
    """A job whose `reached` names every private attribute that code of others asked for."""

    def __init__(self, **given: Any) -> None:
        self.reached: set[str] = set()
        super().__init__(**given)
        self.data.__class__ = WatchedData
        vars(self.data)["reached"] = self.reached

    def __getattribute__(self, name: str) -> Any:
        if _outside(name):
            object.__getattribute__(self, "reached").add(f"job.{name}")
        return object.__getattribute__(self, name)

    def warn(self) -> None:
        """Names what was reached for.

        Warns:
            UserWarning: something was.
        """
        if self.reached:
            warnings.warn(
                f"{self._method.name} reaches for private attributes of its job "
                f"({', '.join(sorted(self.reached))}): what it may use has a name without an underscore, and "
                "--isolate keeps the rest from it",
                stacklevel=3,
            )
