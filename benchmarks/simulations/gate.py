"""The gate under simulation: what repeated looks, nights and confirmations promise, by the code that decides.

0/1 scores; item rates Beta(.7, .7); a run moves all logits together, so that run means differ by `run_sd`
(as a share) besides what the attempts at the items do.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.comparison.arms import Arm
from harness.comparison.items import Items, Pairing, pair
from harness.comparison.paired import compare
from harness.gate.checks import Check, Rules
from harness.gate.confirm import FRESH, weigh_fresh
from harness.gate.evidence import below_guard
from harness.gate.ledger import Look
from harness.gate.margin import Margin, parse_margin
from harness.gate.pairing import case_of
from harness.gate.verdict import judge
from harness.stats.crossed import pooled_parts

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """Logits of its rates on each item, and how much a run moves them."""

    logits: Array
    run_sd: float

    def runs(self, rng: np.random.Generator, count: int) -> Array:
        """Right or wrong, shape (items, runs)."""
        rates = 1 / (1 + np.exp(-self.logits))
        moved = rng.normal(0, self.run_sd, count) / float(np.mean(rates * (1 - rates)))
        return (rng.random((len(rates), count)) < 1 / (1 + np.exp(-self.logits[:, None] - moved))).astype(
            float
        )

    def lower_by(self, loss: float) -> Subject:
        """The same with a mean that is lower by `loss`."""
        target = float(np.mean(1 / (1 + np.exp(-self.logits)))) - loss
        low, high = 0.0, 20.0
        for _ in range(60):
            shift = (low + high) / 2
            mean = float(np.mean(1 / (1 + np.exp(shift - self.logits))))
            low, high = (low, shift) if mean < target else (shift, high)
        return Subject(self.logits - low, self.run_sd)

    @property
    def mean_sd(self) -> float:
        """Standard deviation of one run's mean on these items."""
        rates = 1 / (1 + np.exp(-self.logits))
        return math.sqrt(self.run_sd**2 + float(np.mean(rates * (1 - rates))) / len(rates))


def subject(rng: np.random.Generator, items: int, run_sd: float) -> Subject:
    rates = np.clip(rng.beta(0.7, 0.7, items), 1e-6, 1 - 1e-6)
    return Subject(np.log(rates / (1 - rates)), run_sd)


def arm(cells: Array, name: str) -> tuple[Arm, Items]:
    """Runs in memory, as an arm and its table."""
    n, runs = cells.shape
    ones, none = np.ones((n, runs), dtype=int), np.full((n, runs), np.nan)
    table = Items(np.arange(n), cells, cells, ones, none, None)
    rows: list[dict[str, Any]] = [
        {
            **{"task": "simulated", "method": "direct", "model": "sim", "status": "complete"},
            **{"run_id": f"{name}{s}", "attempt": 1, "seed": s, "result_digest": f"{name}{s}"},
            **{"primary": "accuracy", "comparability_key": "k", "subject_key": "s", "subject": {}},
            **{"samples_digest": f"{name}{s}", "usage": {}, "draws": "run", "draw_digest": None},
            "metric_ranges": {"accuracy": {"low": 0.0, "high": 1.0, "lower_is_better": False}},
            "counts": {"ok": n, "error": 0, "unscored": 0, "truncated": 0, "no_answer": 0, "attempts": n},
        }
        for s in range(runs)
    ]
    return Arm(tuple(rows)), table


def look(candidate: Array, baseline: Array, margin: Margin, rules: Rules, looks: Sequence[Look]) -> Look:
    """One look at all runs so far."""
    (ours, left), (theirs, right) = arm(candidate, "c"), arm(baseline, "b")
    tables = {id(ours): left, id(theirs): right}
    compared = compare(ours, theirs, load=lambda each, _: tables[id(each)], one_subject=True)
    check = Check("simulated", "direct", "sim", {}, margin, rules.runs_most)
    (verdict,) = judge([case_of(check, compared, pair(left, right), rules, looks)], rules)
    assert verdict.look is not None
    return verdict.look


