"""Items of a benchmark that are broken upstream: measured like any other, and reported with and without.

A task's spec names a TOML file beside it (`known_broken = "known_broken.toml"`) with entries

    [[broken]]
    tasks = ["bfcl/parallel"]
    ids = ["parallel_158"]
    reason = "four numbers are asked for, the ground truth draws two"
    source = "https://github.com/ShishirPatil/gorilla/issues/1133"

Nothing is ever left out of a metric under its own name; `accuracy[without known-broken]` is shown next to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.base.errors import PluginError
from harness.spec import TaskSpec

#: what is added to the name of a metric
WITHOUT = "[without known-broken]"


@dataclass(frozen=True)
class Broken:
    """Why an item can't be passed, or passes for the wrong reason, and who says so."""

    reason: str
    source: str


def known_broken(spec: TaskSpec) -> dict[str, Broken]:
    """The broken items of a task by sample id, as its spec lists them.

    Raises:
        PluginError: the file can't be read, or an entry lacks a reason or a source.
    """
    if not spec.known_broken:
        return {}
    import tomllib

    path = Path(spec.folder) / spec.known_broken
    where = f"{path} (distribution {spec.distribution or spec.package})"
    try:
        entries = tomllib.loads(path.read_text("utf-8"))["broken"]
        return {
            key: Broken(str(entry["reason"]), str(entry["source"]))
            for entry in entries
            if spec.name in entry["tasks"]
            for key in entry["ids"]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PluginError(
            f"{where} can't be read: {type(error).__name__}: {error}; every [[broken]] entry "
            "has tasks, ids, reason and source"
        ) from error
