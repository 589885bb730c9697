"""One convention over all commands: docs/cli.md holds it, this test holds the commands to it."""

import inspect
import re
from pathlib import Path

import click
import pytest

from harness.cli import options
from harness.cli.options import FORMER
from harness.cli.reference import commands, filled, meaning, spelled
from harness.cli.reference import options as options_of

DOCS = Path(__file__).parents[3] / "docs/cli.md"
EVERY = dict(commands())
#: commands that print no result of their own, or print it in another form, and so have no --json
NO_JSON = {
    "results export": "--format json is one of its forms",
    "leaderboard build": "writes a site",
    "leaderboard serve": "serves a site",
    "human export": "its form is lines of JSON",
    "human serve": "serves a page",
    "new": "writes a package",
}
#: flags of several commands whose help differs with what they are given to; the rest has one text
VARIANTS = {
    "--task": "one or several that are run, or a choice among stored runs",
    "--method": "one or several that are run, or a choice among stored runs",
    "--model": "one or several that are run, or a choice among stored runs",
    "-T": "sets an argument, or chooses runs by it",
    "-M": "sets an argument, or chooses runs by it",
    "--alpha": "two-sided where a difference is planned, one-sided in the gate",
    "--baseline": "what is compared with: a subject of the store, methods, or a named set of runs",
    "--config": "the options of the command as a file",
    "--draws": "of recorded answers, or of the methods that are planned",
    "--dry-run": "what would be run, or removed",
    "--format": "each command has its own forms",
    "--margin": "the loss that a gate accepts, or the differences up to which a sweep is flat",
    "--out": "a file or, for a site, a folder",
}
FORBIDDEN = re.compile(
    r"cry wolf|\btold\b|\btell(s|ing)?\b|only door|learnt|afresh|what the training cost|\bshelf\b|\blend\b",
    re.I,
)


def texts(command):
    """Every text that --help of a command shows."""
    yield command.help or ""
    yield command.epilog or ""
    yield from (option.help or "" for option in options_of(command))


def test_all_commands_are_here():
    assert len(EVERY) > 20 and {"eval", "results diff", "baseline self-check", "leaderboard serve"} <= set(
        EVERY
    )


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_command_says_what_it_does_with_an_example(name):
    command = EVERY[name]
    first = (command.help or "").split("\n\n")[0].strip()
    assert len(first) > 20 and first[0].isupper() and first.endswith((".", "?"))
    shown = f"{command.help}{command.epilog}"
    assert re.search(rf"Examples?:[^\a]*\n? *harness {name}\b", shown), "an example of the command itself"
    for option in options_of(command):
        assert option.help and option.help[0].isalnum(), option.opts
        assert option.help.rstrip().endswith((".", "]", "?")), option.opts
        assert option.is_flag or option.metavar or isinstance(option.type, click.Choice), (
            f"{option.opts}: VALUE"
        )


@pytest.mark.parametrize("name", sorted(EVERY))
def test_no_dialect_in_what_help_shows(name):
    for text in texts(EVERY[name]):
        assert not (found := FORBIDDEN.search(text)), found


@pytest.mark.parametrize("name", sorted(EVERY))
def test_results_come_as_json_too(name):
    flags = {flag for option in options_of(EVERY[name]) for flag in option.opts}
    assert ("--json" in flags) != (name in NO_JSON)


def test_one_name_means_one_thing():
    found = {}
    for name, command in EVERY.items():
        for option in options_of(command):
            for flag in (*option.opts, *option.secondary_opts):
                text = re.sub(r" \[default: .*\]$", "", meaning(option))
                found.setdefault(flag, {}).setdefault((spelled(option), text), []).append(name)
    several = {flag: list(uses.values()) for flag, uses in found.items() if len(uses) > 1}
    assert set(several) == set(VARIANTS), {f: v for f, v in several.items() if f not in VARIANTS}


def test_variants_of_shared_options_are_those_of_the_options_module():
    shared = {}
    for maker in vars(options).values():
        if inspect.isfunction(maker) and maker.__qualname__.startswith("option.<locals>"):
            probe = maker(lambda: None)
            (option,) = probe.__click_params__
            shared.setdefault(option.opts[0], set()).add((spelled(option), meaning(option)))
    assert {"--task", "-T", "--store", "--plot", "--out"} <= set(shared)
    own = {("--task", "new"), ("--method", "train"), ("--model", "train"), ("--out", "leaderboard build")}
    own |= {("--out", "checklist annotate"), ("--out", "checklist judge")}
    for name, command in EVERY.items():
        for option in options_of(command):
            flag = option.opts[0]
            if flag in shared and (flag, name) not in own:
                assert (spelled(option), meaning(option)) in shared[flag], f"{name} {flag}"


@pytest.mark.parametrize("name", sorted(EVERY))
def test_no_command_has_a_former_name_but_with_its_present_meaning(name):
    flags = {flag for option in options_of(EVERY[name]) for flag in option.opts}
    # `new` has had its --file from its first day, and nothing else was ever called so there
    assert not flags & (set(FORMER) - {"--out", "--max-tokens"} - ({"--file"} if name == "new" else set()))


FORMERLY = [
    (name, former, now)
    for name, command in EVERY.items()
    if isinstance(command, options.Command)  # the leaderboard's and `new` never had one
    for former, now in FORMER.items()
    for flags in [{flag for option in options_of(command) for flag in option.opts}]
    if now in flags and former not in flags
]


@pytest.mark.parametrize("name, former, now", FORMERLY)
def test_a_former_name_is_one_line_with_the_present_one(command, name, former, now):
    for given in ([former, "value"], [f"{former}=value"]):
        done = command(*name.split(), *given)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"error: {former} is called {now} now\n"


def test_every_command_that_had_a_former_name_knows_it():
    held = {(name, former) for name, former, _ in FORMERLY}
    assert {("eval", f) for f in FORMER if f not in ("--max-tokens", "--figure", "--file")} <= held
    assert {("sweep", "--figure"), ("compare", "--figure"), ("results export", "--file")} <= held
    assert {("train", "--max-tokens"), ("train", "--max-calls"), ("setup", "--again")} <= held
    stores = {
        name for name, command in EVERY.items() if any("--store" in o.opts for o in options_of(command))
    }
    not_here = {"baseline checks", "compare", "results export", "leaderboard build", "leaderboard serve"}
    not_here |= {"human export", "human serve"}
    assert {name for name, former in held if former == "--out"} == stores - not_here  # --out is no store


def test_where_out_was_the_store_and_is_a_file_now(command, tmp_path):
    (tmp_path / "results").mkdir()
    assert "the store of the runs is --store DIR" in command("compare", "--out", "results").errors[0]
    done = command("results", "export", "--out", "results")
    assert done.code == 2 and "--store DIR is read" in done.errors[0]


def test_the_tables_of_the_documentation_are_up_to_date():
    text = DOCS.read_text("utf-8")
    assert filled(text) == text, "run `make docs`"
    formerly = text.partition("## Former names")[2].partition("##")[0].splitlines()
    for former, now in FORMER.items():
        assert any(former in line.rpartition(" | ")[0] and now in line for line in formerly), former


def test_nothing_is_offline_unless_that_was_asked_for():
    """None to a command that tells "not given" from "not offline"."""
    found = {
        name: option.default
        for name, command in EVERY.items()
        for option in command.params
        if "--offline" in option.opts
    }
    assert len(found) > 4 and not any(found.values())
