"""The one-sided normal formula that the gate still plans with."""

from __future__ import annotations

import math

from harness.stats.quantiles import normal_quantile


def z_factor(alpha: float = 0.05, power: float = 0.80) -> float:
    """``z(1 - α) + z(1 - β)``: how many standard errors an effect must measure to be seen.

    Args:
        alpha: one-sided level of the test, in (0, 1).
        power: 1 - β, the chance to see an effect of that size, in (0, 1).

    Raises:
        ValueError: if either lies outside (0, 1), or they ask for less power than the test's own
            level.
    """
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0.0 < value < 1.0:
            raise ValueError(f"{name} must lie strictly between 0 and 1, got {value!r}")
    if power <= alpha:
        raise ValueError(f"power {power!r} must exceed alpha {alpha!r}")
    return float(normal_quantile(1 - alpha) + normal_quantile(power))


def detectable_from(stderr: float, *, alpha: float = 0.05, power: float = 0.80) -> float:
    """Smallest difference that a comparison with this standard error finds: ``z_factor · SE``.

    For a comparison that was made: its own (clustered) standard error holds ω², σ² and k already.

    Raises:
        ValueError: for a stderr that is negative or NaN, or alpha or power out of range.
    """
    if not 0 <= stderr < math.inf:
        raise ValueError(f"stderr must be finite and not negative, got {stderr!r}")
    return z_factor(alpha, power) * stderr
