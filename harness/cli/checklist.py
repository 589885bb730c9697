"""`harness checklist`: checklists for one's own dialogues, written, checked, judged by, and compared."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from harness.base.errors import UsageError
from harness.base.terminal import say_json
from harness.cli.interrupts import goes_on
from harness.cli.options import (
    Group,
    arguments,
    budget_options,
    columns_option,
    generation_option,
    json_option,
    limit_option,
    offline_option,
    overwrite_option,
    pairs,
    role_args_option,
    role_option,
    together,
)

#: of a command that Ctrl-C ended
KEPT = "every finished row and every answer of the model are kept"


@click.group("checklist", cls=Group)
def command() -> None:
    """Write, validate and compare checklists for tool dialogues, and judge trajectories by them.

    \b
    Example: harness checklist annotate dialogues.jsonl --role annotator=openai/gpt-4.1 --out checklists.jsonl
    """


#: how a model is asked, and where what it said goes
asking_options = together(
    role_option,
    role_args_option,
    generation_option,
    click.option(
        "--schema/--no-schema",
        default=True,
        help="Hold replies to a JSON schema, or say their form in the prompt alone, for servers that "
        "refuse schemas. [default: schema]",
    ),
    limit_option,
    budget_options,
    offline_option(),
    overwrite_option(),
    click.option("--out", metavar="FILE", help="The file that is written; what it holds already is kept."),
    json_option,
)


def count_option(*names: str, default: int, metavar: str, help: str) -> Callable[..., Any]:
    """A whole number from 1."""
    kind = click.IntRange(1)
    return click.option(*names, type=kind, default=default, show_default=True, metavar=metavar, help=help)


ANNOTATE = """
\b
Examples:
  harness checklist annotate dialogues.jsonl --role annotator=openai/gpt-4.1 --out checklists.jsonl
  harness checklist annotate dialogues.jsonl --role annotator=openai/gpt-4.1 --from request --out c.jsonl

\b
A dialogue is one JSON object a line, as the chat API has it:
  {"uuid": "d1", "messages": [{"role": "user", "content": "..."}, ...], "tools": [...]}
An interrupted command goes on where it stopped.
"""


@command.command("annotate", epilog=ANNOTATE)
@click.argument("file")
@click.option(
    "--from",
    "source",
    type=click.Choice(["reference", "request"]),
    default="reference",
    show_default=True,
    help="What the model reads: the whole dialogue, or what the agent sees before it acts.",
)
@click.option("--by-turn", is_flag=True, help="With --from request: one list for each message of the user.")
@count_option("--variants", default=1, metavar="N", help="Checklists of each dialogue.")
@count_option("--tries", "attempts", default=3, metavar="N", help="Replies until one keeps every rule.")
@asking_options
def annotate(file: str, **given: Any) -> None:
    """Have a model write checklists for reference dialogues; what breaks a rule is sent back to it."""
    from harness.api.checklists import annotate_checklists

    with goes_on(KEPT):
        made = annotate_checklists(file, **_asked(given, "annotator"))
    _show(made, given)


VALIDATE = """
\b
Examples:
  harness checklist validate checklists.jsonl
  harness checklist validate checklists.jsonl --released --json
"""


@command.command("validate", epilog=VALIDATE)
@click.argument("file")
@click.option("--released", is_flag=True, help="By the rules of the authors' released validator alone.")
@json_option
def validate(file: str, released: bool, as_json: bool) -> None:
    """Check dialogues with checklists; every mistake with its line, exit code 1 if there is any."""
    from harness.api.checklists import validate_checklists

    _show(validate_checklists(file, released_only=released), {"as_json": as_json})


JUDGE = """
\b
Examples:
  harness checklist judge runs.jsonl --checklists checklists.jsonl --role judge=openai/gpt-4.1 --out v.jsonl
  harness checklist judge runs.jsonl --role judge=vllm/Qwen/Qwen3-4B --votes 3 --mode turn --out v.jsonl

\b
A trajectory is one JSON object a line; several of one uuid are its rollouts:
  {"uuid": "d1", "messages": [...]}
An interrupted command goes on where it stopped.
"""


@command.command("judge", epilog=JUDGE)
@click.argument("file")
@click.option("--checklists", metavar="PATH", help="Their checklists. [default: those in FILE itself]")
@click.option(
    "--mode",
    type=click.Choice(["step", "turn", "episode"]),
    default="step",
    show_default=True,
    help="Decide each item after every step, at the end of its turn, or once on the whole dialogue.",
)
@count_option(
    "--votes",
    default=1,
    metavar="K",
    help="Draws of each decision; the majority counts, a tie is undecided.",
)
@click.option(
    "--gate",
    type=click.Choice(["none", "sticky", "sticky_same", "strict"]),
    default="none",
    show_default=True,
    help="When an item is credited whose prerequisites are unmet.",
)
@asking_options
def judge(file: str, **given: Any) -> None:
    """Judge recorded trajectories: one yes-or-no decision for each step and item, and their reward."""
    from harness.api.checklist_judging import judge_trajectories

    with goes_on(KEPT):
        made = judge_trajectories(file, **_asked(given, "judge"))
    _show(made, given)


AGREE = """
\b
Examples:
  harness checklist agree verdicts.jsonl people.csv
  harness checklist agree verdicts.jsonl other-judge.jsonl --json
  harness checklist agree verdicts.jsonl                              (votes of one judge with each other)

\b
Verdicts of people are a table with the columns uuid, turn (from 0), item and verdict (yes or no).
"""


@command.command("agree", epilog=AGREE)
@click.argument("files", nargs=-1, required=True)
@columns_option
@json_option
def agree(files: tuple[str, ...], columns: tuple[str, ...], as_json: bool) -> None:
    """Compare verdicts of two judges, or of a judge and people: kappa with its interval, the differences."""
    from harness.api.checklist_agreement import checklist_agreement

    if len(files) > 2:
        raise UsageError(f"two files are compared at a time; these are {len(files)}")
    _show(checklist_agreement(*files, columns=pairs(columns, "--column")), {"as_json": as_json})


def _asked(given: dict[str, Any], role: str) -> dict[str, Any]:
    """The keywords of the Python function.

    Raises:
        UsageError: nobody is named for the role, or the file isn't.
    """
    from harness.model.generation import check_ranges, generation_settings

    values = {name: value for name, value in given.items() if name != "as_json"}
    roles = pairs(values.pop("roles"), "--role")
    if set(roles) != {role}:
        other = min(set(roles) - {role}, default="")
        raise UsageError(
            f"--role {other}: this command asks {role}=MODEL alone"
            if other
            else f"who? --role {role}=MODEL names it"
        )
    if not values["out"]:
        raise UsageError("where to? --out FILE names the file that is written")
    values["model"], values["model_args"] = (
        roles[role],
        arguments(values.pop("role_args"), "--role-arg"),
    )
    values["generation"] = generation_settings(arguments(values["generation"], "-G"))
    check_ranges(values["generation"])
    return values


def _show(found: Any, given: dict[str, Any]) -> None:
    if given["as_json"]:
        say_json(found.to_json())
    else:
        from harness.display.layout import print_blocks

        print_blocks(found.blocks())
    sys.exit(getattr(found, "exit_code", 0))
