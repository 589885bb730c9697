"""`harness show`: one run, task or method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from harness.cli.options import json_option, out_option
from harness.errors import UsageError, nearest

EXAMPLE = """
\b
Examples:
  harness show arc1d
  harness show testnuc
  harness show 3f9a12            (the beginning of a run id)
"""


@click.command("show", epilog=EXAMPLE)
@click.argument("name")
@out_option
@json_option
def command(name: str, out: str, as_json: bool) -> None:
    """Show a run by the beginning of its id, or a task or method by name."""
    from harness.cli.list import shown
    from harness.registry import registry
    from harness.results.store import Store

    known = registry()
    found = known.tasks.plain.get(name) or known.methods.plain.get(name)
    if found is not None:
        spec = shown(found)
        if not as_json and "data" in spec:
            spec["data"] = {name: _source(pin) for name, pin in spec["data"].items()}
        _print(spec, as_json)
        return
    store = Store(Path(out))
    try:
        record = store.find(name)
    except UsageError as error:
        if all(c in "0123456789abcdef-" for c in name):
            raise
        names = {*known.tasks, *known.methods}
        raise UsageError(f"no task, method or run {name!r}; {nearest(name, names)}") from error
    if as_json:
        print(json.dumps(record, ensure_ascii=False))
        return
    from harness.cli.tables import print_records

    print_records([record])
    if record["supersedes"]:
        print(f"supersedes {record['supersedes'][:12]}")
    if record["reason"]:
        print(f"reason: {record['reason']}")
    parts = ("comparability", "subject", "data_access", "usage", "volatile", "environment", "command")
    _print({key: record[key] for key in parts}, False)


def _source(pin: dict[str, Any]) -> str:
    where = " ".join(filter(None, (pin["id"], pin["config"], pin["split"])))
    if pin["pinned"]:
        return f"{where} at {pin['revision']}"
    return f"{where}, not pinned: the newest revision is read, and its rows may change"


def _print(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(values, ensure_ascii=False))
        return
    for key, value in values.items():
        if value in ("", None, [], {}):
            continue
        if isinstance(value, dict):
            print(f"{key}:")
            for inner, detail in value.items():
                text = detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
                print(f"  {inner}: {text}")
        else:
            print(f"{key}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
