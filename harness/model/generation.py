"""Generation settings by name: those of inspect-ai's GenerateConfig, without those that the harness sets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.base.errors import UsageError, nearest

#: settings of GenerateConfig that are not a user's to set here, and why or by what they are set
SET_ELSEWHERE = {
    "max_connections": "--max-connections sets it",
    "adaptive_connections": "--max-connections sets how many calls are made at once",
    "max_retries": "--max-retries sets it",
    "timeout": "--model-arg timeout=SECONDS sets it",
    "attempt_timeout": "--model-arg timeout=SECONDS sets it",
    "stream_idle_timeout": "--model-arg timeout=SECONDS limits a call",
    "seed": "with it all samples of a method would be the same; --seeds N makes independent runs",
    "num_choices": "a method draws its samples one by one",
    "best_of": "a method chooses among its own samples",
    "cache": "the harness keeps completions itself",
    "batch": "--batch sets it",
    "fallback_models": "another model's answers would count as this one's",
}


#: range of a setting that a provider would refuse or, worse, drop; what it must be
RANGES = {
    "max_tokens": (1, math.inf, "at least 1"),
    "temperature": (0, math.inf, "at least 0"),
    "top_p": (0, 1, "from 0 to 1"),
}


def generation_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in the types of GenerateConfig, as JSON knows them. Imports inspect-ai if there are any.

    Raises:
        UsageError: no such setting, one that is not the user's, or a value that it doesn't take.
    """
    if not given:
        return {}
    from inspect_ai.model import GenerateConfig
    from pydantic import ValidationError

    for name in given:
        if name in SET_ELSEWHERE:
            raise UsageError(f"-G {name}: not a setting of the model here: {SET_ELSEWHERE[name]}")
        if name not in GenerateConfig.model_fields:
            allowed = set(GenerateConfig.model_fields) - set(SET_ELSEWHERE)
            raise UsageError(f"-G {name}: no such generation setting; {_choice(name, allowed)}")
    try:
        config = GenerateConfig(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else next(iter(given))
        cure = "; several are written [a, b]" if first["type"] == "list_type" else ""
        raise UsageError(f"-G {name}={given.get(name)}: {first['msg']}{cure}") from None
    made: dict[str, Any] = config.model_dump(mode="json", include=set(given), exclude_none=True)
    return made


def check_ranges(settings: Mapping[str, Any]) -> None:
    """Whether the settings are in their ranges, and finite, and a system message says something.

    Raises:
        UsageError: one is not; says what it must be.
    """
    system = settings.get("system_message")
    if system is not None and not str(system).strip():
        raise UsageError("system: the text is empty; leave it out for no system message")
    for name, value in settings.items():
        low, high, words = RANGES.get(name, (-math.inf, math.inf, "a finite number"))
        if isinstance(value, int | float) and not (low <= value <= high and math.isfinite(value)):
            raise UsageError(f"{name} must be {words}, not {value}")


def _choice(name: str, allowed: set[str]) -> str:
    close = nearest(name, allowed, "setting")
    return close if close.startswith("did you mean") else f"settings: {', '.join(sorted(allowed))}"
