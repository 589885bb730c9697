"""What was asked, dialogue by dialogue, and where two recordings differ."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.official.players import mark

Body = dict[str, Any]
ABSENT = "(absent)"


def dialogues(requests: Iterable[Mapping[str, Any]], key: Callable[[Body], str]) -> dict[str, list[Body]]:
    """The bodies of each dialogue, in the order of their coming."""
    found = defaultdict[str, list[Body]](list)
    for request in requests:
        assert request["path"] == "/v1/chat/completions"
        found[key(request["body"])].append(request["body"])
    return dict(found)


def differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Where two values differ as JSON, with both."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            yield from differences(one.get(name, ABSENT), other.get(name, ABSENT), f"{place}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{place}[{number}]")
    elif type(one) is not type(other) or one != other:
        yield f"{place}: {_short(one)} / {_short(other)}"


def _short(value: Any) -> str:
    text = value if value == ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


def compared(
    official: Mapping[str, Sequence[Body]], ours: Mapping[str, Sequence[Body]]
) -> tuple[int, int, list[str]]:
    """How many requests the official runner made, how many of ours are equal to them, and the differences,
    each kind once, with an example."""
    told, equal, found = sum(map(len, official.values())), 0, dict[str, str]()
    for name in sorted(official.keys() | ours.keys()):
        theirs, mine = official.get(name, ()), ours.get(name, ())
        if len(theirs) != len(mine):
            found[f"length {name}"] = f"dialogue {name}: {len(theirs)} / {len(mine)} requests"
        for number, (one, other) in enumerate(zip(theirs, mine, strict=False)):
            differing = list(differences(one, other))
            equal += not differing
            for line in differing:
                kind = re.sub(r"\[\d+\]|properties\.[^.\[:]+", "", line.partition(": ")[0])
                found.setdefault(kind, f"dialogue {name}, request {number}{line}")
    return told, equal, [*found.values()]


# -- which dialogue a request belongs to -----------------------------------------------------------


def tau2(body: Body) -> str:
    """By the mark of the user's scenario, which the user's words hold; of a ticket by itself."""
    if body["model"] in ("user", "solo"):
        return mark(body["messages"][0]["content"])
    marks = (
        re.search(r"I am ([0-9a-f]{8}), ", message.get("content") or "")
        for message in body["messages"]
        if message["role"] == "user"
    )
    opening = json.dumps([message.get("content") for message in body["messages"][1:3]])
    return next((found[1] for found in marks if found), mark(opening))


def bfcl(body: Body) -> str:
    """By what stands before the model's first words."""
    opening = []
    for message in body["messages"]:
        if message["role"] == "assistant":
            break
        opening.append([message["role"], message["content"]])
    return mark(json.dumps(opening))


def toolsandbox(body: Body) -> str:
    """By the user's first words, which the user simulator reads as its own, after its examples."""
    messages = body["messages"]
    if any(tool["function"]["name"] == "end_conversation" for tool in body.get("tools", ())):
        begin = max(n for n, message in enumerate(messages) if message["role"] == "system")
        return str(next(m["content"] for m in messages[begin:] if m["role"] == "assistant"))
    return str(next(m["content"] for m in messages if m["role"] == "user"))


KEYS = {"tau2": tau2, "bfcl": bfcl, "toolsandbox": toolsandbox}
