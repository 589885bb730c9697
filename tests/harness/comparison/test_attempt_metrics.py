"""Metrics of k attempts, made again from stored attempts."""

import math

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.comparison.arms import arms_of
from harness.comparison.attempt_metrics import AttemptMetric, attempt_metric, cells, table
from harness.comparison.items import load_items
from harness.comparison.paired import compare
from harness.results.index import in_force, read_index
from harness.results.summary import Summary
from harness.spec import TaskSpec
from harness.stats.crossed import parts_of
from harness.stats.pooled_attempts import pooled_cells
from harness.testing import seal_scores


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("pass@4", AttemptMetric("pass@", 4)),
        ("pass^2", AttemptMetric("pass^", 2)),
        ("G-Pass@8:0.75", AttemptMetric("g-pass@", 8, 0.75)),
        ("maj@16", AttemptMetric("maj@", 16)),
        ("accuracy", None),
        ("accuracy/pass@4", None),
        ("pass@4[without known-broken]", None),
    ],
)
def test_names(name, found):
    assert attempt_metric(name) == found


@pytest.mark.parametrize("name", ["pass@0", "g-pass@4", "pass@4:0.5"])
def test_names_that_say_too_much_or_too_little(name):
    with pytest.raises(UsageError, match="at least 1|write g-pass"):
        attempt_metric(name)


SCORES, COUNTS = [1, 0, 1, 0, 0, 1, 1], [3, 3, 1]


def test_every_item_has_the_mean_over_its_subsets():
    nan = math.nan
    for name, expected in [
        ("pass@2", [1, 2 / 3, nan]),
        ("pass^2", [1 / 3, 0, nan]),
        ("g-pass@2:0.5", [1, 2 / 3, nan]),
        ("avg@2", [2 / 3, 1 / 3, nan]),
        ("pass@1", [2 / 3, 1 / 3, 1]),
    ]:
        assert cells(name, SCORES, COUNTS) == pytest.approx(expected, nan_ok=True), name
    votes = ["a", "b", "a", "b", "b", "a", None]
    assert cells("maj@3", SCORES, COUNTS, votes) == pytest.approx([1, 0, nan], nan_ok=True)
    assert cells("pass@2", [], []).shape == (0,)


def test_what_can_not_be_made():
    with pytest.raises(UsageError, match="right or wrong"):
        cells("pass@2", [0.5, 1.0], [2])
    with pytest.raises(ValueError, match="votes"):
        cells("maj@2", [0, 1], [2])
    with pytest.raises(ValueError, match="no metric of attempts"):
        cells("accuracy", [0, 1], [2])


def test_records_state_the_same_values():
    rng = np.random.default_rng(0)
    task = TaskSpec(name="t", version="1-A", summary="s", entry="a:b", offers=["countable"])
    summary, scores, votes = Summary(task, 9), rng.integers(0, 2, (9, 4)), rng.integers(0, 3, (9, 4))
    for n in range(9):
        for epoch in range(4):
            summary.add(
                {
                    "n": n,
                    "sample_id": str(n),
                    "epoch": epoch,
                    "status": "ok",
                    "answer": str(votes[n, epoch]),
                    "group": None,
                    "stop_reason": "stop",
                    "reason": None,
                    "metrics": {"accuracy": float(scores[n, epoch])},
                }
            )
    stated = summary.metrics({})
    assert {"pass@2", "pass@4", "pass^2", "pass^4", "maj@4"} < stated.keys()
    said = [str(vote) for vote in votes.reshape(-1)]
    for name in stated.keys() - {"accuracy"}:
        mine = cells(name, scores.reshape(-1), [4] * 9, said)
        assert mine.mean() == pytest.approx(stated[name]["value"]), name


def test_runs_with_k_attempts_have_cells_of_their_own():
    found = table("pass@2", [[0, 1, 0, 0], [1, 1]], [[2, 2], [0, 2]])
    np.testing.assert_array_equal(found, [[1, math.nan], [0, 1]])
    short = table("pass@2", [[0, 1, 0, 0], [1, 1, 0]], [[2, 2], [2, 1]])  # one attempt is missing
    np.testing.assert_array_equal(short, [[1, 1], [0, math.nan]])


def test_runs_that_have_k_together_are_pooled_with_the_jackknifes_variance():
    rng = np.random.default_rng(1)
    right = rng.integers(0, 2, (40, 5)).astype(float)
    found = table("pass@4", list(right.T), [[1] * 40] * 5)
    whole = cells("pass@4", right.reshape(-1), [5] * 40)
    assert found.mean(axis=1) == pytest.approx(whole)
    without = np.array(
        [cells("pass@4", np.delete(right, s, 1).reshape(-1), [4] * 40).mean() for s in range(5)]
    )
    assert parts_of(found).runs == pytest.approx(4 / 5 * ((without - without.mean()) ** 2).sum())
    votes = [[str(int(x)) for x in column] for column in right.T]
    voted = table("maj@3", list(right.T), [[1] * 40] * 5, votes)
    every = [str(int(x)) for x in right.reshape(-1)]
    assert voted.mean(axis=1) == pytest.approx(cells("maj@3", right.reshape(-1), [5] * 40, every))


