"""Looking again: the ledger, the level of each look, reruns, nights and confirmations."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.base.digest import digest
from harness.base.errors import RecordError, UsageError
from harness.comparison.arms import arms_of
from harness.comparison.items import load_items, pair
from harness.gate import confirm as second_look
from harness.gate import report
from harness.gate.baseline import Baseline, read_baseline, set_baseline
from harness.gate.checks import Check, Rules, read_rules
from harness.gate.evidence import contrast_of, p_above
from harness.gate.ledger import Confirmation, Ledger, Look
from harness.gate.levels import turn
from harness.gate.margin import Margin, parse_margin
from harness.gate.margin_runs import (
    checks_yaml,
    first_margins,
    margin_runs,
    refuse_what_is_never_shown,
)
from harness.gate.pairing import check_all
from harness.gate.verdict import judge
from harness.results.index import read_index
from harness.spec import MetricRange
from harness.stats.crossed import Parts, parts_of, pooled_parts
from harness.testing import seal_scores

FIVE = parse_margin("5%", "test")
ITEMS = 300


class Gate:
    """A baseline of five runs, a candidate's store, and the ledger between them."""

    def __init__(self, folder):
        self.rng = np.random.default_rng(5)
        self.rates = self.rng.beta(0.7, 0.7, ITEMS)
        self.folder = folder
        self.ledger = folder / "ref/baselines/main.looks"
        for seed in range(5):
            self.run("ref", seed)
        self.path = set_baseline(folder / "ref", "main", read_index(folder / "ref").rows)

    def run(self, store, seed, drop=0.0, k=4, **more):
        scores = self.rng.random((ITEMS, k)) < np.clip(self.rates - drop, 0, 1)[:, None]
        return seal_scores(self.folder / store, scores, seed=seed, model="sim/a", **more)

    def rows(self, store):
        return read_index(self.folder / store).rows

    def look(self, store="new", rows=None, night=None, margin=FIVE, **rules):
        rows = self.rows(store) if rows is None else rows
        declared = Rules(margin=margin, nightly=night is not None, **rules)
        (verdict,) = check_all(read_baseline(self.path), rows, declared, Ledger(self.ledger), night)
        return verdict

    @property
    def files(self):
        return sorted(self.ledger.glob("*.json"))


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path)


def test_every_look_is_one_file_and_the_same_look_is_none(gate):
    gate.run("new", 10)
    first = gate.look(runs_most=6)
    (path,) = gate.files
    written = path.read_bytes()
    again = gate.look(runs_most=6)
    assert gate.files == [path] and path.read_bytes() == written
    assert again.stands and not first.stands and again.verdict == first.verdict
    assert path.stem == first.look.name and json.loads(written)["runs_most"] == 6


def test_a_rerun_is_judged_with_the_runs_before_it_at_the_level_that_is_left(gate):
    levels, values = [], []
    for seed in range(10, 13):
        gate.run("new", seed)
        verdict = gate.look(runs_most=12)
        levels.append(verdict.look.level)
        values.append(len(verdict.look.runs))
    assert values == [1, 2, 3] and len(gate.files) == 3
    assert levels == sorted(levels) and sum(levels) < 0.05
    assert "3 of up to 12 runs, at level" in report.why(verdict)


def test_the_first_verdict_of_a_version_stands_whatever_runs_follow(gate):
    for seed in range(10, 16):
        gate.run("new", seed, drop=0.15)
    assert gate.look(runs_most=6).verdict == "regressed"
    for seed in range(16, 20):
        gate.run("new", seed)
    verdict = gate.look(runs_most=6)
    assert verdict.verdict == "regressed" and verdict.stands
    assert "an earlier look, which stands" in report.why(verdict)
    gate.run("newer", 30, method_args={"samples": 2})  # another version has its own looks
    assert not gate.look("newer", runs_most=6).stands


def test_looks_begin_anew_when_the_baseline_is_set_again(gate):
    for seed in range(10, 16):
        gate.run("new", seed, drop=0.15)
    assert gate.look(runs_most=6).verdict == "regressed"
    gate.run("ref", 5)
    set_baseline(gate.folder / "ref", "main", gate.rows("ref"), replace=True)
    assert not gate.look(runs_most=6).stands


