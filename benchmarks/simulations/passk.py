"""Type I of comparisons of pass@k and pass^k, within runs, and pooled over runs that have k together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.comparison.attempt_metrics import table
from harness.stats.crossed import parts_of, unpaired_parts

#: items, items a group, runs, attempts a run, k, SD of runs in logits (.2 is some 3 points of accuracy)
DESIGNS = [
    (n, size, *design, sd)
    for n, size in ((30, 1), (165, 1), (165, 5), (500, 1))
    for design in ((1, 8, 4), (3, 4, 4), (3, 2, 4), (5, 1, 4), (10, 1, 4))
    for sd in (0.0, 0.2)
]


def tables(replicates: int) -> Iterator[str]:
    """Lines of a Markdown table: how often equal arms are called different at .05, by the rule for new items
    and new runs, with runs paired and not, and by the items alone."""
    yield "## pass@k and pass^k\n"
    yield "Equal arms called different at .05. Where a run has fewer than 4 attempts, runs are pooled.\n"
    yield "| metric | items | a group | runs | attempts a run | run SD | paired | unpaired | items alone |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for kind, designs in (("pass@", DESIGNS), ("pass^", [d for d in DESIGNS if d[:2] == (165, 1)])):
        for n, size, runs, attempts, k, sd in designs:
            if runs == 1 and sd:
                continue
            rates = _rates(f"{kind}{k}", n, size, runs, attempts, sd, replicates)
            shown = " | ".join(f"{rate:.3f}" for rate in rates)
            yield f"| {kind}{k} | {n} | {size} | {runs} | {attempts} | {sd:g} | {shown} |"


def _rates(
    metric: str, n: int, size: int, runs: int, attempts: int, sd: float, replicates: int
) -> list[float]:
    rng = np.random.default_rng(2026)
    codes = np.arange(n) // size
    found = np.zeros((replicates, 3))
    for replicate in range(replicates):
        rate = np.clip(rng.beta(0.7, 0.7, codes.max() + 1), 1e-3, 1 - 1e-3)
        base = np.log(rate / (1 - rate))
        arms = []
        for _ in range(2):
            logits = (base + rng.normal(0, 0.5, len(base)))[codes][:, None] + rng.normal(0, sd, runs)
            chance = 1 / (1 + np.exp(-logits))
            right = (rng.random((attempts, *chance.shape)) < chance).astype(float)
            arms.append(
                table(metric, [right[:, :, r].T.reshape(-1) for r in range(runs)], [[attempts] * n] * runs)
            )
        both = arms[0] - arms[1]
        rules = (
            parts_of(both, codes),
            unpaired_parts(*arms, codes),
            parts_of(both.mean(axis=1), codes),
        )
        found[replicate] = [rule.p_value() < 0.05 for rule in rules]
    return [float(rate) for rate in found.mean(axis=0)]
