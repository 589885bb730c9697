"""Tables and pictures from the rows of finished runs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cm2 import best_of_n
from benchmarks.cm2.arms import planned
from harness.checklist.agreement import auc
from harness.stats import parts_of
from harness.stats.crossed_rule import half_width
from harness.stats.paired import paired_difference
from harness.stats.plan import Components, Design, detectable

Row = dict[str, Any]
#: rewards in the order of tables
REWARDS = ("outcome", "trajectory", "turn", "step", "holistic", "sft")


#: what people concluded from all runs; shown once they are there
CONCLUSIONS = Path(__file__).parent / "conclusions.md"


def write(rows: Sequence[Row], out: Path) -> None:
    """README.md and pictures in the folder."""
    if not rows:
        print("no runs are there yet")
        return
    parts = [
        "# Which reward teaches a small tool policy most",
        "",
        "Made by `make cm2` from runs.jsonl and best_of_n.json; docs in benchmarks/README.md. Success is the "
        "world's own check in 400 worlds that no run learned in, in percent, drawn at temperature 1 (greedy "
        "in its own column); intervals are of 95 % over seeds and worlds together, over worlds alone where "
        "there is one seed.",
        "",
        *_missing(rows),
        *([] if _missing(rows) else [CONCLUSIONS.read_text("utf-8")]),
        *_table(rows),
        "",
        "## What could be shown",
        "",
        *_power(),
        "",
        "## Differences, paired by seed and world",
        "",
        *_differences(rows),
        "",
        "## Every seed",
        "",
        *_seeds(rows),
        "",
        "## Along the training",
        "",
        "Success of the training's own episodes, which are new to the policy, in percent: means of steps "
        "1-5, 6-10, ..., over seeds.",
        "",
        *_curves(rows),
    ]
    found = out / "best_of_n.json"
    if found.exists():
        parts += ["", "## Best of N, no training", "", *_best(json.loads(found.read_text("utf-8")))]
    (out / "README.md").write_text("\n".join(parts) + "\n", "utf-8")
    _picture(rows, out / "curves.svg")
    print("\n".join(_table(rows)))


def _missing(rows: Sequence[Row]) -> list[str]:
    """What is to be said while runs are still to come."""
    made, wanted = {row["name"] for row in rows}, {arm.name for arm in planned()}
    if wanted <= made:
        return []
    return [
        f"**Not finished: {len(made & wanted)} of {len(wanted)} runs are there; `make cm2` goes on.** Cells "
        "with fewer seeds than planned say little yet.",
        "",
    ]


def cells(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The runs of every cell by seed, cells in the order of tables."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["cell"]].append(row)
    order = {name: n for n, name in enumerate(("start", *REWARDS))}

    def place(cell: str) -> tuple[Any, ...]:
        row = found[cell][0]
        return row["turns"], row["shared"], row["blind"], row["flip"], order[row["reward"]]

    return {cell: sorted(found[cell], key=lambda row: int(row["seed"])) for cell in sorted(found, key=place)}


def table_of(runs: Sequence[Row], how: str = "sampled") -> Any:
    """Success by world and seed: an array (worlds, seeds)."""
    return np.array([[int(c) for c in row[how]["success"]] for row in runs], np.float64).T


def _interval(table: Any) -> tuple[float, float]:
    parts = parts_of(table)
    half = half_width(0.05, parts.items, parts.df_items, parts.runs, parts.df_runs, parts.overlap)
    return parts.value, float(half)


def _table(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| cell | seeds | success | greedy | reward | broken | turns right | silent groups | verdicts | "
        "CPU s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for cell, runs in cells(rows).items():
        value, half = _interval(table_of(runs))
        greedy = table_of(runs, "greedy").mean()
        reward, broken, right = (
            np.mean([row["sampled"][name] for row in runs]) for name in ("reward", "broken", "turns_right")
        )
        silent = [np.mean(row["curve"]["silent"]) for row in runs if "silent" in row.get("curve", {})]
        verdicts = [sum(row["curve"]["verdicts"]) for row in runs if "verdicts" in row.get("curve", {})]
        lines.append(
            f"| {cell} | {len(runs)} | {100 * value:.1f} ± {100 * half:.1f} | {100 * greedy:.1f} "
            f"| {reward:.3f} | {100 * broken:.1f} % | {right:.3f} "
            f"| {f'{100 * np.mean(silent):.0f} %' if silent else '-'} "
            f"| {f'{np.mean(verdicts):,.0f}' if verdicts else '-'} "
            f"| {np.mean([row['train_cpu_s'] for row in runs]):.0f} |"
        )
    return lines


def pairs(found: dict[str, list[Row]]) -> Iterable[tuple[str, str]]:
    """Which cells are compared: every reward with the outcome under the same conditions; controls with what
    they are controls of."""
    by = {
        (r[0]["reward"], r[0]["turns"], r[0]["flip"], r[0]["shared"], r[0]["blind"]): c
        for c, r in found.items()
    }
    for (reward, turns, flip, shared, blind), cell in by.items():
        if reward in ("turn", "step", "trajectory", "holistic") and not blind:
            if other := by.get(("outcome", turns, flip, shared, "")):
                yield cell, other
        if reward in ("turn", "step", "holistic") and not blind:
            if other := by.get(("trajectory", turns, flip, shared, "")):
                yield cell, other
        if blind and (other := by.get((reward, turns, flip, shared, ""))):
            yield cell, other
        if shared and (other := by.get((reward, turns, flip, False, ""))):
            yield cell, other
        if reward == "sft":
            for rival in ("outcome", "trajectory"):
                if other := by.get((rival, turns, flip, shared, "")):
                    yield other, cell


def difference(
    found: dict[str, list[Row]], first: str, second: str
) -> tuple[int, float, float, float, list[float]]:
    """Common seeds, the difference with the half width of its interval, its p, and it by seed."""
    common = sorted({row["seed"] for row in found[first]} & {row["seed"] for row in found[second]})
    a, b = (table_of([row for row in found[cell] if row["seed"] in common]) for cell in (first, second))
    parts = parts_of(a - b)
    half = half_width(0.05, parts.items, parts.df_items, parts.runs, parts.df_runs, parts.overlap)
    tested = paired_difference(a, b, binary=True, parts=parts)
    p = 1.0 if tested.p_value is None else tested.p_value
    return len(common), parts.value, float(half), p, list((a - b).mean(axis=0))


def _differences(rows: Sequence[Row]) -> list[str]:
    found = cells(rows)
    lines = [
        "| first | second | seeds | difference | p | by seed |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for first, second in pairs(found):
        if not {r["seed"] for r in found[first]} & {r["seed"] for r in found[second]}:
            continue
        seeds, value, half, p, by_seed = difference(found, first, second)
        each = ", ".join(f"{100 * x:+.1f}" for x in by_seed)
        lines.append(
            f"| {first} | {second} | {seeds} | {100 * value:+.1f} ± {100 * half:.1f} | {p:.3g} | {each} |"
        )
    return lines


#: SDs over seeds of differences in the pilot; the last with 5 to 10 percent of outcomes wrong
SPREADS = {
    "exact rewards": 0.02,
    "exact rewards, at most": 0.04,
    "a grade": 0.12,
    "an outcome that errs": 0.25,
}


def _power() -> list[str]:
    """The differences that the design finds, from numbers that were there before it ran."""
    lines = [
        "Reckoned before any run: the difference of success that is shown with 80 % power at 5 %, two-sided, "
        "paired by seed, 400 worlds, one episode in each. The spread over seeds is that of the pilot; the "
        "worlds' own differences (variance .02) and chance within a world (.4) are assumed.",
        "",
        "| spread over seeds | SD of the difference | 5 seeds | 7 seeds |",
        "| --- | --- | --- | --- |",
    ]
    for name, spread in SPREADS.items():
        noise = Components(items=0.02, runs=spread**2, attempts=0.4)
        found = [100 * detectable(noise, Design(400, runs, paired=True)) for runs in (5, 7)]
        lines.append(f"| {name} | {100 * spread:.0f} | {found[0]:.1f} | {found[1]:.1f} |")
    return lines


def _seeds(rows: Sequence[Row]) -> list[str]:
    lines = ["| cell | success by seed | SD |", "| --- | --- | --- |"]
    for cell, runs in cells(rows).items():
        means = table_of(runs).mean(axis=0)
        spread = f"{100 * means.std(ddof=1):.1f}" if len(means) > 1 else "-"
        lines.append(f"| {cell} | {', '.join(f'{100 * m:.1f}' for m in means)} | {spread} |")
    return lines


def _curves(rows: Sequence[Row]) -> list[str]:
    found = {c: r for c, r in cells(rows).items() if "success" in r[0].get("curve", {})}
    width = max((len(r[0]["curve"]["success"]) for r in found.values()), default=0)
    starts = list(range(0, width, 5))
    lines = [
        "| cell | " + " | ".join(f"{s + 1}-{min(s + 5, width)}" for s in starts) + " | area |",
        "| --- |" + " --- |" * (len(starts) + 1),
    ]
    for cell, runs in found.items():
        curve = np.array([row["curve"]["success"] for row in runs], np.float64)
        parts = [f"{100 * curve[:, s : s + 5].mean():.1f}" for s in starts]
        lines.append(f"| {cell} | {' | '.join(parts)} | {100 * curve.mean():.1f} |")
    return lines


def _best(found: dict[str, Any]) -> list[str]:
    lines = []
    for turns, each in found.items():
        won = each["won"]
        direct = np.array([[float(row[0])] for row in won])
        lines += [
            f"{turns} turns, {len(won)} worlds, the untrained policy at temperature 1. One episode alone "
            f"succeeds in {100 * direct.mean():.1f} %. The checklist is written from the request alone; "
            "differences from one episode are paired by world. The reward's AUC against success: "
            f"{_auc(won, each['scores']['0.0'])} (checklist of the wanted actions: "
            f"{_auc(won, each['oracle'])}).",
            "",
            "| N | judge exact | "
            + " | ".join(f"{float(f):.0%} flipped" for f in list(each["scores"])[1:])
            + " | oracle checklist | any of N | exact minus one episode | tokens an item |",
            "| --- |" + " --- |" * (len(each["scores"]) + 4),
        ]
        for n in best_of_n.SIZES:
            kept = [100 * np.mean(best_of_n.chosen(won, s, n)) for s in each["scores"].values()]
            top = 100 * np.mean(best_of_n.chosen(won, each["oracle"], n))
            some = 100 * np.mean([float(any(row[:n])) for row in won])
            exact = np.array([[x] for x in best_of_n.chosen(won, each["scores"]["0.0"], n)])
            tested = paired_difference(exact, direct, binary=True)
            low, high = tested.interval(0.95)
            tokens = np.mean([sum(row[:n]) for row in each["tokens"]])
            lines.append(
                f"| {n} | "
                + " | ".join(f"{k:.1f}" for k in kept)
                + f" | {top:.1f} | {some:.1f} | {100 * tested.value:+.1f} "
                f"[{100 * low:+.1f}, {100 * high:+.1f}] | {tokens:.0f} |"
            )
        lines.append("")
    return lines


def _auc(won: Sequence[Sequence[int]], scores: Sequence[Sequence[float]]) -> str:
    """That of all episodes together."""
    found = auc([score for row in scores for score in row], [bool(one) for row in won for one in row])
    return "unknown" if found is None else f"{found:.3f}"


def _picture(rows: Sequence[Row], path: Path) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    import matplotlib

    matplotlib.rcParams["svg.hashsalt"] = "cm2"
    shown = [(6, 0.0), (6, 0.2), (9, 0.0), (9, 0.2)]
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    axes = figure.subplots(1, len(shown), sharey=True)
    found = cells(rows)
    for place, (turns, flip) in zip(axes, shown, strict=True):
        for runs in found.values():
            first = runs[0]
            mine = (first["turns"], first["flip"], first["shared"], first["blind"]) == (
                turns,
                flip,
                False,
                "",
            )
            if not mine or "success" not in first.get("curve", {}):
                continue
            curve = 100 * np.array([row["curve"]["success"] for row in runs], np.float64)
            steps = np.arange(1, curve.shape[1] + 1)
            (drawn,) = place.plot(steps, curve.mean(axis=0), label=first["reward"])
            place.fill_between(
                steps, curve.min(axis=0), curve.max(axis=0), color=drawn.get_color(), alpha=0.15
            )
        place.set_title(f"{turns} turns, {flip:.0%} of verdicts flipped", fontsize=9)
        place.set_xlabel("step")
    axes[0].set_ylabel("success of the step's episodes, %")
    if axes[0].lines:
        axes[0].legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})
