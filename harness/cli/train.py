"""`harness train`: a method's `fit` alone; the trained policy is written as a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from harness.base.errors import UsageError
from harness.base.terminal import say, say_json
from harness.cli.interrupts import goes_on
from harness.cli.options import (
    Command,
    arguments,
    budget_calls_option,
    budget_time_option,
    budget_tokens_option,
    budget_usd_option,
    fit_options,
    json_option,
    method_args_option,
    mirror_option,
    model_args_option,
    offline_option,
    pairs,
    role_args_option,
    role_option,
    store_option,
    take_fit_options,
    task_args_option,
    task_option,
)

EXAMPLE = """
\b
Examples:
  harness train --task arc1d --method curator --to policy
  harness eval --task arc1d --method curator -M policy=policy
  harness train --task countdown --method curator --model hf/Qwen/Qwen2.5-3B --preset paper --to policy
  harness train --task countdown --method curator --model hf/Qwen/Qwen2.5-3B --backend verl --print
  harness train --task dialogues/custom -T data=DIALOGUES.jsonl --method cm2 --model hf/Qwen/Qwen3-8B \
      --role judge=openai/gpt-4.1 --backend verl --print
"""


@click.command("train", cls=Command, epilog=EXAMPLE)
@task_option
@click.option("--method", required=True, metavar="NAME", help="A method that trains, such as curator.")
@click.option("--model", metavar="NAME", help="The model to train. [default: HARNESS_MODEL or pocket/grid]")
@task_args_option
@method_args_option
@fit_options
@model_args_option
@role_option
@role_args_option
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Of the training."
)
@budget_usd_option
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
    from harness.api.evaluation import session_of
    from harness.api.training import cell_of, launch_files, train_cell
    from harness.results.environment import command_line

    store = given.pop("store")
    given["task_args"] = arguments(given["task_args"], "-T")
    given["method_args"] = arguments(given["method_args"], "-M")
    given["model_args"] = arguments(given["model_args"], "--model-arg")
    given["roles"] = pairs(given["roles"], "--role")
    given["role_args"] = arguments(given["role_args"], "--role-arg")
    take_fit_options(given)
    cell = cell_of(given.pop("task"), given.pop("method"), given.pop("model"), given.pop("seed"), **given)
    if backend == "verl":
        _write(launch_files(cell, "verl"), to, show)
        return
    kept = "checkpoints and every answer of a judge or simulator are kept"
    with goes_on(kept), session_of([cell], store, True, command_line()) as session:
        policy = train_cell(cell, session, to)
    if as_json:
        say_json(policy.to_json())
    else:
        say(policy, err=True)


def _write(files: Mapping[str, str], to: Path | None, show: bool) -> None:
    """The files of a launch, into a folder or, where they are not too long, onto the screen."""
    for name, text in files.items():
        if show:
            if len(text) > 20_000:
                text = f"({len(text.splitlines())} lines; --to DIR writes them)\n"
            say(f"# {name}\n{text}")
        elif to is not None:
            to.mkdir(parents=True, exist_ok=True)
            (to / name).write_text(text, "utf-8")
