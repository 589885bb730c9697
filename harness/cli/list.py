"""`harness list`: what there is, read from specs alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from harness.cli.options import json_option

EXAMPLE = """
\b
Examples:
  harness list tasks
  harness list methods --json
"""


@click.command("list", epilog=EXAMPLE)
@click.argument("what", type=click.Choice(["tasks", "methods", "models"]))
@json_option
def command(what: str, as_json: bool) -> None:
    """List tasks, methods or models. Imports no implementation."""
    rows = models() if what == "models" else specs(what)
    if as_json:
        print(json.dumps({"schema": 1, what: rows}, ensure_ascii=False))
    else:
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            extra = ", ".join(row.get("offers") or row.get("needs") or ())
            if row.get("needs_setup"):
                extra += f"; needs setup: harness setup {row['needs_setup']}"
            print(
                f"{row['name']:<{width}}  {row.get('version', ''):<5} {row['summary']}"
                + (f"  ({extra})" if extra else "")
            )
    if what != "models":
        from harness.registry import registry

        for fault in registry().faults:
            click.echo(f"warning: left out: {fault}", err=True)


def specs(what: str) -> list[dict[str, Any]]:
    """The specs of a kind, as plain data."""
    from harness.registry import registry

    shelf = registry().tasks if what == "tasks" else registry().methods
    return [shown(plain) for _, plain in sorted(shelf.plain.items())]


SHARED = ("name", "version", "summary", "paper", "licence", "distribution", "entry", "notes")
OWN = {"task": ("answer", "primary", "offers", "n_items", "data"), "method": ("needs", "may_use", "fits")}


def shown(plain: Mapping[str, Any]) -> dict[str, Any]:
    """What of a spec is for users."""
    from harness.external.setup import needed

    row = {key: plain[key] for key in (*SHARED, *OWN[plain["kind"]])}
    row["version"] = row["version"] or "dev"  # as `Spec.shown_version`
    row["params"] = {
        name: {key: param[key] for key in ("default", "help", "choices")}
        | ({"required": True} if param["required"] else {})
        for name, param in plain["params"].items()
    }
    if plain["kind"] == "task":
        row["n_items"] = row["n_items"] or None
        row["needs_setup"] = plain["setup"]["name"] if needed(plain["setup"]) else None
        row["data"] = {
            name: {**pin, "pinned": pin["revision"] != "main"} for name, pin in plain["data"].items()
        }
    return row


def models() -> list[dict[str, Any]]:
    """The embedded models and the families of providers."""
    from harness.model.factory import PROVIDERS, pocket_models

    embedded = [{"name": name, "summary": "embedded policy, offline"} for name in pocket_models()]
    return embedded + [{"name": f"{name}/...", "summary": text} for name, text in PROVIDERS.items()]
