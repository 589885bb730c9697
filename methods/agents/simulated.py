"""Conversations of simulated agents, many at once: what `sim/agents` says call by call, for training and for
experiments. Their questions are the simulator's own: gold is uniform, and there is no text to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.base.digest import seed_of
from harness.methods.agents.attack import Attack
from harness.methods.agents.topology import Graph, Said, Setting, Space
from harness.model.agents.answers import slips
from harness.model.agents.law import Agents, Questions
from harness.model.agents.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from harness.methods.agents.topology import Floats, Ints, Vectors
    from harness.model.ledger import Usage


@dataclass(frozen=True)
class World:
    """Simulated agents, the attack on them and the limits of their talk: all that a batch is drawn from.

    Attributes:
        settings: what the agents are like.
        agents: N; `rounds`: T; `outs` and `ins` as in `Setting`.
        space: of the answers; a choice has as many options as it says, anything else those of `settings`.
    """

    settings: Settings = field(default_factory=Settings)
    agents: int = 6
    rounds: int = 4
    outs: int | None = 1
    ins: int | None = 1
    attack: Attack = field(default_factory=Attack)
    space: Space = Space("choice", 4)

    def panel(self, batch: int, *seed: object) -> SimulatedPanel:
        """B new conversations: `seed` decides questions, adversaries and every chance in what agents say, so
        that two topologies can be compared on the same."""
        import numpy as np

        rng = np.random.default_rng(seed_of("conversations", *seed))
        options = self.space.size if self.space.kind == "choice" else self.settings.options
        agents = Agents(self.settings, self.agents, options)
        flips = self.attack.flips(batch, self.agents, self.rounds, rng)
        return SimulatedPanel(agents, agents.questions(batch, rng), flips, rng, self.space.kind == "number")

    def setting(
        self, batch: int, *seed: object, learning: bool = False, flips: Ints | None = None
    ) -> Setting:
        """What a topology is told of a batch; `seed` decides its own draws. Texts of roles are fixed
        directions, and those of questions tell nothing of their answers."""
        import numpy as np

        rng = np.random.default_rng(seed_of("topology", *seed))
        width = self.settings.width
        roles = [self.settings.direction("role", i) for i in range(self.agents)]
        return Setting(
            batch=batch,
            agents=self.agents,
            rounds=self.rounds,
            space=self.space,
            width=width,
            rng=rng,
            queries=_units(np.random.default_rng(seed_of("queries", *seed)).normal(size=(batch, width))),
            roles=_units(np.array(roles)),
            flips=flips,
            outs=self.outs,
            ins=self.ins,
            learning=learning,
        )


class SimulatedPanel:
    """The simulated agents of a batch of conversations.

    Attributes:
        asked: the questions, with what is gold and what adversaries argue for.
        flips: (B, N) the round in which each agent turns.
        messages: (B,) messages that were sent so far; one's own text of the round before is none.
        read, written: (B,) tokens so far.
    """

    def __init__(
        self, agents: Agents, asked: Questions, flips: Ints, rng: np.random.Generator, numbers: bool = False
    ) -> None:
        import numpy as np

        self.asked, self.flips, self._agents, self._rng = asked, flips, agents, rng
        batch = len(asked.gold)
        self.messages, self.read, self.written = (np.zeros(batch, np.int64) for _ in range(3))
        self.calls = 0
        self._values = _numbers(asked.gold, agents.options, rng) if numbers else None

    async def speak(self, r: int, graph: Graph, said: list[Said]) -> Said:
        """What all agents say in round `r`; see `Panel`."""
        import numpy as np

        turned = self.flips <= r
        # an adversary reads nothing, and nothing was said before the first round
        spatial = graph.spatial & ~turned[..., None]
        temporal = graph.temporal & ~turned[..., None] & bool(said)
        before = said[-1].answers if said else None
        answers = self._agents.answers(self.asked, spatial, temporal, before, turned, self._rng)
        vectors = self._agents.vectors(answers, turned, self._rng)
        read, written = self._agents.tokens(spatial, temporal)
        others = ~np.eye(turned.shape[1], dtype=bool)
        self.messages += graph.spatial.sum((1, 2)) + (graph.temporal & others & bool(said)).sum((1, 2))
        self.read, self.written = self.read + read.sum(1), self.written + written.sum(1)
        self.calls += answers.size
        values = None if self._values is None else np.take_along_axis(self._values, answers, axis=1)
        return Said(answers, vectors, np.ones_like(turned), values)

    def right(self, answers: Ints) -> Floats:
        """(B,) 1 where an answer, by place, is gold, else 0."""
        right: Floats = (answers == self.asked.gold).astype(float)
        return right

    def usage(self) -> Usage:
        """What the conversations took so far."""
        from harness.model.ledger import Usage

        return Usage(
            calls=self.calls, input_tokens=int(self.read.sum()), output_tokens=int(self.written.sum())
        )


def _units(rows: Floats) -> Vectors:
    import numpy as np

    units: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units


def _numbers(gold: Ints, options: int, rng: np.random.Generator) -> Floats:
    """(B, K) the number at each place: gold, 2 to 999, and slips of it."""
    import numpy as np

    found = np.empty((len(gold), options))
    for row, place in zip(found, gold, strict=True):
        right = str(rng.integers(2, 1000))
        row[:] = np.insert(np.array(slips(right, options - 1), float), place, float(right))
    return found
