"""Propagation, losses and pair sampling: everything that BPR-MF, LightGCN and the contrastive models do.

The propagation of LightGCN is linear and symmetric, so the gradient with respect to the tables is the
same propagation of the gradient of the final vectors. Autograd therefore sees the vectors of one batch
only, and a step costs two propagations a view and no stored layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Array = NDArray[Any]


@dataclass
class View:
    """One way to see the graph. `adjacency` is symmetric, (nodes, nodes), users then items.

    Attributes:
        layers: L; 0 is plain matrix factorisation.
        with_tables: whether the tables themselves are part of the mean over layers.
        noise: length of the random vector added to every node's vector in every layer, in the
            orthant of the vector (SimGCL, arXiv:2112.08679).
    """

    adjacency: Tensor
    layers: int
    with_tables: bool = True
    noise: float = 0.0

    def final(self, tables: Tensor) -> Tensor:
        """The final vectors of all nodes, without noise: the mean over layers."""
        return self._propagated(tables) / self._terms

    def rows(self, tables: Tensor, nodes: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The final vectors of some nodes; layers are summed for these alone."""
        layer = tables
        total = tables[nodes] if self.with_tables else torch.zeros(len(nodes), tables.shape[1]).to(tables)
        for _ in range(self.layers):
            layer = self.adjacency @ layer
            if self.noise:
                drawn = torch.rand(layer.shape, generator=generator, device=layer.device)
                layer = layer + torch.sign(layer) * functional.normalize(drawn, dim=1) * self.noise
            total = total + layer[nodes]
        return total / self._terms

    def backward(self, nodes: Tensor, gradient: Tensor, like: Tensor) -> Tensor:
        """The gradient of the tables, of the shape of `like`, from that of `rows`; noise has none."""
        return self._propagated(torch.zeros_like(like).index_add_(0, nodes, gradient / self._terms))

    @property
    def _terms(self) -> int:
        return self.layers + self.with_tables

    def _propagated(self, tables: Tensor) -> Tensor:
        """The sum over layers of A^l tables, by Horner's rule."""
        total = tables
        for _ in range(self.layers - (not self.with_tables)):
            total = torch.addmm(tables, self.adjacency, total)
        return total if self.with_tables else self.adjacency @ total


def adjacency(training: Any, device: Any = "cpu") -> Tensor:
    """The bipartite graph of a CSR matrix (users, items), normalised by 1 / sqrt(degree) on both sides
    (LightGCN, arXiv:2002.02126, equation 7), as a CSR tensor with 32-bit indices."""
    import warnings

    from scipy.sparse import block_array

    graph = block_array([[None, training], [training.T, None]], format="csr")
    graph.sort_indices()
    degree = np.diff(graph.indptr)
    scale = (1 / np.sqrt(np.maximum(degree, 1))).astype(np.float32)
    values = np.repeat(scale, degree) * scale[graph.indices]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "sparse CSR is in beta"
        return torch.sparse_csr_tensor(
            torch.from_numpy(graph.indptr.astype(np.int32)),
            torch.from_numpy(graph.indices.astype(np.int32)),
            torch.from_numpy(values),
            size=graph.shape,
        ).to(device)


def without_edges(training: Any, share: float, rng: np.random.Generator) -> Any:
    """The matrix with a share of its entries dropped (SGL, arXiv:2010.10783, edge dropout)."""
    from scipy.sparse import csr_array

    kept = rng.random(training.nnz) >= share
    rows = np.repeat(np.arange(training.shape[0]), np.diff(training.indptr))[kept]
    ones = np.ones(int(kept.sum()), np.float32)
    return csr_array((ones, (rows, training.indices[kept])), shape=training.shape)


class Pairs:
    """Training pairs in random order, each with one uniform negative that isn't a training item."""

    def __init__(self, training: Any) -> None:
        self.n_items = training.shape[1]
        self.user = np.repeat(np.arange(training.shape[0]), np.diff(training.indptr))
        self.item = training.indices.astype(np.int64)
        self._taken = np.sort(self.user * np.int64(self.n_items) + self.item)

    def __len__(self) -> int:
        return len(self.user)

    def epoch(self, size: int, rng: np.random.Generator) -> Iterator[tuple[Array, Array, Array]]:
        """Batches of (user, item, negative item)."""
        order = rng.permutation(len(self))
        user, item = self.user[order], self.item[order]
        negative = rng.integers(0, self.n_items, len(user))
        again = np.flatnonzero(self._is_taken(user, negative))
        for _ in range(100):  # a user who took nearly everything may keep a positive
            if not len(again):
                break
            negative[again] = rng.integers(0, self.n_items, len(again))
            again = again[self._is_taken(user[again], negative[again])]
        for start in range(0, len(user), size):
            part = slice(start, start + size)
            yield user[part], item[part], negative[part]

    def _is_taken(self, user: Array, item: Array) -> Array:
        key = user * np.int64(self.n_items) + item
        place = np.minimum(np.searchsorted(self._taken, key), len(self._taken) - 1)
        return np.asarray(self._taken[place] == key)


def distinct(nodes: Array, n_nodes: int) -> tuple[Array, Array]:
    """The distinct nodes in order, and the place of every node among them."""
    there = np.zeros(n_nodes, bool)
    there[nodes] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[nodes]


def bpr(user: Tensor, item: Tensor, negative: Tensor) -> Tensor:
    """Mean of -log sigmoid(s_ui - s_uj), rows are the pairs of a batch."""
    return functional.softplus(((negative - item) * user).sum(dim=1)).mean()


def norm_penalty(norms: Sequence[Tensor], weight: float, squared: bool) -> Tensor:
    """The regulariser over a batch of table rows: half the mean squared norm (LightGCN's own), or the
    sum of three unsquared matrix norms over the batch size (as LLMInit's code is configured).

    Args:
        norms: of every pair's user, item and negative, the squared norm of its row, (pairs,) each.
    """
    parts = [part.sum() / 2 if squared else part.sum().sqrt() for part in norms]
    return weight * torch.stack(parts).sum() / len(norms[0])


def info_nce(one: Tensor, two: Tensor, temperature: float) -> Tensor:
    """Mean contrastive loss of the rows of two views; the other rows of the batch are the negatives."""
    logits = functional.normalize(one, dim=1) @ functional.normalize(two, dim=1).T / temperature
    return functional.cross_entropy(logits, torch.arange(len(one), device=one.device))


def supervised_contrast(user: Tensor, item: Tensor, temperature: float) -> Tensor:
    """SGCL's loss, summed over the batch: pairs against all users and all items of the batch, without
    negatives (formula from LLMInit's released code)."""
    u, i = functional.normalize(user, dim=1), functional.normalize(item, dim=1)
    spread = torch.logaddexp(
        torch.logsumexp(u @ u.T / temperature, dim=1), torch.logsumexp(i @ i.T / temperature, dim=1)
    )
    return (spread - (u * i).sum(dim=1) / temperature).sum()


def effective_rank(table: Array) -> float:
    """exp of the entropy of the squared singular values' shares (Roy and Vetterli 2007, there with
    unsquared values)."""
    values = np.linalg.svd(np.asarray(table, np.float64), compute_uv=False) ** 2
    share = values[values > 0] / values.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
