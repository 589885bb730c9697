"""TodyComm: credits learned from what agents say decide who is heard and whose vote counts; and the same
credits without any communication.

arXiv 2602.03688 (its body was not at hand): features, credit model, selection, vote and loss are those of
its presumed code, the edge score and whatever another module calls so a reconstruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.base.errors import UsageError
from harness.methods.agents.todycomm import deciding, selection
from harness.methods.agents.todycomm.credits import CELLS, CreditModel
from harness.methods.agents.todycomm.features import features
from harness.methods.agents.topologies import weights
from harness.methods.agents.topologies.votes import everyone, voters
from harness.methods.agents.topology import Decision, Episode, Graph, Learner, Said, Setting, Space

if TYPE_CHECKING:
    from harness.methods.agents.topology import Bits, Floats

KINDS = ("choice", "number", "text", "open")
#: whose credits serve whom: both have one network
CREDITED = ("todycomm", "weighted-vote")
#: more options, or wider text vectors, are a broken file
LARGEST = 100_000


class TodyComm(Learner):
    """Arguments: cell, edges, persistence, decision, labels, batch, lr, flip, gamma (see method.toml).

    Raises:
        UsageError: an argument is out of range, or torch is missing.
    """

    #: whether agents are heard at all
    talks = True

    def __init__(self, args: dict[str, Any]) -> None:
        super().__init__(args)
        self.name: str = args.get("topology", "todycomm")
        self.cell: str = args.get("cell", "gru")
        self.edges: str = args.get("edges", "min")
        self.decision: str = args.get("decision", "vote")
        self.persistence = bool(args.get("persistence", True))
        self.labels = bool(args.get("labels", False))
        self.batch = int(args.get("batch", self.batch))
        self.rate, self.flip = float(args.get("lr", 1e-4)), float(args.get("flip", 0.1))
        self.gamma = float(args.get("gamma", 0.9))
        self.sees_adversaries = self.labels
        #: with true labels there is nothing to learn
        self.learns = not self.labels
        self.model: CreditModel | None = None
        self._adam: Any = None
        self._check()

    def _check(self) -> None:
        for key, known in (
            ("cell", CELLS),
            ("edges", selection.EDGES),
            ("decision", deciding.DECISIONS),
        ):
            if getattr(self, key) not in known:
                raise UsageError(f"{key}={getattr(self, key)}: it is one of {', '.join(known)}")
        for key, value in (("flip", self.flip), ("gamma", self.gamma)):
            if not 0 <= value <= 1:
                raise UsageError(f"{key}={value:g}: it is a number from 0 to 1")
        if not 0 < self.rate < float("inf"):
            raise UsageError(f"lr={self.rate:g}: a learning rate is above 0")
        if self.batch < 2:
            raise UsageError(
                f"batch={self.batch}: a question is compared with the mean of its batch; take 2 or more"
            )
        if self.labels and self.args.get("credits"):
            raise UsageError(
                "labels=true takes the true adversaries in place of credits, and credits=FOLDER counts for "
                "nothing; leave one of them out"
            )
        if not self.talks and self.decision == "majority":
            raise UsageError(
                "decision=majority: without communication and without credits in the vote nothing is left to "
                "learn; that is the method independent"
            )
        weights.need_torch(self.name)

    def build(self, setting: Setting, seed: int) -> None:
        if self.model is None and self.learns:
            self._make(setting.space, setting.width, seed)

    def _make(self, space: Space, width: int, seed: int) -> None:
        import torch

        self.model = CreditModel(self.cell, space, width, seed)
        self._adam = torch.optim.Adam(self.model.network.parameters(), lr=self.rate, fused=True)

    def start(self, setting: Setting) -> Episode:
        if setting.agents < 2:
            raise UsageError(
                f"{self.name} compares agents with each other, and there is "
                f"agents={setting.agents}; take -M agents=2 or more, or the method direct"
            )
        if self.learns:
            if self.model is None:
                raise UsageError(
                    f"{self.name} has no credits yet; learn them (--fit train) or "
                    "name a folder (-M credits=FOLDER)"
                )
            _same(self.model.space, self.model.width, setting.space, setting.width, "the credits are")
        return _Talk(self, setting)

    def learn(self, rewards: Floats, graphs: Sequence[Graph], decision: Decision) -> dict[str, float]:
        if not self.learns:
            return {}
        found = loss(rewards, [*(graph.logp for graph in graphs[1:]), decision.logp], self.gamma)
        if found.requires_grad:
            self._adam.zero_grad(set_to_none=True)
            found.backward()
            self._adam.step()
        return {"loss": float(found.detach()), "reward": float(np.mean(rewards))}

    def save(self, folder: Path) -> None:
        assert self.model is not None, "nothing is built"
        space = self.model.space
        told = {
            "topology": self.name,
            "cell": self.cell,
            "persistence": self.persistence,
            "answers": space.kind,
            "options": space.size,
            "width": self.model.width,
            "parameters": self.model.parameters(),
        }
        weights.write(folder, told, self.model.network, self._adam)

    def load(self, folder: Path) -> None:
        told = weights.facts(folder)
        if told.get("topology") not in CREDITED:
            raise UsageError(
                f"{folder} was trained by {told.get('topology')}, and this is {self.name}; take that method, "
                "or train again"
            )
        found = [told.get(key) for key in ("answers", "options", "width", "cell", "persistence")]
        if [type(each) for each in found] != [str, int, int, str, bool] or told["answers"] not in KINDS:
            raise UsageError(f"{folder / weights.FACTS} doesn't describe credits; train again")
        space, width = Space(told["answers"], told["options"]), told["width"]
        for key in ("cell", "persistence"):
            if (value := told[key]) != getattr(self, key):
                raise UsageError(
                    f"the credits in {folder} were trained with {key}={_shown(value)}, and this is "
                    f"{key}={_shown(getattr(self, key))}; take -M {key}={_shown(value)}, or train again"
                )
        if self.model is None:
            if not (0 <= space.size <= LARGEST and 0 < width <= LARGEST):
                raise UsageError(f"{folder / weights.FACTS} doesn't describe credits; train again")
            self._make(space, width, seed=0)
        assert self.model is not None
        _same(space, width, self.model.space, self.model.width, f"the credits in {folder} are")
        weights.read(folder, self.model.network, self._adam)


class WeightedVote(TodyComm):
    """Nobody hears anyone in any round; credits are learned and weigh the vote as before. Only the selection
    of the decision is drawn: in the rounds before it nothing hangs on a selection."""

    talks = False


def loss(rewards: Floats, logps: Sequence[Any], gamma: float) -> Any:
    """REINFORCE against the mean reward of the batch, a scalar tensor: -mean_q (R_q - b) sum_r gamma^(T - r)
    log P_r. `rewards` (B,) are 1 or -1; `logps` the log-probabilities (B,) of rounds 1 .. T, the decision
    last, None where nothing was drawn."""
    import torch

    advantage = torch.from_numpy(np.asarray(rewards, np.float32) - np.float32(np.mean(rewards)))
    total = torch.zeros(())
    for before, logp in enumerate(reversed(logps)):
        if logp is not None:
            total = total - gamma**before * (advantage * logp).mean()
    return total


def _same(one: Space, one_width: int, other: Space, other_width: int, whose: str) -> None:
    """Raises:
    UsageError: credits of one kind and size meet a conversation of another.
    """
    if (one.kind, one.size, one_width) != (other.kind, other.size, other_width):
        raise UsageError(
            f"{whose} for {_described(one, one_width)}, and here are {_described(other, other_width)}; take "
            "credits trained on such answers and with the same embedder, or train (--fit train)"
        )


def _described(space: Space, width: int) -> str:
    options = {"choice": f"{space.size} options", "text": f"texts ({space.size} places)"}
    answers = {"number": "numbers", "open": "open answers"} | options
    return f"{answers.get(space.kind, space.kind)} and text vectors of {width} numbers"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Talk(Episode):
    """A batch of conversations: what the recurrence remembers, the credits and the graph of the last
    round."""

    def __init__(self, topology: TodyComm, setting: Setting) -> None:
        self._of, self._setting = topology, setting
        shape = setting.batch, setting.agents
        self._hidden: Any = None
        self._credits = np.full(shape, 0.5)
        self._heard = np.zeros((*shape, setting.agents), bool)

    def graph(self, r: int, said: Sequence[Said]) -> Graph:
        silent, every = np.zeros_like(self._heard), np.ones_like(self._credits, bool)
        if r == 0:
            return Graph(every, silent, silent, self._score(0))
        credits = self._observe(r, said)
        if not self._of.talks:
            return Graph(every, silent, silent, self._credits)
        selected, logp = self._select(credits)
        order = (
            selection.at_random(self._setting.batch, self._setting.agents, self._setting.rng)
            if self._of.edges == "random"
            else selection.by_credit(self._credits)
        )
        self._heard = selection.edges(selected, order, self._setting.outs, self._setting.ins)
        return Graph(selected, self._heard, silent, self._credits, logp)

    def decide(self, said: Sequence[Said]) -> Decision:
        last, setting = said[-1], self._setting
        credits = self._observe(setting.rounds, said)
        if self._of.decision == "majority":
            return replace(everyone(setting), credits=self._credits)
        selected, logp = self._select(credits)
        votes, fallback = voters(selected, last, setting.space)
        if self._of.decision == "vote" or setting.space.kind == "open":
            weights = deciding.vote_weights(self._credits, votes)
            return Decision(selected, weights, fallback, self._credits, logp)
        answers, own = deciding.categorical(credits, votes, last, setting.rng if setting.learning else None)
        logp = None if logp is None else logp + own
        weights = np.where(votes, self._credits, 0.0)
        return Decision(selected, weights, fallback, self._credits, logp, answers)

    def _observe(self, r: int, said: Sequence[Said]) -> Any:
        """Credits (B, N) at round `r`, a tensor with its gradient while learning; their values are kept."""
        import torch

        of, setting = self._of, self._setting
        if of.model is None:
            self._credits = self._score(r)
            return torch.from_numpy(self._credits)
        seen = features(setting.space, said[-1], said[0], self._heard, self._credits, of.persistence)
        with torch.set_grad_enabled(setting.learning):
            credits, self._hidden = of.model(seen, self._hidden)
        self._credits = credits.detach().double().numpy()
        return credits

    def _score(self, r: int) -> Floats:
        """Credits without a model: 0.5 for all, or with true labels 0 for those that are adversaries in round
        `r` and 1 for the others."""
        if not self._of.labels:
            return np.full_like(self._credits, 0.5)
        flips = self._setting.flips
        return np.ones_like(self._credits) if flips is None else (flips > r).astype(float)

    def _select(self, credits: Any) -> tuple[Bits, Any]:
        if self._of.labels:
            return self._credits > 0.5, None
        if not self._setting.learning:
            return selection.above_mean(self._credits), None
        selected = selection.drawn(self._credits, self._of.flip, self._setting.rng)
        return selected, selection.log_prob(credits, selected)
