"""False claims and power of the rule for new items and new seeds, beside the rules it replaced."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import stats

from harness.stats.crossed import parts_of, unpaired_parts

ITEMS = (30, 164, 500, 1319)
RUNS = (1, 2, 3, 5, 10)
RUN_SD = (0.0, 0.01, 0.03)
#: share of an attempt's variance at a rate, and how much two methods differ on an item, in logits
BETA, EFFECT = (0.7, 0.7), 0.5
LEVEL = 0.05


def arms(
    rng: np.random.Generator, n: int, runs: int, run_sd: float, group: int = 1, better: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Two tables item x run of right or wrong, equal in the mean but for `better` points of rate."""
    groups = -(-n // group)
    rate = rng.beta(*BETA, groups).repeat(group)[:n]
    logit = np.log(np.clip(rate, 1e-6, 1 - 1e-6) / np.clip(1 - rate, 1e-6, 1))
    tables = []
    for gain in (better, 0.0):
        own = logit + rng.normal(0, EFFECT, groups).repeat(group)[:n] / np.sqrt(2)
        p = 1 / (1 + np.exp(-own))[:, None] + gain + rng.normal(0, run_sd, runs)
        tables.append((rng.random((n, runs)) < np.clip(p, 0, 1)).astype(float))
    return tables[0], tables[1]


def claims(a: np.ndarray, b: np.ndarray, codes: np.ndarray) -> dict[str, bool]:
    """Which rules find a difference."""
    difference = a - b
    found = {"items": parts_of(difference.mean(axis=1), codes).p_value() < LEVEL}
    if a.shape[1] > 1:
        found["seeds"] = bool(stats.ttest_1samp(difference.mean(axis=0), 0).pvalue < LEVEL)
    found["paired"] = parts_of(difference, codes).p_value() < LEVEL
    found["unpaired"] = unpaired_parts(a, b, codes).p_value() < LEVEL
    return found


def share(counts: dict[str, int], rule: str, replicates: int) -> str:
    return f"{counts[rule] / replicates:.3f}" if rule in counts else "-"


def tables(replicates: int) -> Iterator[str]:
    rules = ("items", "seeds", "paired", "unpaired")
    for group, title in ((1, "items of their own"), (5, "five items a group")):
        yield f"\n## Crossed rule: share of false claims at .05, {title}\n"
        yield f"| n | S | run SD | {' | '.join(rules)} |"
        yield f"|---|---|---|{'---|' * len(rules)}"
        for n in ITEMS:
            codes = np.arange(n) // group
            for runs in RUNS:
                for run_sd in RUN_SD:
                    rng, counts = (
                        np.random.default_rng([n, runs, int(1000 * run_sd), group]),
                        dict[str, int](),
                    )
                    for _ in range(replicates):
                        for rule, claimed in claims(*arms(rng, n, runs, run_sd, group), codes).items():
                            counts[rule] = counts.get(rule, 0) + claimed
                    cells = " | ".join(share(counts, rule, replicates) for rule in rules)
                    yield f"| {n} | {runs} | {100 * run_sd:g} | {cells} |"
