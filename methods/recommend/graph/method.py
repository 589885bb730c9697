"""BPR-MF, LightGCN, SGL, SimGCL and SGCL: one training loop, with the start of the tables as a plug."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.base.digest import seed_of
from harness.base.errors import DataError, UsageError
from harness.data.interactions import Interactions, rank
from harness.methods.recommend.base import Array, Recommender, Scorer
from harness.methods.recommend.graph import start
from harness.model.ledger import Usage

if TYPE_CHECKING:
    from harness.job import Job

LOG = logging.getLogger("harness.methods.recommend")


class Graph(Recommender):
    """A model of `method.toml`. `settings`: `model`, and `start` where it isn't Xavier.

    With `patience` above 0 it trains without the validation part until that part's NDCG@10 rises no more,
    and then, with `refit`, from the start again on everything that is known, for as many epochs as were
    best: epochs and not steps, so that each interaction is seen as often. Without `refit` it answers with
    the tables of the best epoch, which never saw the validation part. With `patience=0` it trains on
    everything that is known, for `epochs` epochs.
    """

    def learn(self, data: Interactions, job: Job) -> Scorer:
        tables = self.trained(data, job)
        job.access["interactions_trained_on"] = tables["interactions"]
        job.access["training_epochs"] = tables["epochs"]
        if self._chooses:
            job.access["epochs_until_stop"] = tables["until_stop"]
            job.access["interactions_chosen_on"] = int(data.validation.nnz)
        job.training.charge("training", Usage(seconds=tables["seconds"]))
        users, items = tables["users"], tables["items"]
        return lambda rows: users[rows] @ items.T

    @property
    def _chooses(self) -> bool:
        """Whether the number of epochs is chosen on the validation part."""
        return bool(self.args["patience"] > 0)

    def trained(self, data: Interactions, job: Job) -> dict[str, Any]:
        """Final vectors `users` and `items`, the trained `user_table` and `item_table`, the number of
        `interactions` and of `epochs` that these were trained on, `until_stop`, the epochs of the run that
        chose them, the `best` validation NDCG@10 (None without validation), `seconds` of all training.

        Raises:
            UsageError: torch is missing, there is no validation part, or training diverged.
        """
        try:
            import torch  # noqa: F401
        except ImportError:
            raise UsageError(
                f"method {self.spec.name} needs the extra: pip install 'method-harness[rec]'"
            ) from None
        if self._chooses and not data.validation.nnz:
            raise UsageError(
                f"{self.spec.name} chooses its epochs on the validation part, and there is none; "
                "-M patience=0 trains on everything for -M epochs=N"
            )
        parts = [data.training] if self._chooses else [data.known]
        if self._chooses and self.args["refit"]:
            parts.append(data.known)
        settings = self.spec.settings
        starts: list[tuple[Array, Array]] = []
        for part in parts:
            how = settings.get("start", "xavier")
            users, items = start.tables(how, part, job, self.args, quiet=bool(starts))
            if not (np.isfinite(users).all() and np.isfinite(items).all()):
                raise DataError("the initial tables hold NaN or infinity")
            starts.append((users, items))
        tables = [table for pair in starts for table in pair]
        # what is random of a training: where the tables start, and the generator that orders the pairs
        job.drew(tables, np.random.default_rng(seed_of(job.seed, "train")).bytes(32))
        key = [data.digest(), dict(self.args), dict(settings), job.seed, _content(*tables)]
        with job.files.artifact(key) as made:
            if not made.exists:
                held = data.validation if self._chooses else None
                best, curve = self._fit(starts[0], parts[0], held, self.args["epochs"], job)
                seconds = curve[-1]["seconds"]
                if len(parts) > 1:
                    best, again = self._fit(starts[1], parts[1], None, chosen_epochs(curve), job)
                    seconds += again[-1]["seconds"]
                found = {"curve": curve, "seconds": round(seconds, 3)}
                (made.path / "training.json").write_text(json.dumps(found))
                np.savez(made.path / "tables.npz", **best)
            kept = json.loads((made.path / "training.json").read_text())
            with np.load(made.path / "tables.npz") as file:
                trained: dict[str, Any] = dict(file)
        curve = kept["curve"]
        job.training.curve(
            {"step": point["epoch"], "wall_s": point["seconds"], "dev": point.get("ndcg@10")}
            for point in curve
        )
        return {
            **trained,
            "interactions": int(parts[-1].nnz),
            "epochs": chosen_epochs(curve),
            "until_stop": curve[-1]["epoch"],
            "best": max((point["ndcg@10"] for point in curve if "ndcg@10" in point), default=None),
            "seconds": kept["seconds"],
        }

    def _fit(
        self, tables: tuple[Array, Array], training: Any, held: Any | None, epochs: int, job: Job
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Trains; returns what `Trainer.best` does (with `held` the tables of its best epoch, else the last)
        and the curve: epoch, loss, validation NDCG@10, seconds of training so far."""
        from harness.methods.recommend.graph.train import Trainer

        args, model = self.args, self.spec.settings["model"]
        trainer = Trainer(model, args, training, *tables, seed_of(job.seed, "train"))
        curve: list[dict[str, Any]] = []
        best, waited, spent = -1.0, 0, 0.0
        for epoch in range(epochs + 1):
            loss, began = None, time.perf_counter()
            if epoch:
                loss = trainer.epoch()
                if not np.isfinite(loss):
                    raise UsageError(
                        f"{self.spec.name}: the loss of epoch {epoch} is {loss}; choose a smaller -M lr"
                    )
            spent += time.perf_counter() - began
            point: dict[str, Any] = {"epoch": epoch, "loss": loss, "seconds": round(spent, 3)}
            if held is not None and (epoch % args["check"] == 0 or epoch == epochs):
                point["ndcg@10"] = validation_ndcg(*trainer.final(), training, held)
                if point["ndcg@10"] > best:
                    best, waited = point["ndcg@10"], 0
                    trainer.keep()
                else:
                    waited += 1
            curve.append(point)
            job.progress("train", epoch, epochs)
            if held is not None and waited >= args["patience"]:
                break
        LOG.info(
            "%s: %d epochs on %d interactions, %.1f s of training%s",
            self.spec.name,
            curve[-1]["epoch"],
            training.nnz,
            spent,
            f", best validation NDCG@10 {best:.4f}" if held is not None else "",
        )
        return trainer.best(), curve


def chosen_epochs(curve: Sequence[Mapping[str, Any]]) -> int:
    """The epoch of the best validation NDCG@10, the first of equals; the last one where none was measured."""
    checks = [point for point in curve if "ndcg@10" in point]
    return int(max(checks, key=lambda point: point["ndcg@10"])["epoch"] if checks else curve[-1]["epoch"])


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
