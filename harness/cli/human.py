"""`harness human`: a page on which people answer what evaluations ask, and what they said as a file."""

from __future__ import annotations

from pathlib import Path

import click

from harness.base.terminal import json_text, say
from harness.cli.options import out_option, store_option, write_out


@click.group("human")
def command() -> None:
    """People who work with agents (--role human=browser): answer them, export what they said.

    \b
    Example: harness human serve --store results --open
    """


@command.command("serve", epilog="\b\nExample:\n  harness human serve --store results --open")
@store_option
@click.option("--folder", metavar="DIR", help="The folder of --role-arg folder=DIR. [default: in the store]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8001,
    show_default=True,
    metavar="N",
    help="On the loopback interface; 0 takes a free one.",
)
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
def serve_page(store: str, folder: str | None, port: int, show: bool) -> None:
    """Show what waits for a person, and take the replies: while evaluations run, and between them."""
    from harness.human.queue import FOLDER, Queue
    from harness.inbox.server import serve

    place = Path(folder) if folder else Path(store) / FOLDER
    serve(Queue(place.absolute()), port, show)


@command.command("export", epilog="\b\nExample:\n  harness human export 3f2a9c --out ana.jsonl")
@click.argument("run")
@store_option
@out_option
def export_replies(run: str, store: str, out: str | None) -> None:
    """What a run's person was asked and said, with the seconds: --role human=recorded/FILE plays it."""
    from harness.api.people import replies

    rows = replies(run, store)
    write_out("".join(f"{json_text(row)}\n" for row in rows), out)
    if out:
        say(f"{out}: {len(rows)} replies")
