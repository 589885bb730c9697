"""`harness power`: what difference can be seen with these items and attempts?"""

from __future__ import annotations

from typing import Any

import click

from harness.base.terminal import say_json
from harness.cli.options import (
    Command,
    json_option,
    only_methods_option,
    only_models_option,
    only_task_args_option,
    only_tasks_option,
    pairs,
    store_option,
)

EXAMPLE = """
\b
Examples:
  harness power --task arc1d -T level=1
  harness power --task aime24 --effect 0.05 --seeds 5
  harness power --items 500 --run-sd 0.01 --effect 0.02 --checks 10
  harness power --items 1319 --budget 40000 --fit-cost 500
  harness power --items 164 --draws none --variance 0.064 --effect-sd 0.1
"""


@click.command("power", cls=Command, epilog=EXAMPLE)
@only_tasks_option
@only_methods_option
@only_models_option
@only_task_args_option
@click.option("--seeds", type=int, metavar="N", help="Independent runs, seeds 0 to N-1. [default: 2 to 20]")
@click.option("--items", type=click.IntRange(min=2), metavar="N", help="Items. [default: those stored]")
@click.option("--epochs", type=int, metavar="N", help="Attempts at every item.")
@click.option(
    "--draws",
    type=click.Choice(["run", "none"]),
    help="Whether the methods draw something once a run. [default: as stored runs say]",
)
@click.option(
    "--paired/--unpaired",
    "paired",
    default=None,
    help="Whether both sides share their draws, seed by seed. [default: as stored runs do]",
)
@click.option(
    "--run-sd",
    type=click.FloatRange(0, 0.5),
    metavar="SD",
    help="How much the score of one side varies between runs (0.01 is a point), instead of the stored one.",
)
@click.option(
    "--variance",
    type=click.FloatRange(0, 0.25),
    metavar="V",
    help="Variance of one attempt within an item, instead of the stored one.",
)
@click.option(
    "--effect-sd",
    type=click.FloatRange(0, 1),
    metavar="SD",
    help="How much the true difference varies between items, instead of the stored one.",
)
@click.option(
    "--group-size",
    type=click.FloatRange(min=1),
    metavar="N",
    help="Items of a group, such as questions of one text, instead of the stored one.",
)
@click.option(
    "--icc",
    type=click.FloatRange(0, 1),
    metavar="R",
    help="Correlation of the items of a group, instead of the stored one.",
)
@click.option(
    "--effect",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="D",
    help="A difference that you want to see, such as 0.02.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, min_open=True),
    metavar="C",
    help="What both sides may cost together; the design that sees most for it is shown.",
)
@click.option(
    "--fit-cost",
    type=click.FloatRange(0),
    default=0.0,
    metavar="C",
    help="Of what a run does before its first item, such as training. [default: 0]",
)
@click.option(
    "--attempt-cost",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    metavar="C",
    help="Of one attempt at an item. [default: 1]",
)
@click.option(
    "--checks",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="T",
    help="Tests made together (Holm, in the worst case).",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.05,
    show_default=True,
    metavar="A",
    help="Two-sided level over all tests.",
)
@click.option(
    "--power",
    type=click.FloatRange(0.1, 0.999),
    default=0.8,
    show_default=True,
    metavar="P",
    help="The probability of finding the difference.",
)
@store_option
@json_option
def command(task_args: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """The smallest difference that a comparison can find, and how many seeds, attempts or items a wanted
    difference needs.

    The power is that of the rule by which `harness compare` decides, two-sided. The noise is that of the
    stored runs which the options choose, or an assumption where there are none; each part says where it
    comes from.
    """
    from harness.api.planning import power
    from harness.display.layout import print_blocks

    for name in ("task", "method", "model"):
        given[name] = given[name] or ""
    table = power(given.pop("task"), task_args=pairs(task_args, "-T"), **given)
    if as_json:
        say_json(table.to_json())
    else:
        print_blocks(table.blocks())
