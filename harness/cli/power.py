"""`harness power`: what difference can be seen with these items and attempts?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from harness.base.errors import UsageError
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
EPOCHS = (1, 4, 16, 64)


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
    from harness.comparison.arms import arms_of
    from harness.comparison.planning import given_noise, stored_noise
    from harness.comparison.select import Selection, mixed
    from harness.registry import registry
    from harness.results.index import in_force, read_index
    from harness.stats import attempts_needed, items_needed, minimum_detectable_effect

    if epochs is not None and epochs < 1:
        raise UsageError(f"--epochs must be at least 1, not {epochs}")
    arms = []
    if task:
        selection = Selection(task, method or "", model or "", pairs(task_args, "-T"))
        arms = arms_of(selection.rows(in_force(read_index(Path(store)).rows)))
        if not arms:
            registry().match("task", task)  # a name that nobody has is said so
        apart = mixed(arms)
        if apart:
            raise UsageError(
                apart[0].sentence().replace(", or print one table for each key with --allow-mixed", "")
            )
    noise = given_noise(stored_noise(arms), variance, effect_sd)
    n_items = items or noise.n_items
    if n_items is None:
        raise UsageError(f"how many items? --items N, as no run of {task or 'a task'} is stored in {store}")
    seen, level = noise.variances, alpha / checks
    common: dict[str, Any] = {
        "reference_variance": seen.reference,
        "effect_variance": seen.effect,
        "alpha": level,
        "power": wanted,
    }
    rows = {
        k: minimum_detectable_effect(n_items, k, seen.candidate, **common)
        for k in ((epochs,) if epochs else EPOCHS)
    }
    needed = attempts_needed(effect, n_items, seen.candidate, **common) if effect else None
    more = {k: items_needed(effect, k, seen.candidate, **common) for k in rows} if effect else {}
    if as_json:
        print(
            json.dumps(
                {
                    "schema": 1,
                    "items": n_items,
                    "alpha": alpha,
                    "checks": checks,
                    "power": wanted,
                    "noise": {**asdict(seen), "source": noise.source},
                    "effect": effect,
                    "detectable": [
                        {"epochs": k, "difference": d, "items_needed": more.get(k)} for k, d in rows.items()
                    ],
                    "epochs_needed": needed,
                }
            )
        )
        return
    print(
        f"{n_items} items, level {alpha:g}"
        + (f" over {checks} tests" if checks > 1 else "")
        + f", power {wanted:g}; noise: {noise.source}"
    )
    for k, difference in rows.items():
        wish = f"   {more[k]} items would show {100 * effect:g} points" if effect else ""
        noun = "attempt " if k == 1 else "attempts"
        print(f"  {k:>4} {noun} an item: {100 * difference:5.1f} points{wish}")
    if effect:
        print(
            f"{100 * effect:g} points need "
            + (
                f"{needed} attempts an item on both sides"
                if needed is not None
                else "more items: the effect differs so much between them that no number of attempts shows it"
            )
        )
