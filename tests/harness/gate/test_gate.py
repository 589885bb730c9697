"""The gate: verdicts, their rates under simulation, integrity, baselines, reports."""

import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from harness.base.errors import RecordError, UsageError
from harness.comparison.arms import arms_of
from harness.gate import confirm as second_look
from harness.gate import report
from harness.gate.baseline import find_baseline, read_baseline, set_baseline
from harness.gate.checks import Check, Rules, read_rules
from harness.gate.drift import drifts
from harness.gate.ledger import Ledger
from harness.gate.margin import Margin, parse_margin
from harness.gate.pairing import check_all
from harness.gate.selfcheck import SelfCheck, comparisons_wanted, self_check
from harness.gate.verdict import overall
from harness.results.index import read_index
from harness.spec import MetricRange
from harness.testing import seal_scores

FIVE, TENTH = parse_margin("5%", "test"), parse_margin("10%", "test")


def attempts(rng, rates, k):
    return rng.random((len(rates), k)) < rates[:, None]


def lowered(rates, drop):
    """The rates with their logits shifted so that their mean falls by `drop`."""
    clipped = np.clip(rates, 1e-6, 1 - 1e-6)
    logit = np.log(clipped / (1 - clipped))
    low, high = 0.0, 20.0
    for _ in range(60):
        shift = (low + high) / 2
        mean = float(np.mean(1 / (1 + np.exp(shift - logit))))
        low, high = (low, shift) if mean < rates.mean() - drop else (shift, high)
    return 1 / (1 + np.exp(low - logit))


def within(rate, promised, runs, errors=3):
    return rate <= promised + errors * math.sqrt(promised * (1 - promised) / runs)


# -- simulated: by the code that decides, as benchmarks/simulations/gate.py does at length ----------------


def test_a_gate_rerun_until_green_says_ok_at_a_true_loss_of_the_margin_no_more_than_promised(simulation):
    rng, runs = np.random.default_rng(1), 80
    found = [simulation.rerun(rng, 60, 10, 0.01, 1.0, "10%", every=4)[0] for _ in range(runs)]
    assert within(found.count("ok") / runs, 0.05, runs), found.count("ok")


def test_an_unchanged_subject_is_found_ok_and_rarely_regressed(simulation):
    rng, runs = np.random.default_rng(2), 40
    found = [simulation.rerun(rng, 200, 10, 0.01, 0.0, "12%", every=4)[0] for _ in range(runs)]
    assert found.count("ok") > 0.8 * runs and within(found.count("regressed") / runs, 0.05, runs)


def test_a_season_of_nights_has_few_alarms_and_a_lasting_drop_is_caught(simulation):
    rng, seasons, drops = np.random.default_rng(3), 40, 200
    alarms = sum(simulation.season(rng, 60, 10, 0.02) > 0 for _ in range(seasons))
    assert within(alarms / seasons, 0.10, seasons), alarms
    caught = sum(simulation.caught(rng, 60, 10, 0.02) for _ in range(drops))
    assert caught / drops >= 0.90 - 3 * math.sqrt(0.09 / drops), caught


def test_a_confirmation_against_the_same_baseline_is_held_to_the_same_promise(simulation):
    rng, seasons, drops = np.random.default_rng(4), 20, 100
    alarms = sum(simulation.season(rng, 60, 10, 0.02, pairs=False) > 0 for _ in range(seasons))
    caught = sum(simulation.caught(rng, 60, 10, 0.02, pairs=False) for _ in range(drops))
    assert within(alarms / seasons, 0.10, seasons) and caught / drops > 0.8


def test_the_gravest_verdict_decides():
    from harness.gate.verdict import without_statistics

    def say(*names):
        return overall([without_statistics(Check(), name) for name in names])

    assert say() == ("no data", 5)
    assert say("ok") == ("ok", 0)
    assert say("ok", "no alarm") == ("no alarm", 0)
    assert say("ok", "inconclusive") == ("inconclusive", 3)
    assert say("inconclusive", "not comparable") == ("not comparable", 4)
    assert say("not comparable", "no data") == ("no data", 5)
    assert say("invalid", "regressed", "ok") == ("regressed", 1)


