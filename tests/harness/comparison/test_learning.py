"""Learning curves over seeds: means, intervals, windows, and the first step at a level."""

import numpy as np
import pytest
from scipy import stats

from harness.comparison.arms import arms_of
from harness.comparison.learning import WINDOWS, learning
from harness.results.index import read_index
from harness.testing import seal_scores


def arm(root, curves):
    for seed, curve in enumerate(curves):
        seal_scores(root, [0.0, 1.0], method="trained", seed=seed, curve=curve)
    (found,) = arms_of(read_index(root).rows)
    return found


def rows(values, every=10, rollouts=4):
    return [
        {"step": every * (n + 1), "rollouts": rollouts * (n + 1), "dev": value}
        for n, value in enumerate(values)
    ]


def test_means_and_intervals_are_over_seeds(tmp_path):
    table = np.array([[0.1, 0.5, 0.4], [0.3, 0.4, 0.8], [0.2, 0.9, 0.6]])
    found = learning(
        arm(tmp_path, [rows(values.tolist(), rollouts=4 + n) for n, values in enumerate(table)]), "dev"
    )
    assert found.steps.tolist() == [10, 20, 30] and found.rollouts.tolist() == [5, 10, 15]
    np.testing.assert_allclose(found.means, table.mean(axis=0))
    for place in range(3):
        wanted = stats.t.interval(0.95, 2, table[:, place].mean(), stats.sem(table[:, place]))
        np.testing.assert_allclose(found.intervals[place], wanted)
    assert found.seeds == 3 and found.final == pytest.approx(0.6)
    assert [found.reach(target) for target in (0.2, 0.21, 0.6, 0.61)] == [0, 1, 1, None]


def test_seeds_measured_at_different_places_meet_by_interpolation(tmp_path):
    """Truth: a seed's score is 0.1 + its step / 100, and it draws 4 or 8 rollouts a step."""

    def curve_of(steps, each):
        return [{"step": n, "rollouts": each * n, "dev": 0.1 + n / 100} for n in steps]

    uneven = arm(
        tmp_path, [curve_of((10, 20, 30, 40), 4), curve_of((5, 12, 33, 37), 4), curve_of((6, 31), 8)]
    )
    over_steps, over_rollouts = learning(uneven, "dev"), learning(uneven, "dev", "rollouts")
    assert over_steps.steps.tolist() == [10, 20, 30]  # of the first seed, within the range of all
    np.testing.assert_allclose(over_steps.means, 0.1 + over_steps.steps / 100)
    np.testing.assert_allclose(over_steps.intervals, np.column_stack([over_steps.means] * 2), atol=1e-12)
    np.testing.assert_allclose(over_steps.rollouts, over_steps.steps * (4 + 4 + 8) / 3)
    assert over_rollouts.rollouts.tolist() == [48, 132, 148]  # of the second seed
    wanted = 0.1 + over_rollouts.rollouts * (1 / 4 + 1 / 4 + 1 / 8) / 300
    np.testing.assert_allclose(over_rollouts.means, wanted)
    assert over_rollouts.final == over_steps.final == pytest.approx((0.5 + 0.47 + 0.41) / 3)


def test_nothing_is_extrapolated(tmp_path):
    """A run that spends its rollouts early ends early: its last value still counts for the final one."""
    short = [*rows([0.3]), {"step": 15, "rollouts": 6, "dev": 0.7}]
    found = learning(arm(tmp_path / "short", [rows([0.1, 0.2, 0.3]), short, []]), "dev")
    assert found.steps.tolist() == [10, 15] and found.means.tolist() == pytest.approx([0.2, 0.425])
    assert found.seeds == 2 and found.final == pytest.approx(0.5)
    apart = [rows([0.1]), [{"step": 40, "dev": 0.4}, {"step": 50, "dev": 0.5}]]
    assert learning(arm(tmp_path / "apart", apart), "dev") is None


def test_one_seed_has_no_interval_and_none_has_no_curve(tmp_path):
    one = learning(arm(tmp_path / "one", [rows([0.1])]), "dev")
    assert one.intervals is None and one.means.tolist() == [0.1]
    assert learning(arm(tmp_path / "two", [rows([0.1])]), "reward") is None
    assert learning(arm(tmp_path / "three", [[]]), "dev") is None


def test_rewards_are_averaged_over_windows(tmp_path):
    steps = 2 * WINDOWS + 5
    curve = [{"step": n + 1, "rollouts": 8 * (n + 1), "reward": float(n % 3)} for n in range(steps)]
    found = learning(arm(tmp_path, [curve, curve]), "reward")
    assert len(found.steps) == 35 and found.steps[:2].tolist() == [3, 6]  # windows of three
    np.testing.assert_allclose(found.means, 1)
    np.testing.assert_allclose(found.intervals, 1)
    assert found.rollouts[0] == 24 and found.final == float((steps - 1) % 3)


def test_compare_draws_the_curves(tmp_path, monkeypatch, capsys):
    """Bands and lines of two methods; the same runs give the same file; what can't be drawn is said first."""
    pytest.importorskip("matplotlib")
    from harness.cli import main

    def compare(*more):
        monkeypatch.setattr(
            "sys.argv",
            ["harness", "compare", "--baseline", "slow", "--store", str(tmp_path / "store"), *more],
        )
        try:
            main()
        except SystemExit as left:
            return left.code
        return 0

    for method, gain in (("slow", 0.0), ("quick", 0.2)):
        for seed in range(3):
            seal_scores(
                tmp_path / "store",
                [0.0, 1.0],
                method=method,
                seed=seed,
                needs=("trainable",),
                curve=rows([0.1 + gain, 0.2 + gain + seed / 100]),
            )
    for name in ("a.svg", "b.svg"):
        assert compare("--plot", str(tmp_path / name)) == 0
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn == (tmp_path / "b.svg").read_text()
    assert "slow (3 seeds)" in drawn and "quick (3 seeds)" in drawn and "simulated, sim/model" in drawn
    assert compare("--plot", str(tmp_path / "a.gif")) == 2
    assert "the name ends in .svg, .png, .pdf" in capsys.readouterr().err
    for method in ("direct", "vote"):
        seal_scores(tmp_path / "other", [0.0, 1.0], method=method)
    monkeypatch.chdir(tmp_path)
    ask = ["harness", "compare", "--baseline", "direct", "--store", "other", "--plot", "c.svg"]
    monkeypatch.setattr("sys.argv", [*ask, "--plot-kind", "curves"])
    with pytest.raises(SystemExit):
        main()
    assert "no run here has a learning curve" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ask)
    main()
    assert "per attempt at an item" in (tmp_path / "c.svg").read_text()
