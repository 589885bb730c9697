"""Where requests may differ from those of the official runners; docs/tasks.md has the same table."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Allowed:
    """`where` is the benchmark, `what` differs and `why`. `fields` of the agent's messages count only if they
    say something. Of texts that match `pattern` only counts which of
    them are equal to each other, and not even that if they are `alike` in the harness."""

    where: str
    what: str
    why: str
    pattern: str = ""
    alike: bool = False
    fields: tuple[str, ...] = ()


ALLOWED = (
    Allowed(
        "all",
        "headers",
        "User-Agent and X-Stainless-* name the client and its version; path and body are what a model gets",
    ),
    Allowed(
        "bfcl",
        "empty fields of the agent's messages",
        "the official client sends back `refusal` and `annotations` as they came, also without a value",
        fields=("refusal", "annotations"),
    ),
    Allowed(
        "toolsandbox",
        "moments",
        "a dialogue begins at the time of the setting `clock`, officially when it is run",
        r"\b1[0-9]{9}\.[0-9]+",
    ),
    Allowed(
        "toolsandbox",
        "ids of new rows",
        "they follow from the scenario's name, so that a dialogue can be had again; officially random",
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b",
    ),
    Allowed(
        "toolsandbox",
        "addresses in memory",
        "texts of errors hold some; `0x...` in their place, as no two runs have the same",
        r"0x(?:[0-9A-Fa-f]{6,}|\.\.\.)",
        alike=True,
    ),
    Allowed(
        "tau2",
        "how long a search took",
        "0 ms, so that a dialogue can be had again; officially as it was measured",
        r"\[Timing: [^\]]*\]",
        alike=True,
    ),
)


def equalled(benchmark: str, requests: Sequence[Any]) -> list[Any]:
    """The requests of a dialogue with numbers, in the order of their first coming, for what may differ."""
    rows = [row for row in ALLOWED if row.where == benchmark]
    empty = {name for row in rows for name in row.fields}
    kept = [
        {
            **request,
            "messages": [
                {name: value for name, value in message.items() if value or name not in empty}
                for message in request["messages"]
            ],
        }
        for request in requests
    ]
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True)
    for row in rows:
        if row.pattern:
            text = _numbered(text, row)
    return list(json.loads(text))


def _numbered(text: str, allowed: Allowed) -> str:
    known = dict[str, int]()

    def number(found: re.Match[str]) -> str:
        return f"<{allowed.what} {0 if allowed.alike else known.setdefault(found[0], len(known))}>"

    return re.sub(allowed.pattern, number, text)
