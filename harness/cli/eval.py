"""`harness eval`: the grid of tasks, methods and models."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from harness.api.settings import STORE, configuration, default_model
from harness.base.errors import UsageError
from harness.base.terminal import say, say_json, tell
from harness.base.values import given as read_value
from harness.cli.config import read_config
from harness.cli.options import (
    Command,
    arguments,
    as_typed,
    attempt_time_option,
    batch_option,
    budget_options,
    fault_options,
    fit_options,
    generation_option,
    isolate_option,
    json_option,
    limit_option,
    method_args_option,
    methods_option,
    mirror_option,
    model_args_option,
    models_option,
    offline_option,
    overwrite_option,
    pairs,
    prompt_cache_option,
    role_args_option,
    role_option,
    sample_id_option,
    store_option,
    system_option,
    take_fit_options,
    task_args_option,
    tasks_option,
    transcripts_option,
)

if TYPE_CHECKING:
    from harness.api.runs import Runs
    from harness.run.plan import Request

EXAMPLE = """
\b
Examples:
  harness eval --task arc1d --method direct,self-consistency
  harness eval --task 'aime*' --method direct --model openai/gpt-4o-mini --epochs 4
  harness eval --task banking77 --method direct,testnuc --model openai/gpt-4o-mini --budget-usd 2
  harness eval --task arc1d --method curator --fit train --preset small
  harness eval --config run.yaml --dry-run
"""


@click.command("eval", cls=Command, epilog=EXAMPLE)
@tasks_option
@methods_option
@models_option
@task_args_option
@method_args_option
@fit_options
@model_args_option
@role_option
@role_args_option
@click.option(
    "--embedder",
    metavar="NAME",
    help="Of texts: lsa, tfidf, minilm, st/NAME, file:... or openai/MODEL. [default: lsa]",
)
@click.option("--seeds", type=int, metavar="N", help="Independent runs, seeds 0 to N-1.")
@click.option("--epochs", type=int, metavar="N", help="Attempts at every item.")
@limit_option
@sample_id_option
@click.option(
    "--planned-effect",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="D",
    help="The difference that this is to show, such as 0.02; kept with the runs and shown beside them.",
)
@click.option("--temperature", type=float, metavar="T", help="Sampling temperature; as -G temperature=T.")
@click.option("--top-p", type=float, metavar="P", help="Nucleus sampling; as -G top_p=P.")
@click.option("--max-tokens", type=int, metavar="N", help="Longest completion; as -G max_tokens=N.")
@system_option
@generation_option
@budget_options
@batch_option
@prompt_cache_option
@attempt_time_option
@isolate_option
@fault_options
@offline_option(None)
@mirror_option
@click.option(
    "--config", type=click.Path(dir_okay=False), metavar="FILE", help="YAML with these options as keys."
)
@overwrite_option(None)
@transcripts_option(None)
@click.option(
    "--twin/--no-twin",
    default=None,
    help="Add the run that a method wants beside its own, such as a clean one. [default: add]",
)
@click.option("--dry-run", is_flag=True, help="Show the plan: calls, tokens, cost, and what it could detect.")
@store_option
@json_option
def command(**given: Any) -> None:
    """Measure methods on tasks with models.

    A finished run is shown, not run again; an interrupted one goes on where it stopped.
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
        tell(f"warning: left out: {fault}")
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
    isn't that of the runs alone."""
    from harness.display.records import print_records
    from harness.results.overall import overall_lines

    for line in (*runs.notes(), *(line for whole in runs.overall for line in overall_lines(whole))):
        tell(line)
    if as_json:
        say_json(runs.to_json() if made is None else made)
    else:
        print_records(runs.records)
        arms = [each.comparison.candidate for each in runs.against]
        for each in runs.against:
            say(each.line(arms))
    if runs.interrupted:
        tell(
            f"interrupted: {len(runs)} of {runs.planned} cells are sealed and every finished attempt of the "
            "others is kept; run the same command to go on"
        )


#: options of `key=value` pairs whose values are typed by what takes them
TYPED = {
    **{"task_args": "-T", "method_args": "-M", "generation": "-G"},
    **{"model_args": "--model-arg", "role_args": "--role-arg"},
}
#: generation settings with an option of their own
SHORT = {
    **{"temperature": "--temperature", "top_p": "--top-p", "max_tokens": "--max-tokens"},
    "system_message": "--system",
}


def request_from(given: dict[str, Any], settings: dict[str, Any]) -> tuple[Request, str]:
    """The request of the command line, over that of --config, over the defaults; and the result store.

    Raises:
        UsageError: the configuration file can't be read or has an unknown key, or two options contradict
            each other.
    """
    from harness.run.plan import Request

    values = read_config(given.pop("config", None), command, set(given))
    typed_in = {key: _read(key, value) for key, value in given.items() if value not in (None, ())}
    decoding = {**_decoding(values), **_decoding(typed_in)}
    for key, value in typed_in.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    if not values.get("task"):
        raise UsageError("which task? --task NAME; 'harness list tasks' shows all")
    take_fit_options(values)
    values.setdefault("model", default_model(settings))
    if decoding.get("max_tokens") and values.get("budget_tokens") is None:
        tell("notice: --max-tokens limits one completion; --budget-tokens limits what the whole run spends")
    store = str(values.pop("store", STORE))
    return Request(**values, decoding=decoding), store


def _read(key: str, value: Any) -> Any:
    """An option of the command line as the request wants it: pairs as a dict."""
    if not isinstance(value, tuple):
        return value
    return arguments(value, TYPED[key]) if key in TYPED else pairs(value, "--role")


def _decoding(values: dict[str, Any]) -> dict[str, Any]:
    """Takes the generation settings out of `values`, those of -G and those with an option of their own.

    Raises:
        UsageError: no such setting, a value that it doesn't take, or both say different things.
    """
    from harness.model.generation import generation_settings
    from harness.results.labels import short

    made = generation_settings(values.pop("generation", None) or {})
    for name, flag in SHORT.items():
        value = values.pop(name, None)
        if name == "system_message" and value is not None:
            value = str(read_value(value, f"{flag} "))
            if not value.strip():
                raise UsageError(f"{flag}: the text is empty; leave the option out for no system message")
        kept = value if value is None else made.setdefault(name, value)
        if kept is not value and kept != value:  # nan is no other than itself
            raise UsageError(f"{flag} {short(value)} and -G {name}={short(made[name])} contradict each other")
    return made


def hint(text: str) -> None:
    """One quiet line beside the results."""
    tell(f"hint: {text}")
