"""Looks at growing data: levels that spend one alpha over all of them, and how many runs a margin takes.

A baseline of B finished runs meets a candidate of t = 1, 2, ... runs. With v the variance of one run's mean
and w that of item x method over items, a look at t runs has the information::

    I_t = 1 / (w + v (1/B + 1/t))

and ``cov(d_t, d_u) = var(d_u)`` for t < u: increments are independent although the baseline is shared, so
that group-sequential theory holds (Jennison, Turnbull 1999). The shared baseline only caps the information,
at ``1 / (w + v/B)``. Levels are one-sided.

Spending: Lan, DeMets (1983), by recursive integration (Armitage, McPherson, Rowe 1969). Without a horizon: a
confidence sequence of a normal mixture (Robbins 1970; Howard and others, arXiv 1810.08240).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import special

from harness.stats.quantiles import FloatArray

#: how alpha is spent over a horizon
SPENDING = ("obrien-fleming", "pocock")
#: what looking more than once costs in information, at power .80: O'Brien and Fleming's shape
PRICE = 1.1
#: standard deviations below 0 at which the density of runs not yet stopped is taken as 0
_FAR = 8.0
_NODES = (200, 2000)


def information(
    candidate_runs: float, baseline_runs: float, run_variance: float = 1.0, item_variance: float = 0.0
) -> float:
    """``1 / (w + v (1/B + 1/t))``, of a look at t candidate runs; infinite where nothing varies."""
    spread = item_variance + run_variance * (1 / baseline_runs + 1 / candidate_runs)
    return 1 / spread if spread > 0 else math.inf


def spent(fraction: float, alpha: float = 0.05, spending: str = "obrien-fleming") -> float:
    """How much of a one-sided alpha may be spent up to a fraction (above 0) of the horizon's information.

    Raises:
        ValueError: an unknown kind of spending.
    """
    share = min(1.0, fraction)
    if spending == "obrien-fleming":
        return float(2 * special.ndtr(special.ndtri(alpha / 2) / math.sqrt(share)))
    if spending == "pocock":
        return alpha * math.log1p((math.e - 1) * share)
    raise ValueError(f"spending is one of {', '.join(SPENDING)}, not {spending!r}")


def levels(
    seen: Sequence[float], horizon: float, alpha: float = 0.05, spending: str = "obrien-fleming"
) -> FloatArray:
    """The one-sided level of each look, ``1 - Φ(z)`` of :func:`boundaries`, shape (looks,)."""
    return np.asarray(special.ndtr(-boundaries(seen, horizon, alpha, spending)), dtype=np.float64)


def boundaries(
    seen: Sequence[float], horizon: float, alpha: float = 0.05, spending: str = "obrien-fleming"
) -> FloatArray:
    """The z that each look must pass, so that all looks together pass by chance with probability alpha.

    Args:
        seen: the information of every look so far, rising.
        horizon: the information of the last look that is planned; looks beyond it spend nothing more.
        alpha: one-sided level over all looks.
        spending: one of `SPENDING`.

    Returns:
        Shape (looks,); infinite for a look that may spend nothing.

    Raises:
        ValueError: the information doesn't rise, or an unknown kind of spending.
    """
    fractions = tuple(float(each) / horizon for each in seen)
    if any(late <= early for early, late in zip((0.0, *fractions), fractions, strict=False)):
        raise ValueError(f"the information of looks rises from above 0, got {list(seen)}")
    return np.array(_boundaries(fractions, alpha, spending))


@lru_cache(maxsize=512)
def _boundaries(fractions: tuple[float, ...], alpha: float, spending: str) -> tuple[float, ...]:
    """The recursion, on the score S = Z √I, whose increments are independent N(0, ΔI)."""
    before, found = 0.0, []
    nodes, mass = np.zeros(1), np.ones(1)  # S = 0 at information 0
    past = 0.0
    for fraction in fractions:
        allowed = spent(fraction, alpha, spending)
        step = math.sqrt(fraction - past)
        least = -_FAR * math.sqrt(fraction)
        crossed = allowed - before
        bound = _bound(nodes, mass, step, crossed, math.sqrt(fraction)) if crossed > 1e-15 else math.inf
        found.append(bound / math.sqrt(fraction))
        top = min(bound, -least)
        # nodes lie closer than the step's own spread, which smooths the density
        count = int(np.clip(math.ceil(4 * (top - least) / step), *_NODES))
        points, weights = _legendre(count)
        new = least + (top - least) * points
        density = np.exp(-0.5 * ((new[:, None] - nodes) / step) ** 2) @ mass
        nodes, mass = new, density * weights * (top - least) / (step * math.sqrt(2 * math.pi))
        before, past = max(before, allowed), fraction
    return tuple(found)


@lru_cache(maxsize=64)
def _legendre(count: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of Gauss and Legendre on (0, 1); panels of 50, as large rules are slow to find."""
    points, weights = np.polynomial.legendre.leggauss(50)
    panels = math.ceil(count / 50)
    starts = np.arange(panels)[:, None]
    return ((starts + (points + 1) / 2) / panels).ravel(), np.tile(weights / 2 / panels, panels)


