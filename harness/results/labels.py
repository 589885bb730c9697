"""What is shown next to a name in lists and tables: the arguments that are not at their default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.base.digest import digest

#: characters of a value that are shown
LONGEST = 24
#: the same of a model's name, which differs from others at its end
MODEL = 60
_AGENT = re.compile(r"agent\d+")


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


def told(subject: Mapping[str, Any]) -> dict[str, Any]:
    """What a subject's row says beside the method's arguments: the generation settings that were given, and
    the models of agents that aren't the row's."""
    settings = {name: "none" if value is None else value for name, value in subject["decoding"].items()}
    return settings | agent_models(subject)


def agent_models(subject: Mapping[str, Any]) -> dict[str, str]:
    """The models of agents that have one of their own, by role: `agent2`."""
    return {name: role["model"] for name, role in subject.get("roles", {}).items() if _AGENT.fullmatch(name)}


def field_label(field: str, values: Mapping[str, Any]) -> str:
    """How a field in which two subjects differ is called beside a name: its last part, of a role's model the
    role; empty of a role that this subject, whose flat `values` these are, doesn't name."""
    first, *rest = field.split(".")
    if first != "roles":
        return field.rpartition(".")[2]
    if values.get(field) in (None, ""):
        return ""
    return rest[0] if rest[1:] == ["model"] else " ".join(rest)


def method_label(method: str, arguments: Mapping[str, Any], subject: Mapping[str, Any] | None = None) -> str:
    """`self-consistency (samples=16)`; the name alone where every argument has its default and the `subject`
    has nothing to tell."""
    return with_arguments(method, {**unusual(method, arguments), **(told(subject) if subject else {})})


def with_arguments(name: str, arguments: Mapping[str, Any]) -> str:
    """`name (key=value, ...)`; the name alone where there are none."""
    if not arguments:
        return name
    shown = (
        f"{key}={short(value, MODEL if _AGENT.fullmatch(key) else LONGEST)}"
        for key, value in arguments.items()
    )
    return f"{name} ({', '.join(shown)})"


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
