"""Recommenders without a random start: most popular, nearest items, and EASE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.base.errors import UsageError
from harness.data.interactions import Interactions
from harness.methods.recommend.base import Array, Recommender, Scorer, dense

if TYPE_CHECKING:
    from harness.job import Job


class MostPopular(Recommender):
    """The same ranking for everyone: items by the number of their training users."""

    def learn(self, data: Interactions, job: Job) -> Scorer:
        popularity = data.popularity.astype(np.float32)
        return lambda rows: np.broadcast_to(popularity, (len(rows), len(popularity)))


class ItemNeighbours(Recommender):
    """Sum of cosine similarities to the user's items, over each item's nearest (Sarwar et al. 2001).

    The similarity of two items is their number of common users over the geometric mean of their
    numbers of users plus `shrink`.
    """

    def learn(self, data: Interactions, job: Job) -> Scorer:
        known = data.known.tocsr()
        near = self._neighbours(known, job)
        return lambda rows: dense(known[rows] @ near)

    def _neighbours(self, known: Any, job: Job) -> Any:
        """CSR matrix (items, items): column j holds the weights of j's nearest items."""
        from scipy.sparse import csr_array, vstack

        k, shrink = self.args["neighbours"], self.args["shrink"]
        users = known.T.tocsr()
        size = np.sqrt(np.asarray(known.sum(axis=0)).ravel())
        kept = []
        for start in range(0, users.shape[0], 1024):
            common = dense(users[start : start + 1024] @ known)
            own = np.arange(len(common))
            common[own, start + own] = 0
            weight = common / np.maximum(size[start : start + 1024, None] * size[None, :] + shrink, 1e-12)
            if weight.shape[1] > k:
                least = np.partition(weight, weight.shape[1] - k, axis=1)[:, weight.shape[1] - k]
                weight[weight < least[:, None]] = 0
            kept.append(csr_array(weight))
            job.progress("neighbours", start + len(common), users.shape[0])
        return vstack(kept, format="csr").T.tocsr()


class Ease(Recommender):
    """Linear item-item weights in closed form, without self-similarity (Steck 2019, arXiv:1905.03375,
    equation 8): B = I - P / diag(P), P = (X'X + reg I)^-1."""

    def learn(self, data: Interactions, job: Job) -> Scorer:
        from scipy.linalg import inv

        most, n_items = self.args["most_items"], len(data.items)
        if n_items > most:
            raise UsageError(
                f"ease inverts an item-by-item matrix: {n_items} items need "
                f"{n_items**2 * 4e-9:.0f} GB and more; -M most_items={n_items} tries it all "
                "the same"
            )
        known = data.known.tocsr()
        gram = dense(known.T @ known)
        gram[np.diag_indices(n_items)] += self.args["reg"]
        inverse: Array = inv(gram, overwrite_a=True, check_finite=False)
        weights = inverse / -np.diag(inverse)
        weights[np.diag_indices(n_items)] = 0
        return lambda rows: np.asarray(known[rows] @ weights)