def rerun(
    rng: np.random.Generator,
    items: int,
    baseline_runs: int,
    run_sd: float,
    loss: float,
    margin: str,
    most: int = 12,
    spending: str = "obrien-fleming",
    every: int = 1,
) -> tuple[str, int]:
    """The gate rerun after every run until it decides: the verdict, and the runs that it took.

    Args:
        loss: the true loss, in margins.
        every: runs between looks.
    """
    one = subject(rng, items, run_sd)
    declared = parse_margin(margin, "simulation")
    value = float(np.mean(1 / (1 + np.exp(-one.logits))))
    lower = one.lower_by(loss * declared.loss(value)) if loss else one
    baseline, candidate = one.runs(rng, baseline_runs), lower.runs(rng, most)
    rules = Rules(runs_most=most, spending=spending)
    looks: list[Look] = []
    for t in range(every, most + 1, every):
        looks.append(look(candidate[:, :t], baseline, declared, rules, looks))
        if looks[-1].decided:
            break
    return looks[-1].verdict, len(looks[-1].runs)


def night(rng: np.random.Generator, one: Subject, version: Subject, baseline: Array, pairs: bool) -> bool:
    """Whether a night with one run of a version raises an alarm that fresh runs confirm."""
    tonight = version.runs(rng, 1)
    if not below_guard(pooled_parts(tonight, baseline), 0.05):
        return False
    stored = Pairing(arm(tonight, "c")[1], arm(baseline, "b")[1], 0, 0)
    fresh = arm(version.runs(rng, FRESH), "d")[1]
    other = arm(one.runs(rng, FRESH), "e")[1] if pairs else None
    return weigh_fresh(stored, fresh, other, 0.05, nightly=True).confirmed


def season(
    rng: np.random.Generator, items: int, baseline_runs: int, run_sd: float, pairs: bool = True
) -> int:
    """How many of 60 nights without any change raise an alarm."""
    one = subject(rng, items, run_sd)
    baseline = one.runs(rng, baseline_runs)
    return sum(night(rng, one, one, baseline, pairs) for _ in range(60))


def caught(
    rng: np.random.Generator,
    items: int,
    baseline_runs: int,
    run_sd: float,
    pairs: bool = True,
    sds: float = 3,
) -> bool:
    """Whether a lasting drop of some SDs of a run's mean is caught within three nights."""
    one = subject(rng, items, run_sd)
    worse = one.lower_by(sds * one.mean_sd)
    baseline = one.runs(rng, baseline_runs)
    return any(night(rng, one, worse, baseline, pairs) for _ in range(3))


def tables(replicates: int) -> Iterator[str]:
    """Lines of Markdown."""
    yield f"Rerun after every run, up to 12; {replicates} replicates; loss in margins of 5 % of the value."
    yield ""
    ends = "ok / regressed / runs"
    yield f"| items | baseline runs | run SD | spending | loss 0: {ends} | loss 1: {ends} |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for n, b, sd, spending in (
        *((n, b, sd, "obrien-fleming") for n in (30, 200, 1319) for b in (3, 10) for sd in (0.0, 0.01, 0.03)),
        *((200, 10, 0.01, kind) for kind in ("pocock", "unlimited")),
    ):
        cells = []
        for loss in (0.0, 1.0):
            rng = np.random.default_rng(15)
            found = [rerun(rng, n, b, sd, loss, "5%", spending=spending) for _ in range(replicates)]
            rates = [np.mean([verdict == name for verdict, _ in found]) for name in ("ok", "regressed")]
            cells.append(f"{rates[0]:.3f} / {rates[1]:.3f} / {np.mean([t for _, t in found]):.1f}")
        yield f"| {n} | {b} | {100 * sd:g} | {spending} | {' | '.join(cells)} |"
    yield ""
    yield "A season of 60 nights of one run; a drop of 3 SDs of a run's mean, caught within three nights."
    yield ""
    yield "| items | baseline runs | run SD | second look | alarms a night | a season with one | caught |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for n, b, sd, pairs in (
        (n, b, sd, pairs) for n in (200,) for b in (3, 10) for sd in (0.0, 0.02) for pairs in (True, False)
    ):
        rng = np.random.default_rng(16)
        alarms = np.array([season(rng, n, b, sd, pairs) for _ in range(replicates)])
        share = np.mean([caught(rng, n, b, sd, pairs) for _ in range(replicates)])
        what = "fresh pair" if pairs else "candidate alone"
        nightly = f"{alarms.mean() / 60:.4f} | {np.mean(alarms > 0):.3f} | {share:.3f}"
        yield f"| {n} | {b} | {100 * sd:g} | {what} | {nightly} |"


if __name__ == "__main__":
    for line in tables(int(sys.argv[1]) if len(sys.argv) > 1 else 400):
        print(line, flush=True)
