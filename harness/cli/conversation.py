"""A conversation of agents as text, round by round: who was heard, what was said, whose answer counted."""

from __future__ import annotations

from collections.abc import Iterator

from harness.results.conversation import Conversation, Round, Turn

#: characters of what an agent said that are printed; --json has it whole
LONGEST = 600


def conversation_lines(found: Conversation) -> Iterator[str]:
    """Lines for a terminal; texts are not yet made harmless."""
    for r, each in enumerate(found.rounds):
        yield ""
        yield f"round {r + 1}" + ("" if _edges(each) else ": nobody hears anybody")
        for k, turn in enumerate(each.turns):
            yield from _turn_lines(found, each, r, k, turn)
    yield ""
    yield "decision"
    yield from _decision_lines(found)


def _edges(each: Round) -> bool:
    return bool(each.heard or each.heard_before)


def _turn_lines(found: Conversation, each: Round, r: int, k: int, turn: Turn) -> Iterator[str]:
    agent = found.agents[k]
    marks = [f"credit {each.credits[k]:.2f}"] if each.credits[k] is not None else []
    marks += ["not heard by anyone"] if each.selected and k not in each.selected else []
    marks += ["adversary"] if agent.turned is not None and r >= agent.turned else []
    heard = sorted(sender for sender, receiver in each.heard if receiver == k)
    before = sorted(sender for sender, receiver in each.heard_before if receiver == k)
    marks += [f"hears {_names(heard)}"] if heard else []
    marks += [f"hears of the round before {_names(before, own=k)}"] if before else []
    said = f"no words: {turn.failed}" if turn.failed else f"answers {turn.answer or 'nothing readable'}"
    plain = agent.name.lower() == f"agent {k + 1}"
    role = f" {agent.role if plain else agent.name}".rstrip()
    yield f"  {k + 1}{role}: {said}" + (f"  ({'; '.join(marks)})" if marks else "")
    text = turn.text if len(turn.text) <= LONGEST else f"{turn.text[:LONGEST]} ... (--json has it whole)"
    yield from (f"      {line}" for line in text.expandtabs(4).splitlines() if line.strip())


def _names(agents: list[int], own: int | None = None) -> str:
    return ", ".join("itself" if k == own else str(k + 1) for k in agents)


def _decision_lines(found: Conversation) -> Iterator[str]:
    votes = ", ".join(f"{answer} {weight:.3g}" for answer, weight in found.weights)
    yield f"  answer {found.answer if found.answer is not None else 'none'}" + (
        f" ({votes})" if votes else ""
    )
    if any(value is not None for value in found.credits):
        shown = ", ".join(
            f"{k + 1}: {value:.2f}" for k, value in enumerate(found.credits) if value is not None
        )
        yield f"  credits {shown}"
    if found.fallback:
        yield "  no agent was selected, so all of them vote"
    elif found.selected and len(found.selected) < len(found.agents):
        yield f"  agents that count: {_names(sorted(found.selected))}"
    turned = [
        f"{k + 1} from round {agent.turned + 1}"
        for k, agent in enumerate(found.agents)
        if agent.turned is not None
    ]
    if turned:
        yield f"  adversaries, for {found.wrong or 'a wrong answer'}: {', '.join(turned)}"
