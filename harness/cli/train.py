"""`harness train`: a method's `fit` alone; the trained policy is written as a folder."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from harness.base.errors import UsageError
from harness.cli.options import (
    Command,
    arguments,
    budget_calls_option,
    budget_time_option,
    budget_tokens_option,
    configuration,
    default_model,
    fit_options,
    json_option,
    method_args_option,
    mirror_option,
    model_args_option,
    offline_option,
    store_option,
    take_fit_options,
    task_args_option,
    task_option,
    typed_arguments,
)

EXAMPLE = """
\b
Examples:
  harness train --task arc1d --method curator --to policy
  harness eval --task arc1d --method curator -M policy=policy
  harness train --task countdown --method curator --model hf/Qwen/Qwen2.5-3B --preset paper --to policy
  harness train --task countdown --method curator --model hf/Qwen/Qwen2.5-3B --backend verl --print
"""


@click.command("train", cls=Command, epilog=EXAMPLE)
@task_option
@click.option("--method", required=True, metavar="NAME", help="A method that trains, such as curator.")
@click.option("--model", metavar="NAME", help="The model to train. [default: HARNESS_MODEL or pocket/grid]")
@task_args_option
@method_args_option
@fit_options
@model_args_option
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Of the training."
)
@budget_tokens_option
@budget_calls_option
@budget_time_option
@offline_option()
@mirror_option
@click.option(
    "--to",
    "to",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the policy, or the files of a launch, go; a new folder.",
)
@click.option(
    "--backend",
    type=click.Choice(["trl", "verl"]),
    default="trl",
    show_default=True,
    help="trl trains here; verl on a cluster, by the files that this writes.",
)
@click.option("--print", "show", is_flag=True, help="Show the files of a launch instead of writing them.")
@store_option
@json_option
def command(**given: Any) -> None:
    """Train a method's policy and keep it as a folder that transformers and vLLM load.

    An interrupted training goes on where it stopped; one that was finished before is copied.
    """
    as_json, to, backend, show = (given.pop(key) for key in ("as_json", "to", "backend", "show"))
    if backend == "trl" and show:
        raise UsageError("--print shows a launch on a cluster; add --backend verl")
    if to is None and not show:
        raise UsageError("where to? --to DIR names the folder of the policy")
    if to is not None and to.exists() and any(to.iterdir()):
        raise UsageError(f"--to {to}: the folder is not empty")
    session, cell = _cell(given)
    try:
        if backend == "verl":
            _launch(cell, session, to, show)
        else:
            _train(cell, session, to, as_json)
    finally:
        session.close()


def _cell(given: dict[str, Any]) -> tuple[Any, Any]:
    from dataclasses import replace

    from harness.results.store import Store
    from harness.run.plan import Request, plan
    from harness.run.session import Session

    settings, seed, store = configuration(), given.pop("seed"), given.pop("store")
    values: dict[str, Any] = {
        **given,
        "task_args": arguments(given["task_args"], "-T"),
        "method_args": arguments(given["method_args"], "-M"),
        "model_args": typed_arguments(given["model_args"], "--model-arg"),
    }
    take_fit_options(values)
    values["model"] = values["model"] or default_model(settings)
    cells = plan(Request(**values))
    if len(cells) != 1:
        raise UsageError(f"one task, method and model are trained at a time; these are {len(cells)}")
    return Session(Store(Path(store))), replace(cells[0], seed=seed)


def _train(cell: Any, session: Any, to: Path, as_json: bool) -> None:
    from harness.cli.progress import Bars
    from harness.run.training import fit_cell

    with Bars(1) as bars:
        session.watcher = bars
        folder, ledger = asyncio.run(fit_cell(cell, session))
    shutil.copytree(folder, to, dirs_exist_ok=True)
    if as_json:
        usage = {purpose: spent.as_dict() for purpose, spent in sorted(ledger.by_purpose.items())}
        print(
            json.dumps(
                {
                    "schema": 1,
                    "policy": str(to),
                    "task": cell.task.name,
                    "model": cell.model,
                    "method": cell.method.name,
                    "seed": cell.seed,
                    "usage": usage,
                }
            )
        )
    else:
        total = ledger.total
        print(
            f"{to}: trained by {cell.method.name} from {cell.model}; {total.calls} rollouts, "
            f"{total.input_tokens + total.output_tokens} tokens",
            file=sys.stderr,
        )


def _launch(cell: Any, session: Any, to: Path | None, show: bool) -> None:
    from harness.run.training import launch_cell

    files = launch_cell(cell, session, "verl")
    for name, text in files.items():
        if show:
            if len(text) > 20_000:
                text = f"({len(text.splitlines())} lines; --to DIR writes them)\n"
            print(f"# {name}\n{text}")
        elif to is not None:
            to.mkdir(parents=True, exist_ok=True)
            (to / name).write_text(text, "utf-8")
