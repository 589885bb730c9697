"""Curves found in a store by the runs' own arguments."""

import json

import numpy as np
import pytest

from harness.comparison.forms import fits, variances
from harness.comparison.sweep import curves
from harness.comparison.sweep_json import plain_sweep
from harness.comparison.trends import sentence, trend_of, verdict
from harness.results.index import read_index
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.spec import MetricRange
from harness.testing import seal_scores

K = (16, 64, 100, 250, 500, 1000)


def seal(root, seeds=3, items=400, same_items=True, **how):
    """A score that rises with log k up to 250, items of very different difficulty."""
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 0.25, items)
    for k in K:
        level = 0.4 + 0.06 * np.log(min(k, 250))
        for seed in range(seeds):
            p = np.clip(level + hard, 0, 1)
            scores = (rng.random(items) < p).astype(float)
            names = None if same_items else [f"{k}-{n}" for n in range(items)]
            arguments = {"method_args": {"k": k, **how}} if same_items else {"task_args": {"k": k}}
            seal_scores(root, scores, method="m", seed=seed, items=names, **arguments)


def test_points_and_forms(tmp_path):
    seal(tmp_path)
    seal_scores(tmp_path, np.ones(400), method="direct")  # has no such argument
    (curve,) = curves(read_index(tmp_path).rows, "k")
    assert curve.values.tolist() == list(K) and [len(arm.runs) for arm in curve.arms] == [3] * 6
    for mean, ends, arm in zip(curve.means, curve.intervals, curve.arms, strict=True):
        assert mean == pytest.approx(np.mean([run["metrics"]["accuracy"]["value"] for run in arm.runs]))
        assert ends[0] < mean < ends[1] and ends[1] - ends[0] < 0.14
    made, (form, reason) = fits(curve)
    by_form = {fit.form: fit for fit in made}
    # six points can't distinguish a rise that stops from one that saturates, but they show a rise
    assert made[-1].form == "constant" and made[-1].aic > made[0].aic + 20
    assert form in ("logarithmic", "inconclusive"), reason
    rise = by_form["logarithmic"]
    for name, low, high in (("b", 0.03, 0.09), ("peak", 100, 1000)):
        assert low <= rise.parameters[name] <= high
        assert rise.intervals[name][0] <= rise.parameters[name] <= rise.intervals[name][1]
    row = plain_sweep(curve)
    assert json.loads(json.dumps(row)) == row and row["form"] == form and row["paired_items"]
    assert row["verdict"] == "rises" and not row["one_seed"] and row["items"] == [400] * 6
    assert [point["value"] for point in row["points"]] == list(K)


def test_what_items_share_is_no_noise_of_the_shape(tmp_path):
    """On the same items the weights leave out how hard they are; on different ones they can't."""
    seal(tmp_path / "same")
    seal(tmp_path / "other", same_items=False)
    (same,), (other,) = (curves(read_index(tmp_path / name).rows, "k") for name in ("same", "other"))
    assert same.paired and not other.paired
    assert np.all(variances(same) < variances(other))


def test_runs_that_differ_in_more_make_curves_of_their_own(tmp_path):
    seal(tmp_path, seeds=1, vote="naive")
    seal(tmp_path, seeds=1, vote="soft")
    found = curves(read_index(tmp_path).rows, "k")
    assert [len(curve.values) for curve in found] == [6, 6]
    assert fits(found[0])[1][0] == "inconclusive"  # one seed
    assert curves(read_index(tmp_path).rows, "vote") == []


def test_zero_is_shown_and_not_fitted(tmp_path):
    seal(tmp_path)
    seal_scores(tmp_path, np.zeros(400), method="m", method_args={"k": 0})
    (curve,) = curves(read_index(tmp_path).rows, "k")
    assert curve.values[0] == 0 and len(plain_sweep(curve)["points"]) == 7
    rise = next(fit for fit in fits(curve)[0] if fit.form == "logarithmic")
    assert rise.parameters["a"] > 0.2


def test_scores_that_never_move(tmp_path):
    for k in K:
        seal_scores(tmp_path, np.ones(10), method="m", method_args={"k": k})
    (curve,) = curves(read_index(tmp_path).rows, "k")
    made, (form, _) = fits(curve)
    assert form == "inconclusive" and made[0].form == "constant" and made[0].parameters["a"] == 1


