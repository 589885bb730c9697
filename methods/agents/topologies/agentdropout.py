"""AgentDropout: for every round, one agent is dropped and then the weakest edges (arXiv 2503.18891).

Two stages of training, as in the released code [C], both with utility 1 or 0, Adam, lr 0.1:

1. *Agents.* The graph is complete (a total order by number; all edges from the round before). In each
   round one agent is muted, drawn with the softmax of its degree: the sum of the logits of its edges
   of the same round. Log P of a muted agent is (N - 1) times the sum of log(1 - sigmoid) over its edges, of
   each other agent the sum of log sigmoid over its own; the code writes 4 at N = 5, that it stands for N - 1
   is inferred. Then each round drops for good the agent with the least mean weighted degree, the sum of its
   row and column over 2 (N - 1), and with it all its edges.
2. *Edges.* Fresh logits for each round, drawn as in AgentPrune; the loss -log P * utility gains the mean over
   rounds of the nuclear norm of each kind of logits, and a hinge: what the mean Frobenius distance of the
   logits to the full mask has beyond 0.1. Half way through the stage and at its end the lowest tenth of each
   round's live edges is dropped. Afterwards the live edges are drawn for each question, as the released
   evaluation does.

What is ours [R]: the released code learns on 2 batches of 20 questions, then 4 of 10; here `updates` are
halved between the stages and all of one size (20 of 4 by default, as many questions in all). A dropped agent
isn't asked there and is shown as "None."; here it is asked like TodyComm's unselected agents (and paid for),
but nobody hears it, it hears nobody, and dropped in the last round it has no vote. The decision is a plain
majority, not a model that decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.methods.agents.topologies.budget import cut
from harness.methods.agents.topologies.edge_logits import KINDS, LiveEdges, prune
from harness.methods.agents.topologies.edges import drawn
from harness.methods.agents.topologies.votes import majority
from harness.methods.agents.topology import Bits, Decision, Episode, Graph, Ints, Said, Setting


class AgentDropout(LiveEdges):
    """Logits and live edges are (T, N, N), temporal ones (T - 1, N, N). `args`: also `updates` (0 or absent:
    20)."""

    updates = 20
    sizes = ("agents", "rounds")
    share, slack = 0.1, 0.1

    def __init__(self, args: dict[str, Any]) -> None:
        super().__init__(args)
        #: the update after which agents are dropped, and those after which edges are
        self.first, self.prunes = 0, set[int]()
        self.expect(int(args.get("updates") or self.updates))
        #: the agent dropped in each round; none yet in the first stage
        self.dropped: list[int] = []

    def expect(self, updates: int) -> None:
        self.first = (updates + 1) // 2
        self.prunes = {(self.first + updates + 1) // 2, updates} - {self.first}

    def make(self, size: dict[str, int], seed: int) -> None:
        import torch

        self.size, self.dropped = size, []
        agents, rounds = size["agents"], size["rounds"]
        off = ~torch.eye(agents, dtype=torch.bool)
        live = {"spatial": off.repeat(rounds, 1, 1), "temporal": (off | True).repeat(rounds - 1, 1, 1)}
        # degrees of agents in the first stage, then edges; the first round has none from a round before
        self.keep({"degree": live["spatial"], **live}, live)
        self.optimize([self.network["degree"]])

    def start(self, setting: Setting) -> Episode:
        self.fit_for(setting)
        if setting.learning and not self.dropped:
            return _Muting(self, setting)
        return _Drawing(self, setting)

    def regulariser(self) -> Any:
        """Of the second stage: nuclear norms and hinges, means over rounds; a tensor."""
        import torch

        found = torch.zeros(())
        for kind in KINDS if self.dropped else ():
            logits = self.network[kind]
            if len(logits):
                full = torch.ones(logits.shape)
                if kind == "spatial":
                    full = full - torch.eye(logits.shape[-1])
                distance = torch.linalg.matrix_norm(full - logits).mean()
                found = found + torch.linalg.matrix_norm(logits, "nuc").mean()
                found = found + torch.relu(distance - self.slack)
        return found

    def after(self, update: int) -> None:
        if update == self.first:
            self._drop()
        elif update in self.prunes:
            for kind in KINDS:
                for logits, live in zip(self.network[kind].detach().numpy(), self.live(kind), strict=True):
                    live[:] = prune(logits, live, self.share)

    def _drop(self) -> None:
        weights = self.network["degree"].detach().numpy()
        mean = (weights.sum(1) + weights.sum(2)) / max(2 * (self.size["agents"] - 1), 1)
        self.dropped = mean.argmin(1).tolist()
        spatial, temporal = self.live("spatial"), self.live("temporal")
        for r, agent in enumerate(self.dropped):
            spatial[r, agent] = spatial[r, :, agent] = False
            temporal[max(r - 1, 0) : r, agent] = False  # it hears nobody
            temporal[r : r + 1, :, agent] = False  # and nobody hears it in the next round
        self.optimize([self.network[kind] for kind in KINDS])

    def facts(self) -> dict[str, Any]:
        return {"dropped": self.dropped}

    def resume(self, told: dict[str, Any]) -> None:
        dropped = [int(agent) for agent in told["dropped"]]
        agents = range(self.size["agents"])
        if dropped and not (
            len(dropped) == self.size["rounds"] and all(agent in agents for agent in dropped)
        ):
            raise ValueError("one agent of each round")
        self.dropped = dropped
        if dropped:
            self.optimize([self.network[kind] for kind in KINDS])


class _Muting(Episode):
    """Stage 1: the complete graph without one agent a round."""

    def __init__(self, method: AgentDropout, setting: Setting) -> None:
        self.method, self.setting = method, setting
        self.heard: Bits

    def graph(self, r: int, said: Sequence[Said]) -> Graph:
        import numpy as np

        batch, agents = self.setting.batch, self.setting.agents
        order = np.tri(agents, k=-1, dtype=bool)
        muted, logp = muting(self.method.network["degree"][r], order, self.setting.batch, self.setting.rng)
        heard = np.arange(agents) != muted[:, None]
        spatial = order & heard[:, :, None] & heard[:, None]
        before = self.heard if r else np.zeros((batch, agents), dtype=bool)
        temporal = heard[:, :, None] & before[:, None]
        self.heard = heard
        return cut(Graph(heard, spatial, temporal, logp=logp), self.setting.outs, self.setting.ins)

    def decide(self, said: Sequence[Said]) -> Decision:
        return majority(self.heard, said[-1], self.setting.space)


def muting(degree: Any, order: Bits, batch: int, rng: Any) -> tuple[Ints, Any]:
    """The agent (B,) that is muted in a round, and what the released code takes as its log-probability (B,).

    Args:
        degree: (N, N) logits, a tensor.
        order: (N, N) the edges that count.
    """
    import numpy as np
    import torch
    from torch.nn.functional import logsigmoid

    edges, agents = torch.from_numpy(order), len(order)

    def of_agent(each: Any) -> Any:
        kept_ = torch.where(edges, each, torch.zeros(()))
        return kept_.sum(0) + kept_.sum(1)

    chance = torch.softmax(of_agent(degree.detach()).double(), 0).numpy().cumsum()
    muted = np.minimum(np.searchsorted(chance, rng.random(batch), side="right"), agents - 1)
    less, more = of_agent(logsigmoid(-degree)), of_agent(logsigmoid(degree))
    return muted, (((agents - 1) * less - more) + more.sum())[torch.from_numpy(muted)]


class _Drawing(Episode):
    """Stage 2 and afterwards: live edges of each round, drawn."""

    def __init__(self, method: AgentDropout, setting: Setting) -> None:
        self.method, self.setting = method, setting

    def _heard(self, r: int) -> Bits:
        import numpy as np

        dropped = self.method.dropped[r] if self.method.dropped else -1
        heard: Bits = np.arange(self.setting.agents) != dropped
        return np.tile(heard, (self.setting.batch, 1))

    def graph(self, r: int, said: Sequence[Said]) -> Graph:
        import numpy as np

        setting, method = self.setting, self.method

        def draw(kind: str, r: int) -> tuple[Bits, Any]:
            return drawn(
                method.network[kind][r],
                method.live(kind)[r],
                setting.batch,
                setting.rng,
                cycles=kind == "temporal",
                learning=setting.learning,
            )

        spatial, logp = draw("spatial", r)
        graph = Graph(self._heard(r), spatial, np.zeros_like(spatial), logp=logp)
        if r:
            temporal, more = draw("temporal", r - 1)
            graph = replace(graph, temporal=temporal, logp=None if more is None else logp + more)
        return cut(graph, setting.outs, setting.ins)

    def decide(self, said: Sequence[Said]) -> Decision:
        return majority(self._heard(self.setting.rounds - 1), said[-1], self.setting.space)
