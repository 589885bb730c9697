"""RecBole's side of `benchmarks/recommend.py`; runs in RecBole's own environment.

    python recbole_peer.py FOLDER BATCHES

FOLDER holds `scores.npz` (scores, known and test pairs of a small set) and `gowalla/` with atomic files.
Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import dok_matrix

# RecBole 1.2.1 predates NumPy 1.24 and SciPy 1.13, which took these away
for _name, _kind in (
    ("float", float),
    ("int", int),
    ("bool", bool),
    ("object", object),
    ("str", str),
    ("long", int),
    ("unicode", str),
    ("float_", np.float64),
    ("bool_", np.bool_),
    ("int_", np.int64),
    ("complex_", np.complex128),
    ("object_", np.object_),
    ("str_", np.str_),
    ("unicode_", np.str_),
):
    setattr(np, _name, _kind)
dok_matrix._update = lambda self, values: [self.__setitem__(key, value) for key, value in values.items()]

NAMES = {
    "recall": "recall",
    "ndcg": "ndcg",
    "hit": "hit",
    "mrr": "mrr",
    "map": "map",
    "precision": "precision",
    "itemcoverage": "coverage",
    "giniindex": "gini",
}


def metrics(folder: Path) -> dict[str, float]:
    """RecBole's metrics of given scores, training items masked."""
    from recbole.evaluator.collector import DataStruct
    from recbole.evaluator.register import metrics_dict

    data = np.load(folder / "scores.npz")
    scores = torch.from_numpy(data["scores"].copy())
    scores[data["known"][0], data["known"][1]] = -np.inf
    config = {"topk": [5, 10, 20, 50], "metric_decimal_place": 12}
    top = torch.topk(scores, 50, dim=-1)[1]
    positive = torch.zeros_like(scores, dtype=torch.int)
    positive[data["test"][0], data["test"][1]] = 1
    struct = DataStruct()
    struct.set("rec.topk", torch.cat([positive.gather(1, top), positive.sum(1, keepdim=True)], dim=1))
    struct.set("rec.items", top)
    struct.set("data.num_items", scores.shape[1])
    found = {}
    for theirs, ours in NAMES.items():
        for name, value in metrics_dict[theirs](config).calculate_metric(struct).items():
            found[f"{ours}@{name.partition('@')[2]}"] = float(value)
    return found


def speed(folder: Path, batches: int) -> dict[str, float]:
    """Seconds of CPU and of the clock of LightGCN's training batches and of one full ranking."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    config = Config(
        model="LightGCN",
        dataset="gowalla",
        config_dict={
            "data_path": str(folder),
            "benchmark_filename": ["train", "valid", "test"],
            "USER_ID_FIELD": "user_id",
            "ITEM_ID_FIELD": "item_id",
            "load_col": {"inter": ["user_id", "item_id"]},
            "embedding_size": 64,
            "n_layers": 3,
            "reg_weight": 1e-4,
            "train_batch_size": 2048,
            "eval_batch_size": 409600 * 256,
            "metrics": ["Recall", "NDCG"],
            "topk": [20],
            "show_progress": False,
            "use_gpu": False,
            "eval_args": {"split": {"RS": [8, 1, 1]}, "group_by": "user", "order": "RO", "mode": "full"},
            "state": "ERROR",
            "checkpoint_dir": str(folder),
        },
    )
    init_seed(0, True)
    dataset = create_dataset(config)
    train, _, test = data_preparation(config, dataset)
    model = get_model("LightGCN")(config, train.dataset)
    trainer = get_trainer(config["MODEL_TYPE"], "LightGCN")(config, model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    wall = cpu = 0.0
    for number, batch in enumerate(train):
        if number == 2:  # warm
            wall, cpu = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        model.calculate_loss(batch).backward()
        optimizer.step()
        if number == batches + 1:
            break
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = {"batch_wall": wall / batches, "batch_cpu": cpu / batches, "batches": len(train)}
    wall, cpu = time.perf_counter(), time.process_time()
    trainer.evaluate(test, load_best_model=False, show_progress=False)
    return {**found, "rank_wall": time.perf_counter() - wall, "rank_cpu": time.process_time() - cpu}


def main() -> None:
    folder, batches = Path(sys.argv[1]), int(sys.argv[2])
    print(json.dumps({"metrics": metrics(folder), "speed": speed(folder, batches)}))


if __name__ == "__main__":
    main()
