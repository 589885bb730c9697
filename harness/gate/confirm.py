"""The second look: what a first look flagged is run again with fresh seeds, and tested alone.

Two independent looks at level .05 block a sound change about once in 400 times instead of once in 20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.base.errors import HarnessError, UsageError
from harness.base.known_files import located
from harness.comparison.arms import Arm, arms_of
from harness.comparison.export import points
from harness.comparison.paired import compare
from harness.gate.checks import Rules
from harness.gate.verdict import Verdict, judge
from harness.results.index import placed_row
from harness.run.execute import run_grid
from harness.run.plan import Cell, Request, plan
from harness.run.session import Session


def confirm(
    verdicts: Sequence[Verdict], rules: Rules, session: Session, offline: bool = False
) -> list[Verdict]:
    """The verdicts, with every `regressed` one looked at again.

    One that can't be run again stays `regressed`, and says so. One that fresh data doesn't bear out
    takes the verdict of the fresh data, and says that too.
    """
    flagged = [n for n, verdict in enumerate(verdicts) if verdict.verdict == "regressed"]
    found = list(verdicts)
    fresh: dict[int, Arm] = {}
    for n in flagged:
        comparison = verdicts[n].comparison
        assert comparison is not None
        try:
            fresh[n] = run_again(comparison.candidate, comparison.baseline, session, offline)
        except HarnessError as error:
            reason = f"not confirmed, as it can't be run again: {error}"
            found[n] = replace(verdicts[n], reasons=(*verdicts[n].reasons, reason))
    pairs = []
    for n, arm in fresh.items():
        comparison = verdicts[n].comparison
        assert comparison is not None
        pairs.append(
            (verdicts[n].check, compare(arm, comparison.baseline, comparison.metric, one_subject=True))
        )
    for n, second in zip(fresh, judge(pairs, rules), strict=True):
        confirmed = second.verdict == "regressed"
        first = verdicts[n].comparison
        assert first is not None
        said = f"{points(first.difference.value, first)} points at the first look"
        reason = f"confirmed with fresh seeds ({said})" if confirmed else f"not confirmed: {said}"
        found[n] = replace(second, reasons=(*second.reasons, reason), confirmed=confirmed)
    return found


def run_again(candidate: Arm, baseline: Arm, session: Session, offline: bool) -> Arm:
    """The candidate with as many runs as before, all with seeds that neither side has used.

    Raises:
        HarnessError: it can't be run: a recorded model, a missing key or network, a failed cell.
    """
    if candidate.model.startswith("recorded/"):
        raise UsageError(f"{candidate.model} holds answers that were recorded once")
    first = 1 + max([*candidate.seeds, *baseline.seeds])
    cells = [replace(cell_of(candidate, offline), seed=first + n) for n in range(len(candidate.runs))]
    grid = run_grid(cells, session)
    for result in grid.results:
        if result.error is not None:
            raise result.error
    rows = [placed_row(result.record) for result in grid.results if result.record]
    if len(rows) < len(cells) or any(r["status"] != "complete" for r in rows):
        raise UsageError("the second look was stopped before its end")
    (arm,) = arms_of(rows)
    return arm


def cell_of(arm: Arm, offline: bool = False) -> Cell:
    """The cell that made an arm, rebuilt from its record.

    Raises:
        UsageError: the task or the method is no longer there, or takes other arguments.
    """
    run = arm.runs[0]
    subject, comparability = run["subject"], run["comparability"]
    roles = {**comparability["roles"], **subject["roles"]}
    request = Request(
        task=arm.task,
        method=arm.method,
        model=arm.model,
        task_args=located(comparability["task_args"], "-T"),
        method_args=located(subject["method_args"], "-M"),
        model_args=subject["model_args"],
        roles={name: role["model"] for name, role in roles.items()},
        role_args=next((role["args"] for role in roles.values()), {}),
        embedder=subject["embedder"] or Request.embedder,
        epochs=run["epochs"],
        limit=comparability["limit"],
        decoding=subject["decoding"],
        offline=offline,
    )
    (cell,) = plan(request)
    return cell
