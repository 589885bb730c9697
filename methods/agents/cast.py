"""The agents of a run, and what one of them said in one round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.methods.agents import wording
from harness.methods.agents.roles import Role
from harness.model.gateway import Model

#: the most agents of a conversation; draws of a call are numbered by it, so that an agent's first answer is
#: the same call whatever the number of agents and whoever hears whom
MOST = 64
#: why an agent is silent whose turn came after the question's tokens were spent
BUDGET = "the question's tokens were spent"


@dataclass(frozen=True)
class Agent:
    """One agent: its name, counted from 1, its role and its model."""

    name: str
    role: Role
    model: Model

    @property
    def shown(self) -> str:
        return wording.spoken(self.name, self.role.name)


@dataclass(frozen=True)
class Cast:
    """The agents of a run, and how they are asked. `tokens`: of a question, 0 for any number; `patience`:
    seconds of a call; `closing` as the argument of that name."""

    agents: Sequence[Agent]
    tokens: int = 0
    patience: float = 600.0
    closing: str = "adversary"
    temperature: float = 1.0


@dataclass
class Turn:
    """What one agent said in one round. `text` is what others read, `body` the same without the answer.
    `failed` says why it is silent, `forced` that its answer was given to it; `heard` and `before` are the
    agents that it heard of this round and of the round before. `tokens` (in, out) are None where the server
    reports none."""

    answer: Any = None
    text: str = ""
    body: str = ""
    tokens: tuple[int, int] | None = None
    failed: str | None = None
    forced: bool = False
    vector: Sequence[float] | None = None
    heard: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    quoted: str = ""

    @property
    def silent(self) -> bool:
        return self.failed is not None
