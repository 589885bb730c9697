"""How much of a problem's utility can be learned: one training with uniform choice, watched.

    python benchmarks/curator_signal.py --task countdown --model pocket/grid [-T key=value] [-M key=value]

A curator can only gain by what differs between problems and lasts. Every problem of a small set is visited
several times while the light curator learns and doesn't choose; of each quantity the reliability is printed,
the share of its variance (within a step) that lies between problems and not between visits: one-way
intraclass correlation, with a 95 % bootstrap interval over problems. Then rank correlations within steps,
averaged over the second half of the training: of the curator's score, and of what the visit before said,
with the utility that the visit found. Single trainings of small policies: a look, not a measurement of the
method.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.methods.curator.curricula import CURRICULA
from harness.methods.curator.curricula.learned import ActorCurator
from harness.methods.curator.curriculum import Round
from harness.methods.curator.signals import Floats, Indices, learnability

RESAMPLES = 1000


class Watched(ActorCurator):
    """The curator, which learns and never chooses; every visit is written down."""

    visits: list[dict[str, Any]] = []

    @property
    def leads(self) -> bool:
        return False

    def observe(self, seen: Round) -> None:
        super().observe(seen)
        utility = self.target(seen)
        size = np.abs(utility).mean()
        self.visits.append(
            {
                "problem": seen.selection.indices,
                "success": seen.rewards.mean(-1),
                "learnability": learnability(seen.rewards),
                "utility": utility / (size if size > 0 else 1.0),
                "score": np.log(self._frozen[self._chosen]),
                "length": np.mean(seen.lengths, axis=-1),
            }
        )


def watch(task: str, model: str, task_args: Mapping[str, str], method_args: Mapping[str, str]) -> None:
    from harness.results.store import Store
    from harness.run.execute import run_grid
    from harness.run.plan import Request, plan
    from harness.run.session import Session

    CURRICULA["curator"] = Watched
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HARNESS_CACHE"] = folder
        request = Request(
            task=task,
            method="curator",
            model=model,
            limit=1,
            task_args=dict(task_args),
            method_args={"fit": "train", "measure_every": "100000", **method_args},
        )
        (result,) = run_grid(plan(request), Session(Store(Path(folder) / "results"))).results
        if result.error:
            raise SystemExit(str(result.error))


def reliability(values: Floats, problems: Indices) -> float:
    """Intraclass correlation of single visits, one-way, unequal numbers of visits."""
    _, group, counts = np.unique(problems, return_inverse=True, return_counts=True)
    means = np.bincount(group, values) / counts
    within = ((values - means[group]) ** 2).sum() / (len(values) - len(counts))
    between = (counts * (means - values.mean()) ** 2).sum() / (len(counts) - 1)
    typical = (len(values) - (counts**2).sum() / len(values)) / (len(counts) - 1)
    return float((between - within) / (between + (typical - 1) * within))


def interval(values: Floats, problems: Indices, rng: np.random.Generator) -> tuple[float, float]:
    rows = [np.flatnonzero(problems == problem) for problem in np.unique(problems)]
    found = []
    for _ in range(RESAMPLES):
        drawn = [rows[n] for n in rng.integers(len(rows), size=len(rows))]
        again = np.repeat(np.arange(len(drawn)), [len(part) for part in drawn])
        found.append(reliability(values[np.concatenate(drawn)], again))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def rank_correlation(pairs: list[tuple[Floats, Floats]]) -> str:
    """Mean over steps, and its standard error."""
    from scipy.stats import spearmanr

    found = [spearmanr(a, b).statistic for a, b in pairs if np.ptp(a) > 0 and np.ptp(b) > 0]
    return f"{np.mean(found):+.3f} (standard error {np.std(found, ddof=1) / len(found) ** 0.5:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="countdown")
    parser.add_argument("--model", default="pocket/grid")
    parser.add_argument("-T", dest="task_args", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("-M", dest="method_args", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    split = [dict(pair.split("=", 1) for pair in pairs) for pairs in (given.task_args, given.method_args)]
    watch(given.task, given.model, *split)
    visits, rng = Watched.visits, np.random.default_rng(0)
    problems = np.concatenate([visit["problem"] for visit in visits])
    print(
        f"{len(visits)} steps, {len(np.unique(problems))} problems, {len(problems)} visits; "
        f"{np.mean([np.mean(v['learnability'] > 0) for v in visits]):.0%} with rewards that differ"
    )
    for name in ("success", "learnability", "utility"):
        values = np.concatenate([visit[name] - visit[name].mean() for visit in visits])
        low, high = interval(values, problems, rng)
        print(f"reliability of {name:12} {reliability(values, problems):+.3f} [{low:+.3f}, {high:+.3f}]")
    last: dict[int, dict[str, float]] = {}
    names = ("score", "learnability", "utility", "length")
    pairs: dict[str, list[tuple[Floats, Floats]]] = {name: [] for name in names}
    for step, visit in enumerate(visits):
        if step >= len(visits) // 2:
            for name in ("score", "length"):
                pairs[name].append((visit[name], visit["utility"]))
            known = np.array([row for row, problem in enumerate(visit["problem"]) if problem in last])
            for name in names[1:3] if len(known) > 2 else ():
                before = np.array([last[visit["problem"][row]][name] for row in known])
                pairs[name].append((before, visit["utility"][known]))
        for row, problem in enumerate(visit["problem"]):
            last[problem] = {name: visit[name][row] for name in names[1:3]}
    print("rank correlation with the utility found:")
    print(f"  the light curator's score            {rank_correlation(pairs['score'])}")
    print(f"  the length of the responses          {rank_correlation(pairs['length'])}")
    print(f"  learnability at the visit before     {rank_correlation(pairs['learnability'])}")
    print(f"  utility at the visit before          {rank_correlation(pairs['utility'])}")


if __name__ == "__main__":
    main()
