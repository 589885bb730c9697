"""The variance in a quadratic form of noisy means: the noise taken off, an interval, a test.

``raw = μ'Aμ / df`` is about c times a noncentral chi-squared with ν degrees of freedom (Satterthwaite), with
``c = tr((AK)²) / tr(AK) / df`` and ``ν = tr(AK)² / tr((AK)²)``; K, the covariance of the means μ, is itself
estimated with some degrees of freedom, so that ``raw / noise`` follows a noncentral F.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from harness.stats.grid_noise import Noise
from harness.stats.quantiles import FloatArray

#: points at which a confidence distribution is tabulated, and the tails where the table ends
_POINTS, _END = 801, 1e-6
_STEPS = 60
#: a smaller chance of so little under noise alone gives the interval of what noise makes on average
_LEAST = 0.025
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Component:
    """The variance of a grid's cells that an effect makes, noise taken off.

    Attributes:
        variance: of the effect, in squared units of the score; below 0 where less than noise is seen.
        raw: the same with its noise.
        noise: what items and runs alone would make.
        ci: interval of the true variance.
        p_value: of there being no such effect.
        df: of the effect, the levels' combinations that are free.
    """

    variance: float
    raw: float
    noise: float
    ci: tuple[float, float]
    p_value: float
    df: int

    @property
    def sd(self) -> float:
        """The standard deviation, 0 below noise."""
        return math.sqrt(max(0.0, self.variance))


class Quadratic:
    """``μ'Aμ / df`` with the noise in it.

    Args:
        means: of the cells, any shape.
        noise: of these.
        form: A, shape (cells, cells), positive semidefinite.
        df: of the form.
        uneven: whether noise may lie unevenly over the directions of A. What is seen may then stand where
            noise is larger than on average, and c is at least the noise along what is seen.
    """

    def __init__(
        self, means: FloatArray, noise: Noise, form: FloatArray, df: int, uneven: bool = False
    ) -> None:
        flat = means.reshape(-1)
        product = form @ noise.covariance
        trace, squared = float(np.trace(product)), float((product * product.T).sum())
        self.df = df
        self.raw, self.noise = float(flat @ form @ flat) / df, noise.mean(form) / df
        self._safe_noise = trace / df
        self._unit = self._null_unit = squared / trace / df if trace > 0 else 0.0
        self.df_noise = noise.df(form, trace**2 / squared if trace > 0 else 1.0)
        if uneven and self.raw > self._safe_noise > 0:
            along = float(flat @ product @ form @ flat) - squared
            most = float(np.linalg.eigvals(product).real.max()) / df
            self._unit = max(self._unit, min(along / df**2 / (self.raw - self._safe_noise), most))

        # Less than noise alone makes in all but a fortieth of cases says nothing of the effect: an interval
        # of 0 to 0 would claim that it is known.
        self._seen, self.p_value = self.raw, float(self.raw < 1e-24)
        if self._unit > 0:
            self.p_value = 1 - float(self._cdf(np.zeros(1), self._null_unit)[0])
            if float(self._cdf(np.zeros(1), self._unit)[0]) < _LEAST:
                self._seen = self._safe_noise

    def component(self, tail: float) -> Component:
        """The variance, with the interval that leaves out ``tail`` on either side."""
        variance = self.raw - self.noise
        if self._unit <= 0:
            return Component(variance, self.raw, 0.0, (variance, variance), self.p_value, self.df)
        if abs(variance) <= _ROUNDING * self._safe_noise:  # noise that estimates leave out
            variance = 0.0
        low, high = self._unit * self._noncentrality(np.array([1 - tail, tail]))
        return Component(variance, self.raw, self.noise, (float(low), float(high)), self.p_value, self.df)

    def draws(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Stratified draws of the variance from its confidence distribution, shape (count,)."""
        if self._unit <= 0:
            return np.full(count, self.raw)
        levels = (rng.permutation(count) + rng.random(count)) / count
        low, high = self._noncentrality(np.array([1 - _END, _END]))
        grid = np.linspace(float(low), float(high), _POINTS)
        # the distribution falls with the noncentrality; above its value at 0 the draw is 0
        return np.asarray(self._unit * np.interp(-levels, -self._cdf(grid, self._unit), grid))

    def _noncentrality(self, tails: FloatArray) -> FloatArray:
        """At which the distribution at what is seen has these tails, by bisection; 0 where none has."""
        low = np.zeros(len(tails))
        high = np.full(len(tails), 4 * ((self._seen + self._safe_noise) / self._unit + 100))
        for _ in range(_STEPS):
            middle = (low + high) / 2
            above = self._cdf(middle, self._unit) > tails
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return np.asarray(np.where(low > 0, (low + high) / 2, 0.0), dtype=np.float64)

    def _cdf(self, noncentrality: FloatArray, unit: float) -> FloatArray:
        """P(noncentral F <= what is seen)."""
        nu, seen = self._safe_noise / unit, self._seen / self._safe_noise
        if self.df_noise < math.inf:
            return np.asarray(special.ncfdtr(nu, self.df_noise, noncentrality, seen), dtype=np.float64)
        return np.asarray(special.chndtr(seen * nu, nu, noncentrality), dtype=np.float64)
