"""Embedding collapse: accuracy and spectra of trained tables over dimensions and initialisations.

    python benchmarks/collapse.py --task rec/ml-100k --embedder lsa --dims 32,64,128 --out collapse

Writes OUT.csv (one row a model, initialisation, dimension, seed and table: metric, effective rank, largest
singular values) and OUT.html (a figure; needs plotly). A claim of less collapse needs both a higher
effective rank and a metric that does not fall. Dimensions larger than the vectors are left out where the
initialisation takes its numbers from them.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import UsageError
from harness.model.embed import open_embedder


def rows(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Trains every point through the method's own code and reads the tables that it keeps."""
    from harness.data import Data
    from harness.job import Job
    from harness.model.gateway import Model
    from harness.model.ledger import Budget, Ledger
    from harness.model.open import open_model
    from harness.registry import load_method, load_task, registry
    from methods.recommend.graph.core import effective_rank

    spec = registry().task(args.task)
    task = load_task(spec, spec.arguments({}))
    splits = task.load(Data.from_environment())
    for name in args.methods.split(","):
        method_spec = registry().method(name)
        for dim in map(int, args.dims.split(",")):
            for seed in range(args.seeds):
                method: Any = load_method(method_spec, method_spec.arguments({"dim": dim, **args.M}))
                budget = Budget()
                job = Job(task=task, method=method_spec, splits=splits, roles={}, budget=budget, seed=seed,
                          model=Model(open_model("none", {}), ledger=Ledger(), budget=budget),
                          embedder=open_embedder(args.embedder))  # fmt: skip
                try:
                    tables = method.trained(splits.interactions, job)
                except UsageError as error:
                    print(f"left out: {name}, {dim} dimensions: {error}", flush=True)
                    break
                finally:
                    job.close()
                for side in ("user_table", "item_table"):
                    values = np.linalg.svd(tables[side].astype(np.float64), compute_uv=False)
                    yield {
                        "task": args.task, "method": name, "embedder": args.embedder, "dim": dim,
                        "seed": seed, "table": side, "validation_ndcg@10": tables["best"],
                        "epochs": tables["epochs"], "effective_rank": effective_rank(tables[side]),
                        "singular_values": json.dumps([round(float(v), 5) for v in values]),
                    }  # fmt: skip


def figure(found: list[dict[str, Any]], path: Path) -> None:
    """Spectra, normalised by the largest value, and effective ranks."""
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    chart = make_subplots(1, 2, subplot_titles=("item table: singular values over the largest",
                                                "item table: effective rank"))  # fmt: skip
    items = [row for row in found if row["table"] == "item_table" and row["seed"] == 0]
    for row in items:
        values = np.array(json.loads(row["singular_values"]))
        chart.add_trace(Scatter(x=np.arange(1, len(values) + 1), y=values / values[0],
                                name=f"{row['method']}, {row['dim']}"), 1, 1)  # fmt: skip
    for name in dict.fromkeys(row["method"] for row in items):
        own = [row for row in items if row["method"] == name]
        chart.add_trace(Scatter(x=[row["dim"] for row in own], y=[row["effective_rank"] for row in own],
                                name=name), 1, 2)  # fmt: skip
    chart.update_xaxes(title_text="index", col=1)
    chart.update_xaxes(title_text="dimensions", type="log", col=2)
    chart.update_yaxes(type="log", col=1)
    chart.write_html(path, include_plotlyjs="cdn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--task", default="rec/ml-100k")
    parser.add_argument("--methods", default="lightgcn,lightgcn+llminit-var,lightgcn+gauss")
    parser.add_argument("--embedder", default="lsa")
    parser.add_argument("--dims", default="32,64,128,256,512,1024")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("-M", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", default="collapse")
    args = parser.parse_args()
    args.M = dict(pair.split("=", 1) for pair in args.M)
    found = []
    with open(f"{args.out}.csv", "w", newline="") as file:
        writer = None
        for row in rows(args):
            writer = writer or csv.DictWriter(file, list(row))
            if not found:
                writer.writeheader()
            writer.writerow(row)
            file.flush()
            found.append(row)
            print({key: value for key, value in row.items() if key != "singular_values"}, flush=True)
    if found:
        figure(found, Path(f"{args.out}.html"))


if __name__ == "__main__":
    main()
