"""Tables and picture of the published experiment, of the rows of its runs alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.team.arms import (
    AGENT,
    APPROVAL,
    ASK,
    BUDGETS,
    CHANGES,
    CONTROLS,
    DEAF,
    ERRORS,
    FIXED,
    GATES,
    INFORMATIVE,
    ITEMS,
    LAMBDAS,
    LAWS,
    LAZY,
    POLICIES,
    ROWS,
    SEEDS,
    SURE,
    WRONG,
    Arm,
    Cell,
)
from harness.tasks.team import expected

HERE = Path(__file__).parent
#: of the task's default: k constraints of m values
K, M = 3, 2
Row = Mapping[str, Any]
INTRODUCTION = (
    "Made by `make team` from runs.jsonl. **No person and no language model took part**: `sim/clerk` acts "
    "rightly on what it knows with probability {skill:g} and guesses the rest, `sim/human` answers from a "
    "table of facts. The figures say that policies, controls and measures do what they should, and nothing "
    "about any model. Means over {seeds} seeds of {items} worlds, the same for all; ± is the half width of "
    "the 95 % interval (t) over seeds, of these worlds; 0 where all seeds are alike. Effort counts a turn of "
    "the person 1, a word written .02, a word read .005, a takeover 5: arbitrary weights, so the parts stand "
    "beside it."
)


class Found:
    """The rows by cell, arm and seed."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[tuple[str, str], dict[int, Row]] = {}
        for row in rows:
            self._rows.setdefault((row["cell"], row["arm"]), {})[row["seed"]] = row

    def of(self, cell: Cell, arm: Arm) -> list[Row]:
        """In the order of the seeds."""
        return [row for _, row in sorted(self._rows.get((cell.name, arm.name), {}).items())]

    def values(self, cell: Cell, arm: Arm, metric: str) -> list[float]:
        """One a seed, of the seeds that have it."""
        rows = self.of(cell, arm)
        return [row["metrics"][metric] for row in rows if metric in row["metrics"]]

    def told(self, cell: Cell, arm: Arm, metric: str) -> str:
        values = self.values(cell, arm, metric)
        return told(values) if values else "-"

    def measure(self, cell: Cell, arm: Arm, name: str) -> float:
        return statistics.fmean(row["measures"][name] for row in self.of(cell, arm))


def half_width(values: Sequence[float]) -> float:
    """Of the 95 % interval of a mean (t), 0 where all values are alike."""
    from scipy import special

    n = len(values)
    return float(special.stdtrit(n - 1, 0.975)) * statistics.stdev(values) / math.sqrt(n) if n > 1 else 0.0


def told(values: Sequence[float], digits: int = 2) -> str:
    """Mean and half width over the seeds."""
    return f"{statistics.fmean(values):.{digits}f} ± {half_width(values):.{digits}f}"


def slips(success: float) -> float:
    """The success of an agent whose last choice slips to any offer as the clerk's does."""
    return AGENT["skill"] * success + (1 - AGENT["skill"]) * float(M) ** -K


def theory(arm: Arm, budget: int | None, error: float = 0.0) -> float | None:
    """What a policy reaches with an informative person, where it has a closed form with slips."""
    most = K if budget is None else budget
    if arm.name in ("autonomous", "more-tokens"):
        return expected.autonomous(K, M)
    if arm.name in ("ask-when-uncertain", "oracle-gate"):
        return slips(expected.asking(K, M, most, error))
    if arm.name == "confirm-irreversible" and budget in (
        0,
        1,
    ):  # beyond, a slip is mended by another proposal
        return expected.confirming(K, M, budget, error)
    if arm.name == "human-driven" and budget is None:
        return expected.handing_over()
    return None


