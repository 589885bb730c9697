"""The noise to plan with: components of stored runs, and where each comes from."""

from __future__ import annotations

import numpy as np
import pytest

from harness.comparison.arms import arms_of
from harness.comparison.paired import compare
from harness.comparison.planning import EFFECT_SD, RUN_SD, assumed, given_noise, stored_noise
from harness.comparison.sentences import planned
from harness.results.index import in_force, read_index
from harness.results.planned import planned_text
from harness.spec import MetricRange
from harness.stats import table_noise
from harness.testing import seal_scores

WIDE = MetricRange(-10.0, 10.0)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def arms(root):
    return arms_of(in_force(read_index(root).rows))


def seal_runs(root, rng, method, runs, *, run_sd, effect=None, epochs=1, items=None, **more):
    """Runs of items with Gaussian scores: attempts vary by 1, items by 1, runs by `run_sd`; returns how much
    these really vary."""
    rates = items if effect is None else items + effect
    moves = run_sd * rng.standard_normal(runs)
    for seed, moved in enumerate(moves):
        scores = rates[:, None] + moved + rng.standard_normal((len(rates), epochs))
        seal_scores(root, np.clip(scores, -10, 10), method=method, seed=seed, metric_range=WIDE, **more)
    return float(moves.var(ddof=1)) if runs > 1 else 0.0


def test_components_of_a_table(rng):
    n, runs, k = 2_000, 40, 4
    cells = (
        rng.standard_normal((n, 1)) + 0.5 * rng.standard_normal(runs) + 0.3 * rng.standard_normal((n, runs))
    )
    attempts = cells[:, :, None] + rng.standard_normal((n, runs, k))
    found = table_noise(attempts.mean(axis=2), attempts.var(axis=2, ddof=1), np.full((n, runs), k), True)
    assert found.run == pytest.approx(0.25, rel=0.6) and found.attempt == pytest.approx(1, rel=0.02)
    assert found.cell == pytest.approx(0.3**2 + 1 / k, rel=0.02) and found.share == found.cell / runs
    still = table_noise(attempts.mean(axis=2), attempts.var(axis=2, ddof=1), np.full((n, runs), k), False)
    assert still.run == 0
    once = table_noise(attempts[:, :1, 0], np.full((n, 1), np.nan), np.ones((n, 1)), True)
    assert once.run is None and once.cell is None and once.share is None


def test_two_subjects_tell_every_component(tmp_path, rng):
    items, effect = rng.standard_normal((2, 800))
    given = {"run_sd": 0.5, "epochs": 2, "items": items, "draws": "run"}
    varied = seal_runs(tmp_path, rng, "few", 5, **given)
    varied += seal_runs(tmp_path, rng, "many", 5, effect=effect, **given)
    noise = stored_noise(arms(tmp_path))
    share = WIDE.width**2
    assert noise.drawing == 2 and not noise.paired and noise.n_items == 800
    assert share * noise.components.items == pytest.approx(effect.var(), rel=0.1)
    assert share * noise.components.attempts == pytest.approx(2, rel=0.05)
    assert share * noise.components.runs == pytest.approx(varied, rel=0.15)
    assert share * noise.components.cells < 0.1
    assert all("few" in noise.sources[name] for name in ("runs", "items", "attempts"))


def test_runs_that_share_their_draws_are_planned_as_pairs(tmp_path, rng):
    items = rng.standard_normal(300)
    for method in ("few", "many"):
        for seed in range(8):
            shared = np.random.default_rng(seed).standard_normal()
            scores = items[:, None] + shared + rng.standard_normal((300, 1))
            seal_scores(
                tmp_path,
                np.clip(scores, -10, 10),
                method=method,
                seed=seed,
                metric_range=WIDE,
                draws="run",
                draw_digest=f"{seed}",
            )
    noise = stored_noise(arms(tmp_path))
    assert noise.paired and WIDE.width**2 * noise.components.runs < 0.1, "common draws cancel"
    apart = given_noise(noise, paired=False)
    assert noise.design(300, 5, 1).paired and not apart.design(300, 5, 1).paired


