"""Tables and pictures from the rows of finished runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.todycomm import claims
from benchmarks.todycomm.arms import (
    ABLATIONS,
    CORE,
    EQUAL_DATA,
    FIXED,
    LEARNED,
    PUBLISHED,
    TODYCOMM,
    VOTES,
    WEIGHTED,
    Arm,
    planned,
)
from benchmarks.todycomm.cells import ASSUMPTIONS, CLEAN, DEFAULTS, SWEEPS, Cell
from benchmarks.todycomm.tables import Found, Row

ALL = (PUBLISHED, TODYCOMM, WEIGHTED, *FIXED, *LEARNED, *EQUAL_DATA, *VOTES)


#: what people concluded from all runs; shown once they are there
CONCLUSIONS = Path(__file__).parent / "conclusions.md"


def write(rows: Sequence[Row], out: Path, questions: int) -> None:
    """README.md and pictures in the folder."""
    if not rows:
        print("no runs are there yet")
        return
    found = Found(rows, questions)
    parts = [
        "# Agents that talk over rounds, and adversaries among them: an experiment on a simulator",
        "",
        "Made by `make todycomm` from runs.jsonl; docs in benchmarks/README.md. **All agents are simulated** "
        "(`sim/agents`): the figures say how methods behave under the simulator's assumptions, which are "
        f"swept below, and nothing about language models. Accuracy in percent on {questions:,} questions "
        "that no run learned on, the same for all runs; intervals are of 95 % over questions and seeds "
        "together, over questions alone where a row draws nothing else. Defaults: 6 agents, 4 rounds, 2 of "
        "them turn (random, rate .4), one message sent and received a round, p .7, four options.",
        "",
        *_status(rows),
        "## The defaults, and the same without adversaries",
        "",
        "Learned rows were trained under attack; `clean` is measured on the twin without adversaries.",
        "",
        *_main(found, DEFAULTS, ALL),
        "",
        "Trained without adversaries:",
        "",
        *_main(found, CLEAN, (PUBLISHED, TODYCOMM, WEIGHTED, *LEARNED), attacked=DEFAULTS),
        "",
        "## todycomm minus each row, paired by question and seed; p after Holm",
        "",
        *_against(found, ALL),
        "",
        "## The paper's claim, cell by cell",
        "",
        "It is ahead of fixed and learned graphs under dynamic adversaries (arXiv 2602.03688, abstract). The "
        "accuracies of its benchmarks, its token figures and its prompts can't be tested here.",
        "",
        *claims.by_cell(found, (DEFAULTS, CLEAN, *SWEEPS)),
        "",
        "## Sweeps of one factor",
        "",
        *_sweep(found, SWEEPS, (PUBLISHED, TODYCOMM, WEIGHTED, *FIXED, *LEARNED, *VOTES)),
        "",
        "## What parts of todycomm do",
        "",
        *_ablations(found),
        "",
        "## Transfer: trained under the defaults, measured elsewhere",
        "",
        *_transfer(found),
        "",
        "## What rests on the simulator's assumptions",
        "",
        "kappa: conformity (defaults .6). abilities: standard deviation between agents. difficulty: share of "
        "the variance that lies between questions. honesty: how far an adversary's text gives it away "
        "(defaults .5; 0: not at all).",
        "",
        *_sweep(found, ASSUMPTIONS, CORE),
        "",
        *claims.by_cell(found, ASSUMPTIONS),
        "",
        "## Along the training",
        "",
        *_curves(found),
        "",
        "## Every seed, the defaults",
        "",
        *_seeds(found),
    ]
    (out / "README.md").write_text("\n".join(parts) + "\n", "utf-8")
    _picture(found, out / "curves.svg")
    print("\n".join(_main(found, DEFAULTS, ALL)))


def _status(rows: Sequence[Row]) -> list[str]:
    """How many runs are there; once all are, what people concluded from them."""
    made, wanted = {row["name"] for row in rows}, {run.name for run in planned()}
    spent = sum(row["cpu_s"] for row in rows) / 3600
    if wanted <= made:
        return [f"{len(wanted)} runs, {spent:.1f} core-hours.", "", CONCLUSIONS.read_text("utf-8")]
    return [
        f"**Not finished: {len(made & wanted)} of {len(wanted)} runs are there ({spent:.1f} core-hours); "
        "`make todycomm` goes on.** Cells with fewer seeds than planned say little yet.",
        "",
    ]


def _accuracy(found: Found, arm: Arm, trained: Cell, where: Cell) -> str:
    if not found.has(arm.name, trained.name, where.name):
        return "-"
    value, half = found.accuracy(arm.name, trained.name, where.name)
    return f"{value:.1f} ± {half:.1f}"


def _main(found: Found, cell: Cell, arms: Iterable[Arm], attacked: Cell | None = None) -> list[str]:
    attacked = attacked or cell
    lines = [
        "| row | seeds | attacked | clean | AUC | fallback | messages | tokens |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for arm in arms:
        runs = found.runs(arm.name, cell.name)
        if not runs:
            continue
        figures = [found.mean(arm.name, cell.name, attacked.name, name) for name in ("auc", "fallback")]
        auc, fallback = figures
        messages, tokens = (
            found.mean(arm.name, cell.name, attacked.name, name) for name in ("messages", "tokens")
        )
        lines.append(
            f"| {arm.name} | {len(runs)} | {_accuracy(found, arm, cell, attacked)} "
            f"| {_accuracy(found, arm, cell, cell.clean)} | {'-' if auc is None else f'{auc:.3f}'} "
            f"| {f'{100 * fallback:.1f} %' if fallback else '-'} | {messages or 0:.1f} | {tokens or 0:,.0f} |"
        )
    return lines


def _against(found: Found, arms: Sequence[Arm]) -> list[str]:
    lines = ["| row | attacked | p | clean | p |", "| --- | --- | --- | --- | --- |"]
    others = tuple(arm for arm in arms if arm is not TODYCOMM)
    attacked = claims.against(found, DEFAULTS, others)
    one = (TODYCOMM.name, DEFAULTS.name)
    for name, difference in attacked.items():
        clean = found.difference(one, (name, DEFAULTS.name), CLEAN.name)
        told = f"{clean} | {clean.p:.2g}" if clean else "- | -"
        lines.append(f"| {name} | {difference} | {difference.p:.2g} | {told} |")
    return lines


def _sweep(found: Found, cells: Sequence[Cell], arms: Sequence[Arm]) -> list[str]:
    """Attacked, and clean below it, by row and cell."""
    lines = []
    for title, clean in (("attacked", False), ("clean, trained under attack", True)):
        shown = [cell for cell in (DEFAULTS, *cells) if any(found.runs(arm.name, cell.name) for arm in arms)]
        lines += [
            f"| {title} | " + " | ".join(cell.name for cell in shown) + " |",
            "| --- |" + " --- |" * len(shown),
        ]
        for arm in arms:
            each = [_accuracy(found, arm, cell, cell.clean if clean else cell) for cell in shown]
            lines.append(f"| {arm.name} | " + " | ".join(each) + " |")
        lines.append("")
    return lines[:-1]


def _ablations(found: Found) -> list[str]:
    lines = ["| row | attacked | minus todycomm | p | clean | AUC |", "| --- | --- | --- | --- | --- | --- |"]
    for arm in (TODYCOMM, PUBLISHED, WEIGHTED, *ABLATIONS):
        if not found.runs(arm.name, DEFAULTS.name):
            continue
        less = found.difference((arm.name, DEFAULTS.name), (TODYCOMM.name, DEFAULTS.name), DEFAULTS.name)
        told = "- | -" if less is None or arm is TODYCOMM else f"{less} | {less.p:.2g}"
        auc = found.mean(arm.name, DEFAULTS.name, DEFAULTS.name, "auc")
        lines.append(
            f"| {arm.name} | {_accuracy(found, arm, DEFAULTS, DEFAULTS)} | {told} "
            f"| {_accuracy(found, arm, DEFAULTS, CLEAN)} | {'-' if auc is None else f'{auc:.3f}'} |"
        )
    return lines


def _transfer(found: Found) -> list[str]:
    lines = [
        "| row | measured in | trained under the defaults | trained there | difference |",
        "| --- | --- | --- | --- | --- |",
    ]
    for arm in (TODYCOMM, PUBLISHED, WEIGHTED):
        for cell in (CLEAN, *SWEEPS):
            if not found.has(arm.name, DEFAULTS.name, cell.name):
                continue
            moved = found.difference((arm.name, DEFAULTS.name), (arm.name, cell.name), cell.name)
            lines.append(
                f"| {arm.name} | {cell.name} | {_accuracy(found, arm, DEFAULTS, cell)} "
                f"| {_accuracy(found, arm, cell, cell)} | {moved or '-'} |"
            )
        if found.has(arm.name, CLEAN.name, DEFAULTS.name):
            moved = found.difference((arm.name, CLEAN.name), (arm.name, DEFAULTS.name), DEFAULTS.name)
            lines.append(
                f"| {arm.name}, trained without adversaries | defaults "
                f"| {_accuracy(found, arm, CLEAN, DEFAULTS)} | {_accuracy(found, arm, DEFAULTS, DEFAULTS)} "
                f"| {moved or '-'} |"
            )
    return lines


def _dev(found: Found, arm: Arm, cell: Cell) -> tuple[list[int], Any]:
    """Updates, and accuracy on dev (updates, seeds), percent."""
    curves = [row["curve"]["dev"] for row in found.runs(arm.name, cell.name) if "curve" in row]
    if not curves:
        return [], np.zeros((0, 0))
    return [step for step, _ in curves[0]], 100 * np.array(
        [[value for _, value in each] for each in curves]
    ).T


def _curves(found: Found) -> list[str]:
    arms = (TODYCOMM, PUBLISHED, WEIGHTED)
    steps, _ = _dev(found, TODYCOMM, DEFAULTS)
    lines = [
        "Accuracy on 500 questions of dev, mean over seeds with their standard deviation, by update of 32 "
        "questions (768 calls).",
        "",
        "| row | " + " | ".join(map(str, steps)) + " |",
        "| --- |" + " --- |" * len(steps),
    ]
    for cell in (DEFAULTS, CLEAN):
        for arm in arms:
            _, dev = _dev(found, arm, cell)
            if not dev.size:
                continue
            spread = dev.std(axis=1, ddof=1) if dev.shape[1] > 1 else np.zeros(len(dev))
            each = [f"{m:.1f} ({s:.1f})" for m, s in zip(dev.mean(axis=1), spread, strict=True)]
            lines.append(f"| {arm.name}, {cell.name} | " + " | ".join(each) + " |")
    return lines


def _seeds(found: Found) -> Iterator[str]:
    yield "| row | accuracy by seed | SD |"
    yield "| --- | --- | --- |"
    for arm in (PUBLISHED, TODYCOMM, WEIGHTED, *LEARNED, *ABLATIONS):
        each = found.measured(arm.name, DEFAULTS.name, DEFAULTS.name)
        if len(each) > 1:
            values = [100 * one["accuracy"] for one in each.values()]
            shown = ", ".join(f"{value:.1f}" for value in values)
            yield f"| {arm.name} | {shown} | {np.std(values, ddof=1):.1f} |"


def _picture(found: Found, path: Path) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    import matplotlib

    matplotlib.rcParams["svg.hashsalt"] = "todycomm"
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for place, cell in zip(axes, (DEFAULTS, CLEAN), strict=True):
        for arm in (TODYCOMM, PUBLISHED, WEIGHTED):
            steps, dev = _dev(found, arm, cell)
            if not dev.size:
                continue
            (drawn,) = place.plot(steps, dev.mean(axis=1), label=arm.name)
            place.fill_between(steps, dev.min(axis=1), dev.max(axis=1), color=drawn.get_color(), alpha=0.15)
        for arm, style in ((FIXED[0], ":"), (FIXED[-1], "--")):
            level = found.mean(arm.name, DEFAULTS.name, cell.name, "accuracy")
            if level is not None:
                place.axhline(100 * level, color="grey", linestyle=style, label=arm.name)
        place.set_title("2 of 6 agents turn" if cell is DEFAULTS else "no adversaries", fontsize=9)
        place.set_xlabel("update")
    axes[0].set_ylabel("accuracy on dev, %")
    axes[0].legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})
