"""`harness new`: a working task or method, as a plugin package with its test or as one file."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

import click

from harness.base.errors import UsageError
from harness.base.terminal import say
from harness.cli.options import Command

TEMPLATES = Path(__file__).parent / "templates"
EXAMPLE = """
\b
Examples:
  harness new method my-vote --file     (one file, my_vote.py; nothing to install)
  harness new method my-vote && pip install -e ./my-vote
"""


@click.command("new", cls=Command, epilog=EXAMPLE)
@click.argument("kind", type=click.Choice(["task", "method"]))
@click.argument("name")
@click.option("--file", "one_file", is_flag=True, help="One file without a package, in the folder of --dir.")
@click.option("--dir", "folder", metavar="DIR", help="Where to. [default: ./NAME; with --file: here]")
def command(kind: str, name: str, one_file: bool, folder: str | None) -> None:
    """Start a task or a method: a package with spec, implementation and test, all working."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise UsageError(f"a {kind} is named with small letters, digits and '-', not {name!r}")
    module = name.replace("-", "_")
    if keyword.iskeyword(module):
        raise UsageError(f"{name!r} is a word of Python; choose another name")
    fields = {
        "kind": kind,
        "name": name,
        "module": module,
        "file": f"{module}.py",
        "package": f"harness_{module}",
        "distribution": f"harness-{name}",
        "title": "".join(part.title() for part in name.split("-")),
    }
    if one_file:
        _write_file(Path(folder or "."), fields)
    else:
        _write_package(Path(folder or name), fields)


def _refuse_taken(kind: str, name: str) -> None:
    from harness.registry import registry

    known = registry()
    if name in (known.tasks if kind == "task" else known.methods):
        raise UsageError(f"there is a {kind} {name!r} already; choose another name")


def _write_file(folder: Path, fields: dict[str, str]) -> None:
    kind, path = fields["kind"], folder / fields["file"]
    if path.exists():
        raise UsageError(f"{path} exists; choose another name or --dir")
    _refuse_taken(kind, fields["name"])
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(_filled(f"file/{kind}.py", fields), "utf-8")
    task, method = ("arc1d", path) if kind == "method" else (path, "direct")
    say(f"{path} is a working {kind}. Next:\n  harness eval --task {task} --method {method} --limit 20")


def _write_package(root: Path, fields: dict[str, str]) -> None:
    if root.exists() and any(root.iterdir()):
        raise UsageError(f"{root} exists and isn't empty; choose another --dir")
    kind, name = fields["kind"], fields["name"]
    _refuse_taken(kind, name)
    package = root / fields["package"]
    files = {
        root / "pyproject.toml": "pyproject.toml",
        package / "__init__.py": "package.py",
        package / f"{kind}.toml": f"{kind}.toml",
        package / fields["file"]: "module.py",
        root / "tests" / f"test_{fields['module']}.py": "test.py",
    }
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(f"{kind}/{template}", fields), "utf-8")
    say(
        f"{root}/ holds a working {kind}. Next:\n  pip install -e {root} && pytest {root}/tests\n"
        f"  harness show {name}"
    )


def _filled(template: str, fields: dict[str, str]) -> str:
    return Template((TEMPLATES / f"{template}.txt").read_text("utf-8")).substitute(fields)
