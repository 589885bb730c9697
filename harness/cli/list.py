"""`harness list`: what there is, read from specs alone."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

import click

from harness.base.errors import UsageError, nearest
from harness.base.terminal import say, say_json, tell
from harness.cli.options import Command, json_option

EXAMPLE = """
\b
Examples:
  harness list                     (what can be listed)
  harness list tasks
  harness list tasks 'bfcl/*'
  harness list methods --all
"""
GROUPS = ("tasks", "methods", "models", "embedders")
#: members from which on a family of tasks is one line
FAMILY = 4
#: what `harness.model.embed` opens, which costs too much to import for a list
EMBEDDERS = {
    "tfidf": "sublinear TF-IDF of words and characters; offline",
    "lsa": "the same, reduced to 300 dimensions; offline; the default",
    "minilm": "all-MiniLM-L6-v2, shipped; offline",
    "st/NAME": "a model of sentence-transformers",
    "file:VECTORS.npy[?texts=FILE]": "vectors from a file",
    "openai/MODEL": "OpenAI or a compatible server (OPENAI_API_KEY)",
}


@click.command("list", cls=Command, epilog=EXAMPLE)
@click.argument("what", type=click.Choice(GROUPS), required=False)
@click.argument("pattern", required=False)
@click.option("--all", "unfold", is_flag=True, help="One line for each, families and variants too.")
@json_option
def command(what: str | None, pattern: str | None, unfold: bool, as_json: bool) -> None:
    """List tasks, methods, models or embedders; alone, how many of each there are.

    PATTERN is a name or a glob, such as 'bfcl/*'. A family of tasks and the variants NAME+PLUG of a
    method are one line each, but with --all, --json or a pattern. Imports no implementation.
    """
    if what is None:
        _groups(as_json)
    else:
        _rows(what, pattern, unfold, as_json)
    if what in (None, "tasks", "methods"):
        from harness.registry import registry

        for fault in registry().faults:
            tell(f"warning: left out: {fault}")


def _rows(what: str, pattern: str | None, unfold: bool, as_json: bool) -> None:
    rows = matching(rows_of(what), what[:-1], pattern)
    if as_json:
        say_json({"schema": 1, what: rows})
        return
    lines = [_line(row) for row in (rows if unfold or pattern else folded(rows, what))]
    width = max((len(name) for name, _, _ in lines), default=0)
    for name, version, text in lines:
        say(f"{name:<{width}}  {version:<5} {text}")


def _groups(as_json: bool) -> None:
    groups = [
        {"name": what, "count": len(rows_of(what)), "command": f"harness list {what}"} for what in GROUPS
    ]
    if as_json:
        say_json({"schema": 1, "groups": groups})
        return
    for group in groups:
        say(f"{group['count']:>4} {group['name']:<10} {group['command']}")
    say("'harness show NAME' shows one task or method.")


def rows_of(what: str) -> list[dict[str, Any]]:
    """Every row of a group, as plain data."""
    if what == "models":
        return models()
    if what == "embedders":
        return [{"name": name, "summary": text} for name, text in EMBEDDERS.items()]
    return specs(what)


def matching(rows: list[dict[str, Any]], noun: str, pattern: str | None) -> list[dict[str, Any]]:
    """The rows whose name is the pattern, fits the glob, or belongs to the family of this name.

    Raises:
        UsageError: none does; names the nearest.
    """
    if pattern is None:
        return rows
    found = [row for row in rows if row["name"] == pattern or fnmatch.fnmatchcase(row["name"], pattern)]
    found = found or [row for row in rows if row["name"].startswith(f"{pattern.rstrip('/')}/")]
    if not found:
        cure = nearest(pattern, [row["name"] for row in rows], noun)
        raise UsageError(f"no {noun} matches {pattern!r}; {cure}")
    return found


def folded(rows: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """The rows with variants NAME+PLUG folded into their method, and big families of tasks into one row."""
    names = {row["name"] for row in rows}
    families: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        family, sign, _ = row["name"].partition("/")
        families.setdefault(family + sign if sign and what == "tasks" else row["name"], []).append(row)
    made = []
    for family, members in families.items():
        if len(members) >= FAMILY:
            made.append(_family(family, members, alone=family[:-1] not in names))
            continue
        for row in members:
            base, sign, _ = row["name"].partition("+")
            if sign and base in names:
                continue
            plugs = sorted(name[len(row["name"]) :] for name in names if name.startswith(f"{row['name']}+"))
            made.append({**row, "plugs": plugs} if plugs else row)
    return made


def _family(name: str, members: list[dict[str, Any]], alone: bool) -> dict[str, Any]:
    """One row for the tasks `name`...; not `alone` where a task is called like the family."""
    shown = [row["name"].partition("/")[2] for row in members[:FAMILY]]
    more = ", ..." if len(members) > FAMILY else ""
    setup = next((row["needs_setup"] for row in members if row.get("needs_setup")), None)
    versions = {row["version"] for row in members}
    pattern = name[:-1] if alone else f"{name}*"
    return {
        "name": name,
        "version": versions.pop() if len(versions) == 1 else "",
        "summary": f"{len(members)} tasks: {', '.join(shown)}{more}; harness list tasks {pattern}",
        "needs_setup": setup,
    }


def _line(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Name, version and what else there is to say."""
    said = [", ".join(row.get("offers") or row.get("needs") or ())]
    if row.get("needs_setup"):
        said.append(f"needs setup: harness setup {row['needs_setup']}")
    extra = "; ".join(filter(None, said))
    text = row["summary"] + (f"  ({extra})" if extra else "")
    if row.get("plugs"):
        text += f"  variants: {' '.join(row['plugs'])}"
    return row["name"], row.get("version", ""), text


def specs(what: str) -> list[dict[str, Any]]:
    """The specs of a kind, as plain data."""
    from harness.registry import registry

    known = registry().tasks if what == "tasks" else registry().methods
    return [shown(plain) for _, plain in sorted(known.plain.items())]


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
    from harness.model.provider import PEOPLE

    embedded = [{"name": name, "summary": "embedded policy, offline"} for name in pocket_models()]
    return embedded + [
        {"name": name if name in PEOPLE else f"{name}/...", "summary": text}
        for name, text in PROVIDERS.items()
    ]
