"""`sim/person`: a simulated reader of personas with known fidelity. It is no language model, and says so.

It plays the rule-based fake of the notes on PersonaAgent (a reconstruction: no source has such a model),
through the prompts of `harness.personal`, which a real model would get. What it knows of a user is a table
from the last line of a request to a response, kept in the persona's text, one line an entry:

    - "Kind: comedy" -> skip

- Asked for a profile it writes the response that was given most often to each such line, ties at random.
- Asked for feedback it names the response that was wanted.
- Asked for a rewrite it sets every entry that feedback names to the response named most often; of equal
  counts the entry that stood there, else the latest.
- Told of tools it first uses them `searches` times, each time for the last line of the request.
- It answers by the entry of its system message, or by the records that it is shown: by these with probability
  `memory` where it has both. What it found it follows with probability `fidelity`, else it guesses, as it
  does where it found nothing: any of the question's choices, or 1 to 5.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness import personal
from harness.base.errors import UsageError, nearest
from harness.base.messages import completion
from harness.base.values import number
from harness.model.provider import Call, Provider, counted, last_user_text

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

#: settings with their least and largest values
SETTINGS: dict[str, tuple[float, float, float]] = {
    "fidelity": (1.0, 0.0, 1.0),
    "memory": (0.5, 0.0, 1.0),
    "searches": (2, 0, 20),
}
RATINGS = tuple("12345")
_ENTRY = re.compile(r'^- "(.+)" -> (.+)$', re.MULTILINE)
_HEAD = "This user's choices:"


class SimulatedPerson(Provider):
    """Reads personas and records; every setting is a `--model-arg`."""

    name, revision = "sim/person", "1"
    cacheable = False
    connections = 64
    notice = (
        "sim/person is a simulation that follows a persona with known fidelity: it tests how methods make "
        "and "
        "use personas, and measures no model"
    )

    def __init__(self, args: Mapping[str, Any]) -> None:
        self.settings = {name: default for name, (default, _, _) in SETTINGS.items()}
        for name, value in args.items():
            if name not in SETTINGS:
                raise UsageError(
                    f"sim/person has no argument {name!r}; {nearest(name, SETTINGS, 'argument')}"
                )
            _, low, high = SETTINGS[name]
            self.settings[name] = found = number(value)
            if not low <= found <= high or (name == "searches" and found % 1):
                raise UsageError(f"sim/person: {name}={value!r} is not a number from {low:g} to {high:g}")

    def takes(self, setting: str) -> bool:
        return setting == "seed"

    async def generate(self, call: Call) -> ModelOutput:
        asked, rng = last_user_text(call.messages), random.Random(call.seed)
        if asked.startswith(personal.SUMMARISE):
            said = written(_most(personal.read_records(asked), rng))
        elif asked.startswith(personal.FEEDBACK):
            said = "\n".join(_entry(topic(query), wanted) for query, wanted in personal.read_records(asked))
        elif (parts := personal.rewrite_parts(asked)) is not None:
            said = rewritten(*parts)
        else:
            said = self._acts(call, rng)
        read = sum(len(message.text) for message in call.messages) // 4
        return completion(self.name, said, counted(read, len(said) // 4 + 1))

    def _acts(self, call: Call, rng: random.Random) -> str:
        """A use of a tool, or the answer."""
        told = next((m.text for m in call.messages if m.role == "system"), "")
        key = topic(call.question.input)
        used = sum(m.role == "assistant" for m in call.messages)
        if personal.TOOLS in told and used < self.settings["searches"]:
            return f"Action: {personal.HISTORY}: {key}"
        entry = dict(_ENTRY.findall(told)).get(key)
        seen = [pair for m in call.messages for pair in _shown(m.role, m.text) if topic(pair[0]) == key]
        answer = entry
        if seen and (entry is None or rng.random() < self.settings["memory"]):
            answer = _most(seen, rng)[key]
        if answer is None or rng.random() >= self.settings["fidelity"]:
            answer = rng.choice(call.question.choices or RATINGS)
        return f"Answer: {answer}" if personal.TOOLS in told else answer


def topic(request: str) -> str:
    """What a request is about: its last line that isn't empty."""
    lines = [line.strip() for line in request.splitlines() if line.strip()]
    return lines[-1].replace('"', "'") if lines else ""


def _shown(role: str, text: str) -> list[tuple[str, str]]:
    return personal.read_records(text) if role in ("system", "user") else []


def _most(pairs: Sequence[tuple[str, str]], rng: random.Random) -> dict[str, str]:
    """The response given most often to each topic, ties at random."""
    counts: dict[str, Counter[str]] = {}
    for query, response in pairs:
        counts.setdefault(topic(query), Counter())[response] += 1
    found = {}
    for key, own in counts.items():
        most = max(own.values())
        found[key] = rng.choice([response for response, count in own.items() if count == most])
    return found


def _entry(key: str, response: str) -> str:
    return f'- "{key}" -> {" ".join(response.split())}'


def written(table: Mapping[str, str]) -> str:
    """A table as text."""
    return "\n".join([_HEAD, *(_entry(key, response) for key, response in table.items())])


def rewritten(persona: str, feedback: str) -> str:
    """The persona with the entries that feedback names set to what it names."""
    table = dict(_ENTRY.findall(persona))
    named: dict[str, list[str]] = {}
    for key, response in _ENTRY.findall(re.sub(r"^\[\d+\] ", "", feedback, flags=re.MULTILINE)):
        named.setdefault(key, []).append(response)
    for key, wanted in named.items():
        counts = Counter(wanted)
        most = max(counts.values())
        tied = [response for response in wanted if counts[response] == most]
        table[key] = table[key] if table.get(key) in tied else tied[-1]
    rest = [line for line in persona.splitlines() if not _ENTRY.match(line) and line != _HEAD]
    return "\n".join([*rest, written(table)]).strip()
