"""The chance that an answer wins a plurality vote among k of the attempts made on an item.

Averaging the vote over *all* subsets of size k sounds like C(n, k) work, but the vote depends only
on how often each answer was drawn. Those counts are multivariate hypergeometric, which is the same
as independent binomials (one an answer, with rate k/n) given that they sum to k. So the exact
average is a product of short polynomials, and neither sampling nor a seed is needed.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from harness.stats.quantiles import FloatArray, binomial_pmf


@lru_cache(maxsize=16384)
def win_share(votes: int, rivals: tuple[int, ...], blank: int, k: int) -> float:
    """Expected share of the win of one answer over all k-subsets of the attempts.

    A subset is worth 1 if the answer has more votes in it than any rival, 1/m if it ties with m - 1
    rivals for the most, else 0. Blank attempts vote for nobody. The shares of all answers and of
    :func:`all_blank_share` sum to 1. Items of a task share few patterns of counts, hence the cache:
    give ``rivals`` in sorted order to profit from it.

    Args:
        votes: attempts that gave this answer, >= 1.
        rivals: attempts that gave each other answer, each >= 1.
        blank: attempts that gave no answer, >= 0.
        k: size of the subsets, 1 <= k <= votes + sum(rivals) + blank.
    """
    n = votes + sum(rivals) + blank
    rate = k / n
    own = binomial_pmf(votes, rate)
    share = 0.0
    for top in range(1, min(votes, k) + 1):
        share += own[top] * _expected_tie_share(top, rivals, blank, k - top, rate)
    return float(share / binomial_pmf(n, rate)[k])


def all_blank_share(n: int, blank: int, k: int) -> float:
    """Share of the k-subsets of n attempts that hold blank attempts only, C(blank, k) / C(n, k)."""
    j = np.arange(k)
    return float(np.prod(np.maximum(blank - j, 0) / (n - j)))


def _expected_tie_share(top: int, rivals: tuple[int, ...], blank: int, others: int, rate: float) -> float:
    """Σ_t P(rivals and blanks fill ``others`` places, t rivals reach ``top``, none more)/(t+1)."""
    # Rivals that cannot reach the top are under no constraint, so they pool with the blanks.
    pool = blank + sum(votes for votes in rivals if votes < top)
    contenders = [votes for votes in rivals if votes >= top]
    most_ties = min(len(contenders), others // top)
    # ways[t, s]: probability that the answers so far take s places with t of them tied at the top.
    ways: FloatArray = np.zeros((most_ties + 1, others + 1))
    pooled = binomial_pmf(pool, rate)[: others + 1]
    ways[0, : pooled.size] = pooled
    for votes in contenders:
        chance = binomial_pmf(votes, rate)
        with_this = np.zeros_like(ways)
        for drawn in range(min(top, others + 1)):
            with_this[:, drawn:] += chance[drawn] * ways[:, : others + 1 - drawn]
        if others >= top:
            with_this[1:, top:] += chance[top] * ways[:-1, : others + 1 - top]
        ways = with_this
    return float(np.sum(ways[:, others] / np.arange(1, most_ties + 2)))
