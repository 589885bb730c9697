"""Simulated grids of methods and models: are components unbiased, do intervals hold the truth, are reversals
shown where there are none?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.stats.grid import Decomposition, decompose
from harness.stats.grid_noise import CellMeans, cell_means
from harness.stats.reversals import reversals

Array = NDArray[np.float64]
#: items that stand for the population when the truth is worked out
POPULATION = 100_000
EFFECTS = (("method",), ("model",), ("method", "model"))


@dataclass(frozen=True)
class Truth:
    """What a grid is drawn from.

    Attributes:
        logits: of the cells, shape (methods, models).
        n: items.
        runs: of each cell.
        run_sd: of a run's mean, in score.
        interaction_sd: of item x method and item x model, in logits.
        shared: whether the runs of a method draw the same for all models, as demonstrations are.
    """

    logits: Array
    n: int
    runs: int
    run_sd: float = 0.0
    interaction_sd: float = 0.5
    shared: bool = False

    def rates(self, items: int, rng: np.random.Generator) -> Array:
        """P(right) of each cell and item, shape (methods, models, items)."""
        h, m = self.logits.shape
        hard = special.logit(np.clip(rng.beta(0.7, 0.7, size=items), 1e-6, 1 - 1e-6))
        by_method = self.interaction_sd * rng.standard_normal((h, 1, items))
        by_model = self.interaction_sd * rng.standard_normal((1, m, items))
        return np.asarray(special.expit(self.logits[:, :, None] + hard + by_method + by_model))

    def means(self) -> Array:
        """The true means of the cells: the same items and draws for all of them, so that equal logits give
        equal means."""
        rng = np.random.default_rng(99)
        hard = special.logit(np.clip(rng.beta(0.7, 0.7, size=POPULATION), 1e-6, 1 - 1e-6))
        spread = np.sqrt(2) * self.interaction_sd * rng.standard_normal(POPULATION)
        return np.array([[special.expit(x + hard + spread).mean() for x in row] for row in self.logits])

    def drawn(self, rng: np.random.Generator) -> CellMeans:
        """A grid with its noise."""
        rates = self.rates(self.n, rng)
        shape = (*rates.shape, self.runs)
        h, m = self.logits.shape
        shift = self.run_sd * rng.standard_normal((h, 1 if self.shared else m, 1, self.runs))
        scores = (rng.random(shape) < rates[..., None] + shift).astype(float)
        places = [(method, model) for method in range(h) for model in range(m)]
        draws = [[(place[: 1 if self.shared else 2], run) for run in range(self.runs)] for place in places]
        return cell_means(
            list(scores.reshape(-1, self.n, self.runs)), [True] * len(places), None, draws, places, 1.0
        )


def _ladder(count: int, sd: float) -> Array:
    ladder = np.linspace(-1, 1, count)
    return sd * ladder / ladder.std(ddof=1)


def _additive(methods: float, models: float, shape: tuple[int, int] = (4, 3)) -> Array:
    return np.asarray(_ladder(shape[0], methods)[:, None] + _ladder(shape[1], models)[None])


def _mixed() -> Array:
    logits = _additive(0.16, 0.4)
    logits += 0.12 * np.random.default_rng(3).standard_normal(logits.shape)
    return logits


#: name -> what is drawn
GRIDS = {
    "4x3, n=100, S=2": Truth(_mixed(), 100, 2),
    "4x3, n=300, S=3": Truth(_mixed(), 300, 3),
    "4x3 additive, n=300, S=3, run SD 2": Truth(_additive(0.16, 0.4), 300, 3, 0.02),
    "4x3 nothing, n=100, S=2": Truth(np.zeros((4, 3)), 100, 2),
    "4x3 nothing, n=300, S=3, run SD 5 shared over models": Truth(
        np.zeros((4, 3)), 300, 3, 0.05, shared=True
    ),
    "3x3 reversal, n=300, S=3": Truth(0.35 * (np.eye(3) - 1 / 3), 300, 3),
    "3x3, n=100, S=2": Truth(_additive(0.25, 0.06, (3, 3)), 100, 2),
}


def true_values(means: Array) -> dict[str, float]:
    """The components, shares, HV, MV and their ratio of true means, in squared points."""
    h, m = means.shape
    points = 100 * means
    by_method, by_model = points.mean(axis=1), points.mean(axis=0)
    rest = points - by_method[:, None] - by_model + points.mean()
    variances = [by_method.var(ddof=1), by_model.var(ddof=1), (rest**2).sum() / ((h - 1) * (m - 1))]
    sizes = np.array(variances) * [(h - 1) * m, (m - 1) * h, (h - 1) * (m - 1)]
    values = {" x ".join(e): float(v) for e, v in zip(EFFECTS, variances, strict=True)}
    if sizes.sum() > 1e-9:
        values |= {
            f"share of {' x '.join(e)}": float(s / sizes.sum()) for e, s in zip(EFFECTS, sizes, strict=True)
        }
    values["HV"] = float(points.var(axis=0, ddof=1).mean())
    values["MV"] = float(points.var(axis=1, ddof=1).mean())
    if values["MV"] > 1e-9:
        values["HV/MV"] = values["HV"] / values["MV"]
    return values


def seen_values(found: Decomposition) -> dict[str, tuple[float, float, tuple[float, float]]]:
    """The same of a grid that was drawn: value, raw value, interval."""
    values = {" x ".join(e): (c.variance, c.raw, c.ci) for e, c in found.components.items()}
    values |= {f"share of {' x '.join(e)}": (s.value, s.value, s.ci) for e, s in found.shares.items()}
    for name, factor in (("HV", "method"), ("MV", "model")):
        spread = found.spreads[factor]
        values[name] = (spread.variance, spread.raw, spread.ci)
    if found.ratios:
        values["HV/MV"] = (found.ratios["model"].value, found.ratios["model"].value, found.ratios["model"].ci)
    return values


def drawn_points(truth: Truth, rng: np.random.Generator) -> tuple[Decomposition, list[bool], list[bool]]:
    """A grid in points, taken apart, and which of its reversals are seen and shown."""
    cells = truth.drawn(rng)
    means = cells.means.reshape(truth.logits.shape)
    pairs = reversals(means, cells.noise)
    found = decompose(100 * means, cells.noise.scaled(100), ("method", "model"))
    return found, [pair.seen for pair in pairs], [pair.adjusted_p <= 0.05 for pair in pairs]


def tables(replicates: int) -> Iterator[str]:
    """Lines of Markdown: one table of components and intervals, one of reversals."""
    yield "| grid | quantity | truth | mean (raw) | interval holds the truth | P(above 0) |"
    yield "| --- | --- | --- | --- | --- | --- |"
    seen_shown = []
    for name, truth in GRIDS.items():
        rng = np.random.default_rng(2026)
        true, made, pairs = true_values(truth.means()), [], []
        for _ in range(replicates):
            found, seen, shown = drawn_points(truth, rng)
            made.append(seen_values(found))
            pairs.append((sum(seen), any(shown)))
        for quantity, value in true.items():
            values = [each[quantity] for each in made if quantity in each]
            if not values:
                continue
            held = np.mean([low - 1e-9 <= value <= high + 1e-9 for _, _, (low, high) in values])
            above = np.mean([low > 1e-9 for _, _, (low, _) in values])
            mean, raw = np.mean([v for v, _, _ in values]), np.mean([r for _, r, _ in values])
            yield f"| {name} | {quantity} | {value:.2f} | {mean:.2f} ({raw:.2f}) | {held:.3f} | {above:.3f} |"
        means = truth.means()
        leads = [(means[a] - means[b]) for a in range(len(means)) for b in range(a)]
        really = sum((lead > 1e-9).any() and (lead < -1e-9).any() for lead in leads)
        seen, shown = np.mean(pairs, axis=0)
        seen_shown.append(f"| {name} | {really} of {len(leads)} | {seen:.2f} | {shown:.3f} |")
    yield ""
    yield "| grid | true reversals | seen, mean | P(any shown) |"
    yield "| --- | --- | --- | --- |"
    yield from seen_shown