def write(rows: Iterable[Row], out: Path) -> None:
    """README.md and utility.svg, of whole cells alone."""
    rows = list(rows)
    found = Found(rows)
    done = [cell for cell, arms in ROWS.items() if all(found.of(cell, arm) for arm in arms)]
    minutes = sum(row["cpu_s"] for row in rows) / 60
    parts = [
        "# When an agent asks its human: an experiment with a simulated agent and simulated humans",
        INTRODUCTION.format(skill=AGENT["skill"], seeds=SEEDS, items=ITEMS),
        f"{len(rows)} runs, {minutes:.0f} CPU minutes.",
        (HERE / "expectations.md").read_text("utf-8").strip(),
        (HERE / "conclusions.md").read_text("utf-8").strip(),
    ]
    if set(done) >= {*INFORMATIVE, *LAZY, *WRONG}:
        parts += ["## Hidden wishes: success by policy, person and budget", _hidden(found)]
        parts += [
            "What it took, with an informative person who answers any number of requests:",
            _took(found),
        ]
        parts += ["![net utility over lambda](utility.svg)", _weights(found)]
        _picture(found, out / "utility.svg")
    if set(done) >= {*LAWS.values()}:
        parts += ["## The closed forms over 2,000 episodes", _laws(found)]
    if SURE in done:
        parts += ["## The learned gate and fixed thresholds", _gates(found)]
    if {APPROVAL, CHANGES, DEAF} <= set(done):
        parts += ["## What a person would refuse, and changes of mind", _others(found)]
    (out / "README.md").write_text("\n\n".join(parts) + "\n", "utf-8")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _hidden(found: Found) -> str:
    cells = (*INFORMATIVE, *LAZY, *WRONG)
    said = (
        "Three wishes of two values each. Columns: how the person answers, and how many requests at most. In "
        "brackets what was expected."
    )
    lines = []
    for arm in (*POLICIES, *CONTROLS):
        line = [f"`{arm.name}`"]
        for cell in cells:
            law = None
            if cell not in LAZY:
                law = theory(arm, cell.args.get("human_budget"), cell.human.get("error", 0.0))
            line.append(found.told(cell, arm, "success") + ("" if law is None else f" ({law:.2f})"))
        lines.append(line)
    return f"{said}\n\n{_table(['policy', *(cell.name for cell in cells)], lines)}"


def _laws(found: Found) -> str:
    """Success and U(.1), one unit a question, of the notes' table beside what was measured."""
    said = (
        "`ask-when-uncertain`, a clerk without slips, at most B informative questions: success, and success "
        "less a tenth for each question; in brackets the closed form."
    )
    lines = []
    for error in ERRORS:
        for name, price in (("success", 0.0), ("U(.1)", 0.1)):
            line = [f"{name}, error {error:g}"]
            for budget in BUDGETS:
                law = expected.utility(expected.asking(K, M, budget, error), budget, price)
                mean = statistics.fmean(found.values(LAWS[error, budget], ASK, "success"))
                line.append(f"{mean - price * budget:.3f} ({law:.3f})")
            lines.append(line)
    return f"{said}\n\n{_table(['', *(f'B = {budget}' for budget in BUDGETS)], lines)}"


def _took(found: Found) -> str:
    cell = INFORMATIVE[-1]
    names = (
        "effort", "turns", "decisions", "words_read", "words_written", "takeovers", "human_seconds",
        "question_precision", "question_recall", "harm", "success@1", "success@2", "success@4",
    )  # fmt: skip
    head = ["policy", *(name.replace("_", " ") for name in names), "tokens of the agent"]
    lines = []
    for arm in (*POLICIES, *CONTROLS):
        values = [found.values(cell, arm, name) for name in names]
        shown = [f"{math.fsum(each) / len(each):.2f}" if each else "-" for each in values]
        lines.append([f"`{arm.name}`", *shown, f"{found.measure(cell, arm, 'agent_tokens'):,.0f}"])
    return _table(head, lines)


def _utility(found: Found, cell: Cell, arm: Arm, price: float, scale: float = 1.0) -> list[float]:
    """Success less the price of effort, the weights of words and takeovers scaled, one a seed."""
    made = []
    for row in found.of(cell, arm):
        m = row["metrics"]
        words = 0.02 * m["words_written"] + 0.005 * m["words_read"] + 5 * m["takeovers"]
        made.append(m["success"] - price * (m["turns"] + scale * words))
    return made


