"""What a method declared, compared with what it reaches for."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import NoReturn

from harness.base.errors import AccessError, UsageError
from harness.base.plain import Unfit, count, text
from harness.spec import MethodSpec


class Seen(MutableMapping[str, int]):
    """How much a method looked at, by name, for its record. A method may add counts of its own; what the
    harness counted it can neither take away nor make less."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._counts: dict[str, int] = {}
        self._least: dict[str, int] = {}

    def note(self, name: str, found: int) -> None:
        """The harness's own count; of several the largest stays."""
        self._least[name] = max(found, self._least.get(name, 0))
        self._counts[name] = max(found, self._counts.get(name, 0))

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __setitem__(self, name: str, value: int) -> None:
        try:
            name, value = text(name, "a name"), count(value, f"job.access[{name!r}]")
        except Unfit as error:
            raise UsageError(f"method {self._method!r}: {error}") from None
        if value < self._least.get(name, 0):
            self._refuse(name)
        self._counts[name] = value

    def __delitem__(self, name: str) -> None:
        if name in self._least:
            self._refuse(name)
        del self._counts[name]

    def clear(self) -> NoReturn:
        """What was looked at stays noted."""
        self._refuse(", ".join(self._counts) or "job.access")

    def _refuse(self, name: str) -> NoReturn:
        raise AccessError(f"method {self._method!r} lowers what it read ({name}), which stays in the record")


@dataclass
class Access:
    """The guard of a job's facets; `seen` counts what the method looked at, for its record."""

    method: MethodSpec
    seen: Seen = field(init=False)

    def __post_init__(self) -> None:
        self.seen = Seen(self.method.name)

    def check(self, need: str) -> None:
        """Whether the method may reach for `need`.

        Raises:
            AccessError: neither its needs nor its may_use name it.
        """
        if need not in self.method.needs + self.method.may_use:
            raise AccessError(
                f"method {self.method.name!r} reached for {need!r} without declaring it in its needs or "
                "may_use"
            )