def test_a_run_that_was_looked_at_cannot_be_left_out(gate):
    for seed in (10, 11):
        gate.run("new", seed, drop=0.02)
    gate.look(runs_most=12)
    kept = [row for row in gate.rows("new") if row["seed"] == 11]
    verdict = gate.look(rows=kept, runs_most=12)
    assert (verdict.verdict, verdict.exit_code) == ("invalid", 5)
    assert "looked at before and not in the store" in report.why(verdict)
    # one that was made again (--overwrite) stays beside the new attempt
    row = kept[0]
    gate.run("again", 11, drop=0.02)
    again = {**gate.rows("again")[0], "attempt": 2}
    everything = [*gate.rows("new"), again]
    assert len(gate.look(rows=everything, runs_most=12).look.runs) == 3
    # and one that was retracted is no longer asked for
    tombstone = {**row, "attempt": 3, "status": "retracted", "result_digest": "gone"}
    assert gate.look(rows=[*everything, tombstone], runs_most=12).case.evidence.parts.n_runs[0] == 1


def test_a_changed_look_is_refused_and_an_unwritable_ledger_is_said(gate, monkeypatch):
    gate.run("new", 10)
    gate.look(runs_most=6)
    (path,) = gate.files
    path.write_text(path.read_text().replace('"runs_most": 6', '"runs_most": 9'))
    with pytest.raises(RecordError, match="changed after it was written"):
        gate.look(runs_most=6)
    path.write_text("{")
    with pytest.raises(RecordError, match="is no look of a gate"):
        gate.look(runs_most=6)
    path.unlink()

    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    ledger = Ledger(gate.ledger)
    check_all(read_baseline(gate.path), gate.rows("new"), Rules(margin=FIVE), ledger)
    assert "no ledger" in ledger.problem and "Read-only file system" in ledger.problem


def test_attempts_that_were_changed_are_refused(gate):
    row = gate.run("new", 10)
    other = gate.run("swapped", 10)
    assert row["run_id"] == other["run_id"]
    (path,), (swapped,) = ([r["samples_path"] for r in gate.rows(store)] for store in ("new", "swapped"))
    shutil.copyfile(swapped, path)
    verdict = gate.look()
    assert verdict.verdict == "invalid" and verdict.exit_code == 5
    assert "changed after it was sealed" in verdict.reasons[0]


def entry(runs, margin="5%", verdict="inconclusive", level=0.01, most=6):
    names = {str(run): str(run) for run in runs}
    return Look(
        *("r", "t", "m", "x", "accuracy", "v", names, margin, 0.05, "obrien-fleming", most),
        *(1 / (1 / 5 + 1 / len(runs)), level, 0.0, 0.5, 0.5, verdict),
    )


def take(looks, runs, margin="5%", **rules):
    declared = {"alpha": 0.05, "spending": "obrien-fleming", "runs_most": 6} | rules
    return turn(looks, {str(r): str(r) for r in runs}, baseline_runs=5, margin=margin, **declared)


def test_looks_on_two_branches_pay_for_both():
    nested = take([entry([1], level=0.001)], [1, 2])
    branches = take([entry([1], level=0.001), entry([2], level=0.001)], [1, 2])
    assert branches.number == 3 and 0 < branches.level < nested.level
    assert take([entry([1])], [1, 2], runs_most=3).runs_most == 6  # the first look's plan holds


def test_another_margin_is_another_question_at_the_same_price():
    looks = [entry([1, 2], verdict="ok")]
    assert take(looks, [1, 2]).stands is looks[0]
    other = take(looks, [1, 2, 3], margin="2%")
    assert other.stands is None and other.level < take([], [1, 2, 3]).level
    assert take(looks, [1, 2], margin="2%").level == looks[0].level


def test_unlimited_looks_need_no_horizon_and_final_is_said():
    assert not take([], range(50), spending="unlimited").final
    assert take([], range(6)).final and take([entry(range(6))], range(7)).level == 0


def test_a_relative_margin_is_a_contrast_with_the_baseline(gate):
    for seed in range(10, 14):
        gate.run("new", seed)
    found = gate.look(runs_most=4).case
    assert found.evidence.margin == pytest.approx(0.05 * found.comparison.baseline_value)
    contrast = contrast_of(*_tables(found), FIVE, MetricRange())
    means = found.comparison.candidate_value - 0.95 * found.comparison.baseline_value
    assert contrast.value == pytest.approx(means)
    assert found.evidence.p_margin == pytest.approx(p_above(contrast, 0.0))
    with pytest.raises(UsageError, match="more than accuracy can lose"):
        gate.look(margin=Margin(1.5, False))
    with pytest.raises(UsageError, match="no margin says how much may be lost"):
        gate.look(margin=None)


