"""Comparison of sealed runs: pairing, tests, refusals, what flipped."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.base.errors import RecordError, UsageError
from harness.comparison.arms import Arm, arms_of
from harness.comparison.flips import flips
from harness.comparison.items import Items, load_items, pair
from harness.comparison.paired import adjust, compare
from harness.comparison.select import Mixed, Selection, baseline_of, check_baseline, is_baseline, mixed
from harness.comparison.sentences import sentence
from harness.comparison.suites import over_suite, suite_sentence, suites
from harness.comparison.to_json import plain
from harness.results.index import in_force, read_index
from harness.stats.crossed import parts_of
from harness.testing import seal_scores


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def arms(root):
    return arms_of(in_force(read_index(root).rows))


def two(tmp_path, a, b, **more):
    seal_scores(tmp_path, a, method="direct", **more)
    seal_scores(tmp_path, b, method="vote", **more)
    direct, vote = arms(tmp_path)
    return vote, direct


def test_repeated_attempts_give_scipys_paired_t(tmp_path, rng):
    a, b = rng.random((60, 4)) < 0.5, rng.random((60, 4)) < 0.6
    found = compare(*two(tmp_path, a, b))
    expected = scipy_stats.ttest_rel(b.mean(1), a.mean(1))
    low, high = expected.confidence_interval()
    assert found.test == "paired t" and found.p_value == pytest.approx(expected.pvalue)
    assert found.difference.ci == pytest.approx((low, high))
    assert found.difference.value == pytest.approx(b.mean() - a.mean())
    assert (found.matched, found.only_candidate, found.only_baseline) == (60, 0, 0)


def test_single_attempts_get_mcnemar_and_a_posterior(tmp_path):
    a = [1] * 10 + [0] * 20
    b = [1] * 9 + [0] * 1 + [1] * 8 + [0] * 12
    found = compare(*two(tmp_path, a, b))
    assert found.test == "McNemar mid-p"
    assert (found.difference.wins, found.difference.losses) == (8, 1)
    exact = scipy_stats.binomtest(8, 9).pvalue
    assert found.checks["mcnemar_exact"] == pytest.approx(exact)
    assert found.p_value == pytest.approx(exact - scipy_stats.binom.pmf(8, 9, 0.5))
    assert found.probability_better == pytest.approx(1 - scipy_stats.beta.cdf(0.5, 9, 2))
    assert found.checks["sign_flip"] == pytest.approx(exact)  # 30 items, all sizes alike


def test_pairs_by_content_whatever_the_order_and_counts_what_does_not_match(tmp_path, rng):
    names = [f"q{n}" for n in range(40)]
    a = rng.random(40)
    seal_scores(tmp_path / "a", a, items=names)
    seal_scores(tmp_path / "b", a[::-1][:30], items=names[::-1][:30])
    (left,), (right,) = arms(tmp_path / "a"), arms(tmp_path / "b")
    pairing = pair(load_items(left, "accuracy"), load_items(right, "accuracy"))
    assert (pairing.matched, pairing.only_candidate, pairing.only_baseline) == (30, 10, 0)
    assert np.array_equal(pairing.candidate.cells, pairing.baseline.cells)
    with pytest.raises(ValueError, match="not comparable"):
        compare(left, right)


def test_failed_attempts_count_as_zero_and_beside_it_the_scored_alone(tmp_path):
    a, b = np.ones(30), np.ones(30)
    seal_scores(tmp_path, a, method="direct")
    seal_scores(tmp_path, b, method="vote", status=lambda n, _: "error" if n < 6 else "ok")
    direct, vote = arms(tmp_path)
    found = compare(vote, direct)
    assert found.difference.value == pytest.approx(-0.2)
    assert found.scored_only.value == 0 and found.scored_only.n_items == 24
    assert any("error attempts differ: 20.0 %" in line for line in found.warnings)


def test_clusters_widen_the_interval(tmp_path, rng):
    groups = [f"user{n // 10}" for n in range(200)]
    shift = np.repeat(rng.normal(0, 0.2, 20), 10)
    a = np.clip(0.5 + rng.normal(0, 0.02, 200), 0, 1)
    b = np.clip(a + shift, 0, 1)
    clustered = compare(*two(tmp_path / "c", a, b, groups=groups))
    alone = compare(*two(tmp_path / "i", a, b))
    assert clustered.test == "clustered t" and clustered.difference.n_clusters == 20
    assert clustered.difference.stderr > 2 * alone.difference.stderr
    assert "sign_flip" in clustered.checks and "sign_flip" not in alone.checks


def test_holm_over_the_table_and_the_suite(tmp_path, rng):
    for task in ("a", "b", "c"):
        base = rng.random((100, 8)) < 0.4
        seal_scores(tmp_path, base, task=task, method="direct")
        seal_scores(tmp_path, rng.random((100, 8)) < 0.5, task=task, method="vote")
    found = arms(tmp_path)
    made = adjust([compare(found[n + 1], found[n]) for n in (0, 2, 4)])
    raw, holm = [c.p_value for c in made], [c.adjusted_p for c in made]
    assert min(holm) == pytest.approx(3 * min(raw)) and all(h >= r for h, r in zip(holm, raw, strict=True))
    (suite,) = suites(made)
    pooled = over_suite(suite)
    assert pooled.n_tasks == 3 and pooled.value == pytest.approx(np.mean([c.difference.value for c in made]))
    assert pooled.p_value < min(raw)


def test_rows_that_are_not_comparable_are_refused_with_the_fields(tmp_path):
    seal_scores(tmp_path, [1, 0, 1], task_args={"level": 1}, method="direct")
    seal_scores(tmp_path, [1, 0, 0], task_args={"level": 2}, method="vote")
    (found,) = mixed(arms(tmp_path))
    assert found.fields["task_args.level"] == ["1", "2"]
    assert "-T level=1" in found.sentence() and "--allow-mixed" in found.sentence()
    assert "stores of their own" in Mixed("t", {"limit": ["100", "20"]}).sentence(allow="")
    with pytest.raises(UsageError, match="has samples=3; there are: 2$"):
        seal_scores(tmp_path, [1, 0], task="other", method="sampled", method_args={"samples": 2})
        Selection(method_args={"samples": "3"}).rows(read_index(tmp_path).rows)
    chosen = Selection(task="simulated", task_args={"level": "1"}).rows(read_index(tmp_path).rows)
    assert [row["method"] for row in chosen] == ["direct"]
    with pytest.raises(UsageError, match="did you mean 'level'"):
        Selection(task_args={"lvel": "1"}).rows(read_index(tmp_path).rows)
    with pytest.raises(UsageError, match="there are: 1, 2"):
        Selection(task_args={"level": "3"}).rows(read_index(tmp_path).rows)


def test_a_baseline_is_named_by_method_model_both_or_run(tmp_path):
    for method in ("direct", "vote"):
        for model in ("sim/a", "sim/b"):
            seal_scores(tmp_path, [1, 0, 1], method=method, model=model)
    found = arms(tmp_path)
    named = {arm.named(): arm for arm in found}
    vote_b = named["vote x sim/b"]
    assert baseline_of(vote_b, found, "direct") is named["direct x sim/b"]
    assert baseline_of(vote_b, found, "sim/a") is named["vote x sim/a"]
    assert baseline_of(vote_b, found, "direct@sim/a") is named["direct x sim/a"]
    assert baseline_of(vote_b, found, named["direct x sim/a"].run_ids[0][:12]) is named["direct x sim/a"]
    assert baseline_of(named["direct x sim/a"], found, "direct") is None
    with pytest.raises(UsageError, match="'direct'"):
        check_baseline(found, "dierct")


def test_an_ambiguous_baseline_says_what_tells_them_apart(tmp_path):
    for samples in (2, 8):
        seal_scores(tmp_path, [1, 0, 1], method="vote", method_args={"samples": samples})
    seal_scores(tmp_path, [1, 0, 1], method="direct")
    found = arms(tmp_path)
    with pytest.raises(UsageError, match="method_args.samples"):
        baseline_of(found[0], found, "vote")
    assert found[1].named(found) in ("vote x sim/model (samples=2)", "vote x sim/model (samples=8)")


def test_flips_show_both_transcripts_losses_first(tmp_path):
    seal_scores(tmp_path, [1, 0, 1, 0], method="direct", completion=lambda n, _: f"old {n}")
    seal_scores(tmp_path, [0, 1, 1, 0], method="vote", completion=lambda n, _: f"new {n}")
    direct, vote = arms(tmp_path)
    lost, won = flips(vote, direct, "accuracy")
    assert (lost.sample_id, lost.change, won.sample_id, won.change) == ("item-0", -1, "item-1", 1)
    assert (lost.baseline[0].completion, lost.candidate[0].completion) == ("old 0", "new 0")
    assert len(flips(vote, direct, "accuracy", 1)) == 1


def test_a_tampered_record_is_left_out_and_tampered_attempts_are_refused(tmp_path):
    seal_scores(tmp_path, [1, 0, 1, 0], method="direct")
    seal_scores(tmp_path, [0, 1, 1, 0], method="vote")
    direct, vote = arms(tmp_path)
    other = tmp_path / "other"
    seal_scores(other, [1, 1, 1, 1], method="vote")
    (forged,) = other.rglob("samples.parquet")
    target = next((tmp_path / "v1/simulated/1/vote").rglob("samples.parquet"))
    target.write_bytes(forged.read_bytes())
    with pytest.raises(RecordError, match="samples.parquet was changed after it was sealed"):
        compare(vote, direct)
    path = next((tmp_path / "v1/simulated/1/vote").rglob("run.json"))
    path.write_text(path.read_text().replace('"value": 0.5', '"value": 0.9'))
    index = read_index(tmp_path)
    assert [row["method"] for row in index.rows] == ["direct"]
    assert len(index.faults) == 1 and "changed after it was sealed" in index.faults[0]


def test_the_index_follows_the_store(tmp_path):
    assert read_index(tmp_path / "none").rows == []
    seal_scores(tmp_path, [1, 0, 1], method="direct")
    assert len(read_index(tmp_path).rows) == 1
    seal_scores(tmp_path, [1, 0, 1], method="direct")  # a second attempt of the same run
    rows = read_index(tmp_path).rows
    assert sorted(row["attempt"] for row in rows) == [1, 2]
    assert [row["attempt"] for row in in_force(rows)] == [2]
    (tmp_path / ".index" / "rows.1.json").write_text("{broken")
    assert len(read_index(tmp_path).rows) == 2
    next((tmp_path / "v1").rglob("run.json")).unlink()
    assert len(read_index(tmp_path).rows) == 1


def drawn(root, rng, seeds, better=0.2, spread=0.0, **more):
    """Runs of a baseline and of a method that draws; seeds move the latter by up to `spread`."""
    for seed in range(seeds):
        moved = better + (spread if seed % 2 else -spread)
        seal_scores(root, rng.random(400) < 0.4, method="direct", seed=seed, **more)
        seal_scores(
            root, rng.random(400) < 0.4 + moved, method="curator", seed=seed, needs=("trainable",), **more
        )
    curator, direct = arms(root)[-2:]
    return compare(curator, direct)


def test_verdict_and_p_rest_on_items_and_on_runs(tmp_path, rng):
    found = drawn(tmp_path / "loose", rng, 6, better=0.1, spread=0.3)
    alone = compare(found.candidate, found.baseline, wanted="these-runs")
    assert alone.p_value < 1e-6 and alone.verdict() == "better", "over 2,400 attempts the items are certain"
    assert found.claim == "items and runs" and found.test == "crossed t" and found.p_value > 0.05
    assert found.verdict() == "not shown" and plain(found)["claim"] == "items and runs"
    assert found.interval[0] < 0 < alone.interval[0]
    assert found.p_worse == pytest.approx(1 - found.p_value / 2)
    assert found.p_inferior(0.0) == pytest.approx(found.p_value / 2)
    assert drawn(tmp_path / "tight", rng, 6).verdict() == "better"


def test_one_seed_claims_these_runs_and_says_what_it_would_take(tmp_path, rng):
    found = drawn(tmp_path, rng, 1)
    assert found.p_value < 0.05 and found.verdict() == "not shown"
    assert found.verdict_with_reason() == "not shown (1 seed)"
    line = sentence(found)
    assert "for new items on these 2 runs only" in line and "run-to-run SD is at most" in line
    tau = float(line.split("at most ")[1].split()[0])
    parts = found.gain.parts
    bound = scipy_stats.t.isf(0.025, parts.df_items)
    assert tau == pytest.approx(100 * np.sqrt((parts.value / bound) ** 2 - parts.items), abs=0.06)
    assert compare(found.candidate, found.baseline, wanted="these-runs").verdict() == "better"


def test_fixed_items_ask_about_other_seeds_alone(tmp_path, rng):
    found = drawn(tmp_path, rng, 4)
    fixed = compare(found.candidate, found.baseline, wanted="fixed-items")
    assert fixed.claim == "runs" and fixed.test == "t over runs"
    means = [
        [run["metrics"]["accuracy"]["value"] for run in arm.runs] for arm in (found.candidate, found.baseline)
    ]
    welch = scipy_stats.ttest_ind(*means, equal_var=False)
    assert fixed.p_value == pytest.approx(welch.pvalue, rel=1e-6)
    with pytest.raises(UsageError, match="has one run"):
        compare(Arm(found.candidate.runs[:1]), found.baseline, wanted="fixed-items")


def test_runs_are_paired_where_both_sides_drew_the_same(tmp_path, rng):
    for seed in range(4):
        for method in ("a", "b"):
            seal_scores(
                *(tmp_path, rng.random(50) < 0.5),
                method=method,
                seed=seed,
                draws="run",
                draw_digest=f"shots {seed}",
            )
    one, other = arms(tmp_path)
    found = compare(one, other)
    assert found.paired_draws and "4 seeds a side, paired draws" in sentence(found)
    cells = [load_items(arm, "accuracy").cells for arm in (one, other)]
    assert found.p_value == pytest.approx(parts_of(cells[0] - cells[1]).p_value())
    assert not compare(Arm(one.runs[:3]), other).paired_draws


def test_runs_of_a_method_without_draws_are_further_attempts(tmp_path, rng):
    for seed in range(3):
        for method in ("a", "b"):
            seal_scores(tmp_path, rng.random(50) < 0.5, method=method, seed=seed, draws="none")
    one, other = arms(tmp_path)
    found = compare(one, other)
    means = [load_items(arm, "accuracy").cells.mean(axis=1) for arm in (one, other)]
    assert found.claim == "items" and found.p_value == pytest.approx(scipy_stats.ttest_rel(*means).pvalue)
    assert "nothing is drawn per run; 3 and 3 runs pooled" in sentence(found)


def test_a_method_that_says_it_draws_nothing_and_whose_runs_differ_is_named(tmp_path, rng):
    for seed in range(6):
        rate = 0.3 if seed % 2 else 0.7
        seal_scores(tmp_path, rng.random(300) < rate, method="a", seed=seed, draws="none")
        seal_scores(tmp_path, rng.random(300) < 0.5, method="b", seed=seed, draws="none")
    warned = compare(*arms(tmp_path)).warnings
    assert len([line for line in warned if "said to draw nothing" in line]) == 1 and "a is said" in warned[0]


def test_unknown_draws_are_taken_as_drawn_and_it_is_said(tmp_path, rng):
    for method in ("a", "b"):
        seal_scores(tmp_path, rng.random(50) < 0.5, method=method, draws=None)
    found = compare(*arms(tmp_path))
    assert found.one_seed and any("whether something is drawn per run" in line for line in found.warnings)


def test_a_suite_is_pooled_over_items_and_runs(tmp_path, rng):
    made = [drawn(tmp_path, rng, 5, task=task) for task in ("a", "b")]
    pooled = over_suite(made)
    assert pooled.parts.runs == pytest.approx(sum(c.gain.parts.runs for c in made) / 4)
    assert pooled.ci == pytest.approx(pooled.parts.interval())
    assert "for new items and new seeds" in suite_sentence(made)


def test_five_items_to_none_are_not_worse(tmp_path):
    found = compare(*two(tmp_path, [1] * 5, [0] * 5, draws="none"))
    assert found.verdict() == "not shown" and found.interval[1] >= 0 and found.test == "McNemar mid-p"


def test_a_verdict_beside_an_interval_that_excludes_zero_names_the_tests(tmp_path, rng):
    seal_scores(tmp_path, rng.random(200) < 0.4, method="direct", draws="none")
    for n in range(6):
        seal_scores(tmp_path, rng.random(200) < 0.4 + 0.12 * (n == 0), method=f"v{n}", draws="none")
    direct, *others = arms(tmp_path)
    made = adjust([compare(arm, direct) for arm in others])
    shown = [c for c in made if c.p_value < 0.05 <= c.adjusted_p]
    assert shown and all(c.verdict_with_reason() == "not shown (6 tests)" for c in shown)


def test_what_cannot_be_tested_leaves_the_family(tmp_path, rng):
    found = compare(*two(tmp_path, rng.random(200) < 0.4, rng.random(200) < 0.5, draws="none"))
    nothing = replace(found, p_value=None, adjusted_p=None)
    tested, untested = adjust([found, nothing])
    assert tested.adjusted_p == found.p_value and tested.tests == 1
    assert untested.p_value is None and untested.verdict_with_reason() == "not shown (nothing to test)"
    assert plain(untested)["p_value"] is None and "; p" not in sentence(untested)


def test_reports_may_control_false_discoveries_instead(tmp_path, rng):
    for n, gain in enumerate((0.0, 0.2, 0.25, 0.3)):
        seal_scores(tmp_path, rng.random(200) < 0.4 + gain, method="direct" if not n else f"vote{n}")
    direct, *votes = arms(tmp_path)
    made = [compare(vote, direct) for vote in votes]
    expected = scipy_stats.false_discovery_control([c.p_value for c in made])
    assert [c.adjusted_p for c in adjust(made, "bh")] == pytest.approx(list(expected))
    assert max(c.adjusted_p for c in adjust(made)) >= max(expected)


def test_the_level_holds_where_that_over_items_does_not():
    """The same trainings on both sides: seeds move the accuracy by five points either way."""
    rng, runs, n = np.random.default_rng(8), 400, 200
    over_both = over_items = 0

    def arm(name):
        rows = []
        for seed in range(5):
            scores = (rng.random(n) < 0.5 + rng.normal(0, 0.05)).astype(float)
            rows.append(
                {
                    "run_id": f"{name}{seed}",
                    "seed": seed,
                    "draws": "run",
                    "draw_digest": f"{name}{seed}",
                    "status": "complete",
                    "scores": scores,
                    "primary": "accuracy",
                    "metrics": {"accuracy": {"value": scores.mean()}},
                    "metric_ranges": {"accuracy": {"low": 0.0, "high": 1.0, "lower_is_better": False}},
                    "comparability_key": "k",
                    "subject_key": name,
                    "subject": {"data_access": ["trainable"]},
                    "usage": {},
                    "counts": {"attempts": n, "error": 0, "unscored": 0},
                }
            )
        return Arm(tuple(rows))

    def load(arm, metric):
        cells = np.stack([row["scores"] for row in arm.runs], axis=1)
        return Items(np.arange(n), cells, cells, np.ones((n, 5), int), np.full((n, 5), np.nan), None)

    for _ in range(runs):
        found = compare(arm("a"), arm("b"), load=load)
        over_both += found.p_value < 0.05
        over_items += compare(found.candidate, found.baseline, load=load, wanted="these-runs").p_value < 0.05
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    assert over_both / runs <= allowed < over_items / runs, (over_both, over_items)


def test_runs_of_one_seed_are_one_run(tmp_path, rng):
    """A seed run with one attempt and again with four is no second seed: its first attempt is the same."""
    for method, rate in (("a", 0.5), ("b", 0.8)):
        for epochs in (1, 4):
            seal_scores(tmp_path, rng.random((100, epochs)) < rate, method=method, draws="run")
    a, b = arms(tmp_path)
    found = compare(b, a)
    assert b.seeds == [0] and b.runs[0]["epochs"] == 4 and len(b.shorter) == 1
    assert found.one_seed and found.verdict_with_reason() == "not shown (1 seed)"
    assert any(b.shorter[0]["run_id"][:12] in line for line in found.warnings)
    assert is_baseline(b, b.shorter[0]["run_id"][:12])


def test_seeds_that_share_no_item_say_nothing_of_seeds(tmp_path, rng):
    for seed in range(2):
        for method, rate in (("a", 0.2), ("b", 0.9)):
            seal_scores(tmp_path, rng.random(60) < rate, method=method, seed=seed, draws="run")
    a, b = arms(tmp_path)

    def half(arm, metric):
        items = load_items(arm, metric)
        cells = items.cells.copy()
        cells[::2, 0] = cells[1::2, 1] = np.nan
        return replace(items, cells=cells, scored=cells)

    assert compare(b, a).claim == "items and runs"
    found = compare(b, a, load=half)
    assert found.claim == "these runs" and found.verdict_with_reason() == "not shown (1 seed)"


def test_scored_attempts_alone_are_those_that_both_sides_of_a_pair_scored(tmp_path, rng):
    for seed in range(3):
        for n, method in enumerate("ab"):
            seal_scores(
                *(tmp_path, rng.random(60) < 0.5),
                method=method,
                seed=seed,
                draws="run",
                draw_digest=f"shots {seed}",
                status=lambda item, epoch, k=3 * seed + n: "ok" if (7 * item + k) % 5 else "error",
            )
    one, other = arms(tmp_path)
    found = compare(one, other).scored_gain
    tables = [load_items(arm, "accuracy").scored for arm in (one, other)]
    assert found.value == pytest.approx(parts_of(tables[0] - tables[1]).value)
    assert found.value == pytest.approx(found.parts.value)


def test_two_seeds_are_counted_where_something_is_drawn(tmp_path, rng):
    """Of a method that draws nothing the number of runs says nothing about seeds."""
    for seed in range(3):
        seal_scores(tmp_path, rng.random(60) < 0.5, method="direct", seed=seed, draws="none")
        seal_scores(tmp_path, rng.random(60) < 0.5, method="few", seed=seed, draws="run")
    direct, few = arms(tmp_path)
    assert "2 seeds rarely decide" in sentence(compare(Arm(few.runs[:2]), Arm(direct.runs[:1])))
    assert "rarely" not in sentence(compare(few, Arm(direct.runs[:2])))


def test_a_row_of_one_seed_has_no_adjusted_p(tmp_path, rng):
    found = drawn(tmp_path, rng, 1)
    (alone,) = adjust([found])
    assert alone.p_value < 0.05 and alone.adjusted_p is None and "; p" not in sentence(alone)
    assert alone.verdict_with_reason() == "not shown (1 seed)"