# -- stores --------------------------------------------------------------------------------------


@pytest.fixture
def reference(tmp_path):
    """A store with a baseline of three runs."""
    rng = np.random.default_rng(8)
    rates = rng.beta(0.7, 0.7, 400)
    for seed in range(3):
        seal_scores(tmp_path / "ref", attempts(rng, rates, 4), seed=seed, model="sim/a")
    path = set_baseline(tmp_path / "ref", "main", read_index(tmp_path / "ref").rows)
    return tmp_path, rates, path


def check(folder, path, margin=TENTH, night=None, **rules):
    """A look by the ledger beside the baseline."""
    ledger = Ledger(path.with_suffix(".looks"))
    return check_all(
        read_baseline(path), read_index(folder).rows, Rules(margin=margin, **rules), ledger, night
    )


def runs(store, rng, rates, seeds, k=4, **more):
    for seed in seeds:
        seal_scores(store, attempts(rng, rates, k), seed=seed, model="sim/a", **more)


def test_a_candidate_like_the_reference_and_a_worse_one(reference):
    tmp_path, rates, path = reference
    rng = np.random.default_rng(9)
    runs(tmp_path / "same", rng, rates, range(9, 15))
    runs(tmp_path / "worse", rng, lowered(rates, 0.1), range(9, 15), method_args={"samples": 1})
    assert [v.verdict for v in check(tmp_path / "same", path)] == ["ok"]
    assert [v.verdict for v in check(tmp_path / "worse", path)] == ["regressed"]
    assert [v.verdict for v in check(tmp_path / "none", path)] == ["no data"]
    assert [v.verdict for v in check(tmp_path / "ref", path)] == ["no data"]  # itself is no candidate


def test_no_difference_seen_is_not_ok_without_the_evidence(reference):
    tmp_path, rates, path = reference
    runs(tmp_path / "new", np.random.default_rng(9), rates, [9])
    (few,) = check(tmp_path / "new", path, FIVE)
    assert (few.verdict, few.exit_code) == ("inconclusive", 3) and few.largest_loss > 0.05
    assert "run more seeds" in report.why(few)
    (lenient,) = check(tmp_path / "new", path, FIVE, fail_inconclusive=False)
    assert (lenient.verdict, lenient.exit_code) == ("inconclusive", 0)


def test_less_is_better(tmp_path):
    rng = np.random.default_rng(10)
    error = MetricRange(0.0, 40.0, lower_is_better=True)
    for seed in range(5):
        seal_scores(
            tmp_path / "ref", np.minimum(rng.exponential(2.0, 400), 40), seed=seed, metric_range=error
        )
    path = set_baseline(tmp_path / "ref", "main", read_index(tmp_path / "ref").rows)
    for store, mean in (("same", 2.0), ("worse", 2.6), ("better", 1.5)):
        for seed in range(5, 15):
            seal_scores(
                tmp_path / store,
                np.minimum(rng.exponential(mean, 400), 40),
                seed=seed,
                metric_range=error,
                method_args={"store": store},
            )
        (verdict,) = check(tmp_path / store, path, runs_most=10)
        assert verdict.verdict == ("regressed" if store == "worse" else "ok"), (store, report.why(verdict))


def test_the_same_outputs_are_ok_however_few(tmp_path):
    for store, seeds in (("ref", 3), ("new", 1)):
        for seed in range(seeds):
            seal_scores(tmp_path / store, [1, 0, 1], seed=seed)
    path = set_baseline(tmp_path / "ref", "main", read_index(tmp_path / "ref").rows)
    (verdict,) = check(tmp_path / "new", path)
    assert verdict.verdict == "ok" and "every output" in verdict.reasons[0]


