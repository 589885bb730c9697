"""Curves as a picture, through matplotlib (the extra `plot`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.compare.sweep import Curve


def draw(curves: Sequence[Curve], path: Path) -> None:
    """Points with their intervals and the best form, a colour a curve; the format is the name's.

    The picture holds no time stamp, so that the same runs give the same file.

    Raises:
        UsageError: it can't be written.
    """
    import matplotlib
    import numpy as np
    from matplotlib.figure import Figure

    from harness.compare.sweep import fits

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    logarithmic = all(curve.values[0] > 0 for curve in curves)
    for n, curve in enumerate(curves):
        made, (verdict, _) = fits(curve)
        low, high = curve.intervals.T
        bars = np.clip([curve.means - low, high - curve.means], 0, None)
        axes.errorbar(curve.values, curve.means, yerr=bars, fmt="o", ms=4, capsize=3, color=f"C{n}",
                      label=curve.title)  # fmt: skip
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
    kind = path.suffix.lower().lstrip(".")
    bare: dict[str, dict[str, str | None]] = {
        "svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None},
    }  # fmt: skip
    try:
        with matplotlib.rc_context({"svg.hashsalt": "harness"}):
            figure.savefig(path, format=kind, dpi=150, metadata=bare[kind])
    except OSError as error:
        raise UsageError(f"--figure {path}: {error.strerror}") from None
