"""The installed official package, reached through workers."""

from __future__ import annotations

from pathlib import Path

from harness.external.workers import Pool, pool

SCRIPT = Path(__file__).with_name("checker.py")


#: workers that mostly wait for the web
WAITING = 8


def workers(packages: Path, waiting: bool = False) -> Pool:
    """The workers of this process for an installed package: one a core, or more if they mostly wait."""
    return pool(SCRIPT, packages, size=WAITING) if waiting else pool(SCRIPT, packages)
