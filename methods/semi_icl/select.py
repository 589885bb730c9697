"""Which annotations become demonstrations: a threshold on confidence, then an even draw over labels
(arXiv 2503.03062, as in the authors' code; pure functions)."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def threshold(
    confidences: Sequence[float], rule: str, *, quantile: float = 0.9, fixed: float = 0.9, k: int = 0
) -> float:
    """tau, for which an annotation is kept if its confidence is at least tau.

    quantile: linear interpolation between order statistics. threshold: `fixed`. topk: the (k+1)-th
    highest confidence, so that ties let in more than k; the lowest where there are no more than k.
    """
    if rule == "threshold":
        return fixed
    if not confidences or rule == "all":
        return float("-inf")
    ranked = sorted(confidences)
    if rule == "topk":
        return ranked[max(len(ranked) - 1 - k, 0)]
    place = quantile * (len(ranked) - 1)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (place - below) * (ranked[above] - ranked[below])


def allocate(sizes: Mapping[str, int], k: int) -> tuple[dict[str, int], list[str], int]:
    """Water-filling: how many of each label, evenly, where label l has `sizes[l]` rows.

    Returns:
        The part that is settled, the labels of which one more each may be drawn, and how many of these
        are to be drawn. Together they are min(k, number of rows).
    """
    given = dict.fromkeys(sizes, 0)
    left = {label: size for label, size in sizes.items() if size > 0}
    rest = min(k, sum(left.values()))
    while rest > 0 and left:
        each = min(rest // len(left), min(left.values()))
        if each == 0:
            return given, list(left), rest
        for label in left:
            given[label] += each
        rest -= each * len(left)
        left = {label: size - each for label, size in left.items() if size > each}
    return given, [], 0


def draw(
    rows: Sequence[T], k: int, label: Callable[[T], str], rng: random.Random, even: bool = True
) -> list[T]:
    """k rows without replacement, evenly over labels or uniformly, in their given order; all where there
    are fewer.

    Args:
        label: names a row's label.
        even: false draws uniformly.
    """
    if not even:
        return [rows[at] for at in sorted(rng.sample(range(len(rows)), max(min(k, len(rows)), 0)))]
    by_label: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        by_label.setdefault(label(row), []).append(at)
    given, open_labels, rest = allocate({name: len(own) for name, own in by_label.items()}, k)
    for name in rng.sample(open_labels, rest):
        given[name] += 1
    chosen = [at for name, own in by_label.items() for at in rng.sample(own, given[name])]
    return [rows[at] for at in sorted(chosen)]
