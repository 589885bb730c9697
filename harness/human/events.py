"""The log of one team episode: what people were asked and said, and what was done that can't be undone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

#: kinds of events beside those of requests: the person speaks up unasked (`interruption`), and a call that
#: can't be undone was carried out (`irreversible`)
INTERRUPTION, IRREVERSIBLE = "interruption", "irreversible"
#: the verdict of an interruption that came since the agent had stopped before it was due
EARLY = "early"


@dataclass(frozen=True)
class Event:
    """One entry of the log.

    `kind` is that of the request (`question`, `approval`, `plan`, `move`), `interruption` or `irreversible`.
    `step` counts the agent's actions before it, from 0. `requested` says whether the agent began it;
    `refused` that nobody was asked: the budget was spent, or the person has left. Words are those that the
    person read and wrote, `seconds` what that took, None where nobody knows. `asked` are the names of the
    facts that the request is about, `facts` those of which the reply states a value or that it settles,
    `verdict` what was decided (approve, reject, edit, or `left`; of an interruption `EARLY`), `executed`
    how many calls were made on the person's word, also those that failed. Of an irreversible call,
    `confirmed` says whether the person had approved it.
    """

    kind: str
    step: int
    request: str = ""
    reply: str = ""
    requested: bool = True
    refused: bool = False
    words_read: int = 0
    words_written: int = 0
    seconds: float | None = None
    asked: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    verdict: str = ""
    executed: int = 0
    confirmed: bool = False

    def plain(self) -> dict[str, Any]:
        """As JSON; what has its default is left out, but for the seconds."""
        kept = {each.name for each in fields(self) if getattr(self, each.name) != each.default}
        found = {name: value for name, value in asdict(self).items() if name in kept | {"seconds"}}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Event:
        """From `plain`."""
        known = {each.name for each in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in found.items() if name in known
        }
        return cls(**values)

    @property
    def took(self) -> bool:
        """Whether a person had something to do with it."""
        return self.kind != IRREVERSIBLE and not self.refused


def is_event(found: Any) -> bool:
    """Whether data from outside is an entry of a log, as `Event.plain` writes it."""
    if not isinstance(found, Mapping):
        return False
    values = {"kind": None, "step": None, **_DEFAULTS, **found}
    texts = all(type(values[name]) is str for name in ("kind", "request", "reply", "verdict"))
    flags = all(type(values[name]) is bool for name in ("requested", "refused", "confirmed"))
    counts = [values[name] for name in ("step", "words_read", "words_written", "executed")]
    lists = [values[name] for name in ("asked", "facts")]
    seconds = values["seconds"]
    return (
        texts
        and flags
        and all(type(count) is int and count >= 0 for count in counts)
        and all(isinstance(part, list | tuple) and all(type(n) is str for n in part) for part in lists)
        and (seconds is None or (type(seconds) in (int, float) and 0 <= seconds < math.inf))
    )


_DEFAULTS: dict[str, Any] = {
    each.name: each.default for each in fields(Event) if each.name not in ("kind", "step")
}
