"""What a method declared, compared with what it reaches for, and the count of what it read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.base.errors import AccessError, UsageError
from harness.spec import MethodSpec

#: the longest name of a count, and the largest
LONGEST, MOST = 60, 10**15


class Counts(Mapping[str, int]):
    """How much a method read, by name, for its record, beside what it notes itself. What was counted as read
    (`read`) stays read: set to less, or to anything, it is no less than that, and nothing is removed."""

    __slots__ = ("_held", "_set", "read")

    def __init__(self, method: str) -> None:
        noted: dict[str, int] = {}
        counted: dict[str, int] = {}

        def checked(name: str, number: int) -> int:
            if type(name) is not str or not 0 < len(name) <= LONGEST:
                raise UsageError(f"method {method!r}: job.access takes short names, not {name!r:.80}")
            if not hasattr(number, "__index__") or not 0 <= number.__index__() <= MOST:
                raise UsageError(f"method {method!r}: job.access[{name!r}] is a count, not {number!r:.80}")
            return number.__index__()

        def held() -> dict[str, int]:
            return {**noted, **{name: max(least, noted.get(name, 0)) for name, least in counted.items()}}

        def set_to(name: str, number: int) -> None:
            noted[name] = checked(name, number)

        def read(name: str, number: int) -> None:
            counted[name] = max(counted.get(name, 0), checked(name, number))

        self._held, self._set, self.read = held, set_to, read

    def __getitem__(self, name: str) -> int:
        return self._held()[name]

    def __setitem__(self, name: str, number: int) -> None:
        self._set(name, number)

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
