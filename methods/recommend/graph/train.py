"""One training loop for all models: batches of pairs, two propagations a view, Adam on the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.methods.recommend.graph.core import (
    Pairs,
    View,
    adjacency,
    bpr,
    distinct,
    info_nce,
    norm_penalty,
    supervised_contrast,
    without_edges,
)

Array = NDArray[Any]


class Trainer:
    """Tables of users and items under training.

    Args:
        model: `bpr-mf`, `lightgcn`, `sgl`, `simgcl` or `sgcl`.
        args: the parameters of `method.toml`.
        training: CSR matrix (users, items).
        users, items: the initial tables, (users, d) and (items, d).
    """

    def __init__(
        self, model: str, args: Mapping[str, Any], training: Any, users: Array, items: Array, seed: int
    ) -> None:
        self.model, self.args, self.training = model, args, training
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.n_users = len(users)
        self.tables = torch.from_numpy(np.concatenate([users, items])).to(self.device)
        self._rng = np.random.default_rng(seed)
        self._noise = torch.Generator(device=self.device).manual_seed(seed)
        layers = args.get("layers", 0)
        self._graph = adjacency(training, self.device)
        self._view = View(self._graph, layers, with_tables=model != "simgcl")
        self._pairs = Pairs(training)
        self._adam = torch.optim.Adam([self.tables], lr=args["lr"], fused=True)
        self._kept: dict[str, Array] | None = None

    def epoch(self) -> float:
        """Every training pair once; returns the mean loss of the batches."""
        views = [self._view, *self._contrasted()]
        total, batches = 0.0, 0
        for user, item, negative in self._pairs.epoch(self.args["batch"], self._rng):
            total += self._step(views, user, item, negative)
            batches += 1
        return total / max(batches, 1)

    def _contrasted(self) -> list[View]:
        """The two further views of the contrastive models."""
        layers = self.args.get("layers", 0)
        if self.model == "sgl":
            share = self.args["dropout"]
            return [
                View(adjacency(without_edges(self.training, share, self._rng), self.device), layers)
                for _ in range(2)
            ]
        if self.model == "simgcl":
            return [View(self._graph, layers, with_tables=False, noise=self.args["noise"])] * 2
        return []

    def _step(self, views: list[View], user: Array, item: Array, negative: Array) -> float:
        """One step of Adam; returns the loss.

        Autograd sees the batch's distinct nodes only; what they are worth to the tables is the same
        propagation of their gradients.
        """
        nodes = np.concatenate([user, self.n_users + item, self.n_users + negative])
        index, place = (torch.from_numpy(part).to(self.device) for part in distinct(nodes, len(self.tables)))
        seen = [view.rows(self.tables, index, self._noise).requires_grad_() for view in views]
        rows = self.tables[index].requires_grad_()
        loss = self._loss(seen, rows, place)
        *of_views, of_rows = torch.autograd.grad(loss, [*seen, rows], materialize_grads=True)
        gradient = views[0].backward(index, of_views[0], self.tables)
        for view, of_view in zip(views[1:], of_views[1:], strict=True):
            gradient += view.backward(index, of_view, self.tables)
        self.tables.grad = gradient.index_add_(0, index, of_rows)
        self._adam.step()
        return float(loss.detach())

    def _loss(self, seen: list[Tensor], rows: Tensor, place: Tensor) -> Tensor:
        """The loss of the batch from the vectors of its distinct nodes.

        Args:
            seen: of each view, the final vectors, (distinct nodes, d).
            rows: rows of the tables, (distinct nodes, d).
            place: of every pair's user, then item, then negative, the place among the distinct nodes.
        """
        args, parts = self.args, place.chunk(3)
        # index_select, unlike indexing, has a fast gradient on a CPU
        users, items, negatives = (seen[0].index_select(0, part) for part in parts)
        if self.model == "sgcl":
            return supervised_contrast(users, items, args["temperature"])
        norms = rows.square().sum(dim=1)
        loss = bpr(users, items, negatives)
        loss = loss + norm_penalty(
            [norms[part] for part in parts], args["reg"], args["reg_form"] == "squared"
        )
        if len(seen) > 1:
            for part in parts[:2]:
                one, two = (view[part.unique()] for view in seen[1:])  # type: ignore[no-untyped-call] # torch's
                loss = loss + args["contrast"] * info_nce(one, two, args["temperature"])
        return loss

    def final(self) -> tuple[Array, Array]:
        """The final vectors of users and items."""
        vectors = self._view.final(self.tables).cpu().numpy()
        return vectors[: self.n_users], vectors[self.n_users :]

    def keep(self) -> None:
        """Remembers the present tables as the best."""
        users, items = self.final()
        tables = self.tables.cpu().numpy().copy()
        self._kept = {
            "users": users,
            "items": items,
            "user_table": tables[: self.n_users],
            "item_table": tables[self.n_users :],
        }

    def best(self) -> dict[str, Array]:
        """The final vectors and the tables that were kept, the present ones where none were."""
        if self._kept is None:
            self.keep()
        assert self._kept is not None
        return self._kept
