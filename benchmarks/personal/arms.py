"""What is run: arms (a method with arguments) in cells (what the users are like)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

#: seeds of users and of the model alike: every seed has users of its own
SEEDS = 10
USERS = 20
#: of `sim/person`: it errs in one answer of twenty of its own, and trusts records as much as the persona
MODEL = {"fidelity": 0.95, "memory": 0.5, "searches": 2}


@dataclass(frozen=True)
class Arm:
    """A method with arguments, as the table names it."""

    name: str
    method: str
    args: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Cell:
    """Arguments of `personal/synthetic` beside the number of users."""

    name: str
    args: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Run:
    arm: Arm
    cell: Cell
    seed: int

    @property
    def name(self) -> str:
        return f"{self.cell.name}: {self.arm.name}, seed {self.seed}"


OWN = Arm("personaagent", "personaagent")
PLAIN = (
    Arm("direct", "direct"),
    Arm("label-prior", "label-prior"),
    Arm("in-context-personal", "in-context-personal"),
    Arm("rag-personal", "rag-personal"),
    Arm("pag", "pag"),
    Arm("memory-bank", "memory-bank"),
    Arm("react-personal", "react-personal"),
)
ABLATIONS = tuple(
    Arm(f"without {part}", "personaagent", {"without": part})
    for part in ("alignment", "persona", "memory", "action")
)
CONTROLS = (
    Arm("another user's persona", "personaagent", {"swap": "persona"}),
    Arm("another user's memory", "personaagent", {"swap": "memory"}),
    Arm("neutral persona", "personaagent", {"neutral": True}),
    Arm("another user's persona, no action", "personaagent", {"swap": "persona", "without": "action"}),
    Arm("neutral persona, no action", "personaagent", {"neutral": True, "without": "action"}),
)
#: batches of an alignment where tastes change; without actions the persona alone decides
BATCHES = (
    Arm("persona never aligned", "personaagent", {"without": "action", "iterations": 0}),
    Arm("latest 3", "personaagent", {"without": "action"}),
    Arm("latest 12", "personaagent", {"without": "action", "n": 12}),
    Arm("random 12", "personaagent", {"without": "action", "n": 12, "batch": "random"}),
    Arm("all", "personaagent", {"without": "action", "batch": "all"}),
    Arm("latest 12 after every 12", "personaagent", {"without": "action", "n": 12, "every": 12}),
)
STATIONARY = Cell("stationary", {"history": 40})
DRIFT = Cell("drift", {"history": 62, "drift": 50})
STEADY = Cell("no drift", {"history": 62})
COLD = tuple(Cell(f"history {n}", {"history": n}) for n in (1, 5, 10, 50))
ROWS: dict[Cell, tuple[Arm, ...]] = {
    STATIONARY: (*PLAIN, OWN, *ABLATIONS, *CONTROLS),
    DRIFT: (*BATCHES, PLAIN[2], PLAIN[3], PLAIN[5], OWN),
    STEADY: BATCHES,
    **dict.fromkeys(COLD, (PLAIN[1], PLAIN[2], PLAIN[3], PLAIN[4], OWN)),
}


def planned() -> Iterator[Run]:
    """All runs, seed by seed, so that what is there early is a whole table of fewer seeds."""
    for seed in range(SEEDS):
        for cell, arms in ROWS.items():
            for arm in arms:
                yield Run(arm, cell, seed)