def test_other_items_are_not_comparable_and_say_what_differs(reference):
    tmp_path, rates, path = reference
    seal_scores(tmp_path / "new", np.ones((10, 1)), model="sim/a", task_args={"level": 2})
    (verdict,) = check(tmp_path / "new", path)
    assert (verdict.verdict, verdict.exit_code) == ("not comparable", 4)
    assert "data_digest" in verdict.reasons[0] and "task_args.level" in verdict.reasons[0]


@pytest.mark.parametrize("status", ["error", "unscored"])
def test_failures_on_one_side_are_invalid_before_any_statistics(reference, status):
    tmp_path, rates, path = reference
    rng = np.random.default_rng(9)
    seal_scores(
        tmp_path / "new",
        attempts(rng, rates, 4),
        seed=9,
        model="sim/a",
        status=lambda n, _: status if n < 20 else "ok",
    )
    (verdict,) = check(tmp_path / "new", path)
    assert (verdict.verdict, verdict.exit_code) == ("invalid", 5)
    assert f"5.0 % of the candidate's attempts are {status}" in verdict.reasons[0]


def test_a_baseline_needs_three_runs_and_is_not_replaced_unasked(tmp_path):
    for seed in range(2):
        seal_scores(tmp_path, [1, 0, 1], seed=seed)
    with pytest.raises(UsageError, match="at least 3 runs.*has 2"):
        set_baseline(tmp_path, "main", read_index(tmp_path).rows)
    seal_scores(tmp_path, [1, 0, 1], seed=2)
    path = set_baseline(tmp_path, "main", read_index(tmp_path).rows)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="--overwrite"):
        set_baseline(tmp_path, "main", read_index(tmp_path).rows)
    assert path.read_bytes() == before
    with pytest.raises(UsageError, match="name"):
        set_baseline(tmp_path, "../evil", read_index(tmp_path).rows)
    with pytest.raises(UsageError, match="'main'"):
        find_baseline("mian", [tmp_path])


def test_a_baseline_whose_run_changed_is_refused(reference):
    tmp_path, _, path = reference
    record = next((tmp_path / "ref/v1").rglob("run.json"))
    record.write_text(record.read_text().replace('"seed": ', '"seed":  1'))
    with pytest.raises(RecordError, match="changed after it was sealed"):
        read_baseline(path)
    record.unlink()
    with pytest.raises(RecordError, match="gone"):
        read_baseline(path)
    path.write_text("[]")
    with pytest.raises(RecordError, match="not a baseline"):
        read_baseline(path)


def test_the_gate_raises_no_false_alarm_on_its_own_reference(tmp_path):
    rng = np.random.default_rng(10)
    for task in range(8):
        rates = rng.beta(0.7, 0.7, 150)
        for seed in range(6):
            seal_scores(tmp_path, attempts(rng, rates, 1), task=f"t{task}", seed=seed)
    found = self_check(read_baseline(set_baseline(tmp_path, "main", read_index(tmp_path).rows)))
    assert found.comparisons == 48 and found.p_value > 0.01, found.sentence()
    assert found.plain()["sound"] and found.exit_code == 0


def test_a_self_check_of_few_or_of_byte_identical_runs_shows_nothing(tmp_path):
    rng = np.random.default_rng(10)
    for seed in range(5):
        seal_scores(tmp_path / "few", rng.random(100) < 0.5, seed=seed)
        seal_scores(tmp_path / "same", np.arange(100) % 2, seed=seed)
    few = self_check(read_baseline(set_baseline(tmp_path / "few", "m", read_index(tmp_path / "few").rows)))
    assert few.comparisons == 5 and few.exit_code == 3 and "too few to tell" in few.sentence()
    assert not few.plain()["sound"]
    same = self_check(read_baseline(set_baseline(tmp_path / "same", "m", read_index(tmp_path / "same").rows)))
    assert same.comparisons == 0 and same.exit_code == 3 and "byte for byte" in same.sentence()
    assert comparisons_wanted(0.05) == 44


