"""The noise to plan with: variance components from stored runs, each with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from statistics import median
from typing import Any

import numpy as np

from harness.comparison.arms import Arm, Row, arms_of
from harness.comparison.claims import paired_by_seed
from harness.comparison.items import Items, Pairing, load_items, pair
from harness.comparison.select import by_key
from harness.spec import MetricRange
from harness.stats import (
    Components,
    Design,
    TableNoise,
    cells_and_attempts,
    default_attempt_variance,
    parts_of,
    table_noise,
)

#: pairs of subjects looked at; more change nothing but the time it takes
MOST_PAIRS = 45
#: what is assumed where no stored run says it, as shares of the metric's range: how much the true difference
#: varies between items, and one arm's score between runs (standard deviations)
EFFECT_SD, RUN_SD = 0.1, 0.02
#: the components by what they are called, in the order they are shown
PARTS = ("runs", "items", "attempts", "cells", "groups")


@dataclass(frozen=True)
class Noise:
    """What a comparison is planned with.

    Attributes:
        components: in shares of the metric's range, `span`, so that 0.02 is a fiftieth of it; both arms
            together.
        drawing: how many of the two arms draw something per run.
        paired: whether stored runs shared their draws, seed by seed.
        n_items: items of the stored runs; None where there are none.
        sources: where each of `PARTS` comes from.
        span: the metric's range.
    """

    components: Components
    drawing: int = 2
    paired: bool = False
    n_items: int | None = None
    sources: dict[str, str] = field(default_factory=dict)
    span: MetricRange = MetricRange()

    @property
    def run_sd(self) -> float:
        """Of one arm, over its runs; 0 where nothing is drawn."""
        arms = self.drawing or 1
        return float(np.sqrt(self.components.runs / arms)) if self.drawing else 0.0

    def design(self, items: int, runs: int, attempts: int) -> Design:
        """What these items, runs and attempts make with these arms."""
        return Design(items, runs, attempts, self.paired and bool(self.drawing), self.drawing)

    def lines(self) -> list[str]:
        """One line a component: its size in points, and where it comes from."""
        c, found = self.components, []
        shown = {
            "runs": f"runs of an arm vary by {100 * self.run_sd:.1f} points (SD)",
            "items": f"the difference varies by {100 * c.items**0.5:.0f} points between items",
            "attempts": f"an attempt has a variance of {c.attempts / 2:.3f}",
            "cells": f"a run's draw moves single items by {100 * (c.cells / 2) ** 0.5:.0f} points",
            "groups": f"groups of {c.group_size:.3g} items multiply the variance by {c.design_effect:.2f}",
        }
        if not self.drawing:
            shown["runs"] = "nothing is drawn per run, so that runs are more attempts"
        for name in PARTS:
            wanted = {"cells": c.cells > 0, "groups": c.group_size > 1}.get(name, True)
            if wanted and name in self.sources:
                found.append(f"{shown[name]}: {self.sources[name]}")
        return found


def assumed(draws: bool = True, n_items: int | None = None) -> Noise:
    """The noise that is planned with where nothing is stored.

    Args:
        draws: whether the methods draw something per run.
    """
    attempt = default_attempt_variance()
    return Noise(
        Components(EFFECT_SD**2, 2 * RUN_SD**2 if draws else 0.0, 2 * attempt),
        2 if draws else 0,
        False,
        n_items,
        {
            "runs": "an assumption" if draws else "as declared",
            "items": "an assumption",
            "attempts": "an assumption, items of mixed difficulty",
        },
    )


def stored_noise(arms: Sequence[Arm], draws: bool | None = None) -> Noise:
    """The noise of the arms of one comparability key; what no stored run tells is assumed, and said to be.

    Several subjects: of their pairs the one with the median variance of an item's difference. One subject:
    its own attempts and runs, twice. How much runs vary is the median of the other methods' where these have
    one run, and an assumption where there are none.

    Args:
        draws: whether the method to be planned draws something per run; None: as the stored ones do.
    """
    span = arms[0].metric_range() if arms else MetricRange()
    loaded = [(arm, load_items(arm, arm.primary).shares(span)) for arm in arms]
    # a run that was stopped before its first item tells nothing
    told = [(arm, items) for arm, items in loaded if not np.isnan(items.cells).all()]
    if not told:
        return replace(assumed(draws is not False), span=span)
    arms, tables = [arm for arm, _ in told], [items for _, items in told]
    seen = []
    for (a, one), (b, other) in list(combinations(zip(arms, tables, strict=True), 2))[:MOST_PAIRS]:
        both = pair(one, other)
        if both.matched > 1:
            seen.append(_of_pair(a, b, both))
    seen = [noise for noise in seen if noise.components.items + noise.components.attempts > 0]
    if seen:
        seen.sort(key=lambda noise: noise.components.items + noise.components.attempts)
        found = seen[len(seen) // 2]
    else:
        found = _of_one(arms[0], tables[0])
    if draws is False:
        found = replace(found, drawing=0, components=replace(found.components, runs=0.0))
        found = replace(found, sources={**found.sources, "runs": "as declared"})
    elif draws and not found.drawing:
        found = replace(found, drawing=2, sources={**found.sources, "runs": ""})
    if found.drawing and not found.sources["runs"]:
        found = _with_runs(found, arms, tables)
    return replace(found, span=span)


def task_noise(
    rows: Sequence[Row], task: str, task_args: Mapping[str, Any], draws: bool | None = None
) -> Noise:
    """The noise of a task with these (hashed) arguments, by those rows of an index that are in force: of the
    comparability key with most subjects.

    Args:
        draws: as of :func:`stored_noise`.
    """
    arms = arms_of(
        row for row in rows if row["task"] == task and row["comparability"]["task_args"] == task_args
    )
    tables = sorted(by_key(arms).values(), key=len)
    return stored_noise(tables[-1] if tables else [], draws)


def given_noise(
    noise: Noise,
    *,
    variance: float | None = None,
    effect_sd: float | None = None,
    run_sd: float | None = None,
    paired: bool | None = None,
    group_size: float | None = None,
    icc: float | None = None,
) -> Noise:
    """The same noise with what the user knows better.

    Args:
        variance: of one attempt within an item.
        effect_sd: how much the true difference varies between items.
        run_sd: how much one arm's score varies between runs; it says that something is drawn.
        paired: whether the runs of both arms share their draws.
        group_size: items of a group.
        icc: the correlation of items of one group.
    """
    components, sources, drawing = noise.components, dict(noise.sources), noise.drawing
    if variance is not None:
        components, sources["attempts"] = replace(components, attempts=2 * variance), "as given"
    if effect_sd is not None:
        components, sources["items"] = replace(components, items=effect_sd**2), "as given"
    if run_sd is not None:
        drawing = noise.drawing or 2
        components, sources["runs"] = replace(components, runs=drawing * run_sd**2), "as given"
    if group_size is not None or icc is not None:
        size = components.group_size if group_size is None else group_size
        alike = components.group_correlation if icc is None else icc
        components = replace(components, group_size=size, group_correlation=alike)
        sources["groups"] = "as given"
    together = noise.paired if paired is None else paired
    return replace(noise, components=components, sources=sources, drawing=drawing, paired=together)


def _of_pair(a: Arm, b: Arm, both: Pairing) -> Noise:
    """What two subjects say of their difference."""
    paired = paired_by_seed(a, b) and len(a.runs) > 1
    both = both.same_cells() if paired else both
    ours, theirs, codes = both.candidate, both.baseline, both.candidate.codes()
    drawing = [arm.draws is not False for arm in (a, b)]
    if paired:
        spread, counts = ours.spread + theirs.spread, np.minimum(ours.attempts, theirs.attempts)
        arms = [table_noise(ours.cells - theirs.cells, spread, counts, any(drawing))]
    else:
        arms = [_said(x, draws) for x, draws in zip((ours, theirs), drawing, strict=True)]
    means = (ours.means() - theirs.means())[:, None]
    total = both.matched * parts_of(means).items
    known = [arm.share for arm in arms if arm.share is not None]
    rest = max(0.0, total - sum(known))
    where = f"{a.title()} and {b.title()}"
    sources = dict.fromkeys(("runs", "items", "attempts"), where)
    unknown = [arm for arm in arms if arm.share is None]
    if unknown:
        # of single attempts of single runs: all that is left is put down to them
        arms = [replace(arm, cell=rest / len(unknown)) if arm.share is None else arm for arm in arms]
        sources["attempts"] += (
            ", whose single attempts can't be separated from the difference: a best case for more of them"
        )
    cells, attempts = cells_and_attempts(arms)
    if cells:
        sources["cells"] = where
    if any(arm.run is None for arm in arms):
        sources["runs"] = ""
    elif not any(drawing):
        sources["runs"] = "as declared"
    runs = sum(arm.run or 0.0 for arm in arms)
    noise = Components(0.0 if unknown else rest, runs, attempts, cells)
    return _with_groups(
        Noise(noise, sum(drawing), paired, both.matched, sources), means, ours if codes is not None else None
    )


def _of_one(arm: Arm, items: Items) -> Noise:
    """What one subject says: its noise twice, and an assumed variation of the difference."""
    draws = arm.draws is not False
    said = _said(items, draws)
    where = f"{arm.title()}, twice"
    start = assumed(draws, len(items))
    sources = dict(start.sources)
    components = start.components
    if said.cell:
        cells, attempts = cells_and_attempts([said, said])
        components = replace(components, attempts=attempts, cells=cells)
        sources |= {"attempts": where} | ({"cells": where} if cells else {})
    sources["runs"] = where if draws else "as declared"
    if said.run is None:
        sources["runs"] = ""
    components = replace(components, runs=2 * (said.run or 0.0))
    noise = Noise(components, 2 if draws else 0, False, len(items), sources)
    return _with_groups(noise, items.means()[:, None], items)


def _said(items: Items, draws: bool) -> TableNoise:
    return table_noise(items.cells, items.spread, items.attempts, draws)


def _with_groups(noise: Noise, means: np.ndarray, items: Items | None) -> Noise:
    """With the size of groups and how alike their items are: how much they widen the variance over items."""
    codes = None if items is None else items.codes()
    if codes is None or len(np.unique(codes)) < 2 or len(np.unique(codes)) == len(codes):
        return noise
    grouped, apart = parts_of(means, codes), parts_of(means)
    size = grouped.n_items / grouped.n_groups
    effect = grouped.items / apart.items if apart.items > 0 else 1.0
    alike = min(1.0, max(0.0, (effect - 1) / (size - 1)))
    components = replace(noise.components, group_size=size, group_correlation=alike)
    where = f"{grouped.n_groups} groups of the stored items"
    return replace(noise, components=components, sources={**noise.sources, "groups": where})


def _with_runs(noise: Noise, arms: Sequence[Arm], tables: Sequence[Items]) -> Noise:
    """With how much runs vary, by the other methods of the task or an assumption."""
    known = []
    for arm, items in zip(arms, tables, strict=True):
        said = _said(items, arm.draws is not False)
        if arm.draws is not False and said.run is not None:
            known.append(said.run)
    variance = median(known) if known else RUN_SD**2
    where = f"the median of the {len(known)} methods here with several runs" if known else "an assumption"
    components = replace(noise.components, runs=noise.drawing * variance)
    return replace(noise, components=components, sources={**noise.sources, "runs": where})
