"""The official packages behind a run, as they were really installed: in records, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.external.checkout import UNKNOWN
from harness.external.setup import present

#: libraries that a line has room for
SHOWN = 6


def packages(setup: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What is installed of a task's official code, by its recipe's name; empty for a task that brings its
    own."""
    found = present(setup)
    return {str(setup["name"]): found} if found else {}


def package_lines(record: Mapping[str, Any]) -> list[str]:
    """A line for each: version and revision, the files, and the libraries below it."""
    return [_line(name, package) for name, package in (record.get("packages") or {}).items()]


def _line(name: str, package: Mapping[str, Any]) -> str:
    if "files" not in package:
        pin = package.get("commit") or package.get("requirement") or "nothing"
        return f"{name}: the recipe names {pin}; what was installed is not known"
    files, libraries = package["files"], package["distributions"]
    named = [f"{library} {version}" for library, version in libraries.items()]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    said = [
        f"{name}: {_revision(package['checkout'])}" if package.get("checkout") else name,
        f"{files['count']} files {files['digest'][:12]}",
        "altered after the setup" if package.get("altered") else "",
        f"with {', '.join(named[:SHOWN])}{more}" if named else "",
    ]
    return ", ".join(filter(None, said))


def _revision(checkout: Mapping[str, Any]) -> str:
    """What a checkout was, beside what the recipe wants."""
    if checkout["revision"] == UNKNOWN:
        return f"revision unknown (the recipe wants {checkout['wanted'][:12]})"
    wants = "" if checkout["as_wanted"] else f" (the recipe wants {checkout['wanted'][:12]})"
    return f"revision {checkout['revision'][:12]}{wants}{', with changes' * bool(checkout['changed'])}"
