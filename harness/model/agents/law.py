"""The law of simulated agents, over B questions and N agents at once: what each knows, says and writes.

The notes' stochastic agents (a reconstruction: no source has them). One of a question's K answers is gold,
and one of the others is what all its adversaries argue for. An agent knows gold with probability p, else a
uniform wrong answer. In a round a benign agent says what it knows with probability h, else a fresh
independent draw; then, where it hears answers of which the most frequent has share s, it adopts that one
(ties at random) with probability kappa * s. An adversary says the wrong answer whatever it hears. The
vector of a text is the unit vector of (answer's vector + honesty * flaw, if an adversary wrote it, +
noise).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.model.agents.settings import AGENTS, Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bits = NDArray[np.bool_]
    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Vectors = NDArray[np.float32]


@dataclass
class Questions:
    """What is drawn for B questions and N agents before the first round.

    `gold` and `wrong` (B,) are places 0 .. K-1 of answers; `p` (B,) is the probability that an agent of
    average ability knows gold, `ability` (B, N) that of each agent, `known` (B, N) the place of what
    it knows.
    """

    gold: Ints
    wrong: Ints
    p: Floats
    ability: Floats
    known: Ints


class Agents:
    """Simulated agents; every draw comes from the generator that is handed in, in a fixed order."""

    def __init__(self, settings: Settings, agents: int, options: int | None = None) -> None:
        """`agents`: N, 1 to 64; `options`: K, the settings' own where it isn't given."""
        import numpy as np

        if not 1 <= agents <= AGENTS:
            raise ValueError(f"{agents} agents: 1 to {AGENTS} are simulated")
        self.settings, self.agents, self.options = settings, agents, options or settings.options
        self._offsets = settings.offsets(agents)
        self._answers = np.stack([settings.direction("answer", k) for k in range(self.options)])
        self._flaw = settings.direction("flaw")

    def questions(self, batch: int, rng: np.random.Generator) -> Questions:
        """B new questions: gold uniform, the adversaries' answer uniform among the others."""
        import numpy as np

        s, shape = self.settings, (batch, self.agents)
        gold = rng.integers(self.options, size=batch)
        wrong = (gold + rng.integers(1, self.options, size=batch)) % self.options
        p = np.full(batch, s.p)
        if s.concentration is not None and 0 < s.p < 1:
            p = rng.beta(s.p * s.concentration, (1 - s.p) * s.concentration, size=batch)
        ability = np.clip(p[:, None] + self._offsets, 0.0, 1.0)
        return Questions(gold, wrong, p, ability, self._draw(gold[:, None], ability, rng.random((2, *shape))))

    def _draw(self, gold: Ints, ability: Floats, u: Floats) -> Ints:
        """Gold with the probability of ability, else one of the others; `u` (2, B, N) is uniform."""
        import numpy as np

        other = (gold + 1 + (u[1] * (self.options - 1)).astype(np.int64)) % self.options
        return np.where(u[0] < ability, gold, other)

    def answers(
        self,
        asked: Questions,
        spatial: Bits,
        temporal: Bits,
        before: Ints | None,
        turned: Bits,
        rng: np.random.Generator,
    ) -> Ints:
        """(B, N) what the agents answer in a round, each after those that it hears.

        Args:
            asked: the questions.
            spatial: (B, N, N) [receiver, sender] edges of this round, acyclic.
            temporal: (B, N, N) edges from `before`.
            before: (B, N) answers of the round before; None in the first.
            turned: (B, N) whether an agent is an adversary in this round.
            rng: draws the same numbers whatever the edges.

        Raises:
            ValueError: the edges of this round have a cycle.
        """
        import numpy as np

        s, u = self.settings, rng.random((5, *turned.shape))
        fresh = self._draw(asked.gold[:, None], asked.ability, u[1:3])
        own = np.where(u[0] < s.h, asked.known, fresh)
        places = np.arange(self.options)
        counts = np.zeros((*turned.shape, self.options))
        if before is not None and temporal.any():
            counts += temporal.astype(float) @ (before[..., None] == places)
        said = np.where(turned, asked.wrong[:, None], -1)
        edges = spatial.astype(float)
        while (waiting := said < 0).any():
            ready = waiting & ~(spatial & waiting[:, None, :]).any(2)
            if not ready.any():
                raise ValueError("the edges of a round have a cycle: nobody can answer first")
            # receivers that are ready hear everyone who has answered, and nobody else sends to them
            heard = counts + edges @ (said[..., None] == places)
            most, total = heard.max(2), heard.sum(2)
            adopts = u[3] * total < s.kappa * most
            said = np.where(ready, np.where(adopts, _most_frequent(heard, most, u[4]), own), said)
        return said

    def vectors(self, answers: Ints, turned: Bits, rng: np.random.Generator) -> Vectors:
        """(B, N, D) unit vectors of the texts that come with the answers."""
        import numpy as np

        s = self.settings
        made = self._answers[answers] + s.honesty * turned[..., None] * self._flaw
        made = made + s.noise * rng.normal(size=(*answers.shape, s.width))
        unit: Vectors = (made / np.linalg.norm(made, axis=-1, keepdims=True)).astype(np.float32)
        return unit

    def tokens(self, spatial: Bits, temporal: Bits) -> tuple[Ints, Ints]:
        """(B, N) tokens that each agent reads and writes in a round."""
        import numpy as np

        heard = spatial.sum(2) + temporal.sum(2)
        read = self.settings.base + self.settings.message * heard
        return read.astype(np.int64), np.full(heard.shape, self.settings.message, dtype=np.int64)


def _most_frequent(counts: Floats, most: Floats, u: Floats) -> Ints:
    """(B, N) the place of the largest count, ties by `u`, uniform in [0, 1)."""
    import numpy as np

    tied = counts == most[..., None]
    wanted = (u * tied.sum(-1)).astype(np.int64)
    found: Ints = ((tied.cumsum(-1) == wanted[..., None] + 1) & tied).argmax(-1)
    return found