def _tables(case):
    arms = case.comparison.candidate, case.comparison.baseline
    found = pair(*(load_items(arm, "accuracy") for arm in arms))
    return found.candidate, found.baseline


def test_margins_that_a_metric_cannot_have():
    unlimited = MetricRange(0.0, float("inf"))
    with pytest.raises(UsageError, match=r"no limits.*5%"):
        Margin(0.2, False).check("t", "tokens", unlimited, 3.0)
    with pytest.raises(UsageError, match="a baseline above it"):
        FIVE.check("t", "utility", MetricRange(-1.0, 1.0), 0.2)
    FIVE.check("t", "tokens", unlimited, 3.0)
    assert FIVE.shown(0.4488, MetricRange()) == "5% (2.24 points of 44.88)"


# -- nights and confirmations ---------------------------------------------------------------------


def test_each_night_is_a_version_of_its_own(gate):
    gate.run("new", 10)
    first = gate.look(night="2026-01-01")
    assert first.verdict in ("ok", "no alarm") and first.exit_code == 0
    assert gate.look(night="2026-01-01").stands
    assert gate.look(night="2026-01-02").verdict == "no data"  # nothing was run since
    gate.run("new", 11, drop=0.25)
    second = gate.look(night="2026-01-02")
    assert second.verdict == "regressed" and len(second.look.runs) == 1
    gate.run("new", 12)  # a rerun in the same night doesn't take the alarm back
    assert gate.look(night="2026-01-02").stands


@pytest.mark.parametrize("pair", [True, False])
@pytest.mark.parametrize("bad", [True, False])
def test_a_second_look_confirms_or_clears_and_is_kept(gate, monkeypatch, pair, bad):
    for seed in range(10, 16):
        gate.run("new", seed, drop=0.1, method_args={"samples": 2 if pair else 1})
    verdict = gate.look(runs_most=6)
    assert verdict.verdict == "regressed"
    for seed in range(20, 23):
        gate.run("fresh", seed, drop=0.1 if bad else 0.0, method_args={"samples": 2})
        gate.run("other", seed)
    fresh = [arms_of(gate.rows(store))[0] for store in (("fresh", "other") if pair else ("fresh",))]
    monkeypatch.setattr(second_look, "can_be_told_apart", lambda *_: pair)
    monkeypatch.setattr(second_look, "run_again", lambda *_: fresh)
    ledger = Ledger(gate.ledger)
    (found,) = second_look.confirm([verdict], Rules(margin=FIVE), ledger, None)
    assert found.verdict == ("regressed" if bad else "inconclusive") and found.confirmed is bad
    assert ("a fresh pair of 3 + 3 runs" if pair else "against the same baseline, at level") in report.why(
        found
    )
    again = gate.look(runs_most=6)
    assert again.stands and (again.verdict, again.confirmed) == (found.verdict, bad)
    assert ledger.seeds_of(verdict.look.reference) == [16, 17, 18]


def test_what_can_t_be_run_again_stays_regressed_and_says_so(gate):
    for seed in range(10, 16):
        gate.run("new", seed, drop=0.15)
    verdict = gate.look(runs_most=6)
    (found,) = second_look.confirm([verdict], Rules(), Ledger(gate.ledger), None)  # no method 'simulated'
    assert found.verdict == "regressed" and found.confirmed is None
    assert "can't be run again" in report.why(found)


def test_one_subject_twice_or_other_code_can_t_be_told_apart(gate):
    gate.run("new", 10, method_args={"samples": 2})
    code = {part: {"digest": part, "development": False} for part in ("task", "method")}
    (baseline,) = arms_of({**row, "code": code} for row in gate.rows("ref"))
    (other,) = arms_of({**row, "code": code} for row in gate.rows("new"))
    assert not second_look.can_be_told_apart(baseline, baseline)
    assert second_look.can_be_told_apart(other, baseline)
    (changed,) = arms_of({**row, "code": {**code, "method": {"digest": "new"}}} for row in other.runs)
    assert not second_look.can_be_told_apart(changed, baseline)
    (unknown,) = arms_of({**row, "code": {}} for row in other.runs)
    assert not second_look.can_be_told_apart(unknown, unknown)


