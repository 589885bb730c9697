"""Plays a batch of conversations: rounds of graphs and of what is said, then the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from harness.methods.agents.topology import Decision, Graph, Played, Said, Setting, Topology

if TYPE_CHECKING:
    from harness.methods.agents.topology import Ints


class Panel(Protocol):
    """The agents of a batch: real models (`live.py`) or simulated ones (`simulated.py`). It knows the
    questions, the adversaries and their wrong answers."""

    async def speak(self, r: int, graph: Graph, said: list[Said]) -> Said:
        """What all agents say in round `r`, each after those that it hears in `graph.spatial`."""


async def play(topology: Topology, panel: Panel, setting: Setting) -> Played:
    """One batch of conversations."""
    episode, graphs, said = topology.start(setting), list[Graph](), list[Said]()
    for r in range(setting.rounds):
        graphs.append(episode.graph(r, said))
        said.append(await panel.speak(r, graphs[-1], said))
    decision = episode.decide(said)
    return Played(graphs, said, decision, taken(said[-1], decision))


def taken(last: Said, decision: Decision) -> Ints:
    """(B,) the answer with the largest sum of weights; of equal sums the first in the answers' order; -1
    where nobody who answered has a weight and nobody answered at all. Weights that fall on agents without
    an answer alone count as no selection: all who answered vote alike."""
    import numpy as np

    if decision.answers is not None:
        return decision.answers
    answered = last.answers >= 0
    weights = np.where(answered, decision.weights, 0.0)
    weights = np.where(weights.sum(1, keepdims=True) > 0, weights, answered.astype(float))
    size = int(last.answers.max(initial=-1)) + 1
    if size == 0:
        return np.full(len(weights), -1, dtype=np.int64)
    sums = np.zeros((len(weights), size))
    rows, agents = np.nonzero(answered)
    np.add.at(sums, (rows, last.answers[rows, agents]), weights[rows, agents])
    return np.where(answered.any(1), sums.argmax(1), -1).astype(np.int64)
