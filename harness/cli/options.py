"""Options that commands share, said once: one spelling, one metavar, one help text; and what they were called
before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from harness.api.settings import STORE
from harness.base.errors import UsageError
from harness.base.paths import fixed
from harness.base.terminal import say
from harness.base.values import given
from harness.cli.streams import results_alone
from harness.model.pace import AUTO

#: former spelling of an option -> the present one; said to whoever uses it, in every command that has the
#: present one and not (any more) the former
FORMER = {
    "--out": "--store",
    "--again": "--overwrite",
    "--replace": "--overwrite",
    "--connections": "--max-connections",
    "--max-completion": "--max-tokens",
    "--max-tokens": "--budget-tokens",
    "--max-calls": "--budget-calls",
    "--max-cost": "--budget-usd",
    "--budget-cost": "--budget-usd",
    "--max-time": "--budget-time",
    "--embeddings": "--embedder",
    "--figure": "--plot",
    "--file": "--out",
}


def present_name(former: str, known: Callable[[str], bool]) -> str | None:
    """What a former option is called now; None if it never was one, or the command lacks the present one.

    Args:
        former: with its dashes, as `--again`.
        known: whether the command has an option of this name.
    """
    now = FORMER.get(former)
    return now if now and known(now) else None


class Command(click.Command):
    """A command that knows what its options were called before, and where a stray word belongs."""

    allow_extra_args = True  # refused here, with a cure

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for option in self.params for name in option.opts}
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            now = present_name(error.option_name, own.__contains__)
            if now is None:
                raise
            raise click.UsageError(f"{error.option_name} is called {now} now", ctx) from None
        if rest:
            cure = "; names follow an option, as --task NAME,NAME, and globs stand in quotes"
            raise click.UsageError(f"unexpected {rest[0]!r}{cure if '--task' in own else ''}", ctx)
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        with fixed(), results_alone():
            return super().invoke(ctx)


class Group(click.Group):
    """A group whose commands know what their options were called before."""

    command_class = Command


def pairs(values: tuple[str, ...], flag: str) -> dict[str, str]:
    """`key=value` arguments as a dict, the values as they were typed.

    Raises:
        UsageError: one has no '=', or two have the same key and other values.
    """
    found: dict[str, str] = {}
    for value in values:
        key, sign, rest = value.partition("=")
        if not sign or not key:
            raise UsageError(f"{flag} takes key=value, not {value!r}")
        if found.setdefault(key, rest) != rest:
            raise UsageError(f"{flag} {key} is given twice: {found[key]!r} and {rest!r}")
    return found


def arguments(values: tuple[str, ...], flag: str) -> dict[str, Any]:
    """`key=value` arguments of what types them itself (a task, a method, a provider, a setting): a parameter
    that wants text gets it as it was typed, any other what YAML makes of it. `@FILE` is the text of a file.

    Raises:
        UsageError: one has no '=', or its file can't be read.
    """
    return {key: given(text, f"{flag} {key}=") for key, text in pairs(values, flag).items()}


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _pairs_option(*names: str, help: str, metavar: str = "KEY=VALUE") -> Decorator:
    return click.option(*names, multiple=True, metavar=metavar, help=help)


def together(*options: Decorator) -> Decorator:
    """Options that several commands share, as one, in this order."""

    def all_of_them(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return all_of_them


# what is run
tasks_option = click.option(
    "--task", metavar="NAMES", help="Comma list of tasks, families, globs or FILE.py:CLASS."
)
methods_option = click.option(
    "--method", metavar="NAMES", help="Comma list of methods, globs or FILE.py:CLASS. [default: direct]"
)
models_option = click.option(
    "--model",
    metavar="NAMES",
    help="Comma list of models. [default: HARNESS_MODEL, else the task's own, mostly pocket/grid]",
)
task_option = click.option("--task", required=True, metavar="NAME", help="The task.")
task_args_option = _pairs_option("-T", "task_args", help="Argument of the task: a YAML value or @FILE.")
method_args_option = _pairs_option("-M", "method_args", help="Argument of the method: a YAML value or @FILE.")
model_args_option = _pairs_option(
    "--model-arg", "model_args", help="Argument of the model's provider: a YAML value or @FILE."
)
role_option = _pairs_option(
    "--role",
    "roles",
    metavar="ROLE=MODEL",
    help="Another model that is asked: judge, user, simulator, annotator, human.",
)
role_args_option = _pairs_option(
    "--role-arg",
    "role_args",
    help="Argument of the roles' provider. [default: those of --model-arg, but for people and simulations]",
)
system_option = click.option(
    "--system",
    "system_message",
    metavar="TEXT",
    help="A system message before every prompt to the model: a text or @FILE.",
)
generation_option = _pairs_option(
    "-G",
    "generation",
    help="Any generation setting of inspect-ai, such as top_k=40, reasoning_effort=low or stop=END; none "
    "sends none.",
)

# which stored runs are meant
only_tasks_option = click.option("--task", metavar="NAMES", help="Only these tasks: names and globs.")
only_methods_option = click.option("--method", metavar="NAMES", help="Only these methods: names and globs.")
only_models_option = click.option("--model", metavar="NAMES", help="Only these models: names and globs.")
only_task_args_option = _pairs_option("-T", "task_args", help="Only runs with this argument of the task.")
only_method_args_option = _pairs_option(
    "-M", "method_args", help="Only runs with this argument of the method."
)

# how it is run
budget_tokens_option = click.option(
    "--budget-tokens", type=int, metavar="N", help="A run ends below so many tokens, of prompts and answers."
)
budget_calls_option = click.option(
    "--budget-calls", type=int, metavar="N", help="A run ends after so many model calls."
)
budget_time_option = click.option(
    "--budget-time", type=float, metavar="SECONDS", help="A run ends then; calls under way are given up."
)
budget_usd_option = click.option(
    "--budget-usd",
    type=float,
    metavar="USD",
    help="A run ends below this cost; every model that it asks needs a price.",
)


class AtOnce(click.ParamType):  # type: ignore[type-arg]
    """A number of calls at once, or `auto`."""

    name = "at once"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | str:
        try:
            return value if value == AUTO else int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor {AUTO}", param, ctx)


max_connections_option = click.option(
    "--max-connections",
    type=AtOnce(),
    metavar="N|auto",
    help="Calls at once to a model, over all samples of a run: so many are kept under way. auto begins at "
    "16 and doubles up to 256, until the server refuses (429) or answers take twice as long; a refusal cuts "
    "it by three tenths. [default: auto; 16 for models in this process]",
)
requests_per_minute_option = click.option(
    "--requests-per-minute",
    type=int,
    metavar="N",
    help="Requests to a model a minute at most, retries among them, spread evenly.",
)
batch_option = click.option(
    "--batch/--no-batch",
    default=None,
    help="Send calls in the provider's batches: about half the price, within a day. [default: one by one]",
)
prompt_cache_option = click.option(
    "--prompt-cache/--no-prompt-cache",
    default=None,
    help="Have Anthropic, Bedrock, OpenRouter and OpenAI keep long beginnings that prompts share. "
    "[default: keep]",
)
max_retries_option = click.option(
    "--max-retries",
    type=int,
    metavar="N",
    help="Retries of a call that failed for a passing reason. [default: 10, some two minutes]",
)
timeout_option = click.option(
    "--timeout", type=float, metavar="SECONDS", help="Longest time of one request to a model. [default: 600]"
)
keep_going_option = click.option(
    "--keep-going/--no-keep-going",
    default=None,
    help="Count calls that a bad key or a dead server fails as errors. [default: end the model's cells]",
)
probe_option = click.option(
    "--probe/--no-probe",
    default=None,
    help="Ask every model for one token before the grid starts. [default: ask]",
)
fail_on_error_option = click.option(
    "--fail-on-error",
    type=float,
    metavar="N|SHARE",
    help="End a run at so many attempts in error, or at this share of all (below 1).",
)
fault_options = together(keep_going_option, probe_option, fail_on_error_option)
budget_options = together(
    budget_usd_option,
    budget_tokens_option,
    budget_calls_option,
    budget_time_option,
    max_connections_option,
    requests_per_minute_option,
    max_retries_option,
    timeout_option,
)
attempt_time_option = click.option(
    "--attempt-time",
    type=float,
    metavar="SECONDS",
    help="Longest time of an attempt at an item, which then is an error; the rest goes on.",
)
isolate_option = click.option(
    "--isolate/--no-isolate",
    default=None,
    help="Run method code in a process of its own that reaches no data, store or target, whatever it does "
    "(Linux). Without it guards stop accidents, not intent. [default: in this process]",
)
sample_id_option = click.option(
    "--sample-id", metavar="IDS", help="Only these items: a comma list of ids and globs."
)
limit_option = click.option("--limit", type=int, metavar="N", help="Only the first N items.")
columns_option = click.option(
    "--column", "columns", multiple=True, metavar="OURS=THEIRS", help="Where a column has another name."
)
mirror_option = click.option(
    "--mirror", metavar="DIR", help="Hub data sets as folders. [default: HARNESS_MIRROR]"
)


def offline_option(default: bool | None = False) -> Decorator:
    """`--offline`; None as default means to a command that it wasn't given."""
    text = "Use the cache and local files alone; ask no server."
    return click.option("--offline", is_flag=True, default=default, help=text)


