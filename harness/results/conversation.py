"""The conversation of agents in an attempt's trace, read as hostile data: what has another shape is left out.

The form, as methods/agents writes it under `trace["conversation"]` (agents and rounds are counted from 0):

    agents: [{name, role, model}]
    rounds: [{said: [{answer, text, tokens: [in, out], failed, forced}], selected: [agent],
              credits: [number], heard: [[sender, receiver]], heard_before: [[sender, receiver]]}]
    decision: {credits, selected, weights: [[answer, weight]], fallback, answer}
    attack: {kind, answer, turned: {agent: round}}, or null
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: agents and rounds that are shown
MOST_AGENTS, MOST_ROUNDS = 64, 64
Edge = tuple[int, int]


@dataclass(frozen=True)
class Agent:
    name: str
    role: str = ""
    model: str = ""
    #: the round, from 0, in which it turned against the others; None if it never did
    turned: int | None = None


@dataclass(frozen=True)
class Turn:
    """What an agent said in a round. `failed` says why it said nothing."""

    answer: str | None = None
    text: str = ""
    failed: str = ""
    forced: bool = False
    tokens: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True)
class Round:
    """One turn an agent; edges are (sender, receiver)."""

    turns: tuple[Turn, ...]
    selected: frozenset[int]
    credits: tuple[float | None, ...]
    heard: tuple[Edge, ...] = ()
    heard_before: tuple[Edge, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """A conversation to be shown. `weights` are (answer, weight), the heaviest first."""

    agents: tuple[Agent, ...]
    rounds: tuple[Round, ...]
    selected: frozenset[int]
    credits: tuple[float | None, ...]
    weights: tuple[tuple[str, float], ...]
    answer: str | None
    fallback: bool
    #: the wrong answer that adversaries argue for; None without an attack
    wrong: str | None

    @property
    def has_credits(self) -> bool:
        """Whether the method gives agents credit."""
        return any(value is not None for each in self.rounds for value in each.credits)


def conversation_of(trace: object) -> Conversation | None:
    """The conversation in a trace; None where there is none that can be shown."""
    found = _table(_table(trace).get("conversation"))
    agents = _list(found.get("agents"))[:MOST_AGENTS]
    if not agents or not _list(found.get("rounds")):
        return None
    n, attack = len(agents), _table(found.get("attack"))
    turned = {key: _number(value) for key, value in _table(attack.get("turned")).items()}
    decision = _table(found.get("decision"))
    weights = [
        (_text(pair[0]), weight)
        for pair in _list(decision.get("weights"))
        if isinstance(pair, list) and len(pair) == 2 and (weight := _number(pair[1])) is not None
    ]
    return Conversation(
        tuple(_agent(each, k, turned.get(str(k))) for k, each in enumerate(agents)),
        tuple(_round(_table(each), n) for each in _list(found["rounds"])[:MOST_ROUNDS]),
        _agents(decision.get("selected"), n),
        _credits(decision.get("credits"), n),
        tuple(sorted(weights, key=lambda pair: -pair[1])),
        None if decision.get("answer") is None else _text(decision["answer"]),
        decision.get("fallback") is True,
        _text(attack["answer"]) if attack.get("answer") is not None else None,
    )


def _agent(found: object, k: int, turned: float | None) -> Agent:
    own = _table(found)
    name = _text(own.get("name")) or f"agent {k + 1}"
    when = None if turned is None else int(turned)
    return Agent(name, _text(own.get("role")), _text(own.get("model")), when)


def _round(found: Mapping[str, Any], n: int) -> Round:
    turns = [_turn(_table(each)) for each in _list(found.get("said"))[:n]]
    turns += [Turn()] * (n - len(turns))
    return Round(
        tuple(turns),
        _agents(found.get("selected"), n),
        _credits(found.get("credits"), n),
        _edges(found.get("heard"), n),
        _edges(found.get("heard_before"), n),
    )


def _turn(found: Mapping[str, Any]) -> Turn:
    answer, tokens = found.get("answer"), [_number(each) for each in _list(found.get("tokens"))]
    return Turn(
        None if answer is None else _text(answer),
        _text(found.get("text")),
        _text(found.get("failed")),
        found.get("forced") is True,
        (tokens[0], tokens[1]) if len(tokens) == 2 else (None, None),
    )


def _edges(found: object, n: int) -> tuple[Edge, ...]:
    made = []
    for pair in _list(found):
        ends = [_index(each, n) for each in _list(pair)]
        if len(ends) == 2 and ends[0] is not None and ends[1] is not None:
            made.append((ends[0], ends[1]))
    return tuple(made)


def _agents(found: object, n: int) -> frozenset[int]:
    return frozenset(k for each in _list(found) if (k := _index(each, n)) is not None)


def _credits(found: object, n: int) -> tuple[float | None, ...]:
    values = [_number(each) for each in _list(found)[:n]]
    return tuple(values + [None] * (n - len(values)))


def _index(found: object, n: int) -> int | None:
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < n else None


def _number(found: object) -> float | None:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    value = float(found) if abs(found) < 1e300 else math.nan
    return value if math.isfinite(value) else None


def _text(found: object) -> str:
    return found if isinstance(found, str) else "" if found is None else str(found)[:200]


def _list(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def _table(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