def swept(root, levels, seeds=range(2), items=300, apart=True, span=None, **how):
    """Runs at 1, 2, 4, ... whose scores are 0 or 1 with a probability each; returns the curve."""
    rng = np.random.default_rng(1)
    hard = rng.normal(0, 0.1, items)
    for n, level in enumerate(levels):
        for seed in seeds:
            scores = (rng.random(items) < np.clip(level + hard, 0, 1)).astype(float)
            own = seed + 1000 * 2**n if apart else seed
            more = {"metric_range": span} if span else {}
            seal_scores(root, scores, seed=own, method_args={"k": 2**n}, **more, **how)
    (curve,) = curves(read_index(root).rows, "k")
    return curve


def said(curve, margin=None):
    found = trend_of(curve, margin)
    return verdict(curve, found), sentence(curve, found)


def test_the_verdict_comes_with_what_it_holds_for(tmp_path):
    word, line = said(swept(tmp_path / "apart", (0.2, 0.5, 0.8), draws="run"))
    assert word == "rises" and line.startswith("rises: +") and "points a step of k" in line
    assert line.endswith("for new items and new seeds (300 items, 2 seeds at each value)")
    word, line = said(swept(tmp_path / "shared", (0.2, 0.5, 0.8), apart=False, draws="run"))
    assert word == "rises" and "seeds shared along the sweep" in line
    word, line = said(swept(tmp_path / "none", (0.2, 0.5, 0.8), apart=False, draws="none"))
    assert word == "rises" and line.endswith("for new items (300 items; nothing is drawn per run)")
    word, line = said(swept(tmp_path / "single", (0.2, 0.5, 0.8), seeds=[0], draws="run"))
    assert word == "rises (one seed)" and line.endswith("says nothing about another seed")
    _, line = said(swept(tmp_path / "old", (0.2, 0.5, 0.8), draws=None))
    assert line.endswith("whether runs draw is not recorded and taken for yes")


def test_peaks_and_flat(tmp_path):
    word, line = said(swept(tmp_path / "peak", (0.3, 0.5, 0.8, 0.5, 0.3), draws="run"))
    assert word == "peaks" and line.startswith("peaks at k = 4, surely above 1 and 16 (of 10 pairs")
    level = swept(tmp_path / "level", (0.5, 0.5, 0.5), items=600, draws="run")
    assert said(level)[0] == "not shown" and "would be shown (80 % power)" in said(level)[1]
    assert said(level, 0.2)[0] == "flat" and "inside the margin of 20;" in said(level, 0.2)[1]
    row = plain_sweep(level, 0.2)
    assert row["verdict"] == "flat" and row["trend"]["flat_margin"] < 0.2
    assert said(level, row["trend"]["flat_margin"] * 0.99)[0] == "not shown"
    enough = float(said(level)[1].partition("(--margin ")[2].partition(")")[0])
    assert said(level, enough)[0] == "flat" and f"margin of {100 * enough:g} points" in said(level)[1]


def test_words_are_of_the_metric_as_printed(tmp_path):
    """Where less is better an error that shrinks falls, and it is said which end is good."""
    curve = swept(tmp_path, (0.2, 0.5, 0.8), span=MetricRange(0, 1, lower_is_better=True), draws="run")
    word, line = said(curve)
    assert word == "rises" and line.endswith("accuracy: lower is better")
    found = trend_of(curve)
    assert found.interval[0] < found.slope < found.interval[1] and found.slope > 0


def test_items_that_a_value_lacks_are_left_out_and_said(tmp_path):
    """As those are that a stopped run didn't come to."""
    rng = np.random.default_rng(2)
    for k, n in ((1, 40), (2, 40), (4, 30)):
        for seed in range(2):
            seal_scores(tmp_path, (rng.random(n) < 0.5).astype(float), seed=seed, method_args={"k": k})
    rows = read_index(tmp_path).rows
    alike = {name: rows[0][name] for name in ("comparability", "comparability_key")}
    (curve,) = curves([{**row, **alike} for row in rows], "k")
    assert curve.items == [30, 30, 30] and curve.left_out == 10 and curve.paired
    assert "30 items, 10 left out that some value lacks" in said(curve)[1]


