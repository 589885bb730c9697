"""Scores of classes from counts: how often a class was given rightly, given at all, and wanted.

The numbers are those of scikit-learn's `f1_score` and its kin with ``zero_division=0`` and, for ``labels``,
every class that is wanted or given at least once. An item without an answer is given no class: it misses the
class that it wanted and adds to no other, as a prediction outside of ``labels`` does there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from harness.stats.bootstrap import Statistic
from harness.stats.quantiles import FloatArray


@dataclass(frozen=True)
class ClassCounts:
    """Counts by class, each of shape (..., classes)."""

    hits: FloatArray
    given: FloatArray
    wanted: FloatArray

    @classmethod
    def of(cls, sums: FloatArray) -> ClassCounts:
        """From sums of the rows of :func:`class_rows`, shape (..., 3 x classes)."""
        hits, given, wanted = np.split(sums, 3, axis=-1)
        return cls(hits, given, wanted)

    @property
    def precision(self) -> FloatArray:
        return _share(self.hits, self.given)

    @property
    def recall(self) -> FloatArray:
        return _share(self.hits, self.wanted)

    @property
    def f1(self) -> FloatArray:
        return _share(2 * self.hits, self.given + self.wanted)

    def macro(self, scores: FloatArray) -> FloatArray:
        """The mean over the classes that are wanted or given, shape (...)."""
        present = (self.given + self.wanted) > 0
        return _share(np.where(present, scores, 0.0).sum(axis=-1), present.sum(axis=-1))

    def weighted(self, scores: FloatArray) -> FloatArray:
        """The mean over classes, each as often as it is wanted, shape (...)."""
        return _share((scores * self.wanted).sum(axis=-1), self.wanted.sum(axis=-1))

    @property
    def micro_f1(self) -> FloatArray:
        """F1 of all decisions together, shape (...)."""
        both = self.given.sum(axis=-1) + self.wanted.sum(axis=-1)
        return _share(2 * self.hits.sum(axis=-1), both)


def class_rows(
    wanted: Sequence[Sequence[int]], given: Sequence[Sequence[int]], n_classes: int
) -> sparse.csr_matrix:
    """What each attempt adds to the counts, a sparse matrix (attempts, 3 x classes): hits, given, wanted.

    Args:
        wanted: the classes of each target, as numbers below `n_classes`; one, or several of multi-label data.
        given: those of each answer; none where there is no answer.
        n_classes: number of classes.
    """
    columns: list[int] = []
    ends = [0]
    for target, answer in zip(wanted, given, strict=True):
        columns += [c for c in answer if c in target]
        columns += [n_classes + c for c in answer]
        columns += [2 * n_classes + c for c in target]
        ends.append(len(columns))
    shape = (len(wanted), 3 * n_classes)
    return sparse.csr_matrix((np.ones(len(columns)), columns, ends), shape=shape)


def macro_f1(sums: FloatArray) -> FloatArray:
    """Mean F1 over the classes that are wanted or given."""
    counts = ClassCounts.of(sums)
    return counts.macro(counts.f1)


def weighted_f1(sums: FloatArray) -> FloatArray:
    """Mean F1, each class as often as it is wanted."""
    counts = ClassCounts.of(sums)
    return counts.weighted(counts.f1)


def micro_f1(sums: FloatArray) -> FloatArray:
    """F1 of all decisions together."""
    return ClassCounts.of(sums).micro_f1


#: by name: functions of sums of `class_rows`
STATISTICS: dict[str, Statistic] = {"macro_f1": macro_f1, "weighted_f1": weighted_f1, "micro_f1": micro_f1}


def out_of_scope_statistics(place: int) -> dict[str, Statistic]:
    """By name: the accuracy over items that are in scope, and recall and precision of the class at `place`,
    which stands for all that is out of scope."""

    def in_scope_accuracy(sums: FloatArray) -> FloatArray:
        counts = ClassCounts.of(sums)
        right = counts.hits.sum(axis=-1) - counts.hits[..., place]
        return _share(right, counts.wanted.sum(axis=-1) - counts.wanted[..., place])

    def of_it(scores: Callable[[ClassCounts], FloatArray]) -> Statistic:
        return lambda sums: scores(ClassCounts.of(sums))[..., place]

    return {
        "in_scope_accuracy": in_scope_accuracy,
        "oos_recall": of_it(lambda counts: counts.recall),
        "oos_precision": of_it(lambda counts: counts.precision),
    }


def mean_of_items(sums: FloatArray) -> FloatArray:
    """The mean of values, from sums of (value, 1)."""
    return sums[..., 0] / sums[..., 1]


def auroc_values(positive: NDArray[Any], scores: FloatArray) -> FloatArray:
    """What each attempt adds to the area under the ROC curve: numbers whose mean is the area and whose
    spread is that of its sampling distribution (DeLong et al. 1988, Biometrics 44).

    Args:
        positive: which attempts are to have the higher scores, shape (attempts,); some, and not all.
        scores: shape (attempts,).
    """
    from sklearn.metrics import roc_auc_score

    area = float(roc_auc_score(positive, scores))
    values = np.full(len(scores), area)
    for these, others, sign in ((positive, ~positive, 1), (~positive, positive, -1)):
        rest = np.sort(scores[others])
        below = np.searchsorted(rest, scores[these], "left") + np.searchsorted(rest, scores[these], "right")
        placed = below / (2 * len(rest))
        placed = placed if sign > 0 else 1 - placed
        values[these] += (placed - area) * len(scores) / len(placed)
    return values


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """part / whole, 0 where there is nothing to divide by."""
    made = np.zeros(np.broadcast(part, whole).shape)
    np.divide(part, whole, out=made, where=whole > 0)
    return made
