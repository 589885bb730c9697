"""Pictures through matplotlib (the extra `plot`): sweeps, learning curves, score against cost, differences,
confusion matrices; surfaces are in :mod:`harness.contours`.

No picture holds a time stamp, so that the same runs give the same file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from harness.base.errors import UsageError
from harness.base.terminal import printable_lines

if TYPE_CHECKING:
    from harness.comparison.arms import Arm
    from harness.comparison.learning import Learning
    from harness.comparison.paired import Comparison
    from harness.comparison.sweep import Curve
    from harness.results.classes import ClassReport
    from harness.spec import MetricRange

FORMATS = (".svg", ".png", ".pdf")
#: what a picture of comparisons may show
Kind = Literal["cost", "difference", "curves", "utility"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def check_plot(name: str) -> None:
    """Whether a picture can be drawn there, before anything is paid for.

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
        raise UsageError("--plot needs the extra: pip install 'method-harness[plot]'")


def plot_sweep(curves: Sequence[Curve], path: Path, margin: float | None = None) -> None:
    """Points with their intervals, the verdict and the form of lowest AIC, a colour a curve; the format is
    the name's.

    Raises:
        UsageError: it can't be written.
    """
    import numpy as np
    from matplotlib.figure import Figure

    from harness.comparison.forms import fits
    from harness.comparison.trends import trend_of, verdict

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    logarithmic = all(curve.values[0] > 0 for curve in curves)
    for n, curve in enumerate(curves):
        made, (form, _) = fits(curve)
        low, high = curve.intervals.T
        bars = np.nan_to_num(np.clip([curve.means - low, high - curve.means], 0, None))
        said = f"{curve.title}: {verdict(curve, trend_of(curve, margin))}"
        axes.errorbar(
            curve.values, curve.means, yerr=bars, fmt="o", ms=4, capsize=3, color=f"C{n}", label=said
        )
        if made:
            k = curve.grid(200)
            name = made[0].form + (" (inconclusive)" if form == "inconclusive" else "")
            axes.plot(k, made[0].at(k), color=f"C{n}", lw=1.2, ls="--", label=f"lowest AIC: {name}")
    if logarithmic:
        axes.set_xscale("log")
        ticks = sorted({float(value) for curve in curves for value in curve.values})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    axes.set_xlabel(curves[0].parameter)
    axes.set_ylabel(_axis(curves[0].metric, curves[0].span))
    axes.legend(fontsize="small", frameon=False)
    axes.grid(alpha=0.3)
    save(figure, path)


def plot_comparisons(
    comparisons: Sequence[Comparison], arms: Sequence[Arm], path: Path, kind: Kind | None = None
) -> Kind:
    """Draws what was compared; the format is the name's. Returns the kind that was drawn.

    Args:
        comparisons: adjusted, as `harness compare` prints them.
        arms: every arm of the table, the baselines among them.
        kind: `curves`: validation score over the responses drawn in training; `cost`: score against cost per
            attempt at an item; `difference`: each difference from the baseline; `utility`: success less the
            price of a person's effort, over that price. All with 95 % intervals. None draws `curves` where an
            arm has one, else `cost`.

    Raises:
        UsageError: there is nothing of this kind to draw, or the picture can't be written.
        RecordError: sealed attempts can't be read.
    """
    chosen: Kind = kind or ("curves" if any(True for _ in _learning(arms)) else "cost")
    if chosen == "curves":
        plot_learning(arms, path)
    elif chosen == "cost":
        _plot_cost(comparisons, arms, path)
    elif chosen == "utility":
        _plot_utility(arms, path)
    else:
        _plot_differences(comparisons, arms, path)
    return chosen


def _learning(arms: Sequence[Arm]) -> Iterator[tuple[Arm, Learning]]:
    """The arms that have a learning curve, with it."""
    from harness.comparison.learning import learning

    for arm in arms:
        if (found := learning(arm, "dev", "rollouts")) is not None:
            yield arm, found


def _tokens(arm: Arm) -> float | None:
    parts = [arm.usage("input_tokens"), arm.usage("output_tokens")]
    return None if any(part is None for part in parts) else sum(part or 0.0 for part in parts)


#: what an attempt costs: the first that is known of every arm and differs from 0 is drawn
COSTS: tuple[tuple[str, Callable[[Arm], float | None]], ...] = (
    ("USD", lambda arm: arm.usage("cost_usd")),
    ("tokens", _tokens),
    ("calls", lambda arm: arm.usage("calls")),
)


