"""What the simulated agents are like: settings that are typed, checked, and fixed for a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from harness.base.digest import seed_of
from harness.base.errors import UsageError, nearest
from harness.base.values import number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: the most agents that are simulated
AGENTS = 64
_RANGES = {
    "p": (0, 1),
    "h": (0, 1),
    "kappa": (0, 1),
    "difficulty": (0, 0.99),
    "abilities": (0, 1),
    "honesty": (0, 100),
    "noise": (0, 100),
    "width": (1, 4096),
    "options": (2, 64),
    "base": (0, 1_000_000),
    "message": (1, 1_000_000),
    "seed": (0, 2**53),
}


@dataclass(frozen=True)
class Settings:
    """The settings of simulated agents; the defaults are those of the notes' simulator (a reconstruction).

    Attributes:
        p: probability that an agent of average ability knows the answer of an average question.
        h: probability that an agent says in a round what it knows, and not a fresh independent draw.
        kappa: conformity: an agent adopts the majority of what it hears with this probability times the
            majority's share.
        difficulty: how much questions differ, 0 to .99: the part of the variance of right and wrong that lies
            between questions. A question's p is drawn from a Beta with mean p and concentration
            1 / difficulty - 1; 0: all alike.
        abilities: standard deviation of agents' offsets from a question's p.
        honesty: weight of the flaw direction in an adversary's text; 0: that tells nothing but its answer.
        noise: standard deviation of the noise in each of a text's dimensions.
        width: dimensions of a text's vector.
        options: answers to choose from where a question has no closed choices of its own.
        base: tokens of a prompt without messages.
        message: tokens of a message: those that an agent writes, and that every hearer reads.
        seed: of the vectors of answers and flaw, of the questions' difficulties and the agents' abilities.
    """

    p: float = 0.7
    h: float = 0.9
    kappa: float = 0.6
    difficulty: float = 0.0
    abilities: float = 0.0
    honesty: float = 0.5
    noise: float = 0.15
    width: int = 16
    options: int = 4
    base: int = 100
    message: int = 50
    seed: int = 0

    @classmethod
    def of(cls, args: Mapping[str, Any]) -> Settings:
        """From arguments such as those of `--model-arg`.

        Raises:
            UsageError: there is no such setting (names the nearest), or a value is no number in its range.
        """
        kinds = {field.name: type(field.default) for field in fields(cls)}
        found: dict[str, Any] = {}
        for name, value in args.items():
            if name not in kinds:
                raise UsageError(f"sim/agents has no argument {name!r}; {nearest(name, kinds, 'argument')}")
            low, high = _RANGES[name]
            whole = kinds[name] is int
            given = number(value)
            if not low <= given <= high or (whole and given != int(given)):
                what = "whole number" if whole else "number"
                raise UsageError(f"sim/agents: {name}={value!r} is not a {what} from {low} to {high}")
            found[name] = int(given) if whole else given
        return cls(**found)

    @property
    def concentration(self) -> float | None:
        """Of the Beta of the questions' p; None where all questions are alike."""
        return 1 / self.difficulty - 1 if self.difficulty else None

    def offsets(self, agents: int) -> Floats:
        """(N,) offsets of the agents' abilities: evenly spaced quantiles of a normal distribution with mean 0
        and standard deviation `abilities`, in an order that the seed decides."""
        import numpy as np

        z = np.array([NormalDist().inv_cdf((i + 0.5) / agents) for i in range(agents)])
        order = np.random.default_rng(seed_of(self.seed, "abilities", agents)).permutation(agents)
        return np.asarray(self.abilities * z[order] / (z.std() or 1.0), dtype=np.float64)

    def direction(self, *of: Any) -> Floats:
        """(D,) the fixed random unit vector of an answer, or of the flaw in adversaries' texts."""
        import numpy as np

        drawn = np.random.default_rng(seed_of(self.seed, "direction", *of)).normal(size=self.width)
        return np.asarray(drawn / np.linalg.norm(drawn), dtype=np.float64)
