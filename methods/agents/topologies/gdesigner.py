"""G-Designer: a graph for each question, made from vectors of roles and question (arXiv 2410.11782).

As in the released code [C]: an agent's feature is the vector of its role's text beside that of the question
(2 D numbers); two graph convolutions (2 D -> 16 -> D, ReLU, dropout one half between them while learning)
over a prior graph of roles; then a two-layer network (D -> 16 -> 16) gives z; the logits z z', all N^2 of
a question together, are scaled to [-1, 1], so that edges have probabilities from .2689 to .7311. Edges of
the same round are drawn without cycles, anew in every round from the one matrix of the question; those of the
round before are all there. Loss -log P * utility, utility 1 or 0, Adam, lr 0.01 [R], batch 4, 10 updates.
Only the convolutions learn: the released loop leaves the two-layer network as it was drawn. The decision
there is a model that decides; a plain majority here [R].

The prior there is a list of pairs of its own role names. Ours [R] links each agent to the next, and the last
to the first. It can't be complete, as a convolution over a complete graph gives all agents one vector; with
two agents it is, and all edges have probability one half.
D is the width of the run's embedder; nothing learned hangs on the number of agents or rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.base.errors import UsageError
from harness.methods.agents.topologies.budget import cut
from harness.methods.agents.topologies.edges import drawn
from harness.methods.agents.topologies.reinforced import Reinforced
from harness.methods.agents.topologies.votes import everyone
from harness.methods.agents.topology import Decision, Episode, Graph, Said, Setting

#: width of the hidden layers and of z
HIDDEN = 16
#: the parameters that learn; the others stay as they were drawn
LEARNED = ("convolution1_weight", "convolution1_bias", "convolution2_weight", "convolution2_bias")


def shapes(width: int) -> dict[str, tuple[int, ...]]:
    """The shapes of all parameters for vectors of `width` numbers; weights are (in, out)."""
    sizes = {
        "convolution1": (2 * width, HIDDEN),
        "convolution2": (HIDDEN, width),
        "layer1": (width, HIDDEN),
        "layer2": (HIDDEN, HIDDEN),
    }
    return {
        f"{name}_{part}": size if part == "weight" else size[1:]
        for name, size in sizes.items()
        for part in ("weight", "bias")
    }


def prior(agents: int) -> Any:
    """(N, N) the normalised prior graph with self-edges, ``[receiver, sender]``; a tensor."""
    import torch

    graph = torch.eye(agents)
    number = torch.arange(agents)
    graph[(number + 1) % agents, number] = 1
    root = graph.sum(1).rsqrt()
    return root[:, None] * graph * root


def scaled(logits: Any) -> Any:
    """Logits (B, N, N), those of each question scaled to fill [-1, 1]; zeros where all are equal."""
    import torch

    low, high = logits.amin((1, 2), keepdim=True), logits.amax((1, 2), keepdim=True)
    span = high - low
    return torch.where(span > 0, 2 * (logits - low) / torch.where(span > 0, span, 1) - 1, 0)


class GDesigner(Reinforced):
    """See above."""

    sizes = ("width",)
    reads_texts = True
    rate = 0.01

    def make(self, size: dict[str, int], seed: int) -> None:
        import numpy as np
        import torch

        self.size, self.network = size, torch.nn.ParameterDict()
        width, rng = size["width"], np.random.default_rng(seed)
        for name, shape in shapes(width).items():
            if name.startswith("convolution"):  # the defaults of the layers that the released code uses
                bound = (6 / sum(shape)) ** 0.5 if len(shape) == 2 else 0.0
            else:
                bound = (width if name.startswith("layer1") else HIDDEN) ** -0.5
            values = torch.from_numpy(rng.uniform(-bound, bound, shape).astype("float32"))
            self.network[name] = torch.nn.Parameter(values, requires_grad=name in LEARNED)
        self.optimize([self.network[name] for name in LEARNED])

    def start(self, setting: Setting) -> Episode:
        if setting.queries is None or setting.roles is None:
            raise UsageError(
                f"{self.name} makes its graphs from vectors of questions and roles, and none are there; "
                "take an embedder that gives them (--embedder minilm)"
            )
        self.fit_for(setting)
        return _Designed(setting, self.logits(setting))

    def logits(self, setting: Setting) -> Any:
        """(B, N, N) one logit for each pair of agents, in [-1, 1]; a tensor.

        In double precision: the scaling blows up small differences, and a question's graph must not hang on
        the questions beside it in a batch.
        """
        import torch

        queries, roles = (torch.tensor(v, dtype=torch.float64) for v in (setting.queries, setting.roles))
        batch, agents = len(queries), len(roles)
        features = torch.cat((roles.expand(batch, -1, -1), queries[:, None].expand(-1, agents, -1)), dim=-1)
        graph, of = prior(agents).double(), {name: p.double() for name, p in self.network.items()}
        hidden = torch.relu(graph @ features @ of["convolution1_weight"] + of["convolution1_bias"])
        if setting.learning:
            hidden = hidden * torch.from_numpy(2.0 * (setting.rng.random(hidden.shape) < 0.5))
        nodes = graph @ hidden @ of["convolution2_weight"] + of["convolution2_bias"]
        z = (
            torch.relu(nodes @ of["layer1_weight"] + of["layer1_bias"]) @ of["layer2_weight"]
            + of["layer2_bias"]
        )
        return scaled(z @ z.transpose(1, 2))


class _Designed(Episode):
    def __init__(self, setting: Setting, logits: Any) -> None:
        self.setting, self.logits = setting, logits

    def graph(self, r: int, said: Sequence[Said]) -> Graph:
        import numpy as np

        setting = self.setting
        every = np.ones((setting.batch, setting.agents, setting.agents), dtype=bool)
        live = ~np.eye(setting.agents, dtype=bool)
        spatial, logp = drawn(
            self.logits, live, setting.batch, setting.rng, cycles=False, learning=setting.learning
        )
        graph = Graph(every[:, 0], spatial, every if r else ~every, logp=logp)
        return cut(graph, setting.outs, setting.ins)

    def decide(self, said: Sequence[Said]) -> Decision:
        return everyone(self.setting)
