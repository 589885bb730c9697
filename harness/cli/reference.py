"""The tables of docs/cli.md, made from the commands themselves: `python -m harness.cli.reference [FILE]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from harness.cli import cli

BEGIN, END = "<!-- made by harness.cli.reference: begin -->\n", "<!-- end -->\n"


def commands(group: click.Group = cli, before: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its name as it is typed after `harness`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None, name
        if isinstance(found, click.Group):
            yield from commands(found, (*before, name))
        else:
            yield " ".join((*before, name)), found


def options(command: click.Command) -> Iterator[click.Option]:
    """The options of a command, without --help."""
    for option in command.params:
        if isinstance(option, click.Option):
            yield option


def spelled(option: click.Option) -> str:
    """An option as it is typed: `--store DIR`, `--transcripts / --no-transcripts`."""
    flag = " / ".join((*option.opts, *option.secondary_opts))
    if option.is_flag:
        return flag
    metavar = option.metavar or option.make_metavar(click.Context(click.Command("any")))
    return f"{flag} {metavar}"


def meaning(option: click.Option) -> str:
    """The help text of an option, with its default."""
    text = option.help or ""
    return f"{text} [default: {option.default}]" if option.show_default else text


def reference() -> str:
    """The table of commands and the table of options, as Markdown."""
    from harness.results.export import markdown

    every = list(commands())
    rows = [
        [f"harness {name}", " ".join((command.help or "").split("\n\n")[0].split())]
        for name, command in every
    ]
    used: dict[tuple[str, str], list[str]] = {}
    for name, command in every:
        for option in options(command):
            used.setdefault((spelled(option), meaning(option)), []).append(name)
    table = [
        [option, text, ", ".join(names)]
        for (option, text), names in sorted(
            used.items(), key=lambda item: (item[0][0].lstrip("-").lower(), item)
        )
    ]
    return (
        markdown(("command", "what it does"), rows)
        + "\n"
        + markdown(("option", "meaning", "commands"), table)
    )


def filled(text: str) -> str:
    """A document with its tables made again.

    Raises:
        ValueError: it has no place for them.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("the document has no place for the tables")
    return head + BEGIN + "\n" + reference() + "\n" + END + tail


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/cli.md")
    path.write_text(filled(path.read_text("utf-8")), "utf-8")
