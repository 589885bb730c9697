"""How often 95 % intervals of macro-F1 hold the macro-F1 of the population that the items are drawn from.

    python benchmarks/set_intervals.py

Compared are the interval that records state (BCa), the percentile interval of the same draws, and t over
what each item adds to macro-F1, which is what a comparison of two methods pairs. Recalls of classes are
Beta(8a, 8(1 - a)), shares of classes Dirichlet with a concentration, but half an item or more each.
"""

from __future__ import annotations

import numpy as np

from harness.stats import bootstrap_estimate, estimate_mean
from harness.stats.bootstrap import influence, resampled
from harness.stats.classification import class_rows, macro_f1

#: items, classes, mean recall, concentration of the classes' shares, sets drawn
SETTINGS = (
    (50, 3, 0.8, 5.0, 300),
    (200, 3, 0.9, 5.0, 300),
    (200, 10, 0.8, 5.0, 300),
    (500, 10, 0.8, 0.5, 300),
    (1000, 77, 0.75, 20.0, 100),
    (3000, 77, 0.75, 1.0, 100),
)
DRAWS = 1_000


def population(n: int, classes: int, recall: float, even: float, rng: np.random.Generator) -> np.ndarray:
    """The probability of every pair of target and answer, shape (classes, classes)."""
    share = np.maximum(rng.dirichlet(np.full(classes, even)), 0.5 / n)
    right = np.clip(rng.beta(8 * recall, 8 * (1 - recall), size=classes), 0.02, 0.99)
    rows = []
    for place in range(classes):
        other = rng.dirichlet(np.full(classes - 1, 0.3)) * (1 - right[place])
        rows.append(np.insert(other, place, right[place]))
    return (share / share.sum())[:, None] * np.array(rows)


def main() -> None:
    rng = np.random.default_rng(1)
    print("items classes macro-F1   bias   BCa  percentile  t of influence")
    for n, classes, recall, even, sets in SETTINGS:
        cells = population(n, classes, recall, even, rng)
        true = float(macro_f1(np.concatenate([np.diag(cells), cells.sum(0), cells.sum(1)])[None])[0])
        held, bias = np.zeros(3), 0.0
        for _ in range(sets):
            drawn = np.repeat(np.arange(classes**2), rng.multinomial(n, cells.ravel()))
            rows = class_rows(
                (drawn // classes)[:, None].tolist(), (drawn % classes)[:, None].tolist(), classes
            )
            found = bootstrap_estimate(rows, macro_f1, draws=DRAWS)
            percentile = np.quantile(resampled(rows, macro_f1, DRAWS), [0.025, 0.975])
            over_items = estimate_mean(influence(rows, np.ones(n), macro_f1), binary=False).ci
            held += [low <= true <= high for low, high in (found.ci, percentile, over_items)]
            bias += (found.value - true) / sets
        shares = "  ".join(f"{share:.2f}" for share in held / sets)
        print(f"{n:5d} {classes:7d} {true:8.3f} {bias:+7.4f}  {shares}")


if __name__ == "__main__":
    main()
