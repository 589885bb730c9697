"""The arguments of a conversation, checked at the door."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.base.errors import UsageError
from harness.methods.agents.attack import Attack
from harness.methods.agents.live.cast import MOST

_BUDGET = re.compile(r"\s*(\d+|none)\s*/\s*(\d+|none)\s*")
_AGENT = re.compile(r"agent(\d+)")
#: more messages than an agent can send or receive in a round, those of the round before among them
ANY = 2 * MOST


def budget_of(text: str) -> tuple[int | None, int | None]:
    """Messages that an agent may send and receive in a round, None for any number.

    Raises:
        UsageError: it is neither OUT/IN nor none, or 0.
    """
    if text.strip() == "none":
        return None, None
    found = _BUDGET.fullmatch(text)
    if found is None:
        raise UsageError(
            f"budget={text!r} is not OUT/IN, the messages that an agent may send and receive in a round "
            "(1/1, 2/none), nor none"
        )
    outs, ins = (None if word == "none" else min(int(word), ANY) for word in found.groups())
    if outs == 0 or ins == 0:
        raise UsageError(
            f"budget={text}: with no messages nobody hears anybody; take 1/1 or more, or --method independent"
        )
    return outs, ins


def check(args: Mapping[str, Any], roles: Mapping[str, str]) -> None:
    """Whether a conversation can be held as the arguments say.

    Args:
        roles: models by role, `agent2` among them.

    Raises:
        UsageError: an argument is out of range, or a role is of an agent that there isn't.
    """
    agents, rounds, rate = args["agents"], args["rounds"], args["rate"]
    if not 2 <= agents <= MOST:
        alone = "; one agent alone is --method direct" if agents == 1 else ""
        raise UsageError(f"agents={agents} is not from 2 to {MOST}{alone}")
    for name, least, ok in (
        ("rounds", "at least 1", rounds >= 1),
        ("rate", "a share of the agents from 0 to below 1", 0 <= rate < 1),
        ("tokens", "at least 1, or 0 for any number", args["tokens"] >= 0),
        ("patience", "above 0", args["patience"] > 0),
        ("temperature", "at least 0", args["temperature"] >= 0),
        ("lr", "above 0", args.get("lr", 1) > 0),
    ):
        if not ok:
            raise UsageError(f"{name}={args[name]} is not {least}")
    budget_of(args["budget"])
    for role in roles:
        found = _AGENT.fullmatch(role)
        if found and not 1 <= int(found[1]) <= agents:
            raise UsageError(f"--role {role}: there are agents={agents}, agent1 to agent{agents}")


def attack_of(args: Mapping[str, Any]) -> Attack:
    """The attack that the arguments describe.

    Raises:
        UsageError: it leaves nobody to mislead, or no round to turn in.
    """
    import numpy as np

    attack, agents = Attack(args["attack"], args["rate"]), args["agents"]
    if attack.count(agents) >= agents:
        other = "attack=fixed" if attack.kind == "random" else "a lower rate"
        raise UsageError(
            f"attack={attack.kind}, rate={attack.rate:g}: all agents={agents} would turn, and nobody is left "
            f"to mislead; take more agents or {other}"
        )
    attack.flips(1, agents, args["rounds"], np.random.default_rng(0))  # refuses too few rounds
    return attack