def _plot_cost(comparisons: Sequence[Comparison], arms: Sequence[Arm], path: Path) -> None:
    """Score against cost, a panel for each comparability key, the baseline hollow. Points of the same cost
    are drawn next to each other."""
    from matplotlib.figure import Figure

    from harness.comparison.items import ItemTables
    from harness.comparison.scores import score

    unit, cost = next(
        ((unit, of) for unit, of in COSTS if all(of(arm) for arm in arms)),
        ("calls", lambda arm: arm.usage("calls")),
    )
    metrics = {c.candidate.comparability_key: c.metric for c in comparisons}
    baselines = {id(c.baseline) for c in comparisons}
    panels: dict[str, list[Arm]] = {}
    for arm in arms:
        if arm.comparability_key in metrics:
            panels.setdefault(arm.comparability_key, []).append(arm)
    load = ItemTables()
    figure = Figure(figsize=(5.2 * len(panels), 4.6), layout="constrained")
    for axes, (key, shown) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        costs = [cost(arm) or 0.0 for arm in shown]
        for n, (arm, spent) in enumerate(zip(shown, _apart(costs), strict=True)):
            found = score(arm, metrics[key], load)
            low, high = found.interval or (found.value, found.value)
            axes.errorbar(
                [spent],
                [found.value],
                yerr=[[max(found.value - low, 0)], [max(high - found.value, 0)]],
                fmt="o",
                ms=6,
                capsize=3,
                color=f"C{n}",
                mfc="none" if id(arm) in baselines else f"C{n}",
                label=arm.title(shown) + (" (baseline)" if id(arm) in baselines else ""),
            )
        if all(spent > 0 for spent in costs):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter("{x:g}" if max(costs) < 10 * min(costs) else "")
        axes.set_title(shown[0].task, fontsize="medium")
        axes.set_xlabel(f"{unit} per attempt at an item")
        axes.set_ylabel(_axis(metrics[key], shown[0].metric_range(metrics[key])))
        axes.legend(fontsize="small", frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.15))
        axes.grid(alpha=0.3)
    save(figure, path)


def _axis(metric: str, span: MetricRange) -> str:
    """The title of an axis of values."""
    return f"{metric} ({'lower is better, ' if span.lower_is_better else ''}95 % interval)"


def _apart(values: Sequence[float]) -> list[float]:
    """The values, those that would cover each other moved to the right by some percent."""
    made: list[float] = []
    for value in values:
        while any(abs(value - other) <= 0.02 * abs(value) for other in made):
            value *= 1.04
        made.append(value)
    return made


