"""Plays a batch of conversations: rounds of graphs and of what is said, then the decision. An agent that is
silent in the last round is counted with what it last said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from harness.methods.agents.topology import Decision, Graph, Played, Said, Setting, Space, Topology

if TYPE_CHECKING:
    from harness.methods.agents.topology import Ints


class Panel(Protocol):
    """The agents of a batch: real models (`live/panel.py`) or simulated ones (`simulated.py`). It knows the
    questions, the adversaries and their wrong answers."""

    async def speak(self, r: int, graph: Graph, said: list[Said]) -> Said:
        """What all agents say in round `r`, each after those that it hears in `graph.spatial`."""


async def play(topology: Topology, panel: Panel, setting: Setting) -> Played:
    """One batch of conversations."""
    episode, graphs, said = topology.start(setting), list[Graph](), list[Said]()
    for r in range(setting.rounds):
        graphs.append(episode.graph(r, said))
        said.append(await panel.speak(r, graphs[-1], said))
    last = standing(said)
    decision = episode.decide([*said[:-1], last])
    return Played(graphs, said, decision, taken(last, decision, setting.space))


def standing(said: Sequence[Said]) -> Said:
    """What every agent last said: in the last round, or, where it was silent there, in the latest round in
    which it spoke."""
    import numpy as np

    last = said[-1]
    if last.spoke.all():
        return last
    spoke = np.stack([each.spoke for each in said])
    # of an agent that never spoke: the last round, where it is silent
    latest = len(said) - 1 - spoke[::-1].argmax(0)
    rows, agents = np.indices(latest.shape)

    def of(arrays: Sequence[Any]) -> Any:
        return np.stack(arrays)[latest, rows, agents]

    values = None if last.values is None else of([each.values for each in said])
    spoken = np.asarray(spoke.any(0))
    return Said(of([s.answers for s in said]), of([s.vectors for s in said]), spoken, values)


def taken(last: Said, decision: Decision, space: Space) -> Ints:
    """(B,) the answer with the largest sum of weights; -1 where nobody who answered has a weight and nobody
    answered at all. Weights that fall on agents without an answer alone count as no selection: all who
    answered vote alike.

    Of equal sums the first option is taken, as in the presumed code, and where answers are no options that of
    the agent with the lowest number: their places are in the order in which they came up in the
    conversation, and what adversaries argue for comes up late."""
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
    best = sums.argmax(1)
    if space.kind != "choice":
        largest = np.take_along_axis(sums, best[:, None], axis=1)
        among = (np.take_along_axis(sums, np.maximum(last.answers, 0), axis=1) == largest) & (weights > 0)
        best = np.where(among.any(1), last.answers[np.arange(len(best)), among.argmax(1)], best)
    return np.where(answered.any(1), best, -1).astype(np.int64)
