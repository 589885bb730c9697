"""`harness eval`: the grid of tasks, methods and models."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.api.settings import STORE, configuration, default_model
from harness.base.errors import UsageError, nearest
from harness.cli.options import (
    as_typed,
    fit_options,
    json_option,
    pairs,
    store_option,
    take_fit_options,
)

if TYPE_CHECKING:
    from harness.api.runs import Runs
    from harness.run.plan import Request

EXAMPLE = """
\b
Examples:
  harness eval --task arc1d --method direct,self-consistency
  harness eval --task 'aime*' --method direct --model openai/gpt-4o-mini --epochs 4
  harness eval --task banking77 --method direct,testnuc --model openai/gpt-4o-mini --budget-cost 2
  harness eval --task arc1d --method curator --fit train --preset small
  harness eval --config run.yaml --dry-run
"""


@click.command("eval", epilog=EXAMPLE)
@click.option("--task", metavar="NAMES", help="Comma list of tasks and globs.")
@click.option("--method", metavar="NAMES", help="Comma list of methods and globs. [default: direct]")
@click.option("--model", metavar="NAMES", help="Comma list. [default: HARNESS_MODEL or pocket/grid]")
@click.option("-T", "task_args", multiple=True, metavar="KEY=VALUE", help="Argument of the task.")
@click.option("-M", "method_args", multiple=True, metavar="KEY=VALUE", help="Argument of the method.")
@fit_options
@click.option(
    "--model-arg", "model_args", multiple=True, metavar="KEY=VALUE", help="Argument of the model's provider."
)
@click.option("--role", "roles", multiple=True, metavar="ROLE=MODEL", help="judge, user, simulator ...")
@click.option(
    "--role-arg",
    "role_args",
    multiple=True,
    metavar="KEY=VALUE",
    help="Argument of the roles' provider. [default: those of --model-arg]",
)
@click.option(
    "--embedder", metavar="NAME", help="lsa, tfidf, minilm, st/NAME, file:..., openai/MODEL [default: lsa]"
)
@click.option("--seeds", type=int, metavar="N", help="Independent runs, seeds 0 to N-1.")
@click.option("--epochs", type=int, metavar="N", help="Attempts on every item.")
@click.option("--limit", type=int, metavar="N", help="Only the first N items.")
@click.option("--temperature", type=float, help="Sampling temperature.")
@click.option("--top-p", type=float, help="Nucleus sampling.")
@click.option("--max-tokens", type=int, metavar="TOKENS", help="Longest completion.")
@click.option("--budget-cost", type=float, metavar="USD", help="A run stops at this cost.")
@click.option("--budget-tokens", type=int, metavar="N", help="A run stops at this many tokens.")
@click.option("--budget-calls", type=int, metavar="N", help="A run stops at this many calls.")
@click.option("--budget-time", type=float, metavar="SECONDS", help="A run stops after this time.")
@click.option("--max-connections", type=int, metavar="N", help="Calls at once to a model.")
@click.option(
    "--max-retries",
    type=int,
    metavar="N",
    help="Retries of a call that failed in passing. [default: 10, some two minutes]",
)
@click.option("--offline", is_flag=True, default=None, help="Only the cache and local files.")
@click.option("--mirror", metavar="DIR", help="Hub data sets as folders. [default: HARNESS_MIRROR]")
@click.option("--config", type=click.Path(dir_okay=False), metavar="FILE", help="YAML with these keys.")
@click.option("--overwrite", is_flag=True, default=None, help="Run anew what is sealed already.")
@click.option(
    "--transcripts/--no-transcripts",
    default=None,
    help="Keep completions and traces with the scores, or scores and answers alone.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan, its calls and what it could detect.")
@store_option
@json_option
def command(**given: Any) -> None:
    """Measure methods on tasks with models.

    A run that is sealed is shown, not run again; one that was interrupted goes on where it stopped.
    """
    as_json, dry_run = given.pop("as_json"), given.pop("dry_run")
    settings = configuration()
    given["store"] = as_typed("store")
    request, store = request_from(given, settings)
    from harness.api.evaluation import run_cells
    from harness.registry import registry
    from harness.results.environment import command_line
    from harness.run.plan import plan

    cells = plan(request)
    for fault in registry().faults:
        print(f"warning: left out: {fault}", file=sys.stderr)
    if dry_run:
        from harness.cli.dry_run import show_plan

        sys.exit(show_plan(cells, store, as_json))
    if any(cell.model == "pocket/grid" for cell in cells):
        hint(
            "measuring pocket/grid, a small laboratory policy that the project ships; "
            "--model names another, as in --model openai/gpt-4o-mini"
        )
    runs = run_cells(cells, store, command=command_line())
    show_runs(runs, as_json)
    sys.exit(runs.exit_code)


def show_runs(runs: Runs, as_json: bool, made: Mapping[str, Any] | None = None) -> None:
    """Says what went wrong, then prints the runs as a table, or as the one JSON object: `made`, where it
    isn't that of the runs themselves."""
    from harness.display.layout import print_blocks
    from harness.display.records import record_blocks
    from harness.results.overall import overall_lines

    for line in (*runs.notes(), *(line for whole in runs.overall for line in overall_lines(whole))):
        print(line, file=sys.stderr)
    if as_json:
        print(json.dumps(runs.to_json() if made is None else made, ensure_ascii=False))
    elif runs.records:
        print_blocks(record_blocks(runs.records))
    if runs.interrupted:
        print(
            f"interrupted: {len(runs)} of {runs.planned} cells are sealed and every finished attempt of the "
            "others is kept; run the same command to go on",
            file=sys.stderr,
        )