def test_one_run_takes_the_run_variance_of_the_others_or_an_assumption(tmp_path, rng):
    items = rng.standard_normal(400)
    seal_runs(tmp_path / "alone", rng, "few", 1, run_sd=0.5, items=items, draws="run")
    alone = stored_noise(arms(tmp_path / "alone"))
    assert alone.sources["runs"] == "an assumption" and alone.run_sd == pytest.approx(RUN_SD)
    assert alone.components.items == EFFECT_SD**2 and alone.n_items == 400
    for method in ("few", "many"):
        seal_runs(tmp_path / "more", rng, method, 1, run_sd=0.5, items=items, draws="run")
    seal_runs(tmp_path / "more", rng, "other", 20, run_sd=1.0, items=items + 1, draws="run")
    noise = stored_noise(arms(tmp_path / "more")[:2] + arms(tmp_path / "more")[2:])
    assert 0.02 < noise.run_sd < 0.1
    assert "median" in noise.sources["runs"] or "other" in noise.sources["runs"]


def test_a_method_that_draws_nothing_has_no_run_variance(tmp_path, rng):
    items = rng.standard_normal(400)
    for method in ("direct", "vote"):
        seal_runs(tmp_path, rng, method, 3, run_sd=0.0, items=items, draws="none")
    noise = stored_noise(arms(tmp_path))
    assert noise.drawing == 0 and noise.components.runs == 0 and noise.sources["runs"] == "as declared"
    planned_to_draw = stored_noise(arms(tmp_path), draws=True)
    assert planned_to_draw.drawing == 2 and planned_to_draw.sources["runs"] == "an assumption"
    assert stored_noise(arms(tmp_path), draws=False).drawing == 0


def test_groups_are_kept(tmp_path, rng):
    groups = [f"g{n // 5}" for n in range(500)]
    common = np.repeat(rng.standard_normal(100), 5)[:, None]
    for method, effect in (("direct", 0.0), ("vote", common)):
        scores = rng.standard_normal((500, 1)) + effect
        seal_scores(tmp_path, np.clip(scores, -10, 10), method=method, groups=groups, metric_range=WIDE)
    noise = stored_noise(arms(tmp_path))
    assert noise.components.group_size == 5 and "100 groups" in noise.sources["groups"]
    assert noise.components.group_correlation == pytest.approx(1 / 3, abs=0.12)
    assert any("groups of 5 items" in line for line in noise.lines())


def test_what_is_known_better_takes_the_place_of_what_is_stored():
    noise = given_noise(assumed(), variance=0.05, effect_sd=0.2, run_sd=0.01, group_size=4, icc=0.5)
    assert noise.components.attempts == 0.1 and noise.components.items == pytest.approx(0.04)
    assert noise.run_sd == pytest.approx(0.01) and noise.components.design_effect == 2.5
    assert set(noise.sources.values()) == {"as given"}
    assert given_noise(assumed(draws=False), run_sd=0.01).drawing == 2


def test_what_was_planned_is_told_beside_the_result(tmp_path, rng):
    asked = {"n_items": 200, "epochs": 1, "seeds": 5, "effect": 0.02, "power": 0.801}
    for method, rate in (("direct", 0.4), ("vote", 0.7)):
        seal_scores(tmp_path, rng.random(200) < rate, method=method)
    direct, vote = arms_of({**row, "planned": asked} for row in in_force(read_index(tmp_path).rows))
    said = "planned to see 2.0 points with 80 % (200 items, 5 seeds of 1 attempt)"
    assert planned_text(vote.runs[0]) == said
    assert planned(compare(vote, direct)).startswith(f"{said}: these runs show +")
    assert planned(compare(*arms(tmp_path)[::-1])) == "", "no effect was planned for"
    assert planned_text({"planned": None}) == ""
