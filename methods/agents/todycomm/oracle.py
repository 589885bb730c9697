"""A ceiling that is told who the true adversaries are.

From the simulator of the notes [R]: an agent is muted from the round in which it turns; the others talk in
order of their numbers, in a chain or, `graph=unlimited`, each to all later ones within the budgets. Round 0
has no edges, no round has any from the round before. The decision is a plain majority of those that didn't
turn, of all where none of them answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.methods.agents.todycomm.selection import edges
from harness.methods.agents.topologies.votes import majority
from harness.methods.agents.topology import Bits, Decision, Episode, Floats, Graph, Said, Setting, Topology


class OracleMute(Topology):
    """Mutes the true adversaries; no method, since none is told. `args`: `graph`, chain or unlimited."""

    sees_adversaries = True

    def start(self, setting: Setting) -> Episode:
        chain = self.args.get("graph", "unlimited") == "chain"
        return _Told(replace(setting, outs=1, ins=1) if chain else setting)


class _Told(Episode):
    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def _loyal(self, r: int) -> Bits:
        """(B, N) who hasn't turned by round `r`."""
        import numpy as np

        setting = self.setting
        if setting.flips is None:  # nobody turns
            return np.ones((setting.batch, setting.agents), dtype=bool)
        return setting.flips > r

    def graph(self, r: int, said: Sequence[Said]) -> Graph:
        import numpy as np

        setting, loyal = self.setting, self._loyal(r)
        none = np.zeros((*loyal.shape, setting.agents), dtype=bool)
        order = np.tile(np.arange(setting.agents), (setting.batch, 1))
        spatial = edges(loyal, order, setting.outs, setting.ins) if r else none
        return Graph(loyal, spatial, none, credits=_credits(loyal))

    def decide(self, said: Sequence[Said]) -> Decision:
        loyal = self._loyal(self.setting.rounds - 1)
        return replace(majority(loyal, said[-1], self.setting.space), credits=_credits(loyal))


def _credits(loyal: Bits) -> Floats:
    return loyal.astype(float)
