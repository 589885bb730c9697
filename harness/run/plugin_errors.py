"""How a plugin's own error is reported: its distribution, and the place in its code."""

from __future__ import annotations

import traceback
from pathlib import Path

from harness.base.errors import PluginError


def fault(name: str, distribution: str, where: str, error: Exception) -> PluginError:
    """A plugin's own fault, with the place in its code."""
    first = (str(error).strip() or "no message").splitlines()[0]
    whose = f" (distribution {distribution})" if distribution else ""
    return PluginError(f"{where} of {name!r}{whose} failed{place_of(error)}: {type(error).__name__}: {first}")


def place_of(error: BaseException) -> str:
    """Where an exception was raised, as ` at file.py:12`; empty where nobody knows."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