def _plot_differences(comparisons: Sequence[Comparison], arms: Sequence[Arm], path: Path) -> None:
    """Each candidate's difference from its baseline with its interval, the first at the top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 1.4 + 0.4 * len(comparisons)), layout="constrained")
    axes = figure.add_subplot()
    colours = {"better": "C2", "worse": "C3", "not shown": "C7"}
    for n, c in enumerate(comparisons):
        value, (low, high) = c.scale * c.value, c.interval or (c.value, c.value)
        axes.errorbar(
            [value],
            [-n],
            xerr=[[max(value - c.scale * low, 0)], [max(c.scale * high - value, 0)]],
            fmt="o",
            capsize=3,
            color=colours[c.verdict()],
        )
    names = [
        f"{c.candidate.task}: {c.candidate.title(arms)}\nagainst {c.baseline.title(arms)}"
        for c in comparisons
    ]
    axes.set_yticks([-n for n in range(len(names))], [*map(_plain, names)], fontsize="small")
    axes.set_ylim(0.6 - len(names), 0.6)
    axes.axvline(0, color="black", lw=0.8)
    unit = "points" if all(c.scale == 100 for c in comparisons) else "the metric's own unit"
    lower = sorted({c.metric for c in comparisons if c.span.lower_is_better})
    unit += f", lower is better in {', '.join(lower)}" if lower else ""
    axes.set_xlabel(f"difference in {unit} (95 % interval)")
    axes.grid(alpha=0.3, axis="x")
    save(figure, path)


def _plot_utility(arms: Sequence[Arm], path: Path) -> None:
    """U(lambda) of every arm in which a person took part, a line each."""
    import numpy as np
    from matplotlib.figure import Figure

    from harness.comparison.effort import has_effort, utility_curve

    shown = [arm for arm in arms if has_effort(arm)]
    if not shown:
        raise UsageError(
            "no run here measured a person's effort; --role human=MODEL gives it to a task of team/"
        )
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for n, arm in enumerate(shown):
        curve = utility_curve(arm)
        low, high = np.where(np.isfinite(curve.intervals), curve.intervals, curve.means[:, None]).T
        bars = np.clip([curve.means - low, high - curve.means], 0, None)
        axes.errorbar(
            curve.prices,
            curve.means,
            yerr=bars,
            fmt="o-",
            ms=4,
            capsize=3,
            color=f"C{n}",
            label=arm.title(shown),
        )
    axes.set_xlabel("lambda, the price of a unit of the person's effort")
    axes.set_ylabel(f"{shown[0].primary} - lambda * effort (95 % interval)")
    axes.legend(fontsize="small", frameon=False)
    axes.grid(alpha=0.3)
    save(figure, path)


def plot_learning(arms: Sequence[Arm], path: Path) -> None:
    """Validation scores over the responses drawn in training, a panel for each task and model: the mean over
    seeds, and a band where there are several, which is the 95 % interval at each point alone.

    Raises:
        UsageError: no arm has a learning curve, or the picture can't be written.
        RecordError: a curve isn't the one that was sealed.
    """
    from matplotlib.figure import Figure

    panels: dict[str, list[tuple[Arm, Learning]]] = {}
    for arm, found in _learning(arms):
        panels.setdefault(f"{arm.task}, {arm.model}", []).append((arm, found))
    if not panels:
        raise UsageError("no run here has a learning curve; only methods that train have one")
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
    save(figure, path)


#: classes that a picture of a confusion matrix shows, and up to which it writes the counts
MOST_CLASSES, COUNTED = 40, 20


def plot_confusion(report: ClassReport, path: Path, *, task: str, method: str) -> None:
    """The confusion matrix, a row a target and a column an answer; the colour is the share of the target's
    attempts. Of many classes those that take part in the most confusions are shown, and the title says so.

    Raises:
        UsageError: the picture can't be written.
    """
    import numpy as np
    from matplotlib.figure import Figure

    from harness.results.classes import NO_ANSWER

    counts, names = np.array(report.matrix), [*report.labels, NO_ANSWER]
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    rows = np.arange(len(report.labels))
    if len(rows) > MOST_CLASSES:
        rows = np.sort(
            np.argsort(-(wrong.sum(axis=1) + wrong.sum(axis=0)[:-1]), kind="stable")[:MOST_CLASSES]
        )
    columns = [*rows, *([len(names) - 1] if counts[:, -1].any() else [])]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.6 + 0.24 * len(columns)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares[np.ix_(rows, columns)], cmap="Blues", vmin=0, vmax=1)
    small = "small" if len(rows) <= COUNTED else "xx-small"
    axes.set_xticks(
        range(len(columns)), [_plain(_tick(names[n])) for n in columns], rotation=90, fontsize=small
    )
    axes.set_yticks(range(len(rows)), [_plain(_tick(names[n])) for n in rows], fontsize=small)
    if len(rows) <= COUNTED:
        for y, row in enumerate(rows):
            for x, column in enumerate(columns):
                if counts[row, column]:
                    colour = "white" if shares[row, column] > 0.5 else "black"
                    axes.text(
                        x, y, counts[row, column], ha="center", va="center", color=colour, fontsize=small
                    )
    of_all = f", {len(rows)} of {len(report.labels)} classes, those confused most"
    axes.set_title(f"{task}, {method}{of_all if len(rows) < len(report.labels) else ''}", fontsize="medium")
    axes.set_xlabel("answer")
    axes.set_ylabel("target")
    figure.colorbar(image, ax=axes, label="share of the target's attempts", shrink=0.8)
    save(figure, path)


def _tick(label: str) -> str:
    """A label that no name of a class makes a formula or a second line of."""
    short = " ".join(label.split())
    return (short if len(short) <= 28 else f"{short[:27]}…").replace("$", r"\$")


def _plain(text: str) -> str:
    """A text as it is: no formula between signs of the dollar, no character that SVG can't hold."""
    return printable_lines(text).replace("$", "\\$")


def save(figure: Any, path: Path) -> None:
    """Writes a picture without a time stamp, every text as it is; the format is the name's.

    Raises:
        UsageError: it can't be written.
    """
    import matplotlib
    from matplotlib.text import Text

    for each in figure.findobj(Text):
        each.set_text(_plain(each.get_text()))

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
