"""Where things lie outside the result store."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Model calls, artefacts and indices; `HARNESS_CACHE` moves it."""
    chosen = os.environ.get("HARNESS_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "harness"


def slug(name: str) -> str:
    """`name` as one part of a path."""
    return "".join(c if c.isalnum() or c in "-._" else "__" if c == "/" else "_" for c in name)[:120]