def overwrite_option(default: bool | None = False) -> Decorator:
    """`--overwrite`; None as default means to a command that it wasn't given."""
    text = "Make again what is there already."
    return click.option("--overwrite", is_flag=True, default=default, help=text)


def transcripts_option(default: bool | None = True) -> Decorator:
    """`--transcripts`; None as default means to a command that it wasn't given."""
    text = "Keep completions and traces with the scores, or scores and answers alone. [default: keep]"
    return click.option("--transcripts/--no-transcripts", default=default, help=text)


# where it goes
store_option = click.option(
    "--store", default=STORE, show_default=True, metavar="DIR", help="The result store."
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
out_option = click.option("--out", metavar="FILE", help="Write there instead of to stdout.")
plot_option = click.option(
    "--plot", metavar="FILE", help="Draw a picture (.svg, .png, .pdf); needs the extra plot."
)
metric_option = click.option("--metric", metavar="NAME", help="Another metric than the task's primary one.")


def write_out(text: str, target: str | None) -> None:
    """Writes to the file of `--out`, or to stdout.

    Raises:
        UsageError: the file can't be written.
    """
    if target is None:
        say(text, end="")
        return
    if Path(target).is_dir():
        raise UsageError(f"--out {target} is a folder: --out FILE is written, --store DIR is read")
    try:
        Path(target).write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"--out {target}: {error.strerror}") from None


