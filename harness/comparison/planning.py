"""What a comparison could see before it is run, from the noise that stored runs show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.comparison.arms import Arm
from harness.comparison.items import Array, Items, load_items, pair
from harness.spec import MetricRange
from harness.stats import (
    Variances,
    attempt_variance,
    default_attempt_variance,
    measured_variances,
)

#: pairs of subjects looked at; more change nothing but the time it takes
MOST_PAIRS = 45


@dataclass(frozen=True)
class Noise:
    """The variances to plan with, the items they were seen on, and where they come from.

    `variances` are of shares of the metric's range, `span`, so that a difference of 0.02 is a fiftieth of it.
    """

    variances: Variances
    n_items: int | None
    source: str
    span: MetricRange = MetricRange()


def stored_noise(arms: Sequence[Arm]) -> Noise:
    """The noise of the arms of one comparability key; a stated assumption where none are stored.

    Several subjects: the pair with the median variance of an item's difference. One subject: the
    variance of its attempts, and no variance of the effect. Single attempts of one subject say
    nothing about either.
    """
    span = arms[0].metric_range() if arms else MetricRange()
    found: list[Items] = [load_items(arm, arm.primary).shares(span) for arm in arms]
    seen = []
    for a, b in list(combinations(found, 2))[:MOST_PAIRS]:
        both = pair(a, b)
        if both.matched > 1:
            variances = measured_variances(_attempts(both.candidate), _attempts(both.baseline))
            seen.append((variances.of_item_difference(1), both.matched, variances))
    seen = [entry for entry in seen if entry[0] > 0]  # subjects that agree throughout say nothing
    if seen:
        seen.sort(key=lambda entry: entry[0])
        _, n_items, variances = seen[len(seen) // 2]
        separated = (
            ""
            if variances.separated
            else (", whose single attempts can't be separated from the effect: a best case for more attempts")
        )
        return Noise(variances, n_items, f"{len(found)} stored subjects{separated}", span)
    for items in found:
        own = attempt_variance(_attempts(items)) if items.runs > 1 else 0.0
        if own > 0:
            source = "the attempts of one stored subject, if the effect is the same on every item"
            return Noise(Variances(own, own, 0.0, False), len(items), source, span)
    assumed = default_attempt_variance()
    return Noise(
        Variances(assumed, assumed, 0.0, False),
        len(found[0]) if found else None,
        f"an assumption (variance {assumed:.3f} of an attempt, items of mixed difficulty, the same "
        "effect on every item): no stored run says more",
        span,
    )


def _attempts(items: Items) -> Array:
    """Runs as attempts; the means of items that a run lacks."""
    return items.means() if np.isnan(items.cells).any() else items.cells


def given_noise(noise: Noise, variance: float | None, effect_sd: float | None) -> Noise:
    """The same noise with what the user knows better: the variance of an attempt (of both sides), the
    standard deviation over items of the true difference."""
    if variance is None and effect_sd is None:
        return noise
    seen = noise.variances
    found = Variances(
        candidate=seen.candidate if variance is None else variance,
        reference=seen.reference if variance is None else variance,
        effect=seen.effect if effect_sd is None else effect_sd**2,
        separated=True,
    )
    stated = [f"variance {variance:g} of an attempt"] if variance is not None else []
    stated += [f"effect varying by {effect_sd:g} between items"] if effect_sd is not None else []
    whole = len(stated) == 2 or (variance is not None and not noise.n_items)
    rest = "" if whole else f"; else {noise.source}"
    return Noise(found, noise.n_items, f"as given: {', '.join(stated)}{rest}", noise.span)
