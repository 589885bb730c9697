"""The office's tools as agents are offered them."""

from __future__ import annotations

from functools import cache

from harness.tasks.toolworld.office import TOOLS, Office
from harness.world import Toolbox


@cache
def toolbox() -> Toolbox:
    """Built once a process."""
    return Toolbox(Office, TOOLS)
