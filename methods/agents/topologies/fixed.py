"""Graphs that don't depend on what is said, and a plain majority of the last answers.

Masks as in the released code of AgentPrune, AgentDropout and G-Designer [C]; edges of the same round go
through a check for cycles, edges from the round before don't, and self-edges among them show an agent its
own text. Round 0 has the edges of the same round. That code also passes fixed edges of the round before
through the check for cycles of the same round, which takes self-edges and edges against a path of the round:
here the masks are kept whole. What is a star in its runs on MMLU is a mesh under the same name in others;
here it is the star. `tree` is in none of them: a binary tree [R].

The decision is a plain majority, one of that code's ways (FinalMajorVote); its default asks a model to
decide, which would be one more call than others have [R]. LLM-Debate (arXiv 2305.14325) takes the majority.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.methods.agents.topologies.budget import cut
from harness.methods.agents.topologies.edges import acyclic
from harness.methods.agents.topologies.votes import everyone
from harness.methods.agents.topology import Bits, Decision, Episode, Graph, Said, Setting, Topology

if TYPE_CHECKING:
    import numpy as np

#: the graphs that are known
NAMES = (
    "independent",
    "fully-connected",
    "chain",
    "star",
    "tree",
    "layered",
    "mesh",
    "random",
    "debate",
)


def masks(name: str, agents: int, rng: np.random.Generator) -> tuple[Bits, Bits]:
    """Edges of the same round, without cycles, and of the round before, both (N, N) ``[receiver, sender]``.

    Args:
        rng: draws the coins of `random` and the layers of `layered`.
    """
    import numpy as np

    number = np.arange(agents)
    receiver, sender = number[:, None], number
    none, all_ = np.zeros((2, agents, agents), dtype=bool), np.ones((2, agents, agents), dtype=bool)
    spatial, temporal = none[0], all_[1]
    if name == "independent":
        temporal = none[1]
    elif name == "fully-connected":
        spatial = all_[0]
    elif name == "chain":
        spatial = receiver == sender + 1
        temporal = (receiver == 0) & (sender == agents - 1)
    elif name == "star":
        spatial = (sender == 0) & (receiver > 0)
    elif name == "tree":
        spatial = (receiver > 0) & (sender == (receiver - 1) // 2)
    elif name == "layered":
        second = rng.permutation(number >= agents - agents // 2)
        spatial = ~second & second[:, None]
    elif name == "mesh":
        spatial = sender < receiver
    elif name == "random":
        spatial, temporal = rng.random((2, agents, agents)) < 0.5
    else:
        assert name == "debate", name
    return acyclic(spatial[None])[0][0], temporal


class Fixed(Topology):
    """The graph that `args["topology"]` names. `args["draw"]`, a number drawn once a run, settles the coins
    of `random` and the layers of `layered`, alike for all questions."""

    def start(self, setting: Setting) -> Episode:
        import numpy as np

        rng = np.random.default_rng([int(self.args.get("draw") or 0), setting.agents])
        spatial, temporal = masks(self.args["topology"], setting.agents, rng)
        selected = np.ones((1, setting.agents), dtype=bool)
        first, later = (
            cut(Graph(selected, spatial[None], edges[None]), setting.outs, setting.ins)
            for edges in (np.zeros_like(temporal), temporal)
        )
        return _Same(setting, first, later)


class _Same(Episode):
    """One graph for the first round and one for all later ones."""

    def __init__(self, setting: Setting, first: Graph, later: Graph) -> None:
        self.setting, self.first, self.later = setting, first, later

    def graph(self, r: int, said: Sequence[Said]) -> Graph:
        import numpy as np

        one = self.later if r else self.first
        batch = self.setting.batch
        return Graph(
            np.repeat(one.selected, batch, axis=0),
            np.repeat(one.spatial, batch, axis=0),
            np.repeat(one.temporal, batch, axis=0),
        )

    def decide(self, said: Sequence[Said]) -> Decision:
        return everyone(self.setting)
