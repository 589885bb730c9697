"""Embedding collapse: accuracy and spectra of trained tables over dimensions and initialisations.

    python benchmarks/collapse.py --task rec/ml-100k --embedder lsa --dims 32,64,128 --out collapse

Writes OUT.csv (one row a model, initialisation, dimension, seed and table: metric, effective rank, singular
values) and draws OUT.svg from it (needs the extra plot); --draw draws a CSV that is there. A claim of less
collapse needs both a higher effective rank and a metric that does not fall. Dimensions larger than the
vectors are left out where the initialisation takes its numbers from them.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.base.errors import UsageError
from harness.model.embed import open_embedder


def rows(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Trains every point through the method's own code and reads the tables that it keeps."""
    from harness.data.hub import Data
    from harness.job import Job, Models
    from harness.methods.recommend.graph.core import effective_rank
    from harness.model.budget import Budget
    from harness.model.factory import open_model
    from harness.model.gateway import Model
    from harness.model.ledger import Ledger
    from harness.registry import load_method, load_task, registry

    spec = registry().task(args.task)
    task = load_task(spec, spec.arguments({}))
    splits = task.load(Data.from_environment())
    for name in args.methods.split(","):
        method_spec = registry().method(name)
        for dim in map(int, args.dims.split(",")):
            for seed in range(args.seeds):
                # the tables that the validation score is of
                method: Any = load_method(
                    method_spec, method_spec.arguments({"dim": dim, "refit": False, **args.M})
                )
                budget = Budget()
                job = Job(
                    task=task,
                    method=method_spec,
                    splits=splits,
                    seed=seed,
                    models=Models(
                        budget=budget,
                        model=Model(open_model("none", {}), ledger=Ledger(), budget=budget),
                        embedder=open_embedder(args.embedder),
                    ),
                )
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
                        "task": args.task,
                        "method": name,
                        "embedder": args.embedder,
                        "dim": dim,
                        "seed": seed,
                        "table": side,
                        "validation_ndcg@10": tables["best"],
                        "epochs": tables["until_stop"],
                        "effective_rank": effective_rank(tables[side]),
                        "singular_values": json.dumps([round(float(v), 5) for v in values]),
                    }


def figure(table: Path, path: Path) -> None:
    """Item tables: spectra over the largest value, effective rank and validation NDCG@10 over dimensions;
    means over seeds."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "collapse"
    from matplotlib import pyplot

    with open(table, newline="") as file:
        items = [row for row in csv.DictReader(file) if row["table"] == "item_table"]
    chart, (spectra, ranks, metric) = pyplot.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
    for colour, name in enumerate(dict.fromkeys(row["method"] for row in items)):
        own = [row for row in items if row["method"] == name]
        dims = sorted({int(row["dim"]) for row in own})
        for number, dim in enumerate(dims):
            at = np.mean(
                [json.loads(row["singular_values"]) for row in own if int(row["dim"]) == dim], axis=0
            )
            spectra.plot(
                np.arange(1, len(at) + 1),
                at / at[0],
                color=f"C{colour}",
                alpha=(number + 1) / len(dims),
                label=name if dim == dims[-1] else None,
            )
        for axes, column in ((ranks, "effective_rank"), (metric, "validation_ndcg@10")):
            means = [np.mean([float(row[column]) for row in own if int(row["dim"]) == dim]) for dim in dims]
            axes.plot(dims, means, "o-", color=f"C{colour}", label=name)
    spectra.set(
        xlabel="index",
        ylabel="singular value / largest",
        xscale="log",
        yscale="log",
        title="item table: spectrum (the more dimensions, the darker)",
    )
    ranks.set(
        xlabel="dimensions",
        ylabel="effective rank",
        title="item table: effective rank",
        xscale="log",
        yscale="log",
    )
    metric.set(xlabel="dimensions", ylabel="validation NDCG@10", title="accuracy", xscale="log")
    for axes in (ranks, metric):
        axes.set_xticks(dims := sorted({int(row["dim"]) for row in items}), labels=map(str, dims))
        axes.minorticks_off()
    metric.legend()
    chart.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--task", default="rec/ml-100k")
    parser.add_argument("--methods", default="lightgcn,lightgcn+llminit-var,lightgcn+gauss")
    parser.add_argument("--embedder", default="lsa")
    parser.add_argument("--dims", default="32,64,128,256,512,1024")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("-M", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", default="collapse")
    parser.add_argument("--draw", action="store_true", help="draw OUT.csv, train nothing")
    args = parser.parse_args()
    if not args.draw:
        train(args)
    figure(Path(f"{args.out}.csv"), Path(f"{args.out}.svg"))


def train(args: argparse.Namespace) -> None:
    """Writes OUT.csv row by row."""
    args.M = dict(pair.split("=", 1) for pair in args.M)
    with open(f"{args.out}.csv", "w", newline="") as file:
        writer = None
        for row in rows(args):
            if writer is None:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
            file.flush()
            print({key: value for key, value in row.items() if key != "singular_values"}, flush=True)


if __name__ == "__main__":
    main()
