"""LaMP's official scores, and means over users.

The official scorer (LaMP-Benchmark/LaMP, its rules written anew): a prediction is stripped of white space and
must be a label, letter by letter; any other is no label. Macro-F1 is over the whole list of labels, whether
they occur or not, so a small sample deflates it: with 2 of 15 labels in a sample a perfect score is 2/15. A
rating that can't be read as a number becomes the farther of 1 and 5 from the right one; one out of that range
is kept as it is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.spec import MetricRange

if TYPE_CHECKING:
    from harness.sample import Sample
    from harness.stats import Estimate

LOWEST, HIGHEST = 1, 5


def exact_label(said: str, labels: Sequence[str]) -> str | None:
    """The label that a prediction is, letter by letter; None for any other text."""
    stripped = said.strip()
    return stripped if stripped in labels else None


def macro_f1(gold: Sequence[str], given: Sequence[str | None], labels: Sequence[str]) -> float:
    """The mean over all `labels` of their F1; 0 for one that is neither wanted nor given."""
    scores = []
    for label in labels:
        hits = sum(g == label == p for g, p in zip(gold, given, strict=True))
        both = list(gold).count(label) + list(given).count(label)
        scores.append(2 * hits / both if both else 0.0)
    return sum(scores) / len(scores)


def official_rating(said: str, gold: float) -> float:
    """A prediction as LaMP's scorer has it: its number, in range or not, else the farther end."""
    try:
        value = float(said.strip())
    except ValueError:
        value = math.nan
    return value if math.isfinite(value) else farther(gold)


def farther(gold: float) -> float:
    """The end of the scale that is farther from the right rating; the higher one from the middle."""
    return float(LOWEST if gold - LOWEST > HIGHEST - gold else HIGHEST)


def root_mean_square(errors: Sequence[float]) -> float:
    """√(mean of squares)."""
    return math.sqrt(sum(error * error for error in errors) / len(errors))


def user_mean(
    samples: Sequence[Sample], scores: Sequence[float], low: float = 0.0, high: float = math.inf
) -> Estimate | None:
    """The mean over users of each one's mean score, with a t interval over users within the range of the
    metric; None for no score. `samples` are those of the attempts, one for each score."""
    from harness.results.ranges import estimate

    by_user: dict[str, list[float]] = defaultdict(list)
    for sample, score in zip(samples, scores, strict=True):
        by_user[sample.group or sample.id].append(score)
    if not by_user:
        return None
    means = [sum(own) / len(own) for own in by_user.values()]
    found = estimate(MetricRange(low, high), means, binary=False)
    ci = (max(found.ci[0], low), min(found.ci[1], high)) if found.ci else None
    return replace(found, ci=ci, n_items=len({sample.id for sample in samples}), n_clusters=len(means))
