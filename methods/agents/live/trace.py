"""What a conversation leaves: a trace for people to read, and what the method measured of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.methods.agents.live.talk import Talk, Turn
from harness.methods.agents.topology import Played

if TYPE_CHECKING:
    from harness.methods.agents.topology import Bits, Floats


def conversation(talk: Talk, played: Played, kind: str, answer: Any) -> dict[str, Any]:
    """The trace of a conversation with one question, `played` with B = 1. Agents and rounds are counted from
    0, answers are texts by which they are counted, and edges pairs of sender and receiver.

    Args:
        kind: of the attack.
        answer: the one that was taken, None where there is none.
    """
    rounds = []
    for turns, graph in zip(talk.rounds, played.graphs, strict=True):
        credits = graph.credits
        rounds.append(
            {
                "said": [_said(talk, turn) for turn in turns],
                "selected": _members(graph.selected[0]),
                "credits": None if credits is None else _rounded(credits[0]),
                "heard": [[j, i] for i, turn in enumerate(turns) for j in turn.heard],
                "heard_before": [[j, i] for i, turn in enumerate(turns) for j in turn.before],
            }
        )
    agents = [{"name": a.name, "role": a.role.name, "model": a.model.name} for a in talk.cast.agents]
    decision = _decision(talk, played, answer)
    return {"agents": agents, "rounds": rounds, "decision": decision, "attack": _attack(talk, kind)}


def _said(talk: Talk, turn: Turn) -> dict[str, Any]:
    return {
        "answer": _form(talk, turn.answer),
        "text": turn.text,
        "tokens": None if turn.tokens is None else list(turn.tokens),
        "failed": turn.failed,
        "forced": turn.forced,
    }


def _form(talk: Talk, answer: Any) -> str | None:
    return None if answer is None else talk.places.form(answer)


def _decision(talk: Talk, played: Played, answer: Any) -> dict[str, Any]:
    decision = played.decision
    weighed: dict[str, float] = {}
    for turn, weight in zip(last_turns(talk.rounds), decision.weights[0], strict=True):
        if turn.answer is not None:
            form = talk.places.form(turn.answer)
            weighed[form] = weighed.get(form, 0.0) + float(weight)
    return {
        "credits": None if decision.credits is None else _rounded(decision.credits[0]),
        "selected": _members(decision.selected[0]),
        "weights": [
            [form, round(weight, 6)] for form, weight in sorted(weighed.items(), key=lambda e: -e[1])
        ],
        "fallback": bool(decision.fallback[0]),
        "answer": _form(talk, answer),
    }


def _attack(talk: Talk, kind: str) -> dict[str, Any] | None:
    turned = {str(i): int(r) for i, r in enumerate(talk.flips) if r < len(talk.rounds)}
    return {"kind": kind, "answer": _form(talk, talk.wrong), "turned": turned} if kind != "none" else None


def last_turns(rounds: Sequence[Sequence[Turn]]) -> list[Turn]:
    """What every agent last said; its last silence where it never spoke."""
    found = list(rounds[-1])
    for turns in reversed(rounds[:-1]):
        found = [
            turn if now.silent and not turn.silent else now for now, turn in zip(found, turns, strict=True)
        ]
    return found


def _members(bits: Bits) -> list[int]:
    return [int(i) for i in bits.nonzero()[0]]


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 6) for value in values]
