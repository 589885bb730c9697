"""BPR-MF, LightGCN, SGL, SimGCL and SGCL: one training loop, with the start of the tables as a plug."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.base.digest import seed_of
from harness.base.errors import DataError, UsageError
from harness.data.interactions import Interactions, rank
from harness.methods.recommend.base import Array, Recommender, Scorer
from harness.methods.recommend.graph import start

if TYPE_CHECKING:
    from harness.job import Job

LOG = logging.getLogger("harness.methods.recommend")


class Graph(Recommender):
    """A model of `method.toml`. `settings`: `model`, and `start` where it isn't Xavier.

    With `patience` above 0 it trains without the validation part and keeps the tables of the best
    validation NDCG@10; with 0 it trains on everything before the test, for `epochs` epochs.
    """

    def learn(self, data: Interactions, job: Job) -> Scorer:
        tables = self.trained(data, job)
        job.access["training_epochs"] = tables["epochs"]
        users, items = tables["users"], tables["items"]
        return lambda rows: users[rows] @ items.T

    def trained(self, data: Interactions, job: Job) -> dict[str, Any]:
        """Final vectors `users` and `items`, the trained `user_table` and `item_table`, `epochs` of
        training and the `best` validation NDCG@10 (None without validation).

        Raises:
            UsageError: torch is missing, there is no validation part, or training diverged.
        """
        try:
            import torch  # noqa: F401
        except ImportError:
            raise UsageError(
                f"method {self.spec.name} needs the extra: pip install 'method-harness[rec]'"
            ) from None
        from harness.methods.recommend.graph.train import Trainer

        held = data.validation if self.args["patience"] > 0 else None
        if held is not None and not held.nnz:
            raise UsageError(
                f"{self.spec.name} stops early by the validation part, and there is none; "
                "-M patience=0 trains on everything for -M epochs=N"
            )
        training = data.training if held is not None else data.known
        settings = self.spec.settings
        users, items = start.tables(settings.get("start", "xavier"), training, job, self.args)
        if not (np.isfinite(users).all() and np.isfinite(items).all()):
            raise DataError("the initial tables hold NaN or infinity")
        key = [data.digest(), dict(self.args), dict(settings), job.seed, _content(users, items)]
        with job.files.artifact(key) as made:
            if not made.exists:
                trainer = Trainer(
                    settings["model"], self.args, training, users, items, seed_of(job.seed, "train")
                )
                curve = self._fit(trainer, training, held, job)
                (made.path / "curve.json").write_text(json.dumps(curve))
                best: dict[str, Any] = trainer.best()
                np.savez(made.path / "tables.npz", **best)
            curve = json.loads((made.path / "curve.json").read_text())
            with np.load(made.path / "tables.npz") as kept:
                tables: dict[str, Any] = dict(kept)
        job.training.curve(
            {"step": point["epoch"], "wall_s": point["seconds"], "dev": point.get("ndcg@10")}
            for point in curve
        )
        checks = [point["ndcg@10"] for point in curve if "ndcg@10" in point]
        return {**tables, "epochs": curve[-1]["epoch"], "best": max(checks, default=None)}

    def _fit(self, trainer: Any, training: Any, held: Any | None, job: Job) -> list[dict[str, Any]]:
        """Trains, and returns the curve: epoch, loss, validation NDCG@10, seconds of training so far."""
        args = self.args
        curve: list[dict[str, Any]] = []
        best, waited, spent = -1.0, 0, 0.0
        for epoch in range(args["epochs"] + 1):
            loss, began = None, time.perf_counter()
            if epoch:
                loss = trainer.epoch()
                if not np.isfinite(loss):
                    raise UsageError(
                        f"{self.spec.name}: the loss of epoch {epoch} is {loss}; choose a smaller -M lr"
                    )
            spent += time.perf_counter() - began
            point: dict[str, Any] = {"epoch": epoch, "loss": loss, "seconds": round(spent, 3)}
            if held is not None and epoch % args["check"] == 0:
                users, items = trainer.final()
                point["ndcg@10"] = validation_ndcg(users, items, training, held)
                if point["ndcg@10"] > best:
                    best, waited = point["ndcg@10"], 0
                    trainer.keep()
                else:
                    waited += 1
            curve.append(point)
            job.progress("train", epoch, args["epochs"])
            if held is not None and waited >= args["patience"]:
                break
        LOG.info(
            "%s: %d epochs, %.1f s of training, best validation NDCG@10 %.4f",
            self.spec.name,
            curve[-1]["epoch"],
            spent,
            best,
        )
        return curve


def validation_ndcg(users: Array, items: Array, training: Any, held: Any, most: int = 10_000) -> float:
    """NDCG@10 on the validation part, training items masked, over the first `most` users that have one
    (users are in no order that matters)."""
    wanted = np.diff(held.indptr)
    rows = np.flatnonzero(wanted)[:most]
    found = np.concatenate(list(rank(lambda part: users[part] @ items.T, rows, training, k=10)))
    owner = np.repeat(np.arange(len(wanted)), wanted)
    right = np.sort(owner * np.int64(held.shape[1]) + held.indices)
    key = rows[:, None] * np.int64(held.shape[1]) + found
    place = np.minimum(np.searchsorted(right, key), len(right) - 1)
    hits = (right[place] == key) & (found >= 0)
    gains = 1 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(gains)[np.minimum(wanted[rows], 10) - 1]
    return float(((hits * gains).sum(axis=1) / ideal).mean())


def _content(*tables: Array) -> str:
    import hashlib

    hasher = hashlib.sha256()
    for table in tables:
        hasher.update(np.ascontiguousarray(table).tobytes())
    return hasher.hexdigest()
