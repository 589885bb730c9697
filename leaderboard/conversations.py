"""Conversations of agents as a run's page draws them: graphs and credits, without the texts."""

from __future__ import annotations

from typing import Any

from harness.results.conversation import Round, conversation_of
from harness.results.stored import trace_of


def drawn(trace: str | None) -> dict[str, Any] | None:
    """What `assets/conversation.js` draws of an attempt's trace; None where it holds no conversation.

    Keys: `agents` [[name, role, round in which it turned or null]], `rounds` [{edges, before, credits,
    selected, answers, silent}], `credits`, `selected` and `answer` of the decision, `wrong`.
    """
    if not trace or '"conversation"' not in trace:
        return None
    found = conversation_of(trace_of({"trace": trace}))
    if found is None:
        return None
    return {
        "agents": [[agent.name[:60], agent.role[:200], agent.turned] for agent in found.agents],
        "rounds": [_round(each) for each in found.rounds],
        "credits": _rounded(found.credits) if found.has_credits else None,
        "selected": sorted(found.selected),
        "answer": found.answer,
        "wrong": found.wrong,
    }


def _round(each: Round) -> dict[str, Any]:
    return {
        "edges": each.heard,
        "before": each.heard_before,
        "credits": _rounded(each.credits),
        "selected": sorted(each.selected),
        "answers": [None if turn.answer is None else turn.answer[:40] for turn in each.turns],
        "silent": [k for k, turn in enumerate(each.turns) if turn.failed],
    }


def _rounded(values: tuple[float | None, ...]) -> list[float | None]:
    return [None if value is None else round(value, 3) for value in values]
