"""What is shown next to a name in lists and tables: the arguments that are not at their default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.base.digest import digest

#: characters of a value that are shown
LONGEST = 24


def unusual(method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a method that differ from the defaults of its installed spec; none where no such
    method is installed, as its defaults are unknown then."""
    from harness.registry import registry

    known = registry().methods
    if method not in known:
        return {}
    params = known[method].params
    return {
        name: value for name, value in arguments.items() if name in params and value != params[name].default
    }


def told(decoding: Mapping[str, Any]) -> dict[str, Any]:
    """The system message among the generation settings of a subject, if it has one."""
    return {name: value for name, value in decoding.items() if name == "system_message"}


def method_label(method: str, arguments: Mapping[str, Any], decoding: Mapping[str, Any] | None = None) -> str:
    """`self-consistency (samples=16)`; the name alone where every argument has its default and the subject's
    `decoding` has no system message."""
    return with_arguments(method, {**unusual(method, arguments), **told(decoding or {})})


def with_arguments(name: str, arguments: Mapping[str, Any]) -> str:
    """`name (key=value, ...)`; the name alone where there are none."""
    if not arguments:
        return name
    return f"{name} ({', '.join(f'{key}={short(value)}' for key, value in arguments.items())})"


def short(value: Any, longest: int = LONGEST) -> str:
    """A value as it is shown beside a name: on one line, of at most `longest` characters. One that isn't
    shown as it is ends in the beginning of its digest, so that two prompts that begin alike differ."""
    if isinstance(value, dict) and value.get("file") and "digest" in value:
        text = str(value["file"])
    elif isinstance(value, list | tuple):
        text = ",".join(map(str, value))
    elif isinstance(value, bool) or value is None:
        text = {True: "true", False: "false", None: "null"}[value]
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    line = " ".join(text.split())
    if line == text and len(line) <= longest:
        return line
    end = f"#{digest(text)[:6]}"
    return line + end if len(line + end) <= longest else line[: longest - len(end) - 3] + "..." + end
