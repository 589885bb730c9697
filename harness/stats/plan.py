"""Designs of an experiment: what runs, items and attempts make of the noise of a comparison.

Everything is on the scale of the scores (0.05 is five points). See :mod:`harness.stats.power` for the rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from harness.stats.power import Expected

#: runs an arm and attempts an item that the cheapest design is chosen from
RUNS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20)
ATTEMPTS = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)
#: up to so many of each are looked for
MOST = {"runs": 100, "items": 1_000_000, "attempts": 1024}
#: how far a design may lie behind the best by the first, rougher look
_CLOSE = 1.1


@dataclass(frozen=True)
class Components:
    """The variance components of a difference of two arms; variances of a sum of both arms' noise.

    Attributes:
        items: w², over items, of the true difference.
        runs: s² = s²_A + s²_B, of what is drawn per run; without what paired runs have in common.
        cells: r², of item x run: what a draw does to single items.
        attempts: a² = a²_A + a²_B, of one attempt at an item within a run.
        group_size: items of a group, on average.
        group_correlation: of items of one group, 0 to 1 (intraclass correlation).

    Raises:
        ValueError: a variance is negative or infinite, a group has less than one item, or the correlation
            lies outside [0, 1].
    """

    items: float
    runs: float
    attempts: float
    cells: float = 0.0
    group_size: float = 1.0
    group_correlation: float = 0.0

    def __post_init__(self) -> None:
        for variance in (self.items, self.runs, self.cells, self.attempts):
            if not 0 <= variance < math.inf:
                raise ValueError(f"a variance must be finite and not negative, got {variance!r}")
        if not 1 <= self.group_size < math.inf:
            raise ValueError(f"a group has at least one item, got {self.group_size!r}")
        if not 0 <= self.group_correlation <= 1:
            raise ValueError(f"a correlation in groups lies in [0, 1], got {self.group_correlation!r}")

    @property
    def design_effect(self) -> float:
        """By how much groups multiply the variance of a mean: ``1 + (size - 1) · correlation``."""
        return 1 + (self.group_size - 1) * self.group_correlation


@dataclass(frozen=True)
class Design:
    """What is run on either side; both sides alike.

    Attributes:
        items: n >= 2.
        runs: S >= 1 runs (seeds) an arm.
        attempts: k >= 1 attempts at an item in each run.
        paired: whether the runs of the arms share their draws, seed by seed.
        drawing: of the two arms, how many draw something per run. With none, runs are more attempts.

    Raises:
        ValueError: a number is too small.
    """

    items: int
    runs: int = 1
    attempts: int = 1
    paired: bool = False
    drawing: int = 2

    def __post_init__(self) -> None:
        for name, value, least in (
            ("items", self.items, 2),
            ("runs", self.runs, 1),
            ("attempts", self.attempts, 1),
        ):
            if value < least or value != int(value):
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
        if self.drawing not in (0, 1, 2):
            raise ValueError(f"of two arms 0, 1 or 2 draw something per run, not {self.drawing!r}")

    def expected(self, noise: Components) -> Expected:
        """``VI = (w² + c/S) e/n``, ``VS = (s² + c e/n)/S``, ``VR = c e/(n S)`` with ``c = r² + a²/k``, e the
        effect of groups. With one run, what is drawn is left out: the claim is about these runs.

        Raises:
            ValueError: the items make fewer than two groups.
        """
        cell = noise.cells + noise.attempts / self.attempts
        per_item = noise.design_effect / self.items
        items = (noise.items + cell / self.runs) * per_item
        df_items = self.items / noise.group_size - 1
        if not df_items > 0:
            raise ValueError(f"{self.items} items in groups of {noise.group_size:g} are too few")
        if not self.drawing or self.runs == 1:
            return Expected(items, df_items)
        # An arm that draws nothing adds to the items alone, and has half of the noise of the cells.
        cell *= 1 if self.paired else self.drawing / 2
        arms = 1 if self.paired else self.drawing
        return Expected(
            items,
            df_items,
            ((noise.runs + cell * per_item) / self.runs / arms,) * arms,
            (self.runs - 1.0,) * arms,
            cell * per_item / self.runs,
        )


def power_of(
    effect: float, noise: Components, design: Design, *, alpha: float = 0.05, tests: int = 1
) -> float:
    """The chance that a true difference is shown.

    Args:
        effect: its size, in the unit of the scores.
        noise: the components of its variance.
        design: what is run.
        alpha: two-sided level over all tests, in (0, 1).
        tests: T >= 1 made together: Holm's first step, its worst case, tests at alpha / T.

    Raises:
        ValueError: a number is out of range.
    """
    return design.expected(noise).power(effect, _level(alpha, tests))


def detectable(
    noise: Components, design: Design, *, power: float = 0.8, alpha: float = 0.05, tests: int = 1
) -> float:
    """The smallest true difference that is shown with this power, in the unit of the scores.

    Args, raises: as :func:`power_of`; the power lies between the level of a test and 1.
    """
    return design.expected(noise).detectable(power, _level(alpha, tests))


def needed(
    effect: float,
    noise: Components,
    design: Design,
    dial: Literal["runs", "items", "attempts"],
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    tests: int = 1,
) -> int | None:
    """The least number of runs, items or attempts with which an effect is shown with this power, the rest as
    in `design`; None if even ``MOST`` of them are too few.

    Runs are counted from two where something is drawn: one claims nothing about others.

    Args, raises: as :func:`power_of`.
    """

    level = _level(alpha, tests)

    def enough(n: int, rough: bool = False) -> bool:
        changed = {"runs": design.runs, "items": design.items, "attempts": design.attempts, dial: n}
        tried = Design(**changed, paired=design.paired, drawing=design.drawing)
        return tried.expected(noise).power(effect, level, rough=rough) >= power

    low = {"runs": 2 if design.drawing else 1, "items": math.floor(noise.group_size) + 1, "attempts": 1}[dial]
    if not enough(MOST[dial]):
        return None
    near = _least(lambda n: enough(n, rough=True), low, MOST[dial])
    low, high = max(low, math.floor(0.8 * near)), min(MOST[dial], math.ceil(1.25 * near))
    return _least(enough, low, high if enough(high) else MOST[dial])


def _least(enough: Callable[[int], bool], low: int, high: int) -> int:
    """The least whole number from `low` that is enough, where more are never worse; else `high`."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


