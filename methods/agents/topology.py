"""The contract between a conversation and what decides who hears whom in it.

A conversation: N agents answer a question in T rounds (r = 0 .. T-1); nobody hears anyone in round 0 of
TodyComm. Then the agents' last answers are weighed and one is taken (the decision, r = T). A *topology*
maps what was said to graphs and weights; agents, adversaries, budgets of tokens, the ledger and failures
belong to the engine.

Everything is batched over B questions. A conversation with one question has B = 1. Matrices of edges are
``[receiver, sender]``, everywhere: ``graph.spatial[b, i, j]`` says that i hears j.

Source: arXiv 2602.03688 in the index of its presumed code (see README.md); the interface is a reconstruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bits = NDArray[np.bool_]
    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Vectors = NDArray[np.float32]
else:  # names for annotations alone: numpy isn't imported for them
    Bits = Ints = Floats = Vectors = Any

#: the round in which an agent that never turns adversary would turn
NEVER = 1_000_000


@dataclass(frozen=True)
class Space:
    """What answers are.

    `choice`: one of `size` options (d_s of the paper). `number`: a number; size 1. `text`: other answers
    that can be counted, placed in the order in which they first appear in the conversation; at most `size`
    of them have a place of their own (a reconstruction). `open`: answers that can't be counted, size 0; a
    judge decides.
    """

    kind: Literal["choice", "number", "text", "open"]
    size: int


@dataclass(frozen=True)
class Setting:
    """What a conversation is told before it begins.

    `queries` (B, D) and `roles` (N, D) are unit vectors of the questions and of the agents' role texts,
    told to a topology that `reads_texts`. `flips` (B, N) is the round in which each agent turns adversary,
    NEVER for none; a topology gets it only if it `sees_adversaries`. `outs` and `ins` are how many messages
    an agent may send and receive in a round, None for any number. `learning` says that choices are drawn,
    with their log-probabilities, and not taken greedily.
    """

    batch: int
    agents: int
    rounds: int
    space: Space
    width: int
    rng: np.random.Generator
    queries: Vectors | None = None
    roles: Vectors | None = None
    flips: Ints | None = None
    outs: int | None = None
    ins: int | None = None
    learning: bool = False


@dataclass
class Said:
    """What the agents of a batch said in one round.

    `answers` (B, N): the place of the answer in its space, -1 where there is none (unreadable, or the agent
    failed). `values` (B, N): the numbers of a `number` space, NaN where there is none. `vectors` (B, N, D):
    unit vectors of the texts without the answer, zero rows where there is none. `spoke` (B, N): whether the
    agent said anything.
    """

    answers: Ints
    vectors: Vectors
    spoke: Bits
    values: Floats | None = None


@dataclass
class Graph:
    """Who is heard in one round.

    `selected` (B, N): agents that may send and receive. `spatial` (B, N, N): edges between texts of the
    same round; acyclic, and agents answer in its topological order. `temporal` (B, N, N): edges from texts
    of the round before; its diagonal is an agent's own text. `credits` (B, N) in [0, 1], None where the
    topology has none. `logp` (B,): the log-probability of what was drawn, a torch tensor with its gradient,
    while learning.
    """

    selected: Bits
    spatial: Bits
    temporal: Bits
    credits: Floats | None = None
    logp: Any = None


@dataclass
class Decision:
    """Whose last answers count, and how much.

    `weights` (B, N) >= 0: the answer with the largest sum is taken; of equal sums see
    `engine.taken`. `fallback` (B,): nobody was selected, so all agents vote. `answers` (B,): the
    place of the answer where a topology decides otherwise than by weights, else None.
    """

    selected: Bits
    weights: Floats
    fallback: Bits
    credits: Floats | None = None
    logp: Any = None
    answers: Ints | None = None


class Episode:
    """One batch of conversations under a topology; holds what it remembers from round to round."""

    def graph(self, r: int, said: Sequence[Said]) -> Graph:
        """The graph of round `r`, from what was said in rounds 0 .. r-1."""
        raise NotImplementedError

    def decide(self, said: Sequence[Said]) -> Decision:
        """Whose answers of the last round count."""
        raise NotImplementedError


class Topology:
    """Who hears whom. One object a run; `start` makes an `Episode` of every batch, and several may be under
    way."""

    #: whether `Setting.flips` is told: a ceiling, no method
    sees_adversaries = False
    #: whether `Setting.queries` and `Setting.roles` are told, which takes an embedder
    reads_texts = False

    def __init__(self, args: dict[str, Any]) -> None:
        self.args = args

    def start(self, setting: Setting) -> Episode:
        """A new batch of conversations.

        Raises:
            UsageError: the topology can't play such a setting; names mistake and cure.
        """
        raise NotImplementedError


class Learner(Topology):
    """A topology with something to learn: `batch` questions an update, `updates` of them by default."""

    batch = 32
    updates = 200
    #: whether there is something to learn with these arguments
    learns = True

    def build(self, setting: Setting, seed: int) -> None:
        """Makes the parameters for conversations of such a setting, drawn by `seed`; nothing if they are
        there."""
        raise NotImplementedError

    def expect(self, updates: int) -> None:
        """Called before training: how many updates there will be."""

    def learn(self, rewards: Floats, graphs: Sequence[Graph], decision: Decision) -> dict[str, float]:
        """One update from a batch: rewards (B,), 1 for a right answer and -1 for a wrong one, and what was
        drawn.

        Returns:
            Figures of the update for the learning curve, such as `loss`.
        """
        raise NotImplementedError

    def after(self, update: int) -> None:
        """Called after every update, from 1: what a method does to its graph at fixed points (pruning)."""

    def save(self, folder: Path) -> None:
        """Writes all that `load` needs to go on, the optimizer's state included: `credits.safetensors` or
        `.npz` for numbers and `topology.json` for the rest; nothing that is executed when it is read."""
        raise NotImplementedError

    def load(self, folder: Path) -> None:
        """Takes over what `save` wrote.

        Raises:
            UsageError: it is of another kind or size (another number of options, another width of vectors);
            names both and the cure.
        """
        raise NotImplementedError


@dataclass
class Played:
    """A batch of conversations from its first round to its decision."""

    graphs: list[Graph]
    said: list[Said]
    decision: Decision
    #: (B,) place of the answer taken, -1 where nobody gave one
    answers: Ints
