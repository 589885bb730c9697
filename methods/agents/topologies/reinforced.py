"""What graphs learned by -log P * utility share: the step, and what is kept in a folder.

As in the released code of GPTSwarm, AgentPrune, AgentDropout and G-Designer [C]: utility 1 for a right
answer and 0 for a wrong one, no baseline, mean over the batch, Adam.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.base.errors import UsageError
from harness.methods.agents.topologies import weights
from harness.methods.agents.topologies.edges import MOST
from harness.methods.agents.topology import Decision, Floats, Graph, Learner, Setting

#: larger sizes are a broken file
LARGEST = {"agents": MOST, "rounds": 1_000, "width": 100_000}


def policy_loss(rewards: Floats, graphs: Sequence[Graph]) -> Any:
    """The mean of -log P * utility over a batch, a tensor; rewards (B,) from -1 to 1 become utilities from 0
    to 1."""
    import torch

    utility = torch.from_numpy((rewards + 1) / 2)
    return -(sum(graph.logp for graph in graphs) * utility).mean()


class Reinforced(Learner):
    """`args`: `batch` and `lr` (0 or absent: the class's), `agents` and `rounds` of the conversations.

    Raises:
        UsageError: torch is missing.
    """

    batch = 4
    updates = 10
    rate = 0.1
    #: the fields of a setting that the parameters hang on
    sizes: tuple[str, ...] = ("agents",)

    def __init__(self, args: dict[str, Any]) -> None:
        super().__init__(args)
        self.name: str = args["topology"]
        self.batch = int(args.get("batch") or self.batch)
        self.rate = float(args.get("lr") or self.rate)
        #: what `sizes` are, once the parameters are there
        self.size: dict[str, int] = {}
        #: a torch module with all that is kept, and Adam for the part of it that learns
        self.network: Any = None
        self.adam: Any = None
        weights.need_torch(self.name)

    def build(self, setting: Setting, seed: int) -> None:
        if not self.size:
            self.make({name: getattr(setting, name) for name in self.sizes}, seed)

    def make(self, size: dict[str, int], seed: int) -> None:
        """Makes `size`, `network` and `adam`."""
        raise NotImplementedError

    def optimize(self, parameters: Sequence[Any]) -> None:
        """From now on these learn."""
        import torch

        self.adam = torch.optim.Adam(parameters, lr=self.rate)

    def fit_for(self, setting: Setting) -> None:
        """Raises:
        UsageError: nothing was learned, or for conversations of another size.
        """
        if not self.size:
            raise UsageError(
                f"{self.name} has learned nothing yet; let it learn (--fit train) or name a folder "
                "(-M credits=FOLDER)"
            )
        for name, size in self.size.items():
            _same(name, size, getattr(setting, name), f"what {self.name} learned is")

    def regulariser(self) -> Any:
        """What the loss has besides the policy's."""
        return 0.0

    def learn(self, rewards: Floats, graphs: Sequence[Graph], decision: Decision) -> dict[str, float]:
        loss = policy_loss(rewards, graphs) + self.regulariser()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return {"loss": float(loss.detach()), "utility": float((rewards + 1).mean() / 2)}

    def facts(self) -> dict[str, Any]:
        """What is kept besides numbers and sizes."""
        return {}

    def resume(self, told: dict[str, Any]) -> None:
        """Takes over what `facts` told; before the numbers are read.

        Raises:
            KeyError, TypeError, ValueError: it can't be.
        """

    def save(self, folder: Path) -> None:
        weights.write(folder, {"topology": self.name, **self.size, **self.facts()}, self.network, self.adam)

    def load(self, folder: Path) -> None:
        told = weights.facts(folder)
        if told.get("topology") != self.name:
            raise UsageError(
                f"{folder} was trained by {told.get('topology')}, and this is {self.name}; take that method, "
                "or train again"
            )
        broken = UsageError(f"{folder / weights.FACTS} doesn't describe {self.name}; train again")
        size = {name: told.get(name) for name in self.sizes}
        if not all(type(found) is int and 0 < found <= LARGEST[name] for name, found in size.items()):
            raise broken
        for name, found in size.items():
            wanted = self.size.get(name) or self.args.get(name)
            if wanted:
                _same(name, found, wanted, f"{folder} is")
        self.make({name: int(found or 0) for name, found in size.items()}, seed=0)
        try:
            self.resume(told)
        except (KeyError, TypeError, ValueError):
            raise broken from None
        weights.read(folder, self.network, self.adam)


def _same(name: str, trained: Any, now: Any, what: str) -> None:
    if trained == now:
        return
    if name == "width":
        raise UsageError(
            f"{what} for text vectors of {trained} numbers, and the embedder gives {now}; take the embedder "
            "of the training, or train again"
        )
    raise UsageError(
        f"{what} for {name}={trained}, and there are {name}={now}: logits of pairs of agents can't be moved "
        f"to another number; take -M {name}={trained}, or train again"
    )
