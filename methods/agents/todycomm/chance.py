"""Rows of reference by chance: TodyComm's graphs and vote under credits that know nothing.

From the simulator of the notes, "random mask and order" and "all selected, random credit order" [R]. Credits
are drawn evenly from 0 to 1, anew in each round and at the decision. `random-mask` selects each agent by the
toss of a coin, `random-order` all. Edges go from more to less credited agents within the budgets
(selection.py): a chain at 1/1, all pairs without a budget. Round 0 has no edges, no round has any from the
round before. The vote is weighted by credits (deciding.py); all vote where none of the selected answered.
That the notes' rows weigh the vote so is inferred: their figures lie nearer to it than to a plain majority.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.methods.agents.todycomm.deciding import vote_weights
from harness.methods.agents.todycomm.selection import by_credit, edges
from harness.methods.agents.topologies.votes import voters
from harness.methods.agents.topology import Bits, Decision, Episode, Floats, Graph, Said, Setting, Topology


class Chance(Topology):
    """`random-mask` or `random-order`, as `args["topology"]` says."""

    def start(self, setting: Setting) -> Episode:
        return _Tossed(setting, share=0.5 if self.args["topology"] == "random-mask" else 1.0)


class _Tossed(Episode):
    def __init__(self, setting: Setting, share: float) -> None:
        self.setting, self.share = setting, share

    def _toss(self) -> tuple[Bits, Floats]:
        """(B, N) the selected, and the credits."""
        coins, credits = self.setting.rng.random((2, self.setting.batch, self.setting.agents))
        return coins < self.share, credits

    def graph(self, r: int, said: Sequence[Said]) -> Graph:
        import numpy as np

        selected, credits = self._toss()
        none = np.zeros((*selected.shape, self.setting.agents), dtype=bool)
        if not r:
            return Graph(selected | True, none, none, credits=credits)
        spatial = edges(selected, by_credit(credits), self.setting.outs, self.setting.ins)
        return Graph(selected, spatial, none, credits=credits)

    def decide(self, said: Sequence[Said]) -> Decision:
        selected, credits = self._toss()
        votes, fallback = voters(selected, said[-1], self.setting.space)
        return Decision(selected, vote_weights(credits, votes), fallback, credits)