def _weights(found: Found) -> str:
    """The order of the policies at lambda .1, with the weights as they are, halved and doubled."""
    cell, orders = INFORMATIVE[-1], []
    for scale in (0.5, 1.0, 2.0):
        mean = {arm.name: math.fsum(_utility(found, cell, arm, 0.1, scale)) for arm in POLICIES}
        orders.append(", ".join(sorted(mean, key=lambda name: -mean[name])))
    same = "is the same" if len(set(orders)) == 1 else "changes"
    shown = "" if len(set(orders)) == 1 else " Halved, as they are, doubled: " + "; ".join(orders) + "."
    return (
        f"The order of the policies by utility at lambda .1 {same} where the weights beside that of a turn "
        f"are halved or doubled.{shown or f' It is: {orders[0]}.'}"
    )


def _gates(found: Found) -> str:
    said = (
        "A clerk without slips that says how sure it is. Utility is success less lambda for each "
        "intervention; the best fixed threshold is chosen on these very runs, which favours it."
    )
    lines = []
    for price, gate in zip(LAMBDAS, GATES, strict=True):
        fixed = {arm.name: _asked(found, arm, price) for arm in FIXED}
        best = max(fixed, key=lambda name: math.fsum(fixed[name]))
        asked = [row["measures"]["interventions"] for row in found.of(SURE, gate)]
        lines.append(
            [f"{price:g}", told(asked), told(_asked(found, gate, price)), told(fixed[best]), best,
             f"{found.of(SURE, gate)[0]['train_calls']:,}"]
        )  # fmt: skip
    head = [
        "lambda",
        "interventions of the gate",
        "its utility",
        "of the best fixed",
        "which",
        "calls to learn",
    ]
    return f"{said}\n\n{_table(head, lines)}"


def _asked(found: Found, arm: Arm, price: float) -> list[float]:
    """Success less the price of each intervention, one a seed."""
    rows = found.of(SURE, arm)
    return [row["metrics"]["success"] - price * row["measures"]["interventions"] for row in rows]


def _others(found: Found) -> str:
    said = (
        "`team/approval`: four files are to be deleted, some of which the person needs. "
        "`team/interruptions`: a change of mind in every episode, by a clerk that hears all of them, and by "
        "one that hears half."
    )
    lines = [
        [f"`{arm.name}`", found.told(APPROVAL, arm, "success"), found.told(APPROVAL, arm, "effort"),
         found.told(APPROVAL, arm, "harm"), found.told(CHANGES, arm, "recovery"),
         found.told(CHANGES, arm, "effort"), found.told(DEAF, arm, "recovery")]
        for arm in (*POLICIES, *CONTROLS)
    ]  # fmt: skip
    head = [
        "policy",
        "approval: success",
        "effort",
        "harm",
        "interruptions: recovery",
        "effort",
        "half unheard",
    ]
    return f"{said}\n\n{_table(head, lines)}"


def _picture(found: Found, path: Path) -> None:
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "team"
    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.add_subplot()
    prices = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
    for arm, mark in zip((*POLICIES, *CONTROLS[:2]), "osD^v*x+", strict=True):
        lines = [_utility(found, INFORMATIVE[-1], arm, price) for price in prices]
        means, half = [statistics.fmean(values) for values in lines], [half_width(values) for values in lines]
        axes.errorbar(prices, means, half, marker=mark, ms=4, capsize=2, label=arm.name)
    axes.set_ylim(-1.0, 1.05)
    axes.set_xlabel("lambda, the price of a unit of effort")
    axes.set_ylabel("success - lambda * effort")
    axes.set_title("informative person, any number of requests; simulations", fontsize="medium")
    axes.legend(fontsize=7, ncols=2)
    axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