FIT = (
    ("fit", "HOW", "auto, shipped or train: whether a method that trains does so; as -M fit=HOW."),
    ("preset", "NAME", "Sizes of a method's training; as -M preset=NAME."),
)


#: `--fit` and `--preset`: the two arguments of methods that train that are given most often
fit_options = together(
    *(click.option(f"--{name}", metavar=metavar, help=text) for name, metavar, text in FIT)
)


def take_fit_options(values: dict[str, Any]) -> None:
    """Moves what `fit_options` gave among the method's arguments.

    Raises:
        UsageError: no method of the request has such a parameter, or -M says otherwise.
    """
    from harness.registry import registry

    known = registry()
    for name in ("fit", "preset"):
        value = values.pop(name, None)
        if value is None:
            continue
        asked = known.match("method", values.get("method") or "direct")
        if not any(name in known.method(method).params for method in asked):
            able = [spec.name for spec in known.methods.values() if name in spec.params][:3]
            raise UsageError(
                f"--{name} is for methods that train, and {asked[0]!r} has no parameter "
                f"{name!r}; methods that have: {', '.join(able) or 'none'}"
            )
        arguments = dict(values.get("method_args") or {})
        if str(arguments.setdefault(name, value)) != value:
            raise UsageError(f"--{name} {value} and -M {name}={arguments[name]} contradict each other")
        values["method_args"] = arguments


def as_typed(name: str) -> Any:
    """The value of an option of the running command if it was given, None where it is the default."""
    context = click.get_current_context()
    given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    return context.params[name] if given else None
