"""`harness leaderboard`: build the site of a store, check it, or serve it while runs go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.base.errors import UsageError
from harness.base.terminal import say, tell

EXAMPLE = """
\b
Examples:
  harness leaderboard build --out site
  harness leaderboard build --out site --check
  harness leaderboard build --tables --out results/published
"""


@click.group("leaderboard")
def command() -> None:
    """Tables, figures and every attempt as a static site.

    \b
    Example: harness leaderboard build --out site
    """


def store_option(wrapped: Any) -> Any:
    return click.option(
        "--store", default="results", show_default=True, metavar="DIR", help="The result store."
    )(wrapped)


def baseline_option(wrapped: Any) -> Any:
    return click.option(
        "--baseline",
        default="",
        metavar="METHODS",
        help="Comma list of methods to compare with. [default: direct and the most frequent]",
    )(wrapped)


@command.command("build", epilog=EXAMPLE)
@store_option
@click.option("--out", default="site", show_default=True, metavar="DIR", help="Where the site goes.")
@baseline_option
@click.option(
    "--attempts",
    type=click.IntRange(1),
    default=5000,
    show_default=True,
    metavar="N",
    help="Attempts of a run that its page holds.",
)
@click.option("--tables", is_flag=True, help="Only the CSV, Markdown, LaTeX and JSON tables.")
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Write nothing; exit code 1 if a file is not what the records make.",
)
def build_site(store: str, out: str, baseline: str, attempts: int, tables: bool, only_check: bool) -> None:
    """Write a site that opens from the disk, or check one that is there."""
    site = _site()
    options = site.Options(_methods(baseline), attempts)
    root, target = Path(store), Path(out)
    if only_check:
        different = (site.check_tables if tables else site.check)(root, target, options)
        for name in different:
            say(f"differs: {target / name}")
        say(
            f"{len(different)} files differ from what {root} makes"
            if different
            else f"{target} is what {root} makes"
        )
        sys.exit(1 if different else 0)
    if tables:
        for name in site.build_tables(root, target, options):
            say(f"written: {target / name}")
        return
    board = site.build(root, target, options)
    held = board.held
    for fault in held.faults.values():
        tell(f"invalid, left out: {fault}")
    say(
        f"{target / 'index.html'}: {len(held.records)} runs, {len(board.tasks)} tasks, "
        f"{len(board.methods)} methods, {len(board.models)} models"
    )


@command.command("serve", epilog="\b\nExample:\n  harness leaderboard serve --store results --port 8000")
@store_option
@baseline_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    metavar="N",
    help="On the loopback interface; 0 takes a free one.",
)
def serve_site(store: str, baseline: str, port: int) -> None:
    """Show the site while runs go: rebuilt when a run is sealed, with the progress of the others."""
    site = _site()
    from harness.leaderboard.live import serve

    serve(Path(store), site.Options(_methods(baseline)), port)


def _methods(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def _site() -> Any:
    try:
        import jinja2  # noqa: F401

        from harness.leaderboard import site
    except ImportError:
        raise UsageError("the site needs jinja2 and plotly: pip install 'method-harness[web]'") from None
    return site
