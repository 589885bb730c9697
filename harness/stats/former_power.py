"""What a paired comparison can see before it is run: effect sizes, attempts, corrections.

Everything is on the scale of the scores (0.05 is five points) and one-sided: "is B worse than A on
the same n items?". Two variances go in: ``attempt_variance`` σ², of one attempt within an item,
averaged over items; and ``effect_variance`` ω², over items, of the true difference between the two
arms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.stats.items import ItemScores, gather_attempts
from harness.stats.paired import item_differences
from harness.stats.quantiles import normal_quantile


@dataclass(frozen=True)
class Variances:
    """What stored runs say about the noise of a comparison; see :func:`measured_variances`.

    Attributes:
        candidate: σ² of one attempt of the candidate, averaged over items.
        reference: the same of the reference.
        effect: ω², the variance over items of the true difference.
        separated: whether attempts and effect could be separated. If not, all of the variance is
            put down to attempts, so that plans with more attempts are optimistic.
    """

    candidate: float
    reference: float
    effect: float
    separated: bool

    def of_item_difference(self, k: int, k_reference: int | None = None) -> float:
        """``ω² + σ_A²/k_A + σ_B²/k_B``, the variance of one item's difference."""
        other_k = k if k_reference is None else k_reference
        _check_count("k", k)
        _check_count("k_reference", other_k)
        return self.effect + self.candidate / k + self.reference / other_k


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


def minimum_detectable_effect(
    n_items: int,
    k: int,
    attempt_variance: float,
    *,
    k_reference: int | None = None,
    reference_variance: float | None = None,
    effect_variance: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.80,
) -> float:
    """Smallest true difference that a paired comparison finds with the given power.

    ``( z(1-α) + z(1-β) ) · √( ( ω² + σ_A²/k_A + σ_B²/k_B ) / n )``

    Args:
        n_items: items n >= 1 that both arms answer (for clustered items, clusters are nearer the
            truth).
        k: attempts an item of the candidate, >= 1.
        attempt_variance: σ² of the candidate, >= 0; at most 1/4 for scores in [0, 1].
        k_reference: attempts of the reference; the candidate's if None.
        reference_variance: σ² of the reference; the candidate's if None.
        effect_variance: ω² >= 0. With 0 (the best case) the effect is the same on every item.
        alpha: one-sided level.
        power: 1 - β.

    Returns:
        The effect, in the unit of the scores.

    Raises:
        ValueError: for n or k below 1, a negative or NaN variance, or alpha or power out of range.

    Source: Miller, arXiv 2411.00640, for unequal arms.
    """
    _check_count("n_items", n_items)
    other_k = k if k_reference is None else k_reference
    other_variance = attempt_variance if reference_variance is None else reference_variance
    _check_count("k", k)
    _check_count("k_reference", other_k)
    _check_variances(attempt_variance, other_variance, effect_variance)
    variance = effect_variance + attempt_variance / k + other_variance / other_k
    return z_factor(alpha, power) * math.sqrt(variance / n_items)


def attempts_needed(
    effect: float,
    n_items: int,
    attempt_variance: float,
    *,
    reference_variance: float | None = None,
    effect_variance: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.80,
) -> int | None:
    """Attempts an item, in both arms alike, that make a given effect detectable.

    ``k >= ( σ_A² + σ_B² ) / ( n · (effect / (z(1-α) + z(1-β)))² - ω² )``, rounded up.

    Args:
        effect: the difference to see, > 0, in the unit of the scores.
        n_items: items n >= 1 that both arms answer.
        attempt_variance: σ² of the candidate, >= 0.
        reference_variance: σ² of the reference; the candidate's if None.
        effect_variance: ω² >= 0.
        alpha: one-sided level.
        power: 1 - β.

    Returns:
        k >= 1, or None if no k suffices: the items differ so much that only more items help.

    Raises:
        ValueError: for effect <= 0, n below 1, a negative or NaN variance, or alpha or power out of
            range.
    """
    if not effect > 0:
        raise ValueError(f"effect must be positive, got {effect!r}")
    _check_count("n_items", n_items)
    other_variance = attempt_variance if reference_variance is None else reference_variance
    _check_variances(attempt_variance, other_variance, effect_variance)
    room = n_items * (effect / z_factor(alpha, power)) ** 2 - effect_variance
    if room <= 0:
        return None
    # The tolerance keeps k for an effect that is itself the MDE at k, up to rounding.
    return max(1, math.ceil((attempt_variance + other_variance) / room * (1 - 1e-12)))