def test_groups_of_items_are_the_unit(tmp_path):
    """Items that come in groups of five of one kind say a fifth as much."""
    rng = np.random.default_rng(3)
    groups = [f"group {n // 5}" for n in range(100)]
    for k in (1, 2, 4):
        for seed in range(2):
            scores = np.repeat((rng.random(20) < 0.5).astype(float), 5)
            for root, labels in (("grouped", groups), ("alone", None)):
                seal_scores(tmp_path / root, scores, seed=seed, groups=labels, method_args={"k": k})
    grouped, alone = (curves(read_index(tmp_path / root).rows, "k")[0] for root in ("grouped", "alone"))
    wide, narrow = trend_of(grouped).interval, trend_of(alone).interval
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


@pytest.mark.parametrize("draws", ["run", "none", None])
@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_sweep_is_plain_json_whatever_it_draws(tmp_path, draws, seeds):
    row = plain_sweep(swept(tmp_path, (0.4, 0.5, 0.6), seeds=seeds, items=40, draws=draws), 0.1)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["one_seed"] is (draws != "none" and len(seeds) == 1)


def test_what_would_be_shown_is_never_nothing(tmp_path):
    """Items that all do alike have no spread, and five that all differ show nothing."""
    word, line = said(swept(tmp_path / "alike", (2, 2, 2), items=400, draws="run"))
    # six of 400 with 80 %: 1.97 % of the items, each moving the slope by half
    assert word == "not shown" and "a slope of 0.98 would be shown" in line
    word, line = said(swept(tmp_path / "five", (-1, 2), items=5, draws="none"))
    assert word == "not shown" and line.startswith("not shown: +100 [+0, +100] points a step of k; ")
    assert "no slope would be shown with 80 % power, flat with no margin" in line


def test_values_that_are_no_number_are_named(tmp_path):
    rng = np.random.default_rng(0)
    for k in (1, 2, 4, "auto"):
        seal_scores(tmp_path, rng.random(40) < 0.5, method_args={"k": k}, draws="none")
    (curve,) = curves(read_index(tmp_path).rows, "k")
    assert list(curve.values) == [1, 2, 4] and curve.no_numbers == ("auto",)
    assert "without auto, no number" in sentence(curve, trend_of(curve))
    assert plain_sweep(curve)["values_left_out"] == ["auto"]


def test_a_sweep_over_what_makes_the_corpus_and_over_a_list_of_one(tmp_path, monkeypatch):
    """Another world has another corpus by nature; `hops=2` is a list of one number."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    for distractors, hops in ((2, 1), (4, 1), (2, 2)):
        request = Request(
            task="research/synthetic",
            task_args={"items": 3, "distractors": distractors, "hops": [hops]},
            method="no-search",
            model="sim/reader",
        )
        run_grid(plan(request), Session(Store(tmp_path / "out")))
    rows = read_index(tmp_path / "out").rows
    assert [curve.values.tolist() for curve in curves(rows, "distractors")] == [[2, 4]]
    assert [curve.values.tolist() for curve in curves(rows, "hops")] == [[1, 2]]


def test_attempts_that_failed_are_said_beside_the_verdict(tmp_path):
    for k in (1, 2, 4):
        lost = (lambda n, epoch: "error" if n < 3 else "ok") if k == 4 else (lambda n, epoch: "ok")
        seal_scores(tmp_path, np.ones(10), method="m", method_args={"k": k}, status=lost)
    (curve,) = curves(read_index(tmp_path).rows, "k")
    said = "; 3 of 30 attempts, at 1 of 3 values, failed or were not scored and count as the worst value"
    assert sentence(curve, trend_of(curve)).endswith(said)
    seal_scores(tmp_path / "sound", np.ones(10), method="m", method_args={"k": 1})
    seal_scores(tmp_path / "sound", np.ones(10), method="m", method_args={"k": 2})
    (sound,) = curves(read_index(tmp_path / "sound").rows, "k")
    assert "failed" not in sentence(sound, trend_of(sound))
