"""Tables and picture of the finished runs. Users are the unit: every seed has users of its own, so all users
of all seeds are one sample, and arms are compared user by user."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.personal.arms import (
    ABLATIONS,
    BATCHES,
    COLD,
    CONTROLS,
    DRIFT,
    MODEL,
    OWN,
    PLAIN,
    ROWS,
    SEEDS,
    STATIONARY,
    STEADY,
    USERS,
    Arm,
    Cell,
)
from harness.stats import estimate_mean
from harness.tasks.personal import expected

HERE = Path(__file__).parent
NOISE, LABELS, CONTEXTS = 0.1, 3, 4


class Found:
    """The finished runs: per arm and cell the accuracy of every user, in the order of seeds."""

    def __init__(self, rows: Iterable[dict[str, Any]]) -> None:
        self._rows: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
        for row in rows:
            self._rows.setdefault((row["cell"], row["arm"]), {})[row["seed"]] = row

    def seeds(self, cell: Cell, arm: Arm) -> list[int]:
        return sorted(self._rows.get((cell.name, arm.name), {}))

    def users(self, cell: Cell, arm: Arm, seeds: Sequence[int]) -> NDArray[np.float64]:
        """Percent right of every user, shape (seeds * users,)."""
        own = self._rows[cell.name, arm.name]
        return 100 * np.concatenate([own[seed]["users"] for seed in seeds])

    def mean(self, cell: Cell, arm: Arm) -> str:
        return _told(self.users(cell, arm, self.seeds(cell, arm)))

    def lead(self, cell: Cell, arm: Arm, over: Arm) -> str:
        """The difference, user by user, on the seeds that both have."""
        both = sorted({*self.seeds(cell, arm)} & {*self.seeds(cell, over)})
        return _told(self.users(cell, arm, both) - self.users(cell, over, both), signed=True)

    def spent(self, cell: Cell, arm: Arm, what: str, offline: bool) -> float:
        """Calls or tokens: those before the test a user, or those of a question."""
        rows = self._rows[cell.name, arm.name].values()
        found = [
            sum(n for purpose, n in row[what].items() if (purpose != "answer") == offline) for row in rows
        ]
        return sum(found) / len(found) / (USERS if offline else USERS * 10)

    def persona(self, cell: Cell, arm: Arm) -> str:
        found = [row["persona_tokens"] for row in self._rows[cell.name, arm.name].values()]
        return "-" if None in found else f"{sum(found) / len(found):.0f}"


def _told(values: NDArray[np.float64], signed: bool = False) -> str:
    found = estimate_mean(values.tolist(), binary=False)
    half = math.nan if found.ci is None else (found.ci[1] - found.ci[0]) / 2
    value = f"{found.value:+.1f}" if signed else f"{found.value:.1f}"
    return f"{value} ± {0.0 if math.isnan(half) else half:.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(rows: Iterable[dict[str, Any]], out: Path) -> None:
    """README.md and cold-start.svg, of whole cells alone."""
    rows = list(rows)
    found = Found(rows)
    done = {cell for cell, arms in ROWS.items() if all(found.seeds(cell, arm) for arm in arms)}
    hours = sum(row["cpu_s"] for row in rows) / 3600
    parts = [
        "# Personal methods on generated users: an experiment with a simulated person",
        "Made by `make personal` from runs.jsonl. **Nobody here is a person or a language model**: users are "
        "generated (`personal/synthetic`: 4 kinds of films, 3 labels, a tenth of the answers is noise), and "
        "`sim/person` follows personas and records by rules, erring in one answer of twenty of its own. The "
        "figures say that the methods and controls do what they should, and nothing about any model. "
        f"Accuracy in percent, ± the half width of the 95 % interval over users, {USERS} in each of {SEEDS} "
        "seeds; differences are taken user by user.",
        f"{len(rows)} runs, {hours * 60:.0f} CPU minutes. The simulated person: "
        + ", ".join(f"{name} {value:g}" for name, value in MODEL.items())
        + ".",
        (HERE / "conclusions.md").read_text("utf-8").strip(),
    ]
    if STATIONARY in done:
        parts += ["## Users who stay as they are", _stationary(found)]
    if {DRIFT, STEADY} <= done:
        parts += ["## Users whose tastes change", _drift(found)]
    if done.issuperset(COLD):
        parts += ["## Cold start", _cold(found), "![accuracy over the length of the history](cold-start.svg)"]
        _picture(found, out / "cold-start.svg")
    (out / "README.md").write_text("\n\n".join(parts) + "\n", "utf-8")


def _stationary(found: Found) -> str:
    knows, guess, errs = expected.knows(NOISE), expected.chance(LABELS), 1 - MODEL["fidelity"]
    theory = (
        f"In theory: whoever knows the tables {100 * knows:.1f}, and with the slips of the simulated person "
        f"{100 * ((1 - errs) * knows + errs * guess):.1f}; each user's most frequent label "
        f"{100 * expected.of_majority(CONTEXTS, LABELS, NOISE):.1f}; a guess, and another user's table, "
        f"{100 * guess:.1f}. Offline is what a user costs before the test (profile, alignment), online what "
        "a question costs."
    )
    head = ["row", "accuracy", "minus personaagent", "calls offline, a user", "calls online, a question",
            "tokens offline", "tokens online", "system prompt, tokens"]  # fmt: skip
    lines = []
    for arm in (*PLAIN, OWN, *ABLATIONS, *CONTROLS):
        offline, online = (
            [found.spent(STATIONARY, arm, what, before) for what in ("calls", "tokens")]
            for before in (True, False)
        )
        lines.append(
            [
                arm.name,
                found.mean(STATIONARY, arm),
                "" if arm is OWN else found.lead(STATIONARY, arm, OWN),
                f"{offline[0]:.1f}",
                f"{online[0]:.1f}",
                f"{offline[1]:,.0f}",
                f"{online[1]:,.0f}",
                found.persona(STATIONARY, arm),
            ]
        )
    return f"{theory}\n\n{_table(head, lines)}"


def _drift(found: Found) -> str:
    said = (
        "All tables are drawn anew after interaction 50 of 62. The first rows are `personaagent` without "
        "actions, so that the persona alone answers; the difference is from the persona that is never "
        "aligned, under the drift."
    )
    first = BATCHES[0]
    lines = [
        [arm.name, found.mean(STEADY, arm), found.mean(DRIFT, arm),
         "" if arm is first else found.lead(DRIFT, arm, first)]
        for arm in BATCHES
    ]  # fmt: skip
    others = [arm for arm in ROWS[DRIFT] if arm not in BATCHES]
    lines += [
        [f"{arm.name}, whole", "", found.mean(DRIFT, arm), found.lead(DRIFT, arm, first)] for arm in others
    ]
    return f"{said}\n\n{_table(['row', 'no drift', 'drift', 'minus never aligned'], lines)}"


def _cold(found: Found) -> str:
    head = ["row", *(cell.name for cell in COLD)]
    return _table(head, [[arm.name, *(found.mean(cell, arm) for cell in COLD)] for arm in ROWS[COLD[0]]])


def _picture(found: Found, path: Path) -> None:
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "personal"
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    lengths = [int(cell.args["history"]) for cell in COLD]
    for arm in ROWS[COLD[0]]:
        means = [found.users(cell, arm, found.seeds(cell, arm)) for cell in COLD]
        errors = [1.96 * each.std(ddof=1) / math.sqrt(len(each)) for each in means]
        axes.errorbar(lengths, [each.mean() for each in means], errors, marker="o", label=arm.name, capsize=2)
    axes.axhline(100 * expected.knows(NOISE), color="grey", linestyle=":", label="knows the tables")
    axes.axhline(100 * expected.chance(LABELS), color="grey", linestyle="--", label="a guess")
    axes.set_xscale("log")
    axes.set_xticks(lengths, [str(n) for n in lengths])
    axes.set_xlabel("interactions before the test")
    axes.set_ylabel("accuracy, percent")
    axes.legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})
