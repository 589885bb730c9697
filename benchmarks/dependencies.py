"""Writes constraints-core.txt: what the core needs, directly and not, at the versions of this environment.

    python -m benchmarks.dependencies > constraints-core.txt
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "method-harness"


def closure(root: str = ROOT) -> dict[str, str]:
    """Version by name of everything that a distribution needs here, itself not among it, without extras."""
    found: dict[str, str] = {}
    waiting: list[tuple[str, frozenset[str]]] = [(root, frozenset())]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            held = distribution(name)
        except PackageNotFoundError:
            continue  # of another platform
        if name != root:
            found[name] = held.version
        for line in held.requires or ():
            needed = Requirement(line)
            chosen = [{"extra": extra} for extra in extras or ("",)]
            if needed.marker is None or any(needed.marker.evaluate(each) for each in chosen):
                waiting.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    return dict(sorted(found.items()))


if __name__ == "__main__":
    print("# What the core installs, at the versions with which the tests ran: see docs/security.md.")
    print("# Written by `make constraints`.")
    for name, version in closure().items():
        print(f"{name}=={version}")
