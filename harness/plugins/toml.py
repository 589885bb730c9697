"""The specs that a `task.toml` or a `method.toml` declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.base.errors import PluginError
from harness.plugins.fields import checked_spec
from harness.spec import MethodSpec, Spec, TaskSpec

#: tables of Harbor's `task.toml`, one of which comes with its older key `version`
_HARBOR = {"metadata", "verifier", "agent", "environment", "solution", "steps"}


def is_harbor(document: Mapping[str, Any]) -> bool:
    """Whether a `task.toml` is Harbor's, which has a file of that name too, and not ours."""
    own = document.get("task")
    if isinstance(own, Mapping) and any(isinstance(value, Mapping) for value in own.values()):
        return False
    return "schema_version" in document or ("version" in document and bool(_HARBOR & set(document)))


def read_specs(
    kind: str, document: Mapping[str, Any], *, package: str, distribution: str, folder: str
) -> list[Spec]:
    """The specs of one `task.toml` or `method.toml`; none of Harbor's `task.toml`.

    Keys at the top are shared by every `[task.NAME]` (or `[method.NAME]`) table below them. A table
    `[plus.PLUG]` declares, beside every NAME, also NAME+PLUG: the same entry with the plug's settings,
    params and needs added to its own.

    Raises:
        PluginError: a key is unknown, missing or of the wrong kind; names distribution and file.
    """
    if kind == "task" and is_harbor(document):
        return []
    where = f"{kind}.toml in {folder} (distribution {distribution or package})"
    shared = {key: value for key, value in document.items() if key not in (kind, "plus")}
    tables = document.get(kind, {})
    if not isinstance(tables, Mapping) or not tables:
        raise PluginError(f"{where} declares no [{kind}.NAME] table")
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise PluginError(f"{where}: {kind}.{name} is no table; a spec is [{kind}.NAME]")
    tables = {
        **tables,
        **{
            f"{name}+{plug}": _plugged({**shared, **table}, added)
            for name, table in tables.items()
            for plug, added in document.get("plus", {}).items()
        },
    }
    place = {"package": package, "distribution": distribution, "folder": folder}
    return [
        checked_spec(
            TaskSpec if kind == "task" else MethodSpec,
            name,
            _joined(shared, table),
            where=where,
            released=True,
            **place,
        )
        for name, table in tables.items()
    ]


def _joined(shared: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """A spec's own keys over those that all of the file share; some tables are joined."""
    fields = {**shared, **table}
    for key in ("params", "settings", "decoding", "data"):
        if key in shared and key in table:
            fields[key] = {**shared[key], **table[key]}
    return fields


def _plugged(table: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """A table with what a plug adds: lists and tables are joined, sentences follow each other."""
    joined = dict(table)
    for key, value in added.items():
        own = table.get(key)
        if isinstance(own, Mapping):
            joined[key] = {**own, **value}
        elif isinstance(own, list):
            joined[key] = [*own, *value]
        else:
            joined[key] = f"{own}; {value}" if key == "summary" and own else value
    return joined