def test_further_runs_add_to_what_is_known_of_the_spread_alone():
    rng = np.random.default_rng(6)
    a, b, c = rng.random((50, 2)), rng.random((50, 2)), rng.random((50, 6))
    alone, more = pooled_parts(a, b), pooled_parts(a, b, further=[c])
    assert (more.value, more.items) == (alone.value, alone.items) and more.df_runs == alone.df_runs + 5
    squares = 2 * parts_of(a).runs + 2 * parts_of(b).runs + 30 * parts_of(c).runs
    assert more.runs == pytest.approx(squares / 7 * (1 / 2 + 1 / 2))


# -- what a baseline can show ---------------------------------------------------------------------


def test_margins_that_a_baseline_can_never_show_are_refused_with_the_runs_that_would(gate):
    reference = read_baseline(gate.path)
    (good,) = margin_runs(reference, Rules(margin=Margin(0.1, False)))
    assert good.needed.candidate_runs >= 1 and "takes up to" in good.sentence()
    small = margin_runs(reference, Rules(margin=Margin(0.005, False)))
    with pytest.raises(
        UsageError, match=r"a baseline of 5 runs can never show a margin of 0\.005 .*each side"
    ):
        refuse_what_is_never_shown(small)

    def allow(baseline: Baseline) -> None:
        refuse_what_is_never_shown(margin_runs(baseline, Rules(margin=Margin(0.005, False))))

    before = gate.path.read_bytes()
    with pytest.raises(UsageError, match="can never show"):
        set_baseline(gate.folder / "ref", "main", gate.rows("ref"), replace=True, allow=allow)
    assert gate.path.read_bytes() == before


def test_first_margins_are_five_percent_of_what_is_above_chance(gate):
    reference = read_baseline(gate.path)
    (plain,) = first_margins(reference)
    (above,) = first_margins(reference, chance=0.25)
    value = float(np.mean([run["metrics"]["accuracy"]["value"] for run in reference.arms[0].runs]))
    assert str(plain.margin) == "5%"
    assert above.margin.loss(value) == pytest.approx(0.05 * (value - 0.25), rel=0.03)
    with pytest.raises(UsageError, match="no better than chance"):
        first_margins(reference, chance=0.9)
    text = checks_yaml("main", [plain])
    path = gate.folder / "checks.yaml"
    path.write_text(text)
    (check,) = read_rules(path).checks
    assert check == Check("simulated", "direct", "sim/a", margin=FIVE) and "points of" in text


def test_a_newer_version_is_judged_where_runs_of_the_baselines_own_subject_are_kept(gate):
    for seed in range(20, 26):
        gate.run("new", seed)
    assert gate.look(runs_most=6).verdict == "ok"
    for seed in range(20, 26):
        gate.run("new", seed, drop=0.2, method_args={"shots": 2})
    rows = gate.rows("new")
    for row in rows:
        row["created_at"] = f"2026-01-0{1 + (row['subject']['method_args'] != {})}T00:00:00+00:00"
    verdict = gate.look(rows=rows, runs_most=6)
    assert verdict.verdict == "regressed" and "shots was None and is 2" in report.why(verdict)


def test_a_candidate_of_one_of_two_subjects_is_not_held_against_the_other(gate):
    for shots in (5, 30):
        for seed in range(3):
            gate.run("two", seed, drop=0.1 * (shots == 5), method_args={"shots": shots})
    path = set_baseline(gate.folder / "two", "main", gate.rows("two"))
    for seed in (8, 9):
        gate.run("new", seed, method_args={"shots": 30, "order": "random"})
    found = check_all(read_baseline(path), gate.rows("new"), Rules(margin=FIVE), Ledger(gate.ledger))
    assert [verdict.verdict for verdict in found].count("no data") == 1
    (judged,) = [verdict.comparison.baseline for verdict in found if verdict.comparison]
    assert judged.subject["method_args"]["shots"] == 30


