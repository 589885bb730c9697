"""A/A end to end: how often runs of one subject, split at random into two arms, are called better or worse.

    python -m benchmarks.simulations aa --replicates 60     # some minutes; what was run before is found again

Every store holds 24 seeds of one subject, made by `harness eval`: methods that draw demonstrations, rows of
a pool, initial weights or an order of training once for all items. Of each store, random splits into two
arms of as many runs are compared as `harness compare` does it. The splits of a store share its runs, so that
the error is taken over stores. The last column is what comes out where the runs are taken for all there are
(`--these-runs`): it says whether a store's runs differ at all.
"""

from __future__ import annotations

import csv
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.base import paths

SEEDS = 24
#: runs in each of the two arms
SIZES = (2, 3, 5, 12)
#: stores of a method: of the cheap ones, and of those that train a policy
STORES, TRAINED = 4, 1
CLASSES, TRAIN, TEST = 16, 160, 200


@dataclass(frozen=True)
class Subject:
    """What a store holds: `arguments(store, folder)` are those of `harness eval` for store number `store`."""

    name: str
    stores: int
    arguments: Callable[[int, Path], list[str]]


def _labelled(method: str, **more: Any) -> Callable[[int, Path], list[str]]:
    """A method on texts of 16 classes, labelled by a simulation that is better where a demonstration shows
    the class; another population of texts and classes in each store."""

    def arguments(store: int, folder: Path) -> list[str]:
        train, test = (
            [(f"{split} {i} on topic {i % CLASSES}", f"topic {i % CLASSES}") for i in range(n)]
            for split, n in (("train", TRAIN), ("test", TEST))
        )
        tables = {
            "data": [("text", "label"), *test],
            "train": [("text", "label"), *train],
            "pool": [("text",), *((text,) for text, _ in train)],
        }
        data = []
        for name, rows in tables.items():
            with open(folder / f"{name}.csv", "w", newline="") as file:
                csv.writer(file).writerows(rows)
            data += ["-T", f"{name}={folder / name}.csv"]
        model = ["--model", "sim/annotator", "--model-arg", f"seed={store}", "--model-arg", "coverage=0.4"]
        return ["--task", "classify/custom", *data, "--method", method, *model, *_given(more)]

    return arguments


def _curriculum(store: int, folder: Path) -> list[str]:
    """A pocket policy after four short steps of training."""
    plan = {"steps": 4, "prompts": 4, "rollouts": 4, "minibatches": 1, "micro_batch": 16, "max_tokens": 14}
    more = _given({**plan, "rate": 0.001, "measure_every": 100, "fit": "train"})
    asked = ["--task", "arc1d", "-T", "level=1", "--limit", "40", "--model", "pocket/grid"]
    return [*asked, "--method", "curriculum-uniform", *more]


def _lightgcn(store: int, folder: Path) -> list[str]:
    """Users who take most of what they take from a group of their own."""
    rng = np.random.default_rng(store)
    lines = []
    for user in range(150):
        weights = np.where(np.arange(60) % 5 == user % 5, 6.0, 1.0)
        taken = rng.choice(60, 8, replace=False, p=weights / weights.sum())
        lines.append(" ".join([f"u{user}", *(f"i{item}" for item in taken)]))
    (folder / "train.txt").write_text("\n".join(lines))
    more = _given({"dim": 8, "epochs": 8, "patience": 0, "lr": 0.02, "batch": 256})
    return ["--task", "rec/custom", "-T", f"train={folder / 'train.txt'}", "--method", "lightgcn", *more]


SUBJECTS = (
    Subject("few-shot", STORES, _labelled("few-shot", k=12)),
    Subject("naive-semi-icl", STORES, _labelled("naive-semi-icl", k=12, k_gt=6)),
    Subject("iterpsd", STORES, _labelled("iterpsd", k=12, k_gt=6, epsilon=1.0)),
    Subject("testnuc, 30 of the pool drawn", STORES, _labelled("testnuc", k=10, pool_size=30)),
    Subject("lightgcn", STORES, _lightgcn),
    Subject("curriculum-uniform", TRAINED, _curriculum),
)


def tables(replicates: int) -> Iterator[str]:
    """Lines of a Markdown table: the share of verdicts, with its standard error over stores.

    Args:
        replicates: random splits of a store at each number of runs.
    """
    columns = [*(f"{n} v {n}" for n in SIZES), f"{SIZES[-1]} v {SIZES[-1]}, these runs"]
    yield f"| method ({SEEDS} runs a store) | stores | {' | '.join(columns)} |"
    yield "| --- |" + " --- |" * (1 + len(columns))
    for subject in SUBJECTS:
        shares = [_verdicts(_rows(subject, store), replicates, store) for store in range(subject.stores)]
        cells = []
        for found in zip(*shares, strict=True):
            error = statistics.stdev(found) / len(found) ** 0.5 if len(found) > 1 else None
            cells.append(f"{statistics.mean(found):.3f}" + (f" +- {error:.3f}" if error is not None else ""))
        yield f"| {subject.name} | {len(shares)} | " + " | ".join(cells) + " |"


def _rows(subject: Subject, store: int) -> list[dict[str, Any]]:
    """The rows of a store's runs, which are made where they aren't there."""
    from harness.results.index import read_index

    folder = paths.cache_dir() / "simulations" / "aa" / f"{subject.name.partition(',')[0]} {store}"
    folder.mkdir(parents=True, exist_ok=True)
    arguments = [*subject.arguments(store, folder), "--seeds", str(SEEDS), "--json"]
    command = [sys.executable, "-m", "harness", "eval", *arguments, "--store", str(folder / "results")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    made = {run["run_id"] for run in json.loads(done.stdout)["runs"]}
    rows = [row for row in read_index(folder / "results").rows if row["run_id"] in made]
    assert len(rows) == SEEDS and {row["draws"] for row in rows} == {"run"}
    return rows


def _verdicts(rows: list[dict[str, Any]], splits: int, store: int) -> list[float]:
    """The share of splits that are called better or worse, for each of `SIZES`; and with the last of them
    the share whose p-value for these runs alone is below .05."""
    from harness.comparison.arms import Arm
    from harness.comparison.items import Items, combine, load_run
    from harness.comparison.paired import compare

    held: dict[str, Items] = {}

    def load(arm: Arm, metric: str) -> Items:
        for run in arm.runs:
            if run["run_id"] not in held:
                held[run["run_id"]] = load_run(run, metric)
        return combine([held[run["run_id"]] for run in arm.runs])

    rng = np.random.default_rng(store)
    shares = []
    for size in SIZES:
        called, apart = 0, 0
        for _ in range(splits):
            drawn = rng.permutation(len(rows))
            ours, theirs = (Arm(tuple(rows[n] for n in part)) for part in np.split(drawn[: 2 * size], 2))
            called += compare(ours, theirs, load=load).verdict() != "not shown"
            if size == SIZES[-1]:
                p = compare(ours, theirs, load=load, wanted="these-runs").p_value
                apart += p is not None and p < 0.05
        shares.append(called / splits)
    return [*shares, apart / splits]


def _given(arguments: dict[str, Any]) -> list[str]:
    return [part for name, value in arguments.items() for part in ("-M", f"{name}={value}")]