def _bound(nodes: FloatArray, mass: FloatArray, step: float, crossed: float, scale: float) -> float:
    """The score that the runs not yet stopped pass with probability `crossed`, by bisection."""
    low, high = -_FAR * scale, 2 * _FAR * scale
    for _ in range(60):
        middle = (low + high) / 2
        over = float(special.ndtr((nodes - middle) / step) @ mass)
        low, high = (middle, high) if over > crossed else (low, middle)
    return (low + high) / 2


def sequence_level(seen: float, first: float, alpha: float = 0.05) -> float:
    """The one-sided level of a look of a confidence sequence, valid at any number of looks without a horizon.

    ``z_t = √( (1 + ρ/I) (log((I + ρ)/ρ) + 2 log(1/(2α))) )`` with ρ half of the information of the `first`
    look.
    """
    rho = first / 2
    z = math.sqrt((1 + rho / seen) * (math.log((seen + rho) / rho) + 2 * math.log(1 / (2 * alpha))))
    return float(special.ndtr(-z))


def pairs_needed(
    margin: float,
    run_variance: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    item_variance: float = 0.0,
    price: float = PRICE,
    df: float = math.inf,
) -> float:
    """``BT / (B + T)`` that shows, with `power`, that nothing as large as the margin was lost, where nothing
    was.

    ``v / ( 1/(price J) - w )`` with ``J = ((z(1-α) + z(power)) / margin)²``; infinite where no number of runs
    does, only more items.

    Args:
        margin: the largest acceptable loss, above 0, in the unit of the scores.
        run_variance: v, of one run's mean.
        item_variance: w, of item x method over items; 0 for a subject held against itself.
        price: what the looks cost, as a factor of information.
        df: degrees of freedom of the variance over runs; its t quantiles take the place of the z.
    """
    tails = np.array([1 - alpha, power])
    quantiles = special.ndtri(tails) if math.isinf(df) else special.stdtrit(df, tails)
    wanted = (float(quantiles.sum()) / margin) ** 2
    room = 1 / (price * wanted) - item_variance
    return run_variance / room if room > 0 else math.inf


def candidate_runs_needed(needed: float, baseline_runs: int) -> int | None:
    """The fewest candidate runs T with ``BT / (B + T) >= needed``, at least 1; None where the baseline's own
    runs cap it out."""
    if needed >= baseline_runs:
        return None
    exact = needed * baseline_runs / (baseline_runs - needed)
    return max(1, math.ceil(exact - 1e-9))


def confirmation_correlation(
    baseline_runs: float, candidate_runs: float, further_runs: float | None = None
) -> float:
    """The correlation of two looks with runs of their own, t and u (t again by default), at one baseline:
    ``(1/B) / √((1/B + 1/t) (1/B + 1/u))``."""
    first = 1 / baseline_runs + 1 / candidate_runs
    second = 1 / baseline_runs + 1 / (further_runs or candidate_runs)
    return 1 / baseline_runs / math.sqrt(first * second)


def both_looks(
    baseline_runs: float,
    candidate_runs: float,
    further_runs: float | None = None,
    *,
    first: float = 0.05,
    second: float = 0.05,
) -> float:
    """P(two looks at one baseline both flag where nothing changed), at their one-sided levels."""
    rho = confirmation_correlation(baseline_runs, candidate_runs, further_runs)
    # over the first look's z: Φ of the second's, given it
    z = float(special.ndtri(1 - first))
    points, weights = _legendre(200)
    nodes = z + points * (_FAR + 2 - z)
    density = np.exp(-0.5 * nodes**2) / math.sqrt(2 * math.pi) * weights * (_FAR + 2 - z)
    over = special.ndtr((rho * nodes + special.ndtri(second)) / math.sqrt(1 - rho**2))
    return float(density @ over)


def second_level(
    baseline_runs: float,
    candidate_runs: float,
    further_runs: float | None = None,
    *,
    first: float = 0.05,
    joint: float = 0.0025,
) -> float:
    """The level of a second look at the same baseline at which both flag with probability `joint`, as two
    independent looks at .05 do."""
    low, high = -30.0, math.log(0.5)
    for _ in range(60):
        middle = (low + high) / 2
        second = math.exp(middle)
        over = both_looks(baseline_runs, candidate_runs, further_runs, first=first, second=second) > joint
        low, high = (low, middle) if over else (middle, high)
    return math.exp(low)
