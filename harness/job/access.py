"""What a method declared, compared with what it reaches for."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.base.errors import AccessError
from harness.spec import MethodSpec


@dataclass
class Access:
    """The guard of a job's facets; `seen` counts what the method looked at, for its record."""

    method: MethodSpec
    seen: dict[str, int] = field(default_factory=dict)

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