def detectable_from(stderr: float, *, alpha: float = 0.05, power: float = 0.80) -> float:
    """Smallest difference that a comparison with this standard error finds: ``z_factor · SE``.

    For a comparison that was made: its own (clustered) standard error holds ω², σ² and k already.

    Raises:
        ValueError: for a stderr that is negative or NaN, or alpha or power out of range.
    """
    if not 0 <= stderr < math.inf:
        raise ValueError(f"stderr must be finite and not negative, got {stderr!r}")
    return z_factor(alpha, power) * stderr


def measured_variances(candidate: ItemScores, reference: ItemScores) -> Variances:
    """σ² of both arms and ω² from stored runs of two methods on the same items.

    ``ω² = var(d_i) - mean(σ_Ai²/k_Ai) - mean(σ_Bi²/k_Bi)``, at least 0. It needs items with two
    attempts in both arms. Where an arm has single attempts only, its σ² is what is left of var(d_i)
    (the other arm's share, if known, taken off; else half each) and ω² is 0. For runs of one method
    only, :func:`attempt_variance` gives σ², and ω² is 0 at best.

    Args:
        candidate: the attempts of every item, as for ``estimate_mean``.
        reference: the same items in the same order.

    Raises:
        ValueError: for fewer than two items, arms with different numbers of items, or as in
            ``gather_attempts``.
    """
    differences = item_differences(candidate, reference)
    if differences.size < 2:
        raise ValueError("the variance of a difference needs at least two items")
    total = float(differences.var(ddof=1))
    one, one_share = _attempt_noise(candidate)
    other, other_share = _attempt_noise(reference)
    if one is not None and other is not None:
        effect = max(0.0, total - one_share - other_share)
        return Variances(candidate=one, reference=other, effect=effect, separated=True)
    unexplained = max(0.0, total - one_share - other_share)
    unknown = unexplained if (one is None) != (other is None) else unexplained / 2
    return Variances(
        candidate=unknown if one is None else one,
        reference=unknown if other is None else other,
        effect=0.0,
        separated=False,
    )


def _attempt_noise(item_scores: ItemScores) -> tuple[float | None, float]:
    """Mean σ² over the items that have two attempts, or None, and its share in var(d_i)."""
    items = gather_attempts(item_scores)
    variances = items.variances()
    if not np.isfinite(variances).any():
        return None, 0.0
    mean = float(np.nanmean(variances))
    # Items with one attempt are taken to be as noisy as the others.
    shares = np.where(np.isfinite(variances), variances, mean) / items.counts
    return mean, float(shares.mean())


def attempt_variance(item_scores: ItemScores) -> float:
    """σ² measured in a stored run: the unbiased variance within an item, averaged over items.

    Items with a single attempt say nothing about it and are left out.

    Args:
        item_scores: the attempts of every item, as for ``estimate_mean``.

    Raises:
        ValueError: if no item has two attempts, or as in ``gather_attempts``.
    """
    variances = gather_attempts(item_scores).variances()
    known = variances[np.isfinite(variances)]
    if known.size == 0:
        raise ValueError("the variance of attempts needs an item with at least two attempts")
    return float(known.mean())


def _check_count(name: str, value: int) -> None:
    if value < 1 or value != int(value):
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")


def _check_variances(*variances: float) -> None:
    for variance in variances:
        if not 0 <= variance < math.inf:
            raise ValueError(f"a variance must be finite and not negative, got {variance!r}")
