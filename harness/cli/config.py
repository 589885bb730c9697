"""`--config FILE`: the options of a command as keys of a YAML file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from harness.base.documents import load_yaml
from harness.base.errors import UsageError, reason_of, unknown_key
from harness.base.secrets import remember
from harness.base.values import given
from harness.cli.options import present_name

#: options that a file calls by their flag, as they collect pairs under another name
FLAGS = {
    "T": "task_args",
    "M": "method_args",
    "G": "generation",
    "system": "system_message",
    "model_arg": "model_args",
    "role": "roles",
    "role_arg": "role_args",
}


def read_config(path: str | None, command: click.Command, known: Iterable[str]) -> dict[str, Any]:
    """What the file asks for, in the types of the command's options of the same names.

    Args:
        known: names of the options that may stand in it.

    Raises:
        UsageError: the file can't be read, or has an unknown key or a value that an option refuses.
    """
    if path is None:
        return {}
    where, named = f"--config {path}", set(known)
    options = {str(option.name): option for option in command.params if option.name in named}
    spelled = {name: key for key, name in FLAGS.items()}
    keys = sorted(spelled.get(name, name) for name in options)
    values = {}
    document = _document(path, where)
    for part, value in document.items():  # before a line of error can name one
        remember(value, of_model=str(part) not in ("T", "M", "task_args", "method_args"))
    for key, value in document.items():
        key = str(key).replace("-", "_")
        name = FLAGS.get(key, key)
        if name not in options:
            now = present_name(
                "--" + key.replace("_", "-"), lambda flag: flag[2:].replace("-", "_") in options
            )
            if now:
                raise UsageError(f"{where}: the key {key!r} is called {now[2:].replace('-', '_')!r} now")
            raise UsageError(f"{where}: {unknown_key(key, keys)}")
        if value is not None:
            try:
                values[name] = _as_given(options[name], key, value)
            except click.BadParameter as error:
                raise UsageError(f"{where}: {key}: {error.message}") from None
            except UsageError as error:
                raise UsageError(f"{where}: {error}") from None
    return values


def _document(path: str, where: str) -> dict[Any, Any]:
    import yaml

    try:
        found = load_yaml(Path(path).read_text("utf-8")) or {}
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{where}{place}: broken YAML: {error.problem}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or reason_of(error)
        raise UsageError(f"{where}: {reason}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{where}: keys with values are wanted, as 'task: arc1d'")
    return found


def _as_given(option: Any, key: str, value: Any) -> Any:
    """A value of the file as the command line would have read it.

    Raises:
        click.BadParameter: the option takes no such value.
        UsageError: `@FILE` can't be read.
    """
    if option.multiple:
        if not isinstance(value, dict):
            raise click.BadParameter(f"keys with values are wanted, not {value!r}")
        return {str(name): _from_file(inner, f"{key} {name}: ") for name, inner in value.items()}
    if option.is_flag:
        if isinstance(value, bool):
            return value
        try:
            return click.BOOL.convert(value, option, None)
        except click.BadParameter:
            raise click.BadParameter(f"true or false is wanted, not {value!r}") from None
    if isinstance(value, dict) or (isinstance(value, list) and option.type is not click.STRING):
        raise click.BadParameter(f"one value is wanted, not {value!r}")
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return option.type.convert(text, option, None)


def _from_file(value: Any, where: str) -> Any:
    """`@FILE` as its text, anything else as it is."""
    return given(value, where) if isinstance(value, str) and value.startswith("@") else value
