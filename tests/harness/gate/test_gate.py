"""The gate: verdicts, their rates under simulation, integrity, baselines, reports."""

import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from harness.base.errors import RecordError, UsageError
from harness.comparison.arms import Arm, arms_of
from harness.comparison.items import Items
from harness.comparison.paired import compare
from harness.gate import confirm as second_look
from harness.gate import report
from harness.gate.baseline import find_baseline, read_baseline, set_baseline
from harness.gate.checks import Check, Rules, read_rules
from harness.gate.drift import drifts
from harness.gate.pairing import check_all
from harness.gate.selfcheck import self_check
from harness.gate.verdict import judge, overall
from harness.results.index import read_index
from harness.testing import seal_scores

COUNTS = {"ok": 1, "error": 0, "unscored": 0, "truncated": 0, "no_answer": 0, "attempts": 1}


def simulated(scores, name):
    """An arm with attempts in memory, of shape (items, k)."""
    table = np.asarray(scores, dtype=float).reshape(len(scores), -1)
    n, k = table.shape
    items = Items(np.arange(n), np.full(n, k), table.ravel(), np.ones(n * k, bool), None)
    row = {
        "items": items,
        "run_id": name,
        "seed": 0,
        "status": "complete",
        "primary": "accuracy",
        "metric_ranges": {"accuracy": {"low": 0.0, "high": 1.0, "lower_is_better": False}},
        "comparability_key": "k",
        "subject_key": "s",
        "subject": {},
        "counts": COUNTS,
        "usage": {},
        "samples_digest": name,
    }
    return Arm((row,))


def verdicts(pairs, rules, margin=0.02):
    return judge(
        [
            (
                Check(margin=margin),
                compare(
                    simulated(b, f"b{n}"),
                    simulated(a, f"a{n}"),
                    "accuracy",
                    load=lambda arm, _: arm.runs[0]["items"],
                ),
            )
            for n, (a, b) in enumerate(pairs)
        ],
        rules,
    )


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


def test_family_wise_false_alarms_over_twenty_tasks():
    rng, runs, alarms = np.random.default_rng(1), 150, 0
    for _ in range(runs):
        pairs = []
        for task in range(20):
            n, k = ((30, 4), (164, 1), (60, 2), (100, 1))[task % 4]
            rates = rng.beta(0.7, 0.7, n)
            pairs.append((attempts(rng, rates, k), attempts(rng, rates, k)))
        alarms += any(v.verdict == "regressed" for v in verdicts(pairs, Rules()))
    assert within(alarms / runs, 0.05, runs), alarms


@pytest.mark.parametrize(
    ("n", "k", "shape", "drop"),
    [
        (1319, 1, (0.75, 0.25), 0.05),
        (1319, 1, (0.75, 0.25), 0.03),
        (30, 16, (0.7, 0.7), 0.05),
    ],
)
def test_a_planted_drop_is_found_at_the_analytic_power(n, k, shape, drop):
    rng, runs, found, promised = np.random.default_rng(2), 400, 0, []
    for _ in range(runs):
        rates = rng.beta(*shape, n)
        worse = lowered(rates, drop)
        pair = (attempts(rng, rates, k), attempts(rng, worse, k))
        (verdict,) = verdicts([pair], Rules(), margin=0.02)
        found += verdict.verdict == "regressed"
        noise = np.mean(rates * (1 - rates)), np.mean(worse * (1 - worse))
        spread = np.var(rates - worse) + noise[0] / k + noise[1] / k
        promised.append(0.5 * math.erfc(-(drop / math.sqrt(spread / n) - 1.645) / math.sqrt(2)))
    power = float(np.mean(promised))
    assert found / runs >= power - 0.03 - 3 * math.sqrt(0.25 / runs), (found / runs, power)
    assert drop < 0.05 or n < 1319 or found / runs > 0.97


def test_planned_power_is_what_the_gate_has():
    rng, n, k, runs = np.random.default_rng(3), 500, 4, 300
    effect = (1.645 + 0.842) * (0.5 / (n * k)) ** 0.5  # rates of one half are the noisiest
    found = 0
    for _ in range(runs):
        a = attempts(rng, np.full(n, 0.5), k)
        b = attempts(rng, np.full(n, 0.5 - effect), k)
        found += verdicts([(a, b)], Rules(), margin=effect)[0].verdict == "regressed"
    assert abs(found / runs - 0.80) < 3.5 * math.sqrt(0.16 / runs), found / runs