def test_copies_of_the_baselines_runs_do_not_dilute_a_loss_and_their_ok_does_not_stand(gate):
    shutil.copytree(gate.folder / "ref/v1", gate.folder / "new/v1")
    same = gate.look(runs_most=6)
    assert same.verdict == "ok" and "every output is that of the reference" in report.why(same)
    for seed in (10, 11):
        gate.run("new", seed, drop=0.2)
    verdict = gate.look(runs_most=6)
    assert verdict.verdict == "regressed" and len(verdict.look.runs) == 2
    # the seeds that are the baseline's own don't count among those that are still to be run
    (few,) = judge([replace(verdict.case, evidence=replace(verdict.case.evidence, gain=0.0))], Rules())
    assert few.verdict == "inconclusive" and "--seeds 16" in report.why(few)
    assert not gate.look(store="ref").look  # and in the baseline's own store it is no candidate


def test_a_run_that_was_made_again_unasked_counts_before_any_look(gate):
    rows = []
    for attempt, drop in ((1, 0.3), (2, 0.3), (3, 0.0)):
        gate.run(f"new{attempt}", 10, drop=drop)
        rows.append({**gate.rows(f"new{attempt}")[0], "attempt": attempt})
    verdict = gate.look(rows=rows, runs_most=6)
    assert len(verdict.look.runs) == 3 and verdict.case.evidence.gain < -0.1
    # what failed too much to be judged may be made again
    broken = {**rows[0], "counts": {**rows[0]["counts"], "error": rows[0]["counts"]["attempts"] // 2}}
    retracted = {**rows[1], "status": "retracted", "result_digest": "gone"}
    other = Ledger(gate.folder / "other")
    (verdict,) = check_all(
        read_baseline(gate.path), [broken, rows[1], rows[2]], Rules(margin=FIVE, runs_most=6), other
    )
    assert len(verdict.look.runs) == 2
    other = Ledger(gate.folder / "third")
    (verdict,) = check_all(
        read_baseline(gate.path), [rows[0], retracted, rows[2]], Rules(margin=FIVE, runs_most=6), other
    )
    assert len(verdict.look.runs) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"runs": ["a"]},
        {"runs": {}},
        {"information": "large"},
        {"level": -1},
        {"alpha": 0.9},
        {"runs_most": 0},
        {"spending": "freely"},
        {"verdict": "fine"},
        {"p_loss": None},
        {"gain": None},
        {"schema": "one"},
        {"kind": "confirmation"},
    ],
)
def test_a_look_with_values_that_cannot_be_is_one_line(gate, change):
    gate.run("new", 10)
    gate.look()
    (path,) = gate.files
    forged = {**json.loads(path.read_text()), **change}
    path.unlink()
    (gate.ledger / f"{digest(forged)[:16]}.json").write_text(json.dumps(forged))
    with pytest.raises(RecordError, match="is no look of a gate"):
        gate.look()


def test_of_two_branches_that_ran_a_look_again_the_confirmation_counts(gate):
    for seed in (10, 11):
        gate.run("new", seed, drop=0.2, method_args={"k": 2})
    look = gate.look(runs_most=3).look
    for seed, confirmed in enumerate((False, True, False)):
        said = Confirmation(look.name, True, confirmed, -0.1, 0.01, 0.05, [seed], {f"r{seed}": "d"})
        Ledger(gate.ledger).add(said)
    again = gate.look(runs_most=3)
    assert (again.verdict, again.confirmed) == ("regressed", True)


def test_checks_of_one_night_share_its_alpha_and_no_alarm_is_no_error_of_junit(gate):
    gate.run("new", 10)
    verdict = gate.look(night="2026-01-01")
    p = 0.03
    case = replace(verdict.case, evidence=replace(verdict.case.evidence, parts=_guarded(p)))
    case = replace(case, evidence=replace(case.evidence, gain=-0.2))
    assert [v.verdict for v in judge([case], Rules(nightly=True))] == ["regressed"]
    few = judge([case, replace(case)], Rules(nightly=True))
    assert [v.verdict for v in few] == ["no alarm"] * 2
    assert "<error" not in report.junit(few) and 'errors="0"' in report.junit(few)


def _guarded(p):
    """Parts whose value lies just at the guard of p."""
    parts = Parts(-1.0, 0.01, 99, 0.02, 9, 0.0, 100, 100, (1, 10))
    per_run = parts.runs / 1.1
    width = np.sqrt(per_run) + np.sqrt(per_run / 10)
    return replace(parts, value=float(stats.t.ppf(p, 9) * width))
