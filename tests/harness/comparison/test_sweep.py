"""Curves found in a store by the runs' own arguments."""

import json

import numpy as np
import pytest

from harness.comparison.sweep import curves, fits, plain
from harness.results.index import read_index
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
    row = plain(curve)
    assert json.loads(json.dumps(row)) == row and row["verdict"] == form and row["paired_items"]
    assert [point["value"] for point in row["points"]] == list(K)


def test_what_items_share_is_no_noise_of_the_shape(tmp_path):
    """On the same items the weights leave out how hard they are; on different ones they can't."""
    seal(tmp_path / "same")
    seal(tmp_path / "other", same_items=False)
    (same,), (other,) = (curves(read_index(tmp_path / name).rows, "k") for name in ("same", "other"))
    assert same.paired and not other.paired
    assert np.all(same.variance < other.variance)


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
    assert curve.values[0] == 0 and len(plain(curve)["points"]) == 7
    rise = next(fit for fit in fits(curve)[0] if fit.form == "logarithmic")
    assert rise.parameters["a"] > 0.2


def test_scores_that_never_move(tmp_path):
    for k in K:
        seal_scores(tmp_path, np.ones(10), method="m", method_args={"k": k})
    (curve,) = curves(read_index(tmp_path).rows, "k")
    made, (form, _) = fits(curve)
    assert form == "inconclusive" and made[0].form == "constant" and made[0].parameters["a"] == 1