def test_no_difference_seen_is_not_ok_without_the_evidence():
    rng = np.random.default_rng(4)
    rates = rng.beta(0.7, 0.7, 30)
    (few,) = verdicts([(attempts(rng, rates, 1), attempts(rng, rates, 1))], Rules())
    assert few.verdict == "inconclusive" and few.exit_code == 3
    assert few.detectable > 0.1 and few.attempts > 30
    rates = rng.beta(0.7, 0.7, 2000)
    (many,) = verdicts([(attempts(rng, rates, 32), attempts(rng, rates, 32))], Rules())
    assert many.verdict == "ok" and many.p_inferior < 0.05


def test_inferiority_beyond_the_margin_is_rarely_called_ok():
    rng, runs, wrong = np.random.default_rng(5), 400, 0
    for _ in range(runs):
        rates = rng.beta(2, 2, 300)
        (v,) = verdicts([(attempts(rng, rates, 4), attempts(rng, lowered(rates, 0.02), 4))], Rules())
        wrong += v.verdict == "ok"
    assert within(wrong / runs, 0.05, runs), wrong


def test_a_certain_but_small_loss_is_ok_and_a_large_one_is_not():
    a = np.full((1000, 4), 0.5)
    small, large = np.full((1000, 4), 0.495), np.full((1000, 4), 0.45)
    small[::2] -= 0.004
    large[::2] -= 0.004
    assert verdicts([(a, small)], Rules())[0].verdict == "ok"
    assert verdicts([(a, large)], Rules())[0].verdict == "regressed"


def test_the_gravest_verdict_decides():
    from harness.gate.verdict import without_statistics

    def say(*names):
        return overall([without_statistics(Check(), name) for name in names])

    assert say() == ("no data", 5)
    assert say("ok") == ("ok", 0)
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


def check(folder, path, **rules):
    return check_all(read_baseline(path), read_index(folder).rows, Rules(**rules))


def test_a_candidate_like_the_reference_and_a_worse_one(reference):
    tmp_path, rates, path = reference
    rng = np.random.default_rng(9)
    seal_scores(tmp_path / "same", attempts(rng, rates, 4), seed=9, model="sim/a")
    seal_scores(tmp_path / "worse", attempts(rng, lowered(rates, 0.1), 4), seed=9, model="sim/a")
    assert [v.verdict for v in check(tmp_path / "same", path, margin=0.05)] == ["ok"]
    assert [v.verdict for v in check(tmp_path / "worse", path, margin=0.05)] == ["regressed"]
    assert [v.verdict for v in check(tmp_path / "none", path)] == ["no data"]
    assert [v.verdict for v in check(tmp_path / "ref", path)] == ["no data"]  # itself is no candidate


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
        for seed in range(5):
            seal_scores(tmp_path, attempts(rng, rates, 2), task=f"t{task}", seed=seed)
    found = self_check(read_baseline(set_baseline(tmp_path, "main", read_index(tmp_path).rows)))
    assert found.comparisons == 40 and found.p_value > 0.01, found.sentence()
    assert found.plain()["sound"]


