"""The second look: what was flagged is run again with fresh seeds, and the fresh runs are tested alone.

Where the baseline's version can be run, both sides are: a fresh pair, whose test doesn't share the luck of
the stored baseline. Two such looks at .05 flag a sound change once in 400 times. Where it can't (other code
made it, or candidate and baseline are one subject, as a model behind an alias), the candidate alone is run,
and tested against the same baseline at the level that restores one in 400.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.base.errors import HarnessError, UsageError
from harness.base.known_files import located
from harness.comparison.arms import Arm, arms_of
from harness.comparison.export import points
from harness.comparison.items import Items, Pairing, load_items, pair
from harness.gate.checks import Rules
from harness.gate.evidence import below_guard, on_these_items, p_below
from harness.gate.ledger import Confirmation, Ledger
from harness.gate.verdict import Case, Verdict, exit_code, runs_of
from harness.model.generation import hidden_headers
from harness.model.weights import folder_of
from harness.results.index import placed_row
from harness.results.served import models_of
from harness.run.execute import run_grid
from harness.run.plan import Cell, Request, plan
from harness.run.session import Session
from harness.stats.crossed import Parts, pooled_parts
from harness.stats.spending import second_level

#: fresh runs of each side
FRESH = 3
#: of alpha, what a fresh pair has after a nightly look. With a baseline of ten runs and three fresh ones a
#: side, 60 nights without a change then raise an alarm in .06 of seasons, and a drop of three SDs of a run is
#: caught within three nights in .92; two runs a side at all of alpha give .09 and .90.
NIGHTLY_SHARE = 0.6


def confirm(
    verdicts: Sequence[Verdict], rules: Rules, ledger: Ledger, session: Session, offline: bool = False
) -> list[Verdict]:
    """The verdicts, with every `regressed` one looked at again, unless that was done before.

    One that can't be run again stays `regressed`, and says so. One that fresh runs don't bear out is
    `inconclusive`. What is found is entered into the ledger.
    """
    return [
        _confirmed(verdict, rules, ledger, session, offline) if to_confirm(verdict) else verdict
        for verdict in verdicts
    ]


def to_confirm(verdict: Verdict) -> bool:
    """Whether a verdict wants a second look."""
    return verdict.verdict == "regressed" and verdict.look is not None and verdict.confirmed is None


def _confirmed(verdict: Verdict, rules: Rules, ledger: Ledger, session: Session, offline: bool) -> Verdict:
    case, look = verdict.case, verdict.look
    assert case is not None and look is not None
    candidate, baseline = case.comparison.candidate, case.comparison.baseline
    both = can_be_told_apart(candidate, baseline)
    first = 1 + max([*candidate.seeds, *baseline.seeds, *ledger.seeds_of(look.reference)])
    seeds = range(first, first + FRESH)
    try:
        fresh = run_again([candidate, baseline] if both else [candidate], seeds, session, offline)
    except HarnessError as error:
        reason = f"not confirmed, as it can't be run again: {error}"
        return replace(verdict, reasons=(*verdict.reasons, reason))
    second = look_again(case, fresh[0], fresh[1] if both else None, rules)
    runs = {name: digest for arm in fresh for name, digest in runs_of(arm).items()}
    ledger.add(
        Confirmation(
            look.name, both, second.confirmed, second.parts.value, second.p, second.level, list(seeds), runs
        )
    )
    reason = second.sentence(case)
    if second.confirmed:
        return replace(verdict, reasons=(*verdict.reasons, reason), confirmed=True)
    return replace(
        verdict,
        verdict="inconclusive",
        reasons=(*verdict.reasons, reason),
        exit_code=exit_code("inconclusive", rules),
        confirmed=False,
    )


@dataclass(frozen=True)
class SecondLook:
    """What fresh runs say: `p` is one-sided, of no loss on these items, and held against `level`."""

    parts: Parts
    pair: bool
    p: float
    level: float
    confirmed: bool

    def sentence(self, case: Case) -> str:
        seen = f"{points(case.comparison.span.change(self.parts.value), case.comparison)} points"
        what = f"a fresh pair of {FRESH} + {FRESH} runs" if self.pair else f"{FRESH} fresh runs"
        against = "" if self.pair else f" against the same baseline, at level {self.level:.4f}"
        said = "confirmed" if self.confirmed else "not confirmed"
        return f"{said} by {what}{against}: {seen}, p = {self.p:.2g} of no loss"


def look_again(case: Case, candidate: Arm, baseline: Arm | None, rules: Rules) -> SecondLook:
    """The test of fresh runs; `baseline` is the fresh one, or None to hold them against the stored one."""

    def table(arm: Arm) -> Items:
        return load_items(arm, case.comparison.metric).shares(case.comparison.span)

    stored = pair(table(case.comparison.candidate), table(case.comparison.baseline))
    fresh = table(baseline) if baseline else None
    return weigh_fresh(stored, table(candidate), fresh, rules.alpha, nightly=case.night is not None)


def weigh_fresh(
    stored: Pairing, candidate: Items, baseline: Items | None, alpha: float, nightly: bool = False
) -> SecondLook:
    """What fresh runs say by themselves, on these items; all in shares of the metric's range.

    How much runs vary is learnt from the stored ones too, which tell nothing of the fresh difference.

    Args:
        stored: what the first look saw.
        baseline: the fresh runs of the baseline, None where they are held against the stored ones.
        nightly: the first look was a nightly one, so that fresh runs alone must pass its guard as well.
    """
    fresh = pair(candidate, baseline or stored.baseline)
    others = [stored.candidate, stored.baseline] if baseline else [stored.candidate]
    aligned = [pair(each, fresh.candidate) for each in others]
    parts = on_these_items(
        pooled_parts(
            fresh.candidate.cells,
            fresh.baseline.cells,
            fresh.candidate.codes(),
            [each.candidate.cells for each in aligned if each.matched == fresh.matched],
        )
    )
    p = p_below(parts, 0.0)
    if baseline is not None:
        level = NIGHTLY_SHARE * alpha if nightly else alpha
        return SecondLook(parts, True, p, level, p <= level)
    if nightly:
        return SecondLook(parts, False, p, alpha, below_guard(parts, alpha))
    level = second_level(stored.baseline.runs, stored.candidate.runs, candidate.runs)
    return SecondLook(parts, False, p, level, p <= level)


def can_be_told_apart(candidate: Arm, baseline: Arm) -> bool:
    """Whether running both again measures two versions: other subjects, made by the same, known code."""
    if candidate.subject_key == baseline.subject_key:
        return False
    code = [(set(arm.code("task")), set(arm.code("method"))) for arm in (candidate, baseline)]
    return code[0] == code[1] and all(all(part) for part in code)


def run_again(arms: Sequence[Arm], seeds: Sequence[int], session: Session, offline: bool) -> list[Arm]:
    """Each arm with these seeds, which nothing has used, in turns.

    Raises:
        HarnessError: one can't be run: a recorded model, a missing key or network, a failed cell.
    """
    for arm in arms:
        if arm.model.startswith("recorded/"):
            raise UsageError(f"{arm.model} holds answers that were recorded once")
        if hidden := hidden_headers(arm.subject["decoding"]):
            raise UsageError(f"{arm.model} was asked with headers that no record holds: {', '.join(hidden)}")
    cells = [cell_of(arm, offline, reached=arms[0]) for arm in arms]
    grid = run_grid([replace(cell, seed=seed) for seed in seeds for cell in cells], session)
    for result in grid.results:
        if result.error is not None:
            raise result.error
    rows = [placed_row(result.record) for result in grid.results if result.record]
    if len(rows) < len(arms) * len(seeds) or any(r["status"] != "complete" for r in rows):
        raise UsageError("the second look was stopped before its end")
    found = arms_of(rows)
    made = [next((f for f in found if f.subject_key == arm.subject_key), None) for arm in arms]
    if len(found) != len(arms) or None in made:
        raise UsageError("what runs now is another version than what was checked")
    return [arm for arm in made if arm is not None]


def cell_of(arm: Arm, offline: bool = False, reached: Arm | None = None) -> Cell:
    """The cell that made an arm, rebuilt from its record.

    Args:
        reached: the arm whose newest run says where servers are, as those of a reference may be gone; the
            same arm by default.

    Raises:
        UsageError: the task or the method is no longer there, or takes other arguments.
    """
    run = arm.runs[0]
    subject, comparability = run["subject"], run["comparability"]
    roles = {**comparability["roles"], **subject["roles"]}
    newest = max((reached or arm).runs, key=lambda found: str(found["created_at"]))

    def reach(model: str) -> dict[str, Any]:
        """The server of a model, and the revision that the user named."""
        named = models_of(run).get(model, {}).get("revision")
        return {
            **models_of(newest).get(model, {}).get("reached", {}),
            **({"revision": named} if named else {}),
        }

    folder = folder_of(subject["model_revision"])
    own = {"model_path": str(folder)} if folder and arm.model.startswith(("hf/", "vllm/")) else {}
    request = Request(
        task=arm.task,
        method=arm.method,
        model=arm.model,
        task_args=located(comparability["task_args"], "-T"),
        method_args=located(subject["method_args"], "-M"),
        model_args=located(subject["model_args"], "--model-arg") | reach(arm.model) | own,
        roles={name: role["model"] for name, role in roles.items()},
        role_args=next(
            (located(role["args"], "--role-arg") | reach(role["model"]) for role in roles.values()), {}
        ),
        embedder=_embedder(subject["embedder"]),
        epochs=run["epochs"],
        limit=comparability["limit"],
        sample_id=comparability.get("sample_id", ()),
        decoding=subject["decoding"],
        offline=offline,
        isolate=bool(run.get("isolated")),
    )
    (cell,) = plan(request)
    return cell


def _embedder(known: Sequence[str] | None) -> str:
    """An embedder as the command line names it."""
    if not known:
        return Request.embedder
    name, revision = known
    return f"{name}?revision={revision}" if revision and name.startswith("openai/") else name
