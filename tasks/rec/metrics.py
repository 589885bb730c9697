"""Metrics of rankings, computed for all users at once.

Per user: recall (hits / relevant), NDCG (binary gains, log2(rank + 1), ideal over min(k, relevant)),
hit, MRR (reciprocal rank of the first hit), MAP (precision at every hit, summed, over min(k, relevant))
and precision. Of the set: coverage, Gini of exposure, novelty (Zhou et al. 2010: mean self-information
of what is recommended), and how well it does on thirds of the training interactions: recall of popular and of
rare items, recall and NDCG of users with many and with few interactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
CUTOFFS = (5, 10, 20, 50)
#: thirds of the training interactions, by the popularity of the item and by the activity of the user
ITEM_STRATA = ("head", "middle", "tail")
USER_STRATA = ("heavy", "medium", "light")


def per_user(hits: Array, relevant: Array) -> dict[str, Array]:
    """Every metric at every cutoff, shape (users,) each.

    Args:
        hits: whether the item at each rank is relevant, bool (users, longest).
        relevant: relevant items of each user, at least 1, shape (users,).
    """
    ranks = np.arange(1, hits.shape[1] + 1)
    gains = hits / np.log2(ranks + 1)
    ideal = np.concatenate(([0.0], np.cumsum(1 / np.log2(ranks + 1))))
    found = np.cumsum(hits, axis=1)
    precisions = np.cumsum(hits * found / ranks, axis=1)
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, np.inf)
    made: dict[str, Array] = {}
    for k in CUTOFFS:
        n = np.minimum(k, relevant)
        made[f"recall@{k}"] = found[:, k - 1] / relevant
        made[f"ndcg@{k}"] = np.minimum(gains[:, :k].sum(axis=1) / ideal[n], 1.0)
        made[f"hit@{k}"] = (found[:, k - 1] > 0).astype(float)
        made[f"mrr@{k}"] = np.where(first <= k, 1 / first, 0.0)
        made[f"map@{k}"] = np.minimum(precisions[:, k - 1] / n, 1.0)
        made[f"precision@{k}"] = found[:, k - 1] / k
    return made


def of_the_set(rankings: Array, popularity: Array, n_users: int) -> dict[str, float]:
    """Coverage, Gini and novelty at every cutoff.

    Args:
        rankings: recommended items, int (users, longest), -1 where there is none.
        popularity: training users of every item, shape (items,).
        n_users: users whose training interactions `popularity` counts.
    """
    made = {}
    n_items = len(popularity)
    # an item that no one took is as surprising as one that a single user took
    surprise = np.log2(max(n_users, 1) / np.maximum(popularity, 1))
    for k in CUTOFFS:
        shown = rankings[:, :k]
        shown = shown[shown >= 0]
        exposure = np.sort(np.bincount(shown, minlength=n_items))
        made[f"coverage@{k}"] = float((exposure > 0).mean())
        weights = 2 * np.arange(1, n_items + 1) - n_items - 1
        made[f"gini@{k}"] = float((weights * exposure).sum() / (n_items * max(exposure.sum(), 1)))
        made[f"novelty@{k}"] = float(surprise[shown].mean()) if len(shown) else 0.0
    return made


def strata(taken: Array) -> Array:
    """The stratum of every item (or user), 0 to 2: those with the most training interactions that have a
    third of all of them, the next third, the rest; ties by the smaller one.

    Args:
        taken: training interactions of every item (or user).
    """
    order = np.argsort(-taken, kind="stable")
    before = np.cumsum(taken[order]) - taken[order]
    stratum = np.empty(len(taken), np.int64)
    total = max(int(taken.sum()), 1)
    stratum[order] = np.minimum(before * 3 // total, 2)
    return stratum


def by_item_stratum(user: Array, stratum: Array, rank: Array, k: int = 20) -> Mapping[str, float]:
    """Recall@k on the test items of each stratum: mean over the users that have one there.

    Args:
        user, stratum, rank: of every test interaction: whose it is, of which stratum the item is, and
            its rank from 0 in the user's ranking (any number from k on where it isn't in it).
    """
    made = {}
    for number, name in enumerate(ITEM_STRATA):
        here = stratum == number
        if here.any():
            wanted = np.bincount(user[here])
            found = np.bincount(user[here], weights=rank[here] < k)
            made[f"recall@{k}/{name}"] = float((found[wanted > 0] / wanted[wanted > 0]).mean())
    return made


def by_user_stratum(values: Mapping[str, Array], stratum: Array, k: int = 20) -> Mapping[str, float]:
    """Recall@k and NDCG@k, means over the users of each stratum.

    Args:
        values: what `per_user` gives.
        stratum: of every user.
    """
    return {
        f"{metric}@{k}/{name}": float(values[f"{metric}@{k}"][stratum == number].mean())
        for number, name in enumerate(USER_STRATA)
        if (stratum == number).any()
        for metric in ("recall", "ndcg")
    }
