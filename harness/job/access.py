"""What a method declared, compared with what it reaches for, and the count of what it read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.base.errors import AccessError, UsageError
from harness.spec import MethodSpec

#: the longest name of a count, and the largest
LONGEST, MOST = 60, 10**15


class Counts(Mapping[str, int]):
    """How much a method read, by name, for its record. Set to a number, a count grows to it: what was read
    once stays read, whatever is set later."""

    __slots__ = ("_grow", "_held")

    def __init__(self, method: str) -> None:
        counts: dict[str, int] = {}

        def held() -> dict[str, int]:
            return dict(counts)

        def grow(name: str, number: int) -> None:
            if type(name) is not str or not 0 < len(name) <= LONGEST:
                raise UsageError(
                    f"method {method!r}: a count in job.access has a short name, not {name!r:.80}"
                )
            if not hasattr(number, "__index__") or not 0 <= number.__index__() <= MOST:
                raise UsageError(f"method {method!r}: job.access[{name!r}] is a count, not {number!r:.80}")
            counts[name] = max(counts.get(name, 0), number.__index__())

        self._held, self._grow = held, grow

    def __getitem__(self, name: str) -> int:
        return self._held()[name]

    def __setitem__(self, name: str, number: int) -> None:
        self._grow(name, number)

    def __iter__(self) -> Iterator[str]:
        return iter(self._held())

    def __len__(self) -> int:
        return len(self._held())

    def __repr__(self) -> str:
        return repr(self._held())

    def update(self, more: Mapping[str, int]) -> None:
        """Sets every count of `more`."""
        for name, number in more.items():
            self[name] = number


class Access:
    """The guard of a job's facets; `seen` counts what the method looked at."""

    def __init__(self, method: MethodSpec) -> None:
        self.method, self.seen = method, Counts(method.name)

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
