"""A probability for every edge, learned by REINFORCE: GPTSwarm and AgentPrune.

Both [C], from their released code: a logit for each pair of agents, 0 at first (probability one half), the
same in all rounds; edges are drawn one by one without cycles, anew for each question and round; the loss of
reinforced.py, Adam with lr 0.1, batch 4. Round 0 has edges of the same round. The decision is a plain
majority of the last answers: GPTSwarm's own on questions with options [C]; AgentPrune's code has it beside
its default, a model that decides [R]. Budgets cut what was drawn, after its log-probability was taken [R].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.methods.agents.topologies.budget import cut
from harness.methods.agents.topologies.edges import acyclic, drawn
from harness.methods.agents.topologies.reinforced import Reinforced
from harness.methods.agents.topologies.votes import everyone
from harness.methods.agents.topology import Bits, Decision, Episode, Floats, Graph, Said, Setting

#: edges of the same round, and of the round before
KINDS = ("spatial", "temporal")


def prune(logits: Floats, live: Bits, rate: float) -> Bits:
    """The live edges (N, N) without the share `rate` of them that have the lowest logits: as many as that
    share rounded half to even, at least one. Of equal logits the edge that is drawn first goes first; the
    released code leaves that open [R]."""
    import numpy as np

    count = min(max(round(rate * int(live.sum())), 1), int(live.sum()))
    order = np.argsort(np.where(live, logits, np.inf).T, axis=None, kind="stable")  # sender by sender
    left = live.T.flatten()
    left[order[:count]] = False
    return left.reshape(live.shape).T


class LiveEdges(Reinforced):
    """Logits of edges, and which edges are live, which are those that may come."""

    def keep(self, logits: Mapping[str, Any], live: Mapping[str, Any]) -> None:
        """Makes the network: logits, 0 at first, in the shapes of the tensors given, and the live edges."""
        from torch import nn, zeros

        self.network = nn.ParameterDict(
            {
                **{name: nn.Parameter(zeros(like.shape)) for name, like in logits.items()},
                **{f"live_{name}": nn.Parameter(bits, requires_grad=False) for name, bits in live.items()},
            }
        )

    def live(self, kind: str) -> Bits:
        """The live edges of a kind; writing into it changes them."""
        bits: Bits = self.network[f"live_{kind}"].numpy()
        return bits


class EdgeLogits(LiveEdges):
    """What GPTSwarm and AgentPrune share: logits and live edges (N, N)."""

    #: which edges are learned; the others are all there
    learned: tuple[str, ...] = KINDS

    def make(self, size: dict[str, int], seed: int) -> None:
        import torch

        self.size = size
        every = torch.ones((size["agents"],) * 2, dtype=torch.bool)
        live = {"spatial": every & ~torch.eye(size["agents"], dtype=torch.bool), "temporal": every}
        self.keep({name: every for name in self.learned}, live)
        self.optimize([self.network[name] for name in self.learned])

    def start(self, setting: Setting) -> Episode:
        self.fit_for(setting)
        return _Drawing(self, setting)

    def choose(self, kind: str, setting: Setting) -> tuple[Bits, Any]:
        """Edges (B, N, N) of one kind for a round, and their log-probability where it is learning."""
        return drawn(
            self.network[kind],
            self.live(kind),
            setting.batch,
            setting.rng,
            cycles=kind == "temporal",
            learning=setting.learning,
        )


class GPTSwarm(EdgeLogits):
    """Edges of the same round are learned; those of the round before are all there, as AgentPrune's authors
    play it (their engine has rounds, GPTSwarm's has none) [C].

    At test time the edges with a probability above one half, through the check for cycles, the same for
    every question [C]. Its own code makes 200 updates by default; here `updates` is AgentPrune's 10, so that
    both learn from as many questions [R].
    """

    learned = ("spatial",)

    def choose(self, kind: str, setting: Setting) -> tuple[Bits, Any]:
        import numpy as np

        live = self.live(kind)
        if kind in self.learned:
            if setting.learning:
                return super().choose(kind, setting)
            likely = live & (self.network[kind].detach().numpy() > 0)
            live = acyclic(likely[None])[0][0]
        return np.tile(live, (setting.batch, 1, 1)), None


class AgentPrune(EdgeLogits):
    """Edges of both kinds are learned, and every five updates a quarter of the live ones is dropped for good:
    of 36 temporal ones 9, then 7, of 30 spatial ones 8, then 6. The paper's low-rank regulariser isn't in
    the released training [C].

    After training, logits and live edges are fixed; the live ones are still drawn for each question, as the
    released evaluation does [C].
    """

    every, share = 5, 0.25

    def after(self, update: int) -> None:
        if update % self.every == 0:
            for name in self.learned:
                live = self.live(name)
                live[:] = prune(self.network[name].detach().numpy(), live, self.share)


class _Drawing(Episode):
    def __init__(self, method: EdgeLogits, setting: Setting) -> None:
        self.method, self.setting = method, setting

    def graph(self, r: int, said: Sequence[Said]) -> Graph:
        import numpy as np

        setting = self.setting
        spatial, logp = self.method.choose("spatial", setting)
        temporal, more = self.method.choose("temporal", setting) if r else (np.zeros_like(spatial), None)
        selected = np.ones(spatial.shape[:2], dtype=bool)
        logp = logp if more is None else logp + more
        return cut(Graph(selected, spatial, temporal, logp=logp), setting.outs, setting.ins)

    def decide(self, said: Sequence[Said]) -> Decision:
        return everyone(self.setting)