def request_from(given: dict[str, Any], settings: dict[str, Any]) -> tuple[Request, str]:
    """The request of the command line, over that of --config, over the defaults; and the result store.

    Raises:
        UsageError: the configuration file can't be read or has an unknown key.
    """
    from harness.run.plan import Request

    values = _read_config(given.pop("config", None), set(given))
    for key, value in given.items():
        if value is None or value == ():
            continue
        if isinstance(value, tuple):
            flag = {
                "task_args": "-T",
                "method_args": "-M",
                "model_args": "--model-arg",
                "role_args": "--role-arg",
            }.get(key, "--role")
            values[key] = {**values.get(key, {}), **pairs(value, flag)}
        else:
            values[key] = value
    if not values.get("task"):
        raise UsageError("which task? --task NAME; 'harness list tasks' shows all")
    take_fit_options(values)
    decoding = {
        name: values.pop(key)
        for key, name in (("temperature", "temperature"), ("top_p", "top_p"), ("max_tokens", "max_tokens"))
        if values.get(key) is not None
    }
    values.setdefault("model", default_model(settings))
    store = str(values.pop("store", STORE))
    return Request(**values, decoding=decoding), store


def _read_config(path: str | None, known: set[str]) -> dict[str, Any]:
    """What the file asks for, in the types of the options of the same names.

    Raises:
        UsageError: the file can't be read, or has an unknown key or a value that an option refuses.
    """
    if path is None:
        return {}
    import yaml

    try:
        found = yaml.safe_load(Path(path).read_text("utf-8")) or {}
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"--config {path}{place}: broken YAML: {error.problem}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UsageError(f"--config {path}: {reason}") from None
    if not isinstance(found, dict):
        raise UsageError(f"--config {path}: keys with values are wanted, as 'task: arc1d'")
    options = {str(option.name): option for option in command.params}
    aliases = {
        "T": "task_args",
        "M": "method_args",
        "model-arg": "model_args",
        "role": "roles",
        "role-arg": "role_args",
    }
    values = {}
    for key, value in found.items():
        name = aliases.get(key, str(key).replace("-", "_"))
        if name not in known:
            raise UsageError(f"--config {path}: unknown key {key!r}; {nearest(name, known, 'key')}")
        if value is not None:
            try:
                values[name] = _as_given(options[name], value)
            except click.BadParameter as error:
                raise UsageError(f"--config {path}: {key}: {error.message}") from None
    return values


def _as_given(option: Any, value: Any) -> Any:
    """A value of the file as the command line would have read it.

    Raises:
        click.BadParameter: the option takes no such value.
    """
    if option.multiple:
        if not isinstance(value, dict):
            raise click.BadParameter(f"keys with values are wanted, not {value!r}")
        return {str(key): inner for key, inner in value.items()}
    if option.is_flag:
        if not isinstance(value, bool):
            raise click.BadParameter(f"true or false is wanted, not {value!r}")
        return value
    if isinstance(value, dict) or (isinstance(value, list) and option.type is not click.STRING):
        raise click.BadParameter(f"one value is wanted, not {value!r}")
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return option.type.convert(text, option, None)


def hint(text: str) -> None:
    """One quiet line beside the results."""
    print(f"hint: {text}", file=sys.stderr)