def test_slow_decay_shows_as_drift(tmp_path):
    rng = np.random.default_rng(12)
    rates = rng.beta(0.7, 0.7, 300)
    for seed in range(12):
        seal_scores(tmp_path, attempts(rng, rates if seed < 6 else lowered(rates, 0.06), 8), seed=seed)
    rows = [{**row, "created_at": f"2026-01-{row['seed'] + 1:02}"} for row in read_index(tmp_path).rows]
    (arm,) = arms_of([row for row in rows if row["seed"] < 3])
    (drift,) = drifts([arm], rows)
    assert drift.since == "2026-01-07" and drift.step.after < drift.step.before
    assert "stepped from" in drift.sentence()
    assert drifts([arm], [row for row in rows if row["seed"] < 6]) == []


# -- rules and reports ---------------------------------------------------------------------------


def test_rules_come_from_a_file_and_flags_win(tmp_path):
    path = tmp_path / "checks.yaml"
    path.write_text(
        "baseline: nightly\nmargin: 5%\nchecks:\n  - {task: arc1d, method: direct}\n"
        "  - {task: countdown, margin: 0.1, runs_most: 4}\n"
    )
    rules = read_rules(path, alpha=0.01, baseline=None)
    assert (rules.baseline, rules.alpha, str(rules.margin)) == ("nightly", 0.01, "5%")
    assert [str(check.margin) for check in rules.checks] == ["5%", "0.1"]
    assert [check.runs_most for check in rules.checks] == [None, 4]
    flagged = read_rules(path, margin="1%", runs_most=3)
    assert [(str(check.margin), check.runs_most) for check in flagged.checks] == [("1%", 3)] * 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("margn: 0.1", "'margin'"),
        ("alpha: 2", "alpha lies between"),
        ("margin: a lot", "margin lies at 0 or above"),
        ("margin: 100%", "the loss of everything"),
        ("margin: -5%", "margin lies at 0 or above"),
        ("runs_most: 0", "a whole number of runs"),
        ("spending: linear", "obrien-fleming, pocock, unlimited"),
        ("[1, 2]", "keys with values"),
        ("a: [", "not YAML"),
        ("checks: [1]", "a check is a mapping"),
        ("checks: [{task: a, mehtod: b}]", "'method'"),
    ],
)
def test_a_mistake_in_the_rules_is_one_line(tmp_path, text, says):
    path = tmp_path / "checks.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=says) as error:
        read_rules(path)
    assert "\n" not in str(error.value)


def test_reports_escape_hostile_names(tmp_path):
    evil = '<script>alert("x")</script>|`\x00]]>'
    a = np.ones((50, 1))
    for seed in range(3):
        seal_scores(tmp_path / "ref", a, seed=seed, model=evil.replace("/", "_"))
    path = set_baseline(tmp_path / "ref", "main", read_index(tmp_path / "ref").rows)
    seal_scores(tmp_path / "new", np.zeros((50, 1)), model=evil.replace("/", "_"))
    found = check(tmp_path / "new", path)
    text = report.markdown(found, [])
    assert "<script>" not in text and "regressed" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") - row.count("\\|") for row in rows} == {10}
    suite = ET.fromstring(report.junit(found))
    assert suite.get("failures") == "1" and "script" in suite[0].get("name")
    assert json.loads(json.dumps(report.plain(found, [])))["verdict"] == "regressed"


# -- stopped runs, the suite, A/A --------------------------------------------


def test_the_pooled_test_over_the_suite_informs(tmp_path):
    rng = np.random.default_rng(21)
    for task in ("a", "b", "c"):
        rates = rng.beta(0.7, 0.7, 100)
        for seed in range(3):
            seal_scores(tmp_path / "ref", attempts(rng, rates, 2), task=task, seed=seed)
        seal_scores(tmp_path / "new", attempts(rng, rates, 2), task=task, seed=9)
    path = set_baseline(tmp_path / "ref", "main", read_index(tmp_path / "ref").rows)
    found = check(tmp_path / "new", path)
    (suite,) = report.plain(found, [])["suites"]
    assert suite["tasks"] == ["a", "b", "c"]
    assert suite["value"] == pytest.approx(np.mean([v.comparison.difference.value for v in found]))
    assert "over 3 tasks" in report.markdown(found, [])


