"""Metrics of k attempts by item (pass@k, pass^k, G-Pass@k, avg@k, maj@k), made again from stored attempts so
that they can be compared."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.base.errors import UsageError
from harness.stats.attempts import avg_at_k, g_pass_at_k, maj_at_k, pass_at_k, pass_hat_k
from harness.stats.pooled_attempts import pooled_cells

Array = NDArray[Any]
#: answers of attempts, in the form in which they count as votes; None where an attempt has none
Votes = Sequence[Hashable | None]
_NAME = re.compile(r"(pass@|pass\^|g-pass@|avg@|maj@)(\d+)(?::(0?\.\d+|0|1|1\.0+))?")


@dataclass(frozen=True)
class AttemptMetric:
    """A metric of `k` attempts: `kind` is `pass@`, `pass^`, `g-pass@`, `avg@` or `maj@`; `share` is what of
    the attempts has to be right for G-Pass@k (arXiv 2412.13147)."""

    kind: str
    k: int
    share: float = 0.0

    @property
    def votes(self) -> bool:
        """Whether it is made of answers, not of scores alone."""
        return self.kind == "maj@"


def attempt_metric(name: str) -> AttemptMetric | None:
    """What a name such as `pass@4`, `pass^4`, `g-pass@8:0.75`, `avg@4` or `maj@8` stands for; None where it
    is no metric of attempts.

    Raises:
        UsageError: k is 0, or a share stands where none belongs, or none where one does.
    """
    found = _NAME.fullmatch(name.casefold())
    if found is None:
        return None
    kind, k, share = found[1], int(found[2]), found[3]
    if k < 1:
        raise UsageError(f"{name}: k is at least 1")
    if (kind == "g-pass@") != (share is not None):
        raise UsageError(
            f"{name}: write g-pass@{k}:SHARE, as g-pass@{k}:0.75; the other metrics have no share"
        )
    return AttemptMetric(kind, k, float(share or 0))


def cells(
    metric: str | AttemptMetric, scores: ArrayLike, counts: ArrayLike, votes: Votes | None = None
) -> Array:
    """The metric of each item from the attempts of one run: the mean over all its subsets of k attempts.

    Args:
        metric: as `attempt_metric` reads it.
        scores: of every attempt, item after item; 0 where it failed or was not scored.
        counts: attempts on each item, shape (items,).
        votes: the answer of every attempt, in the same order; for maj@k alone.

    Returns:
        Shape (items,); NaN where an item has fewer than k attempts.

    Raises:
        UsageError: the metric asks whether attempts are right, and a score is neither 0 nor 1.
        ValueError: `metric` is no metric of attempts, or maj@k has no votes.
    """
    wanted = _known(metric)
    flat, n = np.asarray(scores, np.float64), np.asarray(counts, np.int64)
    if not len(n):
        return np.zeros(0)
    if wanted.kind.endswith(("pass@", "pass^")) and not np.isin(flat, (0.0, 1.0)).all():
        raise UsageError(
            f"{wanted.kind}{wanted.k} is of right or wrong attempts, and scores here lie between"
        )
    if wanted.votes:
        if votes is None:
            raise ValueError("maj@k is made of votes, and none are given")
        ends = np.cumsum(n)
        parts = [slice(end - count, end) for count, end in zip(n.tolist(), ends.tolist(), strict=True)]
        return maj_at_k([votes[part] for part in parts], [flat[part].tolist() for part in parts], wanted.k)
    total = np.bincount(np.repeat(np.arange(len(n)), n), weights=flat, minlength=len(n))
    if wanted.kind == "pass@":
        return pass_at_k(n, total, wanted.k)
    if wanted.kind == "pass^":
        return pass_hat_k(n, total, wanted.k)
    if wanted.kind == "g-pass@":
        return g_pass_at_k(n, total, wanted.k, wanted.share)
    return avg_at_k(n, total, wanted.k)


def table(
    metric: str | AttemptMetric,
    scores: Sequence[ArrayLike],
    counts: Sequence[ArrayLike],
    votes: Sequence[Votes] | None = None,
) -> Array:
    """The cells item x run of an arm, for the rule of new items and new runs: the metric within each run, or,
    where an item has k attempts in no run but in all together, that of all attempts (`pooled_cells`).

    Args:
        metric: as for `cells`.
        scores, counts, votes: as for `cells`, of every run. All runs list the same items in the same order;
            an item that a run lacks has 0 attempts there.

    Returns:
        Shape (items, runs). NaN where a run has fewer than k attempts at an item, and for items with fewer
        than k in all. Shape (items, 1) where k attempts need every run: how runs vary can't be told then.

    Raises:
        UsageError, ValueError: as `cells`.
    """
    wanted, runs = _known(metric), range(len(scores))
    tried = np.stack([np.asarray(n, np.int64) for n in counts], axis=1)
    if not len(tried):
        return np.zeros((0, len(scores)))

    def of_runs(chosen: Sequence[int]) -> Array:
        """Of the attempts of these runs, pooled."""
        owner = np.concatenate([np.repeat(np.arange(len(tried)), tried[:, r]) for r in chosen])
        order = np.argsort(owner, kind="stable")
        said: Votes | None = None
        if votes is not None:
            every = [vote for r in chosen for vote in votes[r]]
            said = [every[place] for place in order]
        flat = np.concatenate([np.asarray(scores[r], np.float64) for r in chosen])[order]
        return cells(wanted, flat, tried[:, list(chosen)].sum(axis=1), said)

    own = np.stack([of_runs([r]) for r in runs], axis=1)
    if not (np.isnan(own).all(axis=1) & (tried.sum(axis=1) >= wanted.k)).any():
        return own
    found = pooled_cells(of_runs, len(runs))
    return of_runs(runs)[:, None] if found is None else found


def _known(metric: str | AttemptMetric) -> AttemptMetric:
    found = attempt_metric(metric) if isinstance(metric, str) else metric
    if found is None:
        raise ValueError(f"{metric!r} is no metric of attempts")
    return found
