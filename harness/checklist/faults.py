"""What is wrong with a checklist or a dialogue: one finding for each mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.base.errors import DataError

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken rule: its name, the place (`turn 0, item C1`), and a message with the mistake and its cure."""

    rule: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class FaultyData(DataError):
    """Data that can't be taken, with everything that is wrong with it in one line and in `faults`."""

    def __init__(self, faults: Sequence[Fault], where: str = "") -> None:
        self.faults = tuple(faults)
        said = " | ".join(str(fault) for fault in faults)
        super().__init__(f"{where}: {said}" if where else said)


def shown(value: Any) -> str:
    """A short form of a hostile value, for a message in one line."""
    if isinstance(value, str):
        text = repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")
    elif value is None or isinstance(value, bool | float):
        text = repr(value)
    elif isinstance(value, int):
        text = str(value) if abs(value) < 10**18 else "a number of many digits"
    elif isinstance(value, dict):
        text = f"an object of {len(value)} keys"
    else:
        text = f"a list of {len(value)}" if isinstance(value, list | tuple) else f"a {type(value).__name__}"
    return text


def named(value: Any) -> str:
    """The same without quotation marks, as the name of a place."""
    return shown(value).strip("'")
