"""The adversary: which agents turn against the others, when, and for which wrong answer they all argue.

As in the presumed code of arXiv 2602.03688. `random`: max(2, floor(rate * N)) agents, drawn without
replacement, each from a round of its own, uniform over the rounds 2 .. T-1 (index from 0), and to the end; at
rate 0 none (a reconstruction).
`fixed`: floor(rate * N) agents, all from round 2 on. All adversaries of a question argue for one wrong
answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.base.errors import UsageError
from harness.methods.agents.topology import NEVER

if TYPE_CHECKING:
    import numpy as np

    from harness.methods.agents.topology import Ints

#: the round (index from 0) in which `fixed` adversaries turn, and from which `random` ones may
FIRST = 2


@dataclass(frozen=True)
class Attack:
    """`kind`: none, random or fixed. `rate`: share of the agents, 0 .. 1."""

    kind: Literal["none", "random", "fixed"] = "none"
    rate: float = 0.4

    def count(self, agents: int) -> int:
        """How many of `agents` turn adversary."""
        if self.kind == "none" or self.rate == 0:
            return 0
        own = int(self.rate * agents + 1e-9)
        return min(max(2, own) if self.kind == "random" else own, agents)

    def flips(self, batch: int, agents: int, rounds: int, rng: np.random.Generator) -> Ints:
        """(B, N) the round in which each agent turns, NEVER for those that don't.

        Raises:
            UsageError: there is no round in which an agent could turn.
        """
        import numpy as np

        found = np.full((batch, agents), NEVER, dtype=np.int64)
        if not (n := self.count(agents)):
            return found
        if rounds <= FIRST:
            raise UsageError(
                f"attack={self.kind}: adversaries turn in the third round, and there are rounds={rounds}; "
                f"take -M rounds={FIRST + 1} or more, or -M attack=none"
            )
        who = rng.permuted(np.tile(np.arange(agents), (batch, 1)), axis=1)[:, :n]
        when = np.full((batch, n), FIRST) if self.kind == "fixed" else rng.integers(FIRST, rounds, (batch, n))
        np.put_along_axis(found, who, when, axis=1)
        return found
