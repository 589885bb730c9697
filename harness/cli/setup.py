"""`harness setup`: official benchmark packages, each in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import click

from harness.base.errors import UsageError
from harness.base.terminal import say, say_json, tell
from harness.cli.options import Command, json_option, overwrite_option

EXAMPLE = """
\b
Examples:
  harness setup              (what there is, and what is installed)
  harness setup bfcl
  harness setup tau2 --source ../tau2-bench      (a checkout at hand)
"""


@click.command("setup", cls=Command, epilog=EXAMPLE)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@overwrite_option()
@click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="A checkout to take from, instead of cloning the repository.",
)
@json_option
def command(names: tuple[str, ...], overwrite: bool, source: str | None, as_json: bool) -> None:
    """Install the official benchmark packages that some tasks need.

    Their versions are pinned, and each has an environment of its own, which is tested after the
    installation. Needs a package index once.
    """
    from harness.external.setup import brings, check, drift, folder, install, needed, present, recipes
    from harness.results.packages import package_lines

    if not names and (source or overwrite):
        raise UsageError(
            f"{'--source' if source else '--overwrite'} is for a package that is named, as in 'harness setup "
            "tau2 --source DIR'; 'harness setup' alone shows what there is"
        )
    tree = Path(source) if source else None
    wanted = {name: check(name, tree) for name in names}
    for name, recipe in wanted.items():
        if tree and not overwrite and not needed(recipe):
            tell(f"warning: {name} is set up already, so nothing is taken from {tree}; --overwrite takes it")
        elif tree and (differs := drift(name, tree)):
            tell(f"warning: {differs}")
        install(name, overwrite, tree)
    rows = [
        {
            "name": name,
            "ready": not needed(recipe),
            "folder": str(folder(recipe)),
            "brings": brings(recipe),
            "requirements": recipe["requirements"],
            "installed": present(recipe) or None,
        }
        for name, recipe in sorted(recipes().items())
        if not names or name in names
    ]
    if as_json:
        say_json({"schema": 1, "setups": rows})
        return
    for row in rows:
        state = f"ready in {row['folder']}" if row["ready"] else f"needs setup: harness setup {row['name']}"
        say(f"{row['name']:<12} {row['brings']:<64} {state}")
        if row["installed"]:
            say(f"             {package_lines({'packages': {row['name']: row['installed']}})[0]}")
