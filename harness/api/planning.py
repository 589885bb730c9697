"""Planning: what difference can these runs, items and attempts show?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.api.settings import STORE
from harness.base.errors import HarnessWarning, RecordError, UsageError
from harness.display.layout import Block, Line, Shown
from harness.results.fields import counted

if TYPE_CHECKING:
    import pandas as pd

    from harness.comparison.arms import Arm
    from harness.comparison.planning import Noise
    from harness.stats import Design

#: seeds that are shown where none are asked for; and attempts at an item, where nothing is drawn per run
SEEDS, EPOCHS = (2, 3, 5, 10, 20), (1, 4, 16, 64)
#: what more attempts are compared with more seeds by
FEW_SEEDS, MORE_EPOCHS = 3, 4


@dataclass(frozen=True)
class PlannedDesign:
    """One design: seeds an arm, items, attempts at an item in each run, the smallest difference that it
    detects (a share of the metric's range), and its power for the wanted effect; None without one."""

    seeds: int
    items: int
    epochs: int
    difference: float
    power: float | None


@dataclass(frozen=True, repr=False)
class PowerTable(Shown):
    """What a comparison finds, two-sided, by the rule that decides.

    Attributes:
        designs: what was looked at, one row each.
        needed: what the effect needs: `seeds`; and where these are given, or nothing is drawn per run,
            `epochs` and `items`; each with the others as in the first row of `designs`. None where no
            number of them is enough. Empty without an effect.
        cheapest: the design that sees the smallest difference within the budget; None without a budget.
        noise: what was planned with, and where it comes from.
        effect: the difference that is to be seen, as a share of the metric's range.
        checks: tests made together.
        alpha: two-sided level over all of them.
        power: the probability of finding the difference.
    """

    designs: tuple[PlannedDesign, ...]
    needed: Mapping[str, int | None]
    cheapest: PlannedDesign | None
    noise: Noise
    effect: float | None
    checks: int
    alpha: float
    power: float

    def to_json(self) -> dict[str, Any]:
        """The object that `harness power --json` prints."""
        noise = self.noise
        return {
            "schema": 2,
            "alpha": self.alpha,
            "checks": self.checks,
            "power": self.power,
            "effect": self.effect,
            "noise": {
                **asdict(noise.components),
                "drawing": noise.drawing,
                "paired": noise.paired,
                "sources": noise.sources,
            },
            "designs": [asdict(design) for design in self.designs],
            "needed": dict(self.needed),
            "cheapest": None if self.cheapest is None else asdict(self.cheapest),
        }

    def to_pandas(self) -> pd.DataFrame:
        """One row a design: seeds, items, epochs, difference, power."""
        import pandas as pd

        return pd.DataFrame([asdict(design) for design in self.designs])

    def blocks(self) -> list[Block]:
        over = f" over {self.checks} tests" if self.checks > 1 else ""
        kind = "paired draws" if self.noise.paired else "draws of their own"
        kind = kind if self.noise.drawing else "nothing drawn per run"
        lines = [f"level {self.alpha:g} two-sided{over}, power {self.power:g}, {kind}"]
        lines += [f"  {line}" for line in self.noise.lines()]
        for design in self.designs:
            wish = "" if design.power is None else f"   {self._points} with {100 * design.power:.0f} %"
            only = "   (for new items on these runs only)" if self._single(design) else ""
            lines.append(f"{_named(design, self.noise)}: {_points(design.difference)}{wish}{only}")
        lines += self._needs()
        if len(self.designs) > 1 and self.noise.drawing:
            lines += self._seeds_first()
        if self.cheapest is not None:
            lines.append(
                f"the budget sees most with {_named(self.cheapest, self.noise)}: "
                f"{_points(self.cheapest.difference, 2)}"
            )
        span = self.noise.span
        if (span.low, span.high) != (0.0, 1.0) and span.bounded:
            lines.append(f"a point is a hundredth of the metric's range, {span.low:g} to {span.high:g}")
        return [Line(line) for line in lines]

    @property
    def _points(self) -> str:
        return f"{100 * (self.effect or 0):g} points"

    def _single(self, design: PlannedDesign) -> bool:
        return bool(self.noise.drawing) and design.seeds == 1

    def _needs(self) -> list[str]:
        """What the effect needs, one dial at a time."""
        if not self.needed:
            return []
        first, said = self.designs[0], []
        seeds = self.needed.get("seeds")
        if "seeds" in self.needed:
            said.append(
                f"more than 100 seeds of {counted(first.epochs, 'attempt')}"
                if seeds is None
                else f"{counted(seeds, 'seed')} of {counted(first.epochs, 'attempt')}"
            )
        several = self.noise.drawing or first.seeds > 1
        fixed = f"{counted(first.seeds, 'seed')} of " if several else ""
        for name, noun in (("epochs", "attempt"), ("items", "item")):
            if name in self.needed:
                found = self.needed[name]
                rest = (
                    f"with {fixed}"
                    if name == "epochs"
                    else f"with {fixed}{counted(first.epochs, 'attempt')}, "
                )
                said.append(
                    f"no number of {noun}s alone" if found is None else f"{rest}{counted(found, noun)}"
                )
        return [f"{self._points} need {'; or '.join(said).removeprefix('with ')}"]

    def _seeds_first(self) -> list[str]:
        """That more runs see more than more attempts, where they do."""
        one = next((d for d in self.designs if d.epochs == 1 and d.seeds == 10), None)
        more = next((d for d in self.designs if d.epochs > 1), None)
        if one is None or more is None or one.difference >= more.difference:
            return []
        return [
            f"seeds first: {one.seeds} seeds of one attempt see {_points(one.difference)}, "
            f"{more.seeds} seeds of {more.epochs} attempts {_points(more.difference)}"
        ]


def power(
    task: str = "",
    *,
    method: str = "",
    model: str = "",
    task_args: Mapping[str, Any] | None = None,
    seeds: int | None = None,
    items: int | None = None,
    epochs: int | None = None,
    draws: str | None = None,
    paired: bool | None = None,
    run_sd: float | None = None,
    variance: float | None = None,
    effect_sd: float | None = None,
    group_size: float | None = None,
    icc: float | None = None,
    effect: float | None = None,
    budget: float | None = None,
    fit_cost: float = 0.0,
    attempt_cost: float = 1.0,
    checks: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
    store: str | Path = STORE,
) -> PowerTable:
    """The smallest difference that a comparison finds, and the seeds, attempts or items that a wanted one
    needs: the power of the rule by which `harness compare` decides, two-sided.

    Args:
        task: items and noise are those of its stored runs.
        method: only these stored methods; a comma list of names and globs. `model` alike.
        task_args: only stored runs with these arguments.
        seeds: runs an arm; 2, 3, 5, 10 and 20 by default. With one, where something is drawn per run, the
            claim is about that run.
        items: how many; those stored by default.
        epochs: attempts at every item in each run.
        draws: "run" or "none": whether the methods draw something once a run; as the stored runs say it.
        paired: whether the runs of both arms share their draws; as the stored runs do.
        run_sd: how much one arm's score varies between runs, in [0, 0.5], instead of the stored runs'.
        variance: of one attempt within an item, in [0, 0.25], instead of the stored one.
        effect_sd: how much the true difference varies between items, in [0, 1], instead of the stored one.
        group_size: items of a group, at least 1; `icc`: the correlation of items of one group, in [0, 1].
        effect: a difference that is to be seen, such as 0.02, in (0, 1]; a share of the metric's range.
        budget: what both arms may cost together, in the unit of the costs.
        fit_cost: of what a run does before its first item; `attempt_cost`: of one attempt at an item.
        checks: tests made together (Holm, in the worst case).
        alpha: two-sided level over all of them, in (0, 0.5].
        power: the probability of finding the difference, in [0.1, 0.999].
        store: the result store.

    Raises:
        UsageError: a number is out of range, or it isn't known how many items there are.

    Example:
        >>> harness.power("aime24", effect=0.05, seeds=5)
    """
    from harness.comparison.planning import given_noise, stored_noise
    from harness.stats import Costs, cheapest

    for name, value, low, high in (
        ("seeds", seeds, 1, None),
        ("items", items, 2, None),
        ("epochs", epochs, 1, None),
        ("run_sd", run_sd, 0, 0.5),
        ("variance", variance, 0, 0.25),
        ("effect_sd", effect_sd, 0, 1),
        ("group_size", group_size, 1, None),
        ("icc", icc, 0, 1),
        ("effect", effect, 1e-12, 1),
        ("budget", budget, 1e-12, None),
        ("fit_cost", fit_cost, 0, None),
        ("attempt_cost", attempt_cost, 1e-12, None),
        ("checks", checks, 1, None),
        ("alpha", alpha, 1e-12, 0.5),
        ("power", power, 0.1, 0.999),
    ):
        if value is not None and not (low <= value <= (high or value)):
            least = "above 0" if low == 1e-12 else f"at least {low}"
            most = f" and at most {high}" if high else ""
            raise UsageError(f"--{name.replace('_', '-')} must be {least}{most}, not {value}")
    if draws not in (None, "run", "none"):
        raise UsageError(f"--draws is run or none, not {draws}")
    if draws == "none" and run_sd:
        raise UsageError("--draws none says that runs don't vary; leave it out, or --run-sd")
    if power <= alpha:
        raise UsageError(f"--power must be above the level --alpha {alpha:g}, not {power:g}")
    arms = _stored(task, method, model, task_args or {}, Path(store))
    noise = given_noise(
        stored_noise(arms, None if draws is None else draws == "run"),
        variance=variance,
        effect_sd=effect_sd,
        run_sd=None if draws == "none" else run_sd,
        paired=paired,
        group_size=group_size,
        icc=icc,
    )
    n_items = items or noise.n_items
    if n_items is None:
        why = f"as no run of {task} is stored in {store}" if task else "or --task NAME for those of its runs"
        raise UsageError(f"how many items? --items N, {why}")
    if n_items <= noise.components.group_size:
        raise UsageError(f"{n_items} items make one group; at least two groups of items are needed")
    found = _Planner(noise, {"alpha": alpha, "tests": checks}, power)
    rows = _designs(noise, n_items, seeds, epochs)
    best = None
    if budget is not None:
        costs = Costs(budget, attempt_cost, fit_cost)
        bought = cheapest(
            noise.components,
            costs,
            n_items,
            paired=noise.paired,
            drawing=noise.drawing,
            power=power,
            alpha=alpha,
            tests=checks,
        )
        if bought is None:
            raise UsageError(f"--budget {budget:g} pays for no two seeds of two items on both sides")
        best = found.row(bought[0], effect)
    return PowerTable(
        designs=tuple(found.row(design, effect) for design in rows),
        needed={} if effect is None else found.needed(rows[0], effect, seeds is None, noise.drawing),
        cheapest=best,
        noise=noise,
        effect=effect,
        checks=checks,
        alpha=alpha,
        power=power,
    )


@dataclass(frozen=True)
class _Planner:
    """Rows and needs at one noise and level."""

    noise: Noise
    level: Mapping[str, Any]
    power: float

    def row(self, design: Design, effect: float | None) -> PlannedDesign:
        from harness.stats import detectable, power_of

        noise = self.noise.components
        least = detectable(noise, design, power=self.power, **self.level)
        chance = None if effect is None else power_of(effect, noise, design, **self.level)
        return PlannedDesign(design.runs, design.items, design.attempts, least, chance)

    def needed(self, first: Design, effect: float, any_seeds: bool, drawing: int) -> dict[str, int | None]:
        """What `effect` needs of each dial, the others as in `first`."""
        from harness.stats import needed

        def of(dial: Literal["runs", "items", "attempts"]) -> int | None:
            return needed(effect, self.noise.components, first, dial, power=self.power, **self.level)

        found = {"seeds": of("runs")} if drawing else {}
        if drawing and any_seeds:
            return found
        return {**found, "epochs": of("attempts"), "items": of("items")}


def _designs(noise: Noise, items: int, seeds: int | None, epochs: int | None) -> list[Design]:
    """What is shown: seeds where something is drawn per run, else attempts."""
    if not noise.drawing:
        runs = seeds or 1
        return [noise.design(items, runs, k) for k in ((epochs,) if epochs else EPOCHS)]
    shown = [noise.design(items, s, epochs or 1) for s in ((seeds,) if seeds else SEEDS)]
    if not seeds and not epochs:
        shown.append(noise.design(items, FEW_SEEDS, MORE_EPOCHS))
    return shown


def _named(design: PlannedDesign, noise: Noise) -> str:
    seeds = f"{counted(design.seeds, 'seed')} of " if noise.drawing or design.seeds > 1 else ""
    return f"{seeds}{counted(design.epochs, 'attempt')} at {design.items} items"


def _points(difference: float, digits: int = 1) -> str:
    return f"{100 * difference:.{digits}f} points" if difference <= 1 else "no difference there can be"


def _stored(task: str, method: str, model: str, task_args: Mapping[str, Any], store: Path) -> list[Arm]:
    """The stored subjects whose noise is planned with."""
    from harness.comparison.arms import arms_of
    from harness.comparison.select import Selection, mixed
    from harness.registry import registry
    from harness.results.index import in_force, read_index
    from harness.results.verify import sound_attempts

    if not task:
        return []
    rows = Selection(task, method, model, task_args).rows(in_force(read_index(store).rows))
    sound, faults = sound_attempts(rows)
    for fault in faults if sound else ():
        warnings.warn(f"left out: {fault}", HarnessWarning, stacklevel=2)
    arms = arms_of(sound)
    if not arms:
        registry().match("task", task)  # an unknown name is an error
    if rows and not arms:
        raise RecordError(faults[0])
    apart = mixed(arms)
    if apart:
        raise UsageError(apart[0].sentence(allow=""))
    return arms
