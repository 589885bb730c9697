"""What the documents, the Makefile and the action run is a command with options that there are."""

import re
import shlex
from pathlib import Path

import click
import pytest

from harness.cli import cli

ROOT = Path(__file__).parents[3]
PLACES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "Makefile", "action.yml")),
    *(
        path
        for folder in ("docs", "methods", "recipes", "benchmarks")
        for path in (ROOT / folder).rglob("*.md")
    ),
    ROOT / "results" / "published" / "README.md",
]
#: a line of code or of a recipe, or a phrase between backticks
LINE = re.compile(
    r"^(?:\s*(?:\$ |run: |- )?|\w+ = )(?:HARNESS_\w+=\S+ )?(?:\$\(BIN\)/)?harness (\w.*)$", re.M
)
PHRASE = re.compile(r"`harness ([a-z][^`]*)`")


def commands(text):
    text = re.sub(r"\\\n\s*", " ", text)
    for found in [*LINE.findall(text), *PHRASE.findall(text)]:
        for part in re.split(r"&&|\|\||;", f"harness {found}"):
            name, *words = shlex.split(part.split(" > ")[0], comments=True) or [""]
            if name == "harness" and any(word.startswith("-") for word in words):
                yield words


@pytest.mark.parametrize("place", PLACES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_option_that_is_written_is_there(place):
    for words in commands(place.read_text("utf-8")):
        group = cli
        while isinstance(group, click.Group) and words:
            found = group.get_command(click.Context(group), words[0])
            if found is None:
                break
            group, words = found, words[1:]
        known = {name for option in group.params for name in (*option.opts, *option.secondary_opts)}
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)}
        assert used - {"--help"} <= known, (place.name, group.name, words)


def test_the_pattern_sees_commands():
    text = (
        "    $ harness eval --task x   # why\n\t$(BIN)/harness score --a\\\n\t --b\nsee `harness list --all`"
    )
    assert list(commands(text)) == [["eval", "--task", "x"], ["score", "--a", "--b"], ["list", "--all"]]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120
