"""The command line. Each command is a module of its own, imported when it is called."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Any, NoReturn

import click

from harness import __version__
from harness.base.env_file import load_env_file
from harness.base.errors import HarnessError, UsageError, nearest, typed_reason
from harness.base.secrets import remember_words, without_secret_values
from harness.base.surrogates import whole
from harness.base.terminal import guard, say, tell
from harness.cli.ending import end_in_time, of_the_command, say_whose
from harness.cli.streams import shielded

#: command -> (module, one line for --help). A module is imported by its name when its command is called,
#: so a package that stands on the harness, as the leaderboard does, can own its command without the
#: harness knowing more of it than its name.
COMMANDS = {
    "eval": ("harness.cli.eval", "Measure methods on tasks with models."),
    "train": ("harness.cli.train", "Train a method's policy and keep it as a folder."),
    "sweep": ("harness.cli.sweep", "Measure over one argument, or two, and fit how the score moves."),
    "score": ("harness.cli.score", "Score recorded responses; no model needed."),
    "list": ("harness.cli.list", "List tasks, methods, models and embedders."),
    "setup": ("harness.cli.setup", "Install official benchmark packages, each in an environment of its own."),
    "show": ("harness.cli.show", "Show a run, a task or a method."),
    "compare": ("harness.cli.compare", "Compare methods on the same items, with intervals."),
    "power": ("harness.cli.power", "Plan: the difference that items and attempts can show."),
    "check": ("harness.cli.check", "Compare with a baseline in CI: ok, regressed or inconclusive."),
    "baseline": ("harness.cli.baseline", "Set, show and list baselines."),
    "checklist": ("harness.cli.checklist", "Checklists for tool dialogues: write, check, judge, compare."),
    "results": ("harness.cli.results", "List, compare, verify, correct and export stored results."),
    "human": ("harness.cli.human", "Answer what evaluations ask a person; export what people said."),
    "leaderboard": ("harness.leaderboard.cli", "Build or serve a site of tables, figures and attempts."),
    "new": ("harness.cli.new", "Start a plugin of your own, with its test."),
}


class Commands(click.Group):
    """Commands that are imported when they are called, so that --help costs nothing."""

    def list_commands(self, context: click.Context) -> list[str]:
        return [*COMMANDS]  # `list` is a module here once its command was called

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        guard()
        return importlib.import_module(COMMANDS[name][0]).command  # type: ignore[no-any-return]

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            context.fail(f"no command {args[0]!r}; {nearest(args[0], COMMANDS, 'command')}")
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="harness %(version)s")
def cli() -> None:
    """Measure methods: how good is method M on task T with model X, at what cost, and is it better
    than another method beyond noise?

    \b
    harness eval --task arc1d --method direct,self-consistency
    harness score --task aime24 --responses answers.jsonl

    Exit codes: 0 done, 1 done but something failed, 2 usage or configuration error, 3 budget
    spent, 130 interrupted. docs/cli.md lists every option.
    """


def main() -> None:
    """The entry point `harness`: a mistake becomes one line and an exit code."""
    try:
        with shielded():
            _main()
    except SystemExit as stop:
        end_in_time(stop.code if isinstance(stop.code, int) else 0)
        raise
    end_in_time(0)


def _main() -> None:
    debug = bool(os.environ.get("HARNESS_DEBUG"))
    remember_words(sys.argv[1:])
    try:
        _check_unicode()
        load_env_file()
        cli(standalone_mode=False)
    except SystemExit as stop:
        if of_the_command(stop):
            raise
        say_whose(stop)
        sys.exit(1)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        line = without_secret_values(" ".join(error.format_message().split()))
        tell(f"error: {line}")
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt) as stop:
        kept = str(stop.__cause__ or stop)  # click wraps Ctrl-C
        tell(f"interrupted: {kept}" if kept else "interrupted")
        sys.exit(130)
    except HarnessError as error:
        if debug:
            _trace()
        tell(f"error: {error}")
        sys.exit(error.exit_code)
    except OSError as error:  # a folder that can't be written, a full disk
        if debug:
            _trace()
        place = f"{error.filename}: " if error.filename else ""
        tell(f"error: {place}{error.strerror or error} (HARNESS_DEBUG=1 says where)")
        sys.exit(2)
    except BaseException as error:
        if debug:
            _trace()
        what = typed_reason(error)
        tell(f"error: {what} (nobody foresaw it: HARNESS_DEBUG=1 says where, please report it)")
        sys.exit(2)


def _check_unicode() -> None:
    """Whether what was given is text: records, paths in them and columns are written in UTF-8.

    Raises:
        UsageError: an argument, a variable of the harness or the folder that we stand in isn't.
    """
    ours = [name for name in os.environ if name.startswith("HARNESS_")]
    variables = {f"the variable {name}": os.environ[name] for name in ours}
    arguments = {f"argument {n}": word for n, word in enumerate(sys.argv[1:], start=1)}
    for what, text in {**arguments, **variables, "the folder that we stand in": os.getcwd()}.items():
        if text != whole(text):
            raise UsageError(f"{what} is not text in UTF-8: {text!r}; name it otherwise")


def _trace() -> NoReturn:
    """The traceback, through the stream that lets no secret pass."""
    say(traceback.format_exc(), err=True, end="")
    sys.exit(1)
