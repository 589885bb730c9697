"""Planning: what difference can these items and attempts show?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.settings import STORE
from harness.base.errors import UsageError
from harness.display.layout import Block, Line, Shown

if TYPE_CHECKING:
    import pandas as pd

    from harness.comparison.planning import Noise

#: attempts an item that are shown where none are asked for
EPOCHS = (1, 4, 16, 64)


@dataclass(frozen=True, repr=False)
class PowerTable(Shown):
    """What a one-sided paired comparison finds.

    Attributes:
        items: how many.
        detectable: by attempts an item, the smallest difference found, as a share of the metric's range.
        items_needed: by attempts an item, the items that `effect` needs; empty without an effect.
        epochs_needed: the attempts an item that `effect` needs; None without one, or where none suffice.
        noise: the variances that were planned with, and where they come from.
        effect: the difference that is to be seen, as a share of the metric's range.
        checks: tests made together.
        alpha: level over all of them.
        power: the probability of finding the difference.
    """

    items: int
    detectable: Mapping[int, float]
    items_needed: Mapping[int, int | None]
    epochs_needed: int | None
    noise: Noise
    effect: float | None
    checks: int
    alpha: float
    power: float

    def to_json(self) -> dict[str, Any]:
        """The object that `harness power --json` prints."""
        return {
            "schema": 1,
            "items": self.items,
            "alpha": self.alpha,
            "checks": self.checks,
            "power": self.power,
            "noise": {**asdict(self.noise.variances), "source": self.noise.source},
            "effect": self.effect,
            "detectable": [
                {"epochs": k, "difference": d, "items_needed": self.items_needed.get(k)}
                for k, d in self.detectable.items()
            ],
            "epochs_needed": self.epochs_needed,
        }

    def to_pandas(self) -> pd.DataFrame:
        """One row a number of attempts: epochs, difference, items_needed."""
        import pandas as pd

        return pd.DataFrame(self.to_json()["detectable"])

    def blocks(self) -> list[Block]:
        over = f" over {self.checks} tests" if self.checks > 1 else ""
        lines = [
            f"{self.items} items, level {self.alpha:g}{over}, power {self.power:g}; "
            f"noise: {self.noise.source}"
        ]
        for k, difference in self.detectable.items():
            wish = ""
            if self.effect:
                wish = f"   {self.items_needed[k]} items would show {100 * self.effect:g} points"
            noun = "attempt " if k == 1 else "attempts"
            lines.append(f"  {k:>4} {noun} an item: {100 * difference:5.1f} points{wish}")
        if self.effect:
            need = (
                f"{self.epochs_needed} attempts an item on both sides"
                if self.epochs_needed is not None
                else "more items: the effect differs so much between them that no number of attempts shows it"
            )
            lines.append(f"{100 * self.effect:g} points need {need}")
        span = self.noise.span
        if (span.low, span.high) != (0.0, 1.0) and span.bounded:
            lines.append(f"a point is a hundredth of the metric's range, {span.low:g} to {span.high:g}")
        return [Line(line) for line in lines]


def power(
    task: str = "",
    *,
    method: str = "",
    model: str = "",
    task_args: Mapping[str, Any] | None = None,
    items: int | None = None,
    epochs: int | None = None,
    variance: float | None = None,
    effect_sd: float | None = None,
    effect: float | None = None,
    checks: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
    store: str | Path = STORE,
) -> PowerTable:
    """The smallest difference that a paired comparison finds, and the attempts or items that a wanted one
    needs. One-sided, as the gate tests.

    Args:
        task: items and noise are those of its stored runs.
        method: only these stored methods; a comma list of names and globs. `model` alike.
        task_args: only stored runs with these arguments.
        items: how many; those stored by default.
        epochs: attempts on every item; 1, 4, 16 and 64 by default.
        variance: of one attempt within an item, in [0, 0.25], instead of the stored one.
        effect_sd: how much the true difference varies between items, in [0, 1], instead of the stored one.
        effect: a difference that is to be seen, such as 0.02, in (0, 1]; a share of the metric's range.
        checks: tests made together (Holm, in the worst case).
        alpha: level over all of them, in (0, 0.5].
        power: the probability of finding the difference, in [0.1, 0.999].
        store: the result store.

    Raises:
        UsageError: a number is out of range, or it isn't known how many items there are.

    Example:
        >>> harness.power("aime24", effect=0.05)
    """
    from harness.comparison.planning import given_noise, stored_noise
    from harness.stats import attempts_needed, items_needed, minimum_detectable_effect

    for name, value, low, high in (
        ("items", items, 1, None),
        ("epochs", epochs, 1, None),
        ("checks", checks, 1, None),
        ("variance", variance, 0, 0.25),
        ("effect_sd", effect_sd, 0, 1),
        ("effect", effect, 1e-12, 1),
        ("alpha", alpha, 1e-12, 0.5),
        ("power", power, 0.1, 0.999),
    ):
        if value is not None and not (low <= value <= (high or value)):
            least = "above 0" if low == 1e-12 else f"at least {low}"
            most = f" and at most {high}" if high else ""
            raise UsageError(f"--{name.replace('_', '-')} must be {least}{most}, not {value}")
    noise = given_noise(
        stored_noise(_stored(task, method, model, task_args or {}, Path(store))), variance, effect_sd
    )
    n_items = items or noise.n_items
    if n_items is None:
        why = f"as no run of {task} is stored in {store}" if task else "or --task NAME for those of its runs"
        raise UsageError(f"how many items? --items N, {why}")
    seen = noise.variances
    common: dict[str, Any] = {
        "reference_variance": seen.reference,
        "effect_variance": seen.effect,
        "alpha": alpha / checks,
        "power": power,
    }
    rows = {
        k: minimum_detectable_effect(n_items, k, seen.candidate, **common)
        for k in ((epochs,) if epochs else EPOCHS)
    }
    return PowerTable(
        items=n_items,
        detectable=rows,
        items_needed={k: items_needed(effect, k, seen.candidate, **common) for k in rows} if effect else {},
        epochs_needed=attempts_needed(effect, n_items, seen.candidate, **common) if effect else None,
        noise=noise,
        effect=effect,
        checks=checks,
        alpha=alpha,
        power=power,
    )


def _stored(task: str, method: str, model: str, task_args: Mapping[str, Any], store: Path) -> list[Any]:
    """The stored subjects whose noise is planned with."""
    from harness.comparison.arms import arms_of
    from harness.comparison.select import Selection, mixed
    from harness.registry import registry
    from harness.results.index import in_force, read_index

    if not task:
        return []
    arms = arms_of(Selection(task, method, model, task_args).rows(in_force(read_index(store).rows)))
    if not arms:
        registry().match("task", task)  # an unknown name is an error
    apart = mixed(arms)
    if apart:
        raise UsageError(apart[0].sentence(allow=""))
    return arms
