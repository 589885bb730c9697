"""Writes constraints-core.txt: what the core needs, directly and not, at the versions of this environment.

python -m benchmarks.dependencies > constraints-core.txt
"""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def closure() -> dict[str, str]:
    """Version by name of everything that the core needs here, without extras."""
    found: dict[str, str] = {}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    waiting = [_named(Requirement(line)) for line in project["dependencies"]]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            held = distribution(name)
        except PackageNotFoundError:
            continue  # of another platform
        found[name] = held.version
        for line in held.requires or ():
            needed = Requirement(line)
            chosen = [{"extra": extra} for extra in extras or ("",)]
            if needed.marker is None or any(needed.marker.evaluate(each) for each in chosen):
                waiting.append(_named(needed))
    return dict(sorted(found.items()))


def _named(needed: Requirement) -> tuple[str, frozenset[str]]:
    return canonicalize_name(needed.name), frozenset(needed.extras)


if __name__ == "__main__":
    print("# What the core installs, at the versions with which the tests ran: see docs/security.md.")
    print("# Written by `make constraints`.")
    for name, version in closure().items():
        print(f"{name}=={version}")
