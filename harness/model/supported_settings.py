"""What a model takes of the settings of a call: the rest is left out, and said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from harness.model import faults
from harness.model.provider import Call, Provider

#: how a setting is given, beside `-G NAME`
FLAGS = {
    **{"temperature": "--temperature", "top_p": "--top-p", "max_tokens": "--max-tokens"},
    "system_message": "--system",
}
#: settings of a task or a method that a call may go without, with a notice; others decide what it is for
SPARE = (
    *("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty"),
    *("parallel_tool_calls", "reasoning_effort"),
)
#: as a server says that it takes no such field, or no value of it but its own
_NOT_TAKEN = re.compile(
    r"unsupported|not? support|unrecogni[sz]ed|unknown|unexpected|not (allowed|permitted|accept)|"
    r"extra inputs|deprecated|cannot (both )?be|may only be|only the default",
    re.IGNORECASE,
)
_OTHER_LIMIT = re.compile(r"\bmax_tokens\b.*max_completion_tokens", re.DOTALL)
#: request seeds are whole numbers from 0 that fit into 31 bits, which every provider takes
SEED = 2**31 - 1


class Taken:
    """Of one model in one run.

    `run` are the run's settings and `chosen` the names of those that the user gave; what a server refuses
    is kept with the provider, for all runs of the command.
    """

    def __init__(
        self,
        provider: Provider,
        run: Mapping[str, Any],
        chosen: Collection[str],
        notice: Callable[[str], None],
    ) -> None:
        self._provider, self._chosen, self._notice = provider, frozenset(chosen), notice
        self._seeds = "seed" not in run or run["seed"] is not None
        self._said: set[str] = set()

    def check(self, settings: Collection[str], system: bool) -> None:
        """Says which settings of a call the model is known not to take."""
        for name in (*settings, *(["system_message"] if system else [])):
            if name not in self._said and not self._provider.takes(name):
                self._say(name)

    def fitting(self, call: Call) -> Call:
        """The call as it is sent: with a seed of its own, without what the server refused before."""
        refused = self._provider.refused
        settings = {name: value for name, value in call.decoding.items() if name not in refused}
        if "seed" in settings or ("seed" not in refused and self._seeds and self._provider.seeds):
            settings["seed"] = call.seed & SEED
        if call.fields.seed is not None and "seed" not in {*refused, *call.decoding} and self._seeds:
            settings["seed"] = call.fields.seed
        return call if settings == call.decoding else replace(call, decoding=settings)

    def sent(self, call: Call) -> dict[str, Any]:
        """The settings that went into the request of a call that was answered, as far as that is known."""
        lost, taken = self._provider.unsent, self._provider.takes
        made = self.fitting(call).decoding
        return {name: value for name, value in made.items() if name not in lost and taken(name)}

    def answered(self) -> None:
        """Says what did not go into a request, as far as its client told."""
        for name in self._provider.unsent - self._said:
            self._say(name)

    def learns(self, error: Exception, sent: Call) -> bool:
        """Whether a server refused a call for a setting that it can go without, so that it is made again. One
        that the user gave is never left out."""
        text = refusal(error)
        for name in SPARE if text else ():
            if name in sent.decoding and name not in self._chosen and _names(name, text):
                self._provider.refused |= {name}
                self._say(name)
                return True
        limit = "max_tokens" in sent.decoding and _OTHER_LIMIT.search(text)
        return bool(limit) and self._provider.name_limit_anew()

    def cure(self, error: Exception, sent: Call) -> str:
        """What helps against a refusal of a setting that the user gave; empty if nothing was refused."""
        text = refusal(error)
        found = [name for name in sent.decoding if text and name in self._chosen and _names(name, text)]
        return f"; -G {found[0]}=none sends none" if found else ""

    def _say(self, name: str) -> None:
        self._said.add(name)
        if name.partition(".")[0] in self._chosen:
            flag = FLAGS.get(name, f"-G {name}")
            self._notice(f"{self._provider.name} takes no {name}: {flag} changes nothing for it")
        elif self._provider.remote and name != "seed":
            whose = "the one of the task or method"
            self._notice(f"{self._provider.name} takes no {name}: it is asked without {whose}")


def refusal(error: Exception) -> str:
    """The text of a server's refusal of a field; empty where the error is none."""
    said = faults.read(error)
    if said.status not in (400, 422) or said.kind is not None:
        return ""
    body = next((b for cause in faults.causes(error) if (b := getattr(cause, "body", None))), None)
    text = f"{said.sentence} {json.dumps(_without_input(body), default=str)}"
    return text if _NOT_TAKEN.search(text) else ""


def _without_input(body: Any) -> Any:
    """The answer without what it repeats of the request."""
    if isinstance(body, Mapping):
        return {key: _without_input(value) for key, value in body.items() if key not in ("input", "ctx")}
    return [_without_input(each) for each in body] if isinstance(body, list) else body


def _names(setting: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){setting}(?![\w-])", text) is not None
