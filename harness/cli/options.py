"""Options that commands share, and the configuration they may come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from harness.api.settings import STORE
from harness.base.errors import UsageError


def pairs(values: tuple[str, ...], flag: str) -> dict[str, str]:
    """`key=value` arguments as a dict.

    Raises:
        UsageError: one has no '='.
    """
    found = {}
    for value in values:
        key, sign, rest = value.partition("=")
        if not sign or not key:
            raise UsageError(f"{flag} takes key=value, not {value!r}")
        found[key] = rest
    return found


def fit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--fit` and `--preset`: two arguments of methods that train, which are asked for most."""
    for name, metavar, text in reversed(
        (
            ("fit", "HOW", "auto, shipped or train: whether a method that trains does so; as -M fit=HOW."),
            ("preset", "NAME", "Sizes of a method's training; as -M preset=NAME."),
        )
    ):
        command = click.option(f"--{name}", metavar=metavar, help=text)(command)
    return command


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


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--store", default=STORE, show_default=True, metavar="DIR", help="The result store.")(
        command
    )


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")(command)
