"""What is run: arms (a policy with arguments) in cells (a task, a human, a budget)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SEEDS = 10
#: worlds of a run, the same for all arms and seeds
ITEMS = 50
#: of `sim/clerk`: it slips in one choice of twenty
AGENT = {"skill": 0.95}
RATED = {"measure": "self-rating"}
TRAINING = {"updates": 25, "batch": 24, **RATED}
LAMBDAS = (0.1, 0.2, 0.3, 0.5)
THRESHOLDS = (0.1, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Arm:
    """A method with arguments, as the table names it."""

    name: str
    method: str
    args: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Cell:
    """A task with arguments, a human with settings, and what the human answers at most."""

    name: str
    task: str
    human: Mapping[str, Any] = field(hash=False)
    args: Mapping[str, Any] = field(default_factory=dict, hash=False)
    agent: Mapping[str, Any] = field(default_factory=lambda: AGENT, hash=False)
    items: int = ITEMS


@dataclass(frozen=True)
class Run:
    arm: Arm
    cell: Cell
    seed: int

    @property
    def name(self) -> str:
        return f"{self.cell.name}: {self.arm.name}, seed {self.seed}"


AUTONOMOUS = Arm("autonomous", "autonomous")
ASK = Arm("ask-when-uncertain", "ask-when-uncertain", RATED)
CONFIRM = Arm("confirm-irreversible", "confirm-irreversible")
PLAN = Arm("plan-approval", "plan-approval")
SUGGEST = Arm("suggest-then-execute", "suggest-then-execute")
DRIVEN = Arm("human-driven", "human-driven")
RANDOM = Arm("random-gate", "random-gate", RATED)
TOKENS = Arm("more-tokens", "more-tokens", RATED)
ORACLE = Arm("oracle-gate", "oracle-gate")
POLICIES = (AUTONOMOUS, CONFIRM, ASK, PLAN, SUGGEST, DRIVEN)
CONTROLS = (RANDOM, TOKENS, ORACLE)
FIXED = tuple(Arm(f"threshold {t:g}", "ask-when-uncertain", {**RATED, "threshold": t}) for t in THRESHOLDS)
GATES = tuple(Arm(f"learned, lambda {p:g}", "learned-gate", {**TRAINING, "lambda": p}) for p in LAMBDAS)

ORACLE_HUMAN: Mapping[str, Any] = {"error": 0}
HIDDEN = "team/hidden-constraints"


def _hidden(human: str, settings: Mapping[str, Any], budget: int | None) -> Cell:
    asked = "any number" if budget is None else f"{budget}"
    return Cell(f"{human}, {asked}", HIDDEN, settings, {} if budget is None else {"human_budget": budget})


INFORMATIVE = tuple(_hidden("informative", ORACLE_HUMAN, budget) for budget in (0, 1, 2, 4, None))
LAZY = tuple(_hidden("lazy", {"style": "lazy"}, budget) for budget in (2, None))
WRONG = tuple(_hidden("wrong in .1", {"error": 0.1}, budget) for budget in (2, None))
SURE = Cell("no slips", HIDDEN, ORACLE_HUMAN, agent={"skill": 1.0})
APPROVAL = Cell("approval", "team/approval", ORACLE_HUMAN, {"files": 4})
CHANGES = Cell("interruptions", "team/interruptions", ORACLE_HUMAN)
DEAF = Cell(
    "interruptions, half unheard", "team/interruptions", ORACLE_HUMAN, agent={"skill": 1.0, "heeds": 0.5}
)
#: of the notes' table of closed forms, over 2,000 episodes each
BUDGETS, ERRORS = (0, 1, 2, 3), (0.0, 0.1)
LAWS = {
    (error, budget): Cell(
        f"law, error {error:g}, {budget}",
        HIDDEN,
        {"error": error},
        {"human_budget": budget},
        agent={"skill": 1.0},
        items=200,
    )
    for error in ERRORS
    for budget in BUDGETS
}
ROWS: dict[Cell, tuple[Arm, ...]] = {
    **dict.fromkeys((*INFORMATIVE, *LAZY, *WRONG), (*POLICIES, *CONTROLS)),
    SURE: (*FIXED, *GATES),
    APPROVAL: (*POLICIES, *CONTROLS),
    CHANGES: POLICIES,
    DEAF: POLICIES,
    **dict.fromkeys(LAWS.values(), (ASK,)),
}


def planned() -> Iterator[Run]:
    """All runs, seed by seed, so that what is there early is a whole table of fewer seeds."""
    for seed in range(SEEDS):
        for cell, arms in ROWS.items():
            for arm in arms:
                yield Run(arm, cell, seed)
