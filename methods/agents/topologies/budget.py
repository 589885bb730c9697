"""Cuts a graph to what an agent may send and receive in a round.

The sources of the fixed and learned graphs know no budget; that they are cut, and how, is a reconstruction,
so that all methods can be compared at the same number of messages.
"""

from __future__ import annotations

from dataclasses import replace

from harness.methods.agents.topology import Bits, Graph


def cut(graph: Graph, outs: int | None, ins: int | None) -> Graph:
    """The graph with at most `outs` messages sent and `ins` received by each agent, None for any number.

    Texts of the same round and of the round before count together. An agent's own text (the temporal
    diagonal) is no message and stays. Edges are taken while both agents have room, in this order: those of
    the same round, then those of the round before; of each kind the ones from an agent to the next by number
    first (the first follows on the last), then to the one after that, and so on; of equal distances that
    of the lower sender. So a total order becomes a chain at 1/1, and a debate a ring.
    """
    import numpy as np

    if outs is None and ins is None:
        return graph
    batch, agents = graph.selected.shape
    sent, got = np.zeros((2, batch, agents), dtype=np.int64)
    most_out, most_in = agents * 2 if outs is None else outs, agents * 2 if ins is None else ins

    def kept(edges: Bits) -> Bits:
        found = edges & np.eye(agents, dtype=bool)
        for step in range(1, agents):
            for sender in range(agents):
                receiver = (sender + step) % agents
                free = (sent[:, sender] < most_out) & (got[:, receiver] < most_in)
                found[:, receiver, sender] = take = edges[:, receiver, sender] & free
                sent[:, sender] += take
                got[:, receiver] += take
        return found

    return replace(graph, spatial=kept(graph.spatial), temporal=kept(graph.temporal))
