"""Several weighted sums of means, their intervals and p-values, by the rule for new items and new runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.stats.crossed_rule import half_width, p_value, with_runs
from harness.stats.mcnemar import tango_interval
from harness.stats.paired import FEWEST
from harness.stats.quantiles import FloatArray

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Contrasts:
    """Several contrasts with their parts, each of shape (contrasts,).

    Attributes:
        value: the contrast.
        items, df_items, runs, df_runs, overlap: as in :class:`harness.stats.crossed.Parts`.
        trials: units lost, won and compared, of which 1 is the largest a unit can differ by; and how many
            units are lost and won; shape (contrasts, 5), 0 where there are none.
        most: the largest value that a contrast of scores in [0, 1] can have.
    """

    value: FloatArray
    items: FloatArray
    df_items: FloatArray
    runs: FloatArray
    df_runs: FloatArray
    overlap: FloatArray
    trials: FloatArray
    most: FloatArray

    @property
    def variance(self) -> FloatArray:
        """Of each value."""
        both = self.items + self.runs - self.overlap
        return np.maximum(np.maximum(both, self.items), self.runs)

    def interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Two-sided intervals at a level in (0, 1); infinite where no variance can be told.

        Where fewer than six units differ, or all do alike, a spread says nothing about what wasn't seen: the
        item part is Tango's interval of units lost and won, as in :mod:`harness.stats.paired`. It reaches 0
        where the exact sign test does not reject it.
        """
        p = 1 - level
        half = half_width(p, *self._parts)
        half[(self.items <= _ROUNDING**2) & (self.runs <= 0)] = np.inf
        low, high = self.value - half, self.value + half
        few = self.counted
        if few.any():
            value, most = self.value[few], self.most[few]
            lost, won, n = self.trials[few, :3].T
            ends = tango_interval(lost, won, n, level)
            of_runs = [part[few] for part in self._parts[1:]]
            low[few] = value - with_runs(np.maximum(value - most * ends[0], 0.0), p, *of_runs)
            high[few] = value + with_runs(np.maximum(most * ends[1] - value, 0.0), p, *of_runs)
            unsure = few & (self._sign_p > p)
            low[unsure], high[unsure] = np.minimum(low[unsure], 0.0), np.maximum(high[unsure], 0.0)
        return low, high

    def p_value(self) -> FloatArray:
        """Two-sided, of the contrast being 0."""
        by_spread = p_value(np.abs(self.value), *self._parts)
        signs = self._sign_p
        exact = np.where(self.runs > 0, np.maximum(signs, by_spread), signs)
        return np.asarray(np.where(self.counted, exact, by_spread))

    @property
    def _parts(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        return self.items, self.df_items, self.runs, self.df_runs, self.overlap

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Whether a contrast is judged by units lost and won."""
        differ = self.trials[:, 3:].sum(axis=1) < FEWEST
        alike = self.items <= (_ROUNDING * self.most) ** 2
        return np.asarray((self.trials[:, 2] > 0) & (differ | alike), dtype=np.bool_)

    @property
    def _sign_p(self) -> FloatArray:
        lost, won = self.trials[:, 3:].T
        more, all_ = np.maximum(lost, won), lost + won
        tail = special.bdtrc(more - 1, all_, 0.5)
        return np.asarray(np.where(all_ > 0, np.minimum(1.0, 2 * tail), 1.0))