def test_later_runs_of_the_very_same_subject_count_in_a_self_check(tmp_path):
    rng = np.random.default_rng(22)
    rates = rng.beta(0.7, 0.7, 150)
    for seed in range(3):
        seal_scores(tmp_path / "ref", attempts(rng, rates, 2), seed=seed)
    path = set_baseline(tmp_path / "ref", "main", read_index(tmp_path / "ref").rows)
    for seed in range(3, 9):
        seal_scores(tmp_path / "nightly", attempts(rng, rates, 2), seed=seed)
    rows = read_index(tmp_path / "nightly").rows
    assert self_check(read_baseline(path), rows).comparisons == 9
    assert self_check(read_baseline(path), rows[:0]).comparisons == 3
    assert self_check(read_baseline(path), [{**r, "subject_key": "other"} for r in rows]).comparisons == 3


def test_more_false_alarms_than_promised_are_found_out():
    found = SelfCheck(50, 12, 0.05, 1e-5, 0, 44)
    assert found.exit_code == 1 and "more often than promised" in found.sentence()
    assert SelfCheck(0, 0, 0.05, 1.0, 0, 44).exit_code == 5


def test_overlapping_checks_test_a_subject_once_the_first_counts(reference):
    tmp_path, rates, path = reference
    seal_scores(tmp_path / "new", attempts(np.random.default_rng(23), rates, 4), seed=9, model="sim/a")
    own = Margin(0.07, False)
    checks = (Check(task="sim*", model="sim/a", margin=own), Check(task="simulated", margin=TENTH))
    (verdict,) = check(tmp_path / "new", path, checks=checks)
    assert verdict.check.margin == own


def test_a_candidate_that_was_stopped_is_invalid(reference):
    tmp_path, rates, path = reference
    seal_scores(tmp_path / "new", attempts(np.random.default_rng(24), rates, 4), seed=9, model="sim/a")
    rows = [{**row, "status": "stopped"} for row in read_index(tmp_path / "new").rows]
    (verdict,) = check_all(read_baseline(path), rows, Rules(margin=TENTH), Ledger(tmp_path / "looks"))
    assert (verdict.verdict, verdict.exit_code) == ("invalid", 5) and "stopped" in verdict.reasons[0]


def test_baselines_are_found_in_the_usual_stores(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in range(3):
        seal_scores(Path("results/published"), [1, 0, 1], seed=seed)
    path = set_baseline(Path("results/published"), "main", read_index(Path("results/published")).rows)
    assert find_baseline("main", [Path("results/candidate")]) == path
    with pytest.raises(UsageError, match="'main'"):
        find_baseline("mian", [Path("results/candidate")])


def test_a_second_look_asks_the_roles_that_the_task_and_the_method_asked(tmp_path):
    """Who judged is part of the measurement, so fresh seeds are judged by the same model."""
    import harness

    data = tmp_path / "questions.csv"
    data.write_text("question,answer\ncapital of France?,Paris\ncapital of Peru?,Lima\n")
    harness.evaluate(
        task="qa/custom",
        task_args={"data": str(data), "match": "judge"},
        model="echo/Paris",
        roles={"judge": "echo/VERDICT"},
        role_args={"temperature": 0.0},
        store=str(tmp_path / "out"),
    )
    (arm,) = arms_of(read_index(tmp_path / "out").rows)
    cell = second_look.cell_of(arm)
    assert dict(cell.request.roles) == {"judge": "echo/VERDICT"}
    assert dict(cell.request.role_args) == {"temperature": 0.0}
    assert cell.task_args["match"] == "judge"


def test_runs_that_measured_nothing_are_no_baseline(tmp_path):
    for seed in range(3):
        seal_scores(tmp_path, np.zeros((20, 1)), seed=seed, status=lambda n, epoch: "error")
    with pytest.raises(UsageError, match="measured nothing"):
        set_baseline(tmp_path, "main", read_index(tmp_path).rows)
