"""`harness power`: what difference can be seen with these items and attempts?"""

from __future__ import annotations

import json

import click

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
  harness power --task aime24 --effect 0.05
  harness power --items 500 --epochs 4 --effect 0.02 --checks 10
  harness power --items 164 --variance 0.064 --effect-sd 0.1
"""


@click.command("power", cls=Command, epilog=EXAMPLE)
@only_tasks_option
@only_methods_option
@only_models_option
@only_task_args_option
@click.option("--items", type=click.IntRange(min=1), metavar="N", help="Items. [default: those stored]")
@click.option("--epochs", type=int, metavar="N", help="Attempts at every item.")
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
    "--effect",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="D",
    help="A difference that you want to see, such as 0.02.",
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
    help="One-sided level over all tests.",
)
@click.option(
    "--power",
    "wanted",
    type=click.FloatRange(0.1, 0.999),
    default=0.8,
    show_default=True,
    metavar="P",
    help="The probability of finding the difference.",
)
@store_option
@json_option
def command(
    task: str | None,
    method: str | None,
    model: str | None,
    task_args: tuple[str, ...],
    items: int | None,
    epochs: int | None,
    variance: float | None,
    effect_sd: float | None,
    effect: float | None,
    checks: int,
    alpha: float,
    wanted: float,
    store: str,
    as_json: bool,
) -> None:
    """The smallest difference that a paired comparison can find, and how many attempts or items a wanted
    difference needs.

    The test is one-sided, as in `harness check`. The noise is that of the stored runs which the options
    choose, or an assumption where there are none.
    """
    from harness.api.planning import power
    from harness.display.layout import print_blocks

    table = power(
        task or "",
        method=method or "",
        model=model or "",
        task_args=pairs(task_args, "-T"),
        items=items,
        epochs=epochs,
        variance=variance,
        effect_sd=effect_sd,
        effect=effect,
        checks=checks,
        alpha=alpha,
        power=wanted,
        store=store,
    )
    if as_json:
        print(json.dumps(table.to_json()))
    else:
        print_blocks(table.blocks())
