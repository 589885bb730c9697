"""Generation settings by name: those of inspect-ai's GenerateConfig, without those that the harness sets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.base.digest import digest
from harness.base.errors import UsageError, nearest
from harness.base.secrets import MARK, without_secrets
from harness.model.setting_values import read_setting

#: other names by which settings are known
ALIASES = {"stop": "stop_seqs", "headers": "extra_headers"}
#: settings of GenerateConfig that are not a user's to set here, and why or by what they are set
SET_ELSEWHERE = {
    "max_connections": "--max-connections sets it",
    "adaptive_connections": "--max-connections sets how many calls are made at once",
    "max_retries": "--max-retries sets it",
    "timeout": "--timeout SECONDS sets it",
    "attempt_timeout": "--timeout SECONDS sets it",
    "stream_idle_timeout": "answers are not streamed; --timeout SECONDS limits a request",
    "num_choices": "a method draws its samples one by one",
    "best_of": "a method chooses among its own samples",
    "cache": "the harness keeps completions itself",
    "batch": "--batch sets it",
    "fallback_models": "another model's answers would count as this one's",
    "fail_on_refusal": "a refusal is a status of its own here",
    "max_tool_output": "what a tool says is the task's",
}
#: range of a setting that a provider would refuse or, worse, drop; what it must be
RANGES = {
    "max_tokens": (1, math.inf, "at least 1"),
    "temperature": (0, math.inf, "at least 0"),
    "top_p": (0, 1, "from 0 to 1"),
    "top_k": (-1, math.inf, "at least 1, or -1 for all"),
    "frequency_penalty": (-2, 2, "from -2 to 2"),
    "presence_penalty": (-2, 2, "from -2 to 2"),
    "top_logprobs": (0, 20, "from 0 to 20"),
    "prompt_logprobs": (1, 20, "from 1 to 20"),
    "reasoning_tokens": (0, math.inf, "at least 0"),
}


def generation_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in the types of GenerateConfig, as JSON knows them; None for one that is not to be sent,
    also where the task or a method sets it. Imports inspect-ai if there are any.

    Raises:
        UsageError: no such setting, one that is not the user's, or a value that it doesn't take.
    """
    if not given:
        return {}
    made: dict[str, Any] = {}
    for name, value in given.items():
        known = ALIASES.get(name, name)
        _check_name(name, known)
        read = read_setting(name, known, value)
        if known in made and made[known] != read:
            raise UsageError(f"-G {name} and -G {known} contradict each other")
        made[known] = read
    return made


def _check_name(name: str, known: str) -> None:
    from inspect_ai.model import GenerateConfig

    if known in SET_ELSEWHERE:
        raise UsageError(f"-G {name}: not a setting of the model here: {SET_ELSEWHERE[known]}")
    if known not in GenerateConfig.model_fields:
        allowed = {*GenerateConfig.model_fields, *ALIASES} - set(SET_ELSEWHERE)
        close = nearest(name, allowed, "setting")
        cure = close if close.startswith("did you mean") else f"settings: {', '.join(sorted(allowed))}"
        raise UsageError(
            f"-G {name}: no such generation setting; {cure}; what only some servers know goes as "
            f"-G extra_body='{{{name}: VALUE}}'"
        )


def merged(run: Mapping[str, Any], call: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one call: its own over those of the run, without those that the run sends none of."""
    none = {name for name, value in run.items() if value is None}
    both = {**run, **call}
    return {name: value for name, value in both.items() if value is not None and name not in none}


def hashed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as the identity of a run names them: of a header that may be a key the beginning of its
    digest, of one that is, nothing."""
    headers = settings.get("extra_headers") or {}
    if not headers:
        return dict(settings)
    shown = without_secrets({"extra_headers": headers})["extra_headers"]
    for name, text in headers.items():
        if name not in shown:
            shown[name] = f"#{digest(text)[:8]}" if without_secrets({name: ""}) else MARK
    return {**settings, "extra_headers": shown}


def hidden_headers(settings: Mapping[str, Any]) -> list[str]:
    """The headers whose values `hashed` took out, so that a call can't be made again from a record."""
    headers = settings.get("extra_headers") or {}
    return [name for name, text in headers.items() if text == MARK or text.startswith("#")]


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
