"""How a score moves with two numbers: verdicts, cells, the forms that describe them, the best split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.display.layout import Block, Line, ShownItems, Table

if TYPE_CHECKING:
    import pandas as pd

    from harness.api.runs import Runs
    from harness.comparison.surface import Surface


class Surfaces(ShownItems["Surface"]):
    """The surfaces of a sweep over two arguments, one for each task, method and model: whether the score
    improves with both, the cells with their intervals, the forms that describe them, best AIC first, and the
    best split of a budget.

    Attributes:
        runs: the runs behind them.
        margin: below which a whole axis counts for nothing, in the unit of the metric; None without one.
        iso_budget: the budget that is split, in tokens or the unit of both dials; None for the middle one.
    """

    def __init__(
        self,
        surfaces: Sequence[Surface],
        runs: Runs,
        margin: float | None = None,
        iso_budget: float | None = None,
    ) -> None:
        super().__init__(surfaces)
        self.runs, self.margin, self.iso_budget = runs, margin, iso_budget

    def to_json(self) -> dict[str, Any]:
        """The object that `harness sweep --json` prints for two arguments."""
        from harness.comparison.surface_json import plain_surface

        made = [plain_surface(surface, self.margin, self.iso_budget) for surface in self._items]
        return {**self.runs.to_json(), "surfaces": made}

    def to_pandas(self) -> pd.DataFrame:
        """One row a cell: task, method, model, the two parameters, their coordinates, mean, ci_low, ci_high,
        seeds."""
        import pandas as pd

        return pd.DataFrame(
            {
                "task": arm.task,
                "method": arm.method,
                "model": arm.model,
                **dict(zip(surface.parameters, map(float, dials), strict=True)),
                **dict(zip(("first", "second"), map(float, at), strict=True)),
                "mean": float(mean),
                "ci_low": float(ends[0]),
                "ci_high": float(ends[1]),
                "seeds": len(arm.runs),
            }
            for surface in self._items
            for dials, at, arm, mean, ends in zip(
                surface.dials,
                surface.coordinates,
                surface.arms,
                surface.means,
                surface.intervals,
                strict=True,
            )
        )

    def plot(self, path: str | Path) -> Path:
        """Draws the surfaces as filled contours into a file: .svg, .png or .pdf.

        Raises:
            UsageError: another ending, no such folder, or matplotlib (the extra `plot`) is missing.
        """
        from harness.contours import plot_surfaces
        from harness.plots import check_plot

        check_plot(str(path))
        plot_surfaces(self._items, Path(path), self.margin, self.iso_budget)
        return Path(path)

    def blocks(self) -> list[Block]:
        made = [block for surface in self._items for block in _blocks(surface, self.margin, self.iso_budget)]
        return made or [Line("no surface")]


def _blocks(surface: Surface, margin: float | None, iso_budget: float | None) -> list[Block]:
    """The verdicts, the cells, then the forms with their parameters and the best split."""
    from harness.comparison.axes import REASONING, SEARCH
    from harness.comparison.surface_forms import describe, parameters_of
    from harness.comparison.surface_words import axes_sentence, optimum_sentence, sentence

    made = describe(surface, margin, iso_budget)
    names = (
        *(*surface.parameters, "seeds", "mean [95 % interval]", "calls an item", "tokens in"),
        *(REASONING.name, SEARCH.name),
    )
    rows = [
        [
            *(f"{value:g}" for value in dials),
            str(len(arm.runs)),
            f"{mean:.4f}" + (f" [{ends[0]:.4f}, {ends[1]:.4f}]" if ends[0] == ends[0] else ""),
            *(_number(arm.usage(name)) for name in ("calls", "input_tokens")),
            *(_number(kind.of(arm)) for kind in (REASONING, SEARCH)),
        ]
        for dials, arm, mean, ends in zip(
            surface.dials, surface.arms, surface.means, surface.intervals, strict=True
        )
    ]
    scale = surface.span.points
    forms = []
    for fit in made.fits:
        best = made.optima.get(fit.name)
        split = "" if best is None or best.share != best.share else f"{100 * best.share:.0f} %"
        if best is not None and split:
            split += f" [{100 * best.interval[0]:.0f}, {100 * best.interval[1]:.0f}]"
        forms.append(
            [
                fit.name,
                f"{fit.aic:.1f}",
                f"{fit.r2:.3f}",
                "" if fit.left_out != fit.left_out else f"{scale * surface.span.width * fit.left_out:.3g}",
                split,
                ", ".join(
                    f"{name} = {value:.4g} [{ends[0]:.4g}, {ends[1]:.4g}]"
                    for name, (value, ends) in parameters_of(fit, surface.span).items()
                ),
            ]
        )
    error = "error at a cell left out" + (", points" if scale == 100 else "")
    of_forms = ("form", "AIC", "R²", error, f"best share of {surface.parameters[1]}", "parameters [95 %]")
    return [
        Line(f"{surface.title}: {surface.metric}", "bold"),
        *(
            Line(f"{reading} reading: {sentence(surface, found, reading, margin)}")
            for reading, found in made.judgements.items()
        ),
        Line(axes_sentence(surface)),
        Table(names, rows, right=names, titles=2, keep=names[:4]),
        Table(of_forms, forms, right=of_forms[1:5], keep=of_forms[:4]),
        Line(f"form, a description and no verdict: {made.form} ({made.reason})"),
        Line(optimum_sentence(surface, made)),
    ]


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"
