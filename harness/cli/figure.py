"""Curves as a picture, through matplotlib (the extra `plot`). No picture holds a time stamp, so that the same
runs give the same file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError

if TYPE_CHECKING:
    from harness.comparison.arms import Arm
    from harness.comparison.learning import Learning
    from harness.comparison.sweep import Curve

FORMATS = (".svg", ".png", ".pdf")


def check(name: str) -> None:
    """Whether a figure can be drawn there, before anything is paid for.

    Raises:
        UsageError: the name has another ending, its folder isn't there, or matplotlib isn't.
    """
    import importlib.util

    path = Path(name)
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--plot {name}: the name ends in {', '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {name}: there is no folder {path.parent}")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("--plot needs the extra: pip install 'harness[plot]'")


def draw(curves: Sequence[Curve], path: Path) -> None:
    """Points with their intervals and the best form, a colour a curve; the format is the name's.

    Raises:
        UsageError: it can't be written.
    """
    import numpy as np
    from matplotlib.figure import Figure

    from harness.comparison.sweep import fits

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    logarithmic = all(curve.values[0] > 0 for curve in curves)
    for n, curve in enumerate(curves):
        made, (verdict, _) = fits(curve)
        low, high = curve.intervals.T
        bars = np.clip([curve.means - low, high - curve.means], 0, None)
        axes.errorbar(
            curve.values, curve.means, yerr=bars, fmt="o", ms=4, capsize=3, color=f"C{n}", label=curve.title
        )
        if made:
            k = curve.grid(200)
            name = made[0].form + (" (inconclusive)" if verdict == "inconclusive" else "")
            axes.plot(k, made[0].at(k), color=f"C{n}", lw=1.2, ls="--", label=f"best form: {name}")
    if logarithmic:
        axes.set_xscale("log")
        ticks = sorted({float(value) for curve in curves for value in curve.values})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    axes.set_xlabel(curves[0].parameter)
    axes.set_ylabel(f"{curves[0].metric} (95 % interval)")
    axes.legend(fontsize="small", frameon=False)
    axes.grid(alpha=0.3)
    _save(figure, path)


def draw_learning(arms: Sequence[Arm], path: Path) -> None:
    """Validation scores over the responses drawn in training, a panel for each task and model: the mean over
    seeds, and a band where there are several, which is the 95 % interval at each point alone.

    Raises:
        UsageError: no arm has a learning curve, or the picture can't be written.
        RecordError: a curve isn't the one that was sealed.
    """
    from matplotlib.figure import Figure

    from harness.comparison.learning import learning

    panels: dict[str, list[tuple[Arm, Learning]]] = {}
    for arm in arms:
        if (found := learning(arm, "dev", "rollouts")) is not None:
            panels.setdefault(f"{arm.task}, {arm.model}", []).append((arm, found))
    if not panels:
        raise UsageError("--plot draws the learning curves of methods that train, and no run here has one")
    figure = Figure(figsize=(5.2 * len(panels), 4.6), layout="constrained")
    for axes, (title, lines) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for n, (arm, line) in enumerate(lines):
            name = arm.named(other for other, _ in lines).replace(f" x {arm.model}", "")
            axes.plot(
                line.rollouts,
                line.means,
                marker="o",
                ms=3,
                color=f"C{n}",
                label=f"{name} ({line.seeds} seeds)",
            )
            if line.intervals is not None:
                axes.fill_between(line.rollouts, *line.intervals.T, color=f"C{n}", alpha=0.1, lw=0)
        axes.set_title(title, fontsize="medium")
        axes.set_xlabel("rollouts, discarded ones included")
        axes.set_ylabel("validation score (95 % interval over seeds)")
        axes.legend(fontsize="small", frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.15))
        axes.grid(alpha=0.3)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    import matplotlib

    kind = path.suffix.lower().lstrip(".")
    bare: dict[str, dict[str, str | None]] = {
        "svg": {"Date": None},
        "pdf": {"CreationDate": None},
        "png": {"Software": None},
    }
    try:
        with matplotlib.rc_context({"svg.hashsalt": "harness"}):
            figure.savefig(path, format=kind, dpi=150, metadata=bare[kind])
    except OSError as error:
        raise UsageError(f"--plot {path}: {error.strerror}") from None
