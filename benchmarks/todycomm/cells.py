"""The worlds of the experiment: the defaults, one factor changed, and the simulator's assumptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from harness.methods.agents.arguments import budget_of
from harness.methods.agents.attack import Attack
from harness.methods.agents.simulated import World
from harness.model.agents.settings import Settings


@dataclass(frozen=True)
class Cell:
    """What agents are like, how they are attacked, and what limits their talk."""

    attack: str = "random"
    rate: float = 0.4
    budget: str = "1/1"
    agents: int = 6
    rounds: int = 4
    kappa: float = 0.6
    abilities: float = 0.0
    difficulty: float = 0.0
    honesty: float = 0.5

    @property
    def clean(self) -> Cell:
        """Its twin without adversaries."""
        return replace(self, attack="none", rate=0.0)

    @property
    def name(self) -> str:
        """What is not as in the defaults."""
        said = [
            f"{field.name} {getattr(self, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
            and not (field.name == "rate" and self.attack == "none")
        ]
        return ", ".join(said).replace("attack none", "clean").replace("attack ", "") or "defaults"

    def world(self) -> World:
        outs, ins = budget_of(self.budget)
        settings = Settings(
            kappa=self.kappa, abilities=self.abilities, difficulty=self.difficulty, honesty=self.honesty
        )
        # the class takes any text for its kind; an unknown one is refused by what reads it
        attack = Attack(self.attack, self.rate)  # type: ignore[arg-type]
        return World(settings, self.agents, self.rounds, outs, ins, attack)

    @property
    def turned(self) -> int:
        """How many agents turn."""
        return Attack(self.attack, self.rate).count(self.agents)  # type: ignore[arg-type]


DEFAULTS = Cell()
CLEAN = DEFAULTS.clean
#: one factor changed. Left out as they coincide: rate 0 is no attack, and `random` at .2 turns two of six
#: agents like .4; `fixed` at .2 turns one, which `random` never does
SWEEPS = (
    Cell(attack="fixed"),
    Cell(attack="fixed", rate=0.2),
    Cell(rate=0.5),
    Cell(budget="2/2"),
    Cell(budget="none"),
    Cell(agents=4),
    Cell(agents=8),
    Cell(rounds=3),
    Cell(rounds=6),
)
#: what the simulator assumes, changed one at a time, then together: the world in which agents are most unlike
ASSUMPTIONS = (
    Cell(kappa=0.0),
    Cell(kappa=0.3),
    Cell(kappa=0.9),
    Cell(abilities=0.1),
    Cell(abilities=0.2),
    Cell(difficulty=0.1),
    Cell(difficulty=0.3),
    Cell(honesty=0.25),
    Cell(honesty=0.0),
    Cell(abilities=0.15, difficulty=0.3, honesty=0.0),
)


def by_name() -> dict[str, Cell]:
    """All cells and their clean twins."""

    def every() -> Iterator[Cell]:
        for cell in (DEFAULTS, *SWEEPS, *ASSUMPTIONS):
            yield from (cell, cell.clean)

    return {cell.name: cell for cell in every()}
