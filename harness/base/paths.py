"""Where things lie outside the result store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_fixed: Path | None = None


def cache_dir() -> Path:
    """Model calls, artefacts and indices; `HARNESS_CACHE` moves it. An absolute path."""
    if _fixed is not None:
        return _fixed
    chosen = os.environ.get("HARNESS_CACHE")
    if chosen:
        return Path(chosen).absolute()
    return (Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "harness").absolute()


@contextmanager
def fixed() -> Iterator[None]:
    """A block in which the cache stays where it is, whatever code of others does to the working folder."""
    global _fixed
    former, _fixed = _fixed, cache_dir()
    try:
        yield
    finally:
        _fixed = former


def shown(path: str | Path) -> str:
    """A path as people read it: from the working folder, where it lies below."""
    whole = Path(path).absolute()
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(path)


def slug(name: str) -> str:
    """`name` as one part of a path."""
    return "".join(c if c.isalnum() or c in "-._" else "__" if c == "/" else "_" for c in name)[:120]