@dataclass(frozen=True)
class Costs:
    """What an experiment may cost, in any unit: attempts, dollars, hours.

    Attributes:
        budget: of both arms together.
        attempt: of one attempt at an item.
        fit: of whatever a run does before its first item: training, a prompt search.
    """

    budget: float
    attempt: float = 1.0
    fit: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.budget < math.inf and 0 < self.attempt < math.inf and 0 <= self.fit < math.inf):
            raise ValueError(
                "a budget and the cost of an attempt must be positive, that of a fit not negative"
            )

    def of(self, design: Design) -> float:
        """``2 S (fit + n k attempt)``."""
        return 2 * design.runs * (self.fit + design.items * design.attempts * self.attempt)


def cheapest(
    noise: Components,
    costs: Costs,
    most_items: int,
    *,
    paired: bool = False,
    drawing: int = 2,
    power: float = 0.8,
    alpha: float = 0.05,
    tests: int = 1,
) -> tuple[Design, float] | None:
    """The design that detects the smallest difference within a budget, and that difference. With draws, one
    run claims nothing about others and is left out.

    Args:
        noise: the components of the variance of a difference.
        costs: the budget, and what a fit and an attempt cost.
        most_items: how many there are.
        paired, drawing: as of :class:`Design`.
        power, alpha, tests: as of :func:`detectable`.

    Returns:
        None if the budget pays for no design with two groups of items.
    """
    level = _level(alpha, tests)
    found: list[tuple[float, Design]] = []
    for s in RUNS:
        if drawing and s == 1:
            continue
        for k in ATTEMPTS:
            n = min(most_items, math.floor((costs.budget / (2 * s) - costs.fit) / (k * costs.attempt)))
            if n < 2 or n / noise.group_size <= 1:
                break
            design = Design(n, s, k, paired, drawing)
            size = design.expected(noise).detectable(power, level, rough=True)
            if k > ATTEMPTS[0] and size > found[-1][0]:
                break  # attempts pay up to a point, and not again
            found.append((size, design))
    if not found:
        return None
    close = min(size for size, _ in found) * _CLOSE
    sized = [
        (detectable(noise, d, power=power, alpha=alpha, tests=tests), d) for size, d in found if size <= close
    ]
    # of equals the cheaper
    size, best = min(sized, key=lambda each: (each[0], costs.of(each[1])))
    return best, size


def beta_attempt_variance(a: float, b: float) -> float:
    """Variance of 0/1 attempts when the items' success rates follow Beta(a, b): E[p(1 - p)].

    ``a·b / ( (a + b)·(a + b + 1) )``

    Raises:
        ValueError: unless a and b are positive and finite.
    """
    if not (0 < a < math.inf and 0 < b < math.inf):
        raise ValueError(f"Beta parameters must be positive and finite, got {a!r} and {b!r}")
    return a * b / ((a + b) * (a + b + 1))


def default_attempt_variance() -> float:
    """Variance of one attempt to plan with when no run of the task is stored: that of Beta(0.7, 0.7), 0.146.

    Item difficulty of benchmarks is bimodal: many items are nearly always or nearly never solved.
    Beta(0.7, 0.7) is such a shape at mean 0.5, where attempts are noisiest. It is no bound: if every item
    were solved half the time the variance would be 0.25.
    """
    return beta_attempt_variance(0.7, 0.7)


def _level(alpha: float, tests: int) -> float:
    if tests < 1 or tests != int(tests):
        raise ValueError(f"tests must be a whole number of at least 1, got {tests!r}")
    return alpha / tests
