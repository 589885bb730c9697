"""The rows of finished runs as tables of questions and seeds, and their differences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.todycomm.one import unpacked
from harness.stats import parts_of
from harness.stats.crossed_rule import half_width
from harness.stats.paired import paired_difference

Row = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One arm minus another, percent, with the half width of its interval at 95 %."""

    value: float
    half: float
    p: float
    seeds: int

    def __str__(self) -> str:
        return f"{self.value:+.1f} ± {self.half:.1f}"


class Found:
    """All finished runs."""

    def __init__(self, rows: Iterable[Row], questions: int) -> None:
        self.questions = questions
        self._by: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in rows:
            self._by[row["arm"], row["cell"]].append(row)
        for runs in self._by.values():
            runs.sort(key=lambda row: int(row["seed"]))

    def has(self, arm: str, trained: str, where: str) -> bool:
        """Whether an arm that was trained in a cell was measured in another."""
        return any(where in row["measured"] for row in self._by.get((arm, trained), ()))

    def runs(self, arm: str, trained: str) -> list[Row]:
        return self._by.get((arm, trained), [])

    def measured(self, arm: str, trained: str, where: str) -> dict[int, dict[str, Any]]:
        """What was measured, by seed."""
        return {
            row["seed"]: row["measured"][where] for row in self.runs(arm, trained) if where in row["measured"]
        }

    def mean(self, arm: str, trained: str, where: str, name: str) -> float | None:
        """The mean over seeds of a figure; None where there is none."""
        values = [each[name] for each in self.measured(arm, trained, where).values() if name in each]
        return float(np.mean(values)) if values else None

    def table(self, arm: str, trained: str, where: str, seeds: Sequence[int] | None = None) -> Any:
        """Right answers by question and seed, (questions, seeds). A row with one seed, which draws nothing,
        is the same for all."""
        found = self.measured(arm, trained, where)
        alone = next(iter(found.values())) if len(found) == 1 else None
        chosen = [alone or found[seed] for seed in seeds] if seeds is not None else list(found.values())
        return np.array([unpacked(each["right"], self.questions) for each in chosen]).T

    def accuracy(self, arm: str, trained: str, where: str) -> tuple[float, float]:
        """The mean over questions and seeds, percent, and the half width of its interval."""
        parts = parts_of(self.table(arm, trained, where))
        half = half_width(0.05, parts.items, parts.df_items, parts.runs, parts.df_runs, parts.overlap)
        return 100 * parts.value, 100 * float(half)

    def difference(self, one: tuple[str, str], other: tuple[str, str], where: str) -> Difference | None:
        """Of two arms, each with the cell it was trained in, on the same questions and seeds; None where no
        run of one is there."""
        first, second = (self.measured(*each, where) for each in (one, other))
        if not first or not second:
            return None
        several = [set(each) for each in (first, second) if len(each) > 1] or [{0}]
        seeds = sorted(set.intersection(*several))
        if not seeds:
            return None
        a, b = (self.table(*each, where, seeds) for each in (one, other))
        parts = parts_of(a - b)
        half = half_width(0.05, parts.items, parts.df_items, parts.runs, parts.df_runs, parts.overlap)
        p = paired_difference(a, b, binary=True, parts=parts).p_value if (a != b).any() else None
        return Difference(100 * parts.value, 100 * float(half), 1.0 if p is None else p, len(seeds))
