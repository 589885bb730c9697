"""The recorded calls of a dialogue, found again by tool and arguments."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """A call of the recorded dialogue with what the tool answered; `turn` counts the user's messages, from 0;
    `failed`: the answer is an error."""

    tool: str
    arguments: Mapping[str, Any]
    response: str
    turn: int = 0
    failed: bool = False


def key(tool: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """By what two calls are the same: the tool, and the arguments as JSON with sorted keys and no spaces. A
    number is what it is written as: 1 and 1.0 are two values, as are 1, true and "1"."""
    return tool, json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Records:
    """Finds recorded calls. One that was recorded several times is found in the order of its records, and
    from then on as the last."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._found: dict[tuple[str, str], list[Record]] = defaultdict(list)
        for record in records:
            self._found[key(record.tool, record.arguments)].append(record)

    def take(self, tool: str, arguments: Mapping[str, Any]) -> Record | None:
        """The record of a call; None where there is none."""
        found = self._found.get(key(tool, arguments))
        if not found:
            return None
        return found.pop(0) if len(found) > 1 else found[0]