def test_where_every_run_is_needed_runs_can_not_be_told_apart():
    right = np.array([[1.0, 0, 0], [0, 0, 0]])
    found = table("pass@3", list(right.T), [[1, 1]] * 3)
    np.testing.assert_array_equal(found, [[1], [0]])
    assert parts_of(found).df_runs == 0
    assert pooled_cells(lambda runs: np.zeros(2), 1) is None


def test_pooled_attempts_of_equal_arms_are_rarely_told_apart():
    """Type I of pass@4 from five runs of one attempt with a run SD of some 3 points, 100 pairs of arms."""
    from harness.stats.crossed import unpaired_parts

    rng, wrong, alone = np.random.default_rng(2), 0, 0
    for _ in range(100):
        base = rng.normal(0, 2, 164)
        arms = [_drawn(rng, base + rng.normal(0, 0.5, 164)) for _ in range(2)]
        tables = [table("pass@4", list(arm.T), [[1] * 164] * 5) for arm in arms]
        found = unpaired_parts(*tables)
        low, high = found.interval(0.95)
        wrong += not low <= 0 <= high
        items = parts_of((tables[0] - tables[1]).mean(axis=1))
        low, high = items.interval(0.95)
        alone += not low <= 0 <= high
    assert wrong <= 100 * 0.05 + 3 * math.sqrt(100 * 0.05 * 0.95)
    assert alone > wrong  # the items alone are surer than they may be


def _drawn(rng, logits):
    chance = 1 / (1 + np.exp(-(logits[:, None] + rng.normal(0, 0.3, 5))))
    return (rng.random(chance.shape) < chance).astype(float)


# -- through the store ---------------------------------------------------------------------------------


def _arms(root):
    return arms_of(in_force(read_index(root).rows))


def _compared(root, metric):
    direct, vote = _arms(root)
    return compare(vote, direct, metric)


def test_arms_with_other_numbers_of_attempts_are_compared_at_one_k(tmp_path):
    rng = np.random.default_rng(3)
    labels = [f"g{n // 4}" for n in range(60)]
    few, many = rng.random((60, 4)) < 0.4, rng.random((60, 7)) < 0.6
    seal_scores(tmp_path, few, method="direct", groups=labels)
    seal_scores(tmp_path, many, method="vote", groups=labels)
    found = _compared(tmp_path, "pass@4")
    values = [cells("pass@4", table.reshape(-1), [table.shape[1]] * 60) for table in (many * 1.0, few * 1.0)]
    gains = values[0] - values[1]
    assert found.value == pytest.approx(gains.mean()) and found.gain.parts.n_groups == 15
    expected = parts_of(gains, np.arange(60) // 4)
    assert found.gain.parts.items == pytest.approx(expected.items) and found.gain.parts.df_items == 14
    assert found.difference.ci == pytest.approx(expected.interval(), abs=1e-9)
    with pytest.raises(UsageError, match=r"pass@8 needs 8 attempts at an item, and vote .* at most 7"):
        _compared(tmp_path, "pass@8")
    assert _compared(tmp_path, "g-pass@4:0.5").value > 0


def test_runs_of_one_attempt_are_compared_at_k_together(tmp_path):
    rng = np.random.default_rng(4)
    drawn = {method: (rng.random((5, 50)) < chance) for method, chance in (("direct", 0.3), ("vote", 0.5))}
    for method, runs in drawn.items():
        for seed, scores in enumerate(runs):
            seal_scores(tmp_path, scores, method=method, seed=seed, draws="run")
    found = _compared(tmp_path, "pass@4")
    assert found.claim == "items and runs" and found.gain.parts.df_runs > 0
    expected = [cells("pass@4", runs.T.reshape(-1) * 1.0, [5] * 50).mean() for runs in drawn.values()]
    assert found.value == pytest.approx(expected[1] - expected[0])
    with pytest.raises(UsageError, match="all 5 runs of direct"):
        load_items(_arms(tmp_path)[0], "pass@5")


@pytest.mark.parametrize("draws", ["run", "none"])
def test_attempts_under_one_draw_and_under_several_are_not_one_quantity(tmp_path, draws):
    rng = np.random.default_rng(6)
    for seed in range(5):
        seal_scores(tmp_path, rng.random((30, 4)) < 0.5, method="direct", seed=seed, draws=draws)
        seal_scores(tmp_path, rng.random((30, 1)) < 0.5, method="vote", seed=seed, draws=draws)
    if draws == "none":
        assert _compared(tmp_path, "pass@4").claim == "items"
        return
    with pytest.raises(UsageError, match="of as many runs for vote .*, of one run for direct"):
        _compared(tmp_path, "pass@4")


def test_groups_that_one_side_alone_names_hold_for_both(tmp_path):
    rng = np.random.default_rng(5)
    seal_scores(tmp_path, rng.random(40), method="direct")
    seal_scores(tmp_path, rng.random(40), method="vote", groups=[f"g{n // 8}" for n in range(40)])
    assert _compared(tmp_path, "accuracy").gain.parts.n_groups == 5
    direct, vote = _arms(tmp_path)
    assert compare(direct, vote).gain.parts.n_groups == 5
