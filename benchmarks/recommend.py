"""LightGCN training and full ranking on Gowalla, and metrics of the same scores, beside RecBole.

    python benchmarks/recommend.py [--peer /path/of/recbole/env/bin/python] [--batches 20]

RecBole has its own environment: `python -m venv E && E/bin/pip install torch recbole`. Both sides train the
same model (3 layers, 64 dimensions, batches of 2,048 pairs with one negative) on the same split in one
run, one after the other; CPU seconds are shown beside those of the clock because other work slows both.
Needs the mirror (HARNESS_MIRROR). Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.hub import Data
from harness.data.interactions import Interactions, encode, rank
from harness.registry import load_task, registry
from harness.sample import Outcome, Splits
from harness.task import Task


def load(name: str) -> tuple[Task, Splits, Interactions]:
    spec = registry().task(name)
    task = load_task(spec, spec.arguments({}))
    splits = task.load(Data.from_environment())
    assert splits.interactions is not None
    return task, splits, splits.interactions


def our_metrics(folder: Path) -> dict[str, float]:
    """Our metrics of random scores on MovieLens-100K, which are left in the folder for the peer."""
    task, splits, data = load("rec/ml-100k")
    scores = np.random.default_rng(0).normal(size=data.known.shape).astype(np.float32)
    rows = data.rows([sample.id for sample in splits.test])
    # some of the held-out items near the top, so that there is something to measure
    column = {item: place for place, item in enumerate(data.items)}
    test = np.array([column[str(sample.target)] for sample in splits.test])
    scores[rows[::3], test[::3]] += 3
    blocks = list(rank(lambda part: scores[part], rows, data.known))
    outcomes = [
        Outcome(sample.id, answer=text)
        for sample, text in zip(splits.test, encode(np.concatenate(blocks), data.items), strict=True)
    ]
    scored = list(task.score_all(splits.test, outcomes) or ())
    known = data.known[rows].tocoo()
    np.savez(
        folder / "scores.npz",
        scores=scores[rows],
        known=np.array(known.coords),
        test=np.array([np.arange(len(test)), test]),
    )
    means = {name: float(np.mean([s.metrics[name] for s in scored])) for name in scored[0].metrics}
    return {**means, **task.measure_set(splits, splits.test, outcomes)}


def our_speed(splits: Splits, data: Interactions, batches: int) -> dict[str, float]:
    """The same model, split and batches as the peer's."""
    from harness.methods.recommend.graph.train import Trainer

    rng = np.random.default_rng(0)
    start = rng.normal(0, 0.1, (sum(data.known.shape), 64)).astype(np.float32)
    n_users = len(data.users)
    trainer = Trainer(
        "lightgcn",
        registry().method("lightgcn").arguments({}),
        data.known,
        start[:n_users],
        start[n_users:],
        0,
    )
    wall = cpu = 0.0
    for number, batch in enumerate(trainer._pairs.epoch(2048, rng)):
        if number == 2:  # warm
            wall, cpu = time.perf_counter(), time.process_time()
        trainer._step([trainer._view], *batch)
        if number == batches + 1:
            break
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = {
        "batch_wall": wall / batches,
        "batch_cpu": cpu / batches,
        "batches": -(-len(trainer._pairs) // 2048),
    }
    wall, cpu = time.perf_counter(), time.process_time()
    users, items = trainer.final()
    rows = data.rows([sample.id for sample in splits.test])
    for block in rank(lambda part: users[part] @ items.T, rows, data.known):
        encode(block, data.items)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        **found,
        "rank_wall": time.perf_counter() - wall,
        "rank_cpu": time.process_time() - cpu,
        "peak_gb": peak,
    }


def write_atomic(folder: Path, splits: Splits, data: Interactions) -> None:
    """Gowalla as RecBole's atomic files."""
    place = folder / "gowalla"
    place.mkdir()
    known = data.known.tocoo()
    train = [f"{data.users[u]}\t{data.items[i]}" for u, i in zip(*known.coords, strict=True)]
    test = [f"{sample.id}\t{item}" for sample in splits.test for item in str(sample.target).split("\t")]
    for part, lines in (("train", train), ("valid", test[:1000]), ("test", test)):
        text = "\n".join(["user_id:token\titem_id:token", *lines])
        (place / f"gowalla.{part}.inter").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--peer", help="the Python of RecBole's environment")
    parser.add_argument("--batches", type=int, default=20)
    args = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        metrics = our_metrics(folder)
        _, splits, data = load("rec/gowalla")
        found["ours"] = our_speed(splits, data, args.batches)
        if args.peer:
            write_atomic(folder, splits, data)
            peer = subprocess.run(
                [args.peer, str(Path(__file__).with_name("recbole_peer.py")), name, str(args.batches)],
                capture_output=True,
                text=True,
                cwd=name,
            )
            if peer.returncode:
                raise SystemExit(f"the peer failed: {peer.stderr[-1500:]}")
            theirs = json.loads(peer.stdout.splitlines()[-1])
            found["recbole"] = theirs["speed"]
            gaps = {name: abs(value - metrics[name]) for name, value in theirs["metrics"].items()}
            found["largest_gap_of_a_metric"] = max(gaps.items(), key=lambda gap: gap[1])
            found["metrics_compared"] = len(gaps)
            for unit in ("batch_wall", "batch_cpu", "rank_wall", "rank_cpu"):
                found[f"times_{unit}"] = theirs["speed"][unit] / found["ours"][unit]
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
