"""The rows of the experiment and its runs, in the order in which they are worth most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.todycomm.cells import ASSUMPTIONS, CLEAN, DEFAULTS, SWEEPS, Cell

#: of every row that draws or learns something: under the defaults, and elsewhere
MOST_SEEDS, SEEDS = 20, 10
#: updates of 32 questions: one pass of the source's 6,400
UPDATES, BATCH = 200, 32


@dataclass(frozen=True)
class Arm:
    """`topology` of the catalogue, or `votes`: independent answers of average agents, no conversation.
    `args` are the topology's; `updates` of `batch` questions where it learns; `drawn`: whether anything is
    drawn but the questions, which are the same for all."""

    name: str
    topology: str
    args: tuple[tuple[str, Any], ...] = ()
    updates: int = 0
    batch: int = 0
    drawn: bool = False


def learns(
    name: str, topology: str = "todycomm", updates: int = UPDATES, batch: int = BATCH, **args: Any
) -> Arm:
    return Arm(name, topology, tuple(sorted(args.items())), updates, batch, True)


#: the source's learning rate, and one at which 200 updates go further (chosen in a pilot on other seeds)
PUBLISHED = learns("todycomm, lr 1e-4", lr=1e-4)
TODYCOMM = learns("todycomm", lr=1e-3)
WEIGHTED = learns("weighted-vote", "weighted-vote", lr=1e-3)
MAJORITY = Arm("independent", "independent")
ORACLE = Arm("oracle-mute", "oracle-mute", (("graph", "unlimited"),))
VOTES = (
    Arm("single answer", "votes", (("share", "one"),)),
    Arm("self-consistency, equal calls", "votes", (("share", "calls"),)),
    Arm("self-consistency, equal tokens", "votes", (("share", "tokens"),)),
    Arm("self-consistency, as many adversaries", "votes", (("attacked", True), ("share", "calls"))),
)
FIXED = (
    MAJORITY,
    *(Arm(name, name) for name in ("fully-connected", "chain", "star", "tree", "layered", "mesh", "debate")),
    Arm("random-graph", "random", drawn=True),
    Arm("random-mask", "random-mask", drawn=True),
    Arm("random-order", "random-order", drawn=True),
    ORACLE,
)
LEARNED = (
    learns("gptswarm", "gptswarm", 10, 4, lr=0.1),
    learns("agentprune", "agentprune", 10, 4, lr=0.1),
    learns("agentdropout", "agentdropout", 20, 4, lr=0.1),
    learns("g-designer", "g-designer", 10, 4, lr=0.01),
)
#: the learned graphs with as many questions as TodyComm has; those without a schedule of pruning
EQUAL_DATA = (
    learns("gptswarm, 6,400 questions", "gptswarm", lr=0.1),
    learns("g-designer, 6,400 questions", "g-designer", lr=0.01),
)
ABLATIONS = (
    learns("no persistence", lr=1e-3, persistence=False),
    learns("no recurrence", lr=1e-3, cell="none"),
    learns("tanh cell", lr=1e-3, cell="rnn"),
    learns("linear, 100 updates", updates=100, lr=0.02, cell="linear"),
    learns("linear, 100 updates, no persistence", updates=100, lr=0.02, cell="linear", persistence=False),
    learns("random edges", lr=1e-3, edges="random"),
    learns("plain majority at the end", lr=1e-3, decision="majority"),
    learns("categorical decision", lr=1e-3, decision="categorical"),
    learns("no flip noise", lr=1e-3, flip=0.0),
    Arm("labels for credits", "todycomm", (("labels", True),)),
    Arm("labels for credits, random edges", "todycomm", (("edges", "random"), ("labels", True)), drawn=True),
)
#: rows of the sweeps over assumptions
CORE = (TODYCOMM, WEIGHTED, MAJORITY, *FIXED[1:3], FIXED[7], ORACLE, *VOTES)


@dataclass(frozen=True)
class Run:
    """An arm trained in a cell, and measured there and in other cells."""

    arm: Arm
    cell: Cell
    seed: int
    measured: tuple[Cell, ...]

    @property
    def name(self) -> str:
        return f"{self.arm.name} | {self.cell.name} | {self.seed}"


def planned() -> list[Run]:
    """All runs, each once."""
    return list({run.name: run for run in _in_order()}.values())


def _in_order() -> Iterator[Run]:
    everyone = (PUBLISHED, TODYCOMM, WEIGHTED, *FIXED, *VOTES, *LEARNED)
    transfer = tuple(cell for cell in SWEEPS if cell.budget == DEFAULTS.budget)
    for seed in range(MOST_SEEDS):
        for arm in (*everyone, *EQUAL_DATA, *ABLATIONS):
            taken = transfer if arm in (PUBLISHED, TODYCOMM, WEIGHTED) else ()
            yield from _run(arm, DEFAULTS, seed, CLEAN, *taken)
        for arm in (PUBLISHED, TODYCOMM, WEIGHTED, *LEARNED):  # trained without adversaries
            yield from _run(arm, CLEAN, seed, DEFAULTS)
    for cell in SWEEPS:
        for seed in range(SEEDS):
            for arm in everyone:
                yield from _run(arm, cell, seed, cell.clean)
    for cell in ASSUMPTIONS:
        for seed in range(SEEDS):
            for arm in CORE:
                yield from _run(arm, cell, seed, cell.clean)


def _run(arm: Arm, cell: Cell, seed: int, *others: Cell) -> Iterator[Run]:
    if seed == 0 or arm.drawn:
        yield Run(arm, cell, seed, tuple(dict.fromkeys((cell, *others))))