def test_a_second_look_confirms_or_clears(reference, monkeypatch):
    tmp_path, rates, path = reference
    rng = np.random.default_rng(11)
    worse = lowered(rates, 0.1)
    seal_scores(tmp_path / "new", attempts(rng, worse, 4), seed=9, model="sim/a")
    first = check(tmp_path / "new", path, margin=0.05)
    for name, fresh, expected in (("bad", worse, "regressed"), ("good", rates, "ok")):
        seal_scores(tmp_path / name, attempts(rng, fresh, 4), seed=10, model="sim/a")
        (arm,) = arms_of(read_index(tmp_path / name).rows)
        monkeypatch.setattr(second_look, "run_again", lambda *_, arm=arm: arm)
        (verdict,) = second_look.confirm(first, Rules(margin=0.05), None)
        assert verdict.verdict == expected and verdict.confirmed == (expected == "regressed")
        assert "confirmed" in report.why(verdict)
    monkeypatch.undo()
    (verdict,) = second_look.confirm(first, Rules(), None)  # there is no method 'simulated' to run
    assert verdict.verdict == "regressed" and "can't be run again" in report.why(verdict)


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
        "baseline: nightly\nmargin: 0.03\nchecks:\n  - {task: arc1d, method: direct}\n"
        "  - {task: countdown, margin: 0.1}\n"
    )
    rules = read_rules(path, alpha=0.01, baseline=None)
    assert (rules.baseline, rules.alpha, rules.margin) == ("nightly", 0.01, 0.03)
    assert [check.margin for check in rules.checks] == [0.03, 0.1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("margn: 0.1", "'margin'"),
        ("alpha: 2", "alpha lies between"),
        ("margin: a lot", "margin lies at 0 or above"),
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


# -- methods that train, stopped runs, the suite, A/A --------------------------------------------


def training(root, rng, rate, seeds, spread=0.0, first=0):
    for seed in range(first, first + seeds):
        moved = rate + (spread if seed % 2 else -spread)
        seal_scores(root, rng.random(500) < moved, seed=seed, needs=("trainable",))


@pytest.mark.parametrize(
    ("seeds", "rate", "spread", "expected"),
    [
        (5, 0.6, 0.0, "ok"),
        (5, 0.3, 0.0, "regressed"),
        (5, 0.6, 0.2, "inconclusive"),
        (4, 0.6, 0.0, "inconclusive"),
        (4, 0.3, 0.0, "inconclusive"),
    ],
)
def test_the_gate_takes_seeds_as_the_unit_of_methods_that_train(tmp_path, seeds, rate, spread, expected):
    rng = np.random.default_rng(20)
    training(tmp_path / "ref", rng, 0.6, 5)
    path = set_baseline(tmp_path / "ref", "main", read_index(tmp_path / "ref").rows)
    training(tmp_path / "new", rng, rate, seeds, spread, first=5)
    (verdict,) = check(tmp_path / "new", path, margin=0.1)
    assert verdict.verdict == expected, report.why(verdict)
    if expected == "inconclusive":
        assert verdict.seeds >= 5 and "seeds on both sides" in report.why(verdict)
        assert report.plain([verdict], [])["checks"][0]["seeds_needed"] == verdict.seeds


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


def test_a_gate_with_false_alarms_is_found_out_and_later_runs_count(tmp_path):
    rng = np.random.default_rng(22)
    rates = rng.beta(0.7, 0.7, 150)
    for seed in range(3):
        seal_scores(tmp_path / "ref", attempts(rng, rates, 2), seed=seed)
    path = set_baseline(tmp_path / "ref", "main", read_index(tmp_path / "ref").rows)
    for seed in range(3, 15):  # runs that claim to be the same and are not: every other one is far worse
        scores = attempts(rng, rates if seed % 2 else rates * 0.3, 2)
        seal_scores(tmp_path / "nightly", scores, seed=seed)
    rows = read_index(tmp_path / "nightly").rows
    found = self_check(read_baseline(path), rows)
    assert found.comparisons == 15 and not found.sound and "more often" in found.sentence()
    assert self_check(read_baseline(path), rows[:0]).comparisons == 3
    assert self_check(read_baseline(path), [{**r, "subject_key": "other"} for r in rows]).comparisons == 3


def test_overlapping_checks_test_a_subject_once_the_first_counts(reference):
    tmp_path, rates, path = reference
    seal_scores(tmp_path / "new", attempts(np.random.default_rng(23), rates, 4), seed=9, model="sim/a")
    checks = (Check(task="sim*", model="sim/a", margin=0.07), Check(task="simulated"))
    (verdict,) = check(tmp_path / "new", path, checks=checks)
    assert verdict.check.margin == 0.07


def test_a_candidate_that_was_stopped_is_invalid(reference):
    tmp_path, rates, path = reference
    seal_scores(tmp_path / "new", attempts(np.random.default_rng(24), rates, 4), seed=9, model="sim/a")
    rows = [{**row, "status": "stopped"} for row in read_index(tmp_path / "new").rows]
    (verdict,) = check_all(read_baseline(path), rows, Rules())
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
