"""Rows, sections, ranks, sweeps: what the pages say."""

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness.comparison.arms import arms_of
from harness.comparison.card import recovery
from harness.comparison.items import load_items
from harness.comparison.paired import compare
from harness.comparison.ranks import pair_tests
from harness.comparison.surface import surfaces
from harness.comparison.surface_forms import describe, heights
from harness.comparison.surface_json import plain_surface
from harness.leaderboard import board as boards
from harness.leaderboard import pages
from harness.leaderboard import site as sites
from harness.leaderboard.attempts import script_json
from harness.leaderboard.figures import cost_figures, forest, label, pareto, scaling
from harness.leaderboard.learning import curves
from harness.leaderboard.surfaces import method_surfaces, task_surfaces
from harness.leaderboard.sweeps import method_sweeps, number, task_sweeps
from harness.leaderboard.verdicts import usual_baselines
from harness.results.index import read_index
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.stats import holm
from harness.testing import seal_scores


@pytest.fixture(scope="module")
def board(store):
    return sites.load(store)


def row(board, method, model, task="sums"):
    (found,) = [
        e for s in board.of_task(task) for e in s.entries if (e.arm.method, e.arm.model) == (method, model)
    ]
    return found


def test_a_section_holds_one_key_and_says_how_it_differs(board):
    for section in board.sections:
        assert {e.arm.comparability_key for e in section.entries} == {section.key}
    arc = board.of_task("arc1d")
    assert len(arc) == len({section.key for section in arc}) >= 3
    assert len({section.title for section in arc}) == len(arc)
    assert all(dict(section.varying_fields)["task_args.level"] for section in arc)
    # the data that were read differ too, but the level says which is which
    assert all(name.startswith("task_args.") for section in arc for name, _ in section.varying_fields)
    (sums,) = board.of_task("sums")
    assert sums.varying_fields == () and sums.title == ""


def test_seeds_are_pooled_by_item(board):
    found = row(board, "direct", "test/small")
    assert found.arm.seeds == [0, 1]
    means = [run["metrics"]["accuracy"]["value"] for run in found.arm.runs]
    assert found.value == pytest.approx(sum(means) / 2)
    assert found.ci_method == "clustered_t" and found.ci[0] < found.value < found.ci[1]


def test_failed_attempts_count_as_nought_and_are_shown(board):
    found = row(board, "flaky", "test/small")
    assert found.value == pytest.approx(50 / 60) and found.scored_only == pytest.approx(1.0)
    assert found.count("error") == 10
    assert found.arm.usage("cost_usd") is None and found.tokens is not None


def test_data_access_is_part_of_the_row(board):
    found = row(board, "vote", "test/large")
    assert found.access("labels_seen") == 40 and found.access("pool_size") == 200


def test_places_are_sets_among_measured_and_finished_rows(board):
    (sums,) = board.of_task("sums")
    ranks = {(e.arm.method, e.arm.model): e.rank for e in sums.entries}
    assert all(1 <= low <= high <= len(ranks) for low, high in ranks.values())
    # the two models gave the same answers: no data can tell their rows apart
    assert ranks["direct", "test/small"] == ranks["direct", "test/large"] == (4, 5)
    assert ranks["vote", "test/small"][1] <= 3
    for entry in board.entries:
        if entry.stopped or entry.simulated:
            assert entry.rank is None
    assert any(e.stopped for e in board.entries) and any(e.simulated for e in board.entries)


def test_comparisons_are_those_of_harness_compare(board, store):
    (sums,) = board.of_task("sums")
    arms = {
        (arm.method, arm.model): arm
        for arm in arms_of(run for entry in sums.entries for run in entry.arm.runs)
    }
    ours = {(c["candidate"]["method"], c["candidate"]["model"]): c for c in sums.comparisons["direct"]}
    assert set(ours) == {("vote", "test/small"), ("vote", "test/large"), ("flaky", "test/small")}
    for (method, model), found in ours.items():
        by_hand = compare(arms[method, model], arms["direct", model])
        assert found["difference"]["value"] == pytest.approx(by_hand.difference.value)
        assert found["difference"]["ci"] == pytest.approx(list(by_hand.difference.ci))
        assert found["adjusted_p"] >= by_hand.p_value
    assert ours["vote", "test/small"]["verdict"] == "better"


def test_usual_baselines_leave_out_what_a_model_has_twice(board):
    arms = [e.arm for e in board.of_task("arc1d")[0].entries]
    assert "self-consistency" not in usual_baselines(arms) and usual_baselines(arms)[0] == "direct"


def test_baselines_may_be_named(store):
    (sums,) = sites.load(store, sites.Options(baselines=("vote",))).of_task("sums")
    assert list(sums.comparisons) == ["vote"]


def test_a_swept_argument_makes_a_curve(board):
    first = next(s for s in board.of_task("arc1d") if "level=1" in s.title and len(s.entries) > 3)
    (sweep,) = method_sweeps(first)
    assert sweep.parameter == "method_args.samples" and sweep.comparable
    (line,) = sweep.lines
    assert [point.at for point in line.points] == [2, 4, 8]
    (across,) = task_sweeps(board.of_task("arc1d"))
    assert across.parameter == "task_args.level" and not across.comparable
    assert [point.at for point in across.lines[0].points] == [1, 2, 3]


def test_rows_that_differ_in_two_arguments_make_no_curve(tmp_path, seal_run):
    for n in range(3):
        seal_run(tmp_path, [1.0, 0.0, 1.0], method_args={"samples": n, "heat": n * 2})
    (section,) = sites.load(tmp_path).sections
    assert method_sweeps(section) == []
    for n in range(3):
        seal_run(tmp_path, [1.0, 0.0, 1.0], method_args={"samples": n, "heat": 0.5})
    (section,) = sites.load(tmp_path).sections
    (sweep,) = method_sweeps(section)
    assert [[p.at for p in line.points] for line in sweep.lines] == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (3, 3.0),
        ("0.5", 0.5),
        (True, None),
        ("x", None),
        (None, None),
        ("inf", None),
        ("nan", None),
        ([1], None),
    ],
)
def test_numbers(value, found):
    assert number(value) == found


points = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0, 5.0]), st.sampled_from([0.1, 0.2, 0.9])))


@given(points)
def test_pareto_front_is_what_nothing_beats(found):
    def beaten(p):
        return any((c <= p[0] and v > p[1]) or (c < p[0] and v >= p[1]) for c, v in found)

    assert pareto(found) == {p for p in found if not beaten(p)}


def test_cost_figures_are_those_that_tell_rows_apart(board):
    (sums,) = board.of_task("sums")
    made = cost_figures(sums)
    assert set(made) == {"usd", "tokens", "calls"}
    front = {r[0] for r in made["tokens"].rows if r[3] == "yes"}
    assert {"direct x test/small", "flaky x test/small"} & front and "vote x test/small" not in front
    assert "flaky x test/small" not in {r[0] for r in made["usd"].rows}  # its price is unknown
    assert "unknown cost: 1." in made["usd"].summary and "unknown" not in made["tokens"].summary


def test_a_forest_names_every_pair_once_and_keeps_the_sign(board):
    (sums,) = board.of_task("sums")
    made = forest(sums, "direct")
    drawn = {
        made.plot["layout"]["yaxis"]["ticktext"][y]: x
        for trace in made.plot["data"]
        for x, y in zip(trace["x"], trace["y"], strict=True)
    }
    assert drawn == {r[0]: r[2] for r in made.rows} and len(drawn) == 3
    low, high = made.plot["layout"]["xaxis"]["range"]
    assert low < 0 < max(drawn.values()) < high  # 0 is in sight even where every interval leaves it
    json.dumps(made.plot, allow_nan=False)


def test_labels_are_letters_to_plotly():
    assert label("<b>&x") == "&lt;b&gt;&amp;x"
    assert len(label("y" * 200)) == 48


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(values)
def test_json_in_a_page_is_the_same_value_and_no_markup(value):
    text = script_json(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_ranks_hold_over_the_items_that_all_rows_have(tmp_path, seal_run):
    dice = random.Random(1)
    hard = [dice.random() for _ in range(200)]
    for n, level in enumerate((0.2, 0.5, 0.8)):
        seal_run(tmp_path, [float(h < level) for h in hard], method=f"m{n}")
    (section,) = sites.load(tmp_path).sections
    ranks = [(e.arm.method, e.rank) for e in section.entries]
    assert ranks == [("m2", (1, 1)), ("m1", (2, 2)), ("m0", (3, 3))]
    items = load_items(section.entries[0].arm, "accuracy")
    assert section.entries[0].value == pytest.approx(np.mean(items.cells))


def test_learning_curves_are_drawn_per_row_and_listed_as_rows(board):
    (sums,) = board.of_task("sums")
    made = curves(sums)
    assert list(made.figures) == [
        "validation score over steps",
        "validation score over rollouts",
        "training reward over steps",
        "training reward over rollouts",
    ]
    for quantity in ("validation score", "training reward"):
        by_step, by_rollout = (figure for name, figure in made.figures.items() if quantity in name)
        assert by_step.rows == by_rollout.rows
        assert len(by_step.plot["data"]) == 2 * 2  # a band and a line each
        lines = {trace["name"]: trace for trace in by_step.plot["data"] if "name" in trace}
        assert set(lines) == {"vote x test/small", "vote x test/large"}
        for name, line in lines.items():
            assert [row[3] for row in by_step.rows if row[0] == name] == line["y"]
            assert [row[1] for row in by_step.rows if row[0] == name] == line["x"]
    figure = made.figures["validation score over steps"]
    assert figure.rows[0][:4] == ["vote x test/large", 10.0, 160.0, pytest.approx(0.33)]
    band = figure.plot["data"][0]
    assert (band["x"][0], band["x"][-1]) == (10.0, 10.0) and band["y"][0] > 0.33 > band["y"][-1]
    columns, rows = made.targets.columns, made.targets.rows
    assert list(columns) == ["row", "final", "vote x test/large", "vote x test/small"]
    assert rows == [
        ["vote x test/large", pytest.approx(0.43), "60 (960)", "30 (480)"],
        ["vote x test/small", pytest.approx(0.37), "not reached", "60 (960)"],
    ]
    (first, *_) = board.of_task("arc1d")
    assert curves(first).figures == {} and curves(first).targets is None


def test_a_swept_argument_is_drawn_with_the_forms_that_harness_sweep_fits(tmp_path):
    from harness.comparison.sweep import curves as swept
    from harness.comparison.sweep_json import plain_sweep
    from harness.results.index import read_index
    from harness.testing import seal_scores

    rng = np.random.default_rng(0)
    for k in (16, 64, 100, 250, 500, 1000):
        for seed in range(3):
            scores = rng.random(300) < 0.3 + 0.07 * np.log(min(k, 250))
            seal_scores(tmp_path, scores, method="shots", seed=seed, method_args={"k": k})
    (section,) = sites.load(tmp_path).sections
    (sweep,) = method_sweeps(section)
    made = scaling(sweep, section.metric)
    (row,) = [plain_sweep(curve) for curve in swept(read_index(tmp_path).rows, "k")]
    assert [(cells[1], cells[2]) for cells in made.also.rows] == [(f["form"], f["aic"]) for f in row["fits"]]
    points, form = made.plot["data"]
    assert points["mode"] == "markers" and form["line"]["dash"] == "dash"
    assert [list(pair) for pair in zip(form["x"], form["y"], strict=True)] == row["fits"][0]["curve"]
    assert form["name"].startswith(f"lowest AIC: {row['fits'][0]['form']}")
    assert row["sentence"] in made.summary and row["verdict"] == "rises"
    assert ("inconclusive" in form["name"]) == (row["form"] == "inconclusive")
    for cells, fit in zip(made.also.rows, row["fits"], strict=True):
        for name, parameter in fit["parameters"].items():
            low, high = parameter["ci"]
            assert f"{name} {parameter['value']:.3g} [{low:.3g}, {high:.3g}]" in cells[3]


def surface_store(root, family="method_args", levels=(1, 2, 4), **how):
    """Runs over samples x k, or x level of the task, with seeds of their own; returns the rows."""
    rng = np.random.default_rng(0)
    for row, samples in enumerate((1, 2, 4)):
        for column, k in enumerate(levels):
            for seed in range(2):
                own = {"k": k} if family == "method_args" else {}
                seal_scores(
                    root,
                    (rng.random(200) < 0.2 + 0.3 * np.log10(samples * k)).astype(float),
                    method="search",
                    seed=1000 * (10 * row + column) + seed,
                    items=None if own else [f"{k}-{n}" for n in range(200)],
                    task_args=None if own else {"k": k},
                    method_args={"samples": samples, **own, **how},
                    draws="run",
                )
    return read_index(root).rows


def test_two_swept_arguments_are_drawn_as_the_surface_that_harness_sweep_describes(tmp_path):
    rows = surface_store(tmp_path)
    (section,) = sites.load(tmp_path).sections
    (figure,) = method_surfaces(section)
    (surface,) = surfaces(rows, ("k", "samples"))
    row = plain_surface(surface)
    contour, cells = figure.plot["data"]
    assert contour["type"] == "contour" and len(contour["z"]) == len(contour["y"]) == len(contour["x"])
    assert contour["name"] == next(
        fit["form"] for fit in row["fits"] if fit["terms"] in ("both", "interaction")
    )
    fit = next(each for each in describe(surface).fits if each.name == contour["name"])
    corner = heights(surface, fit, np.array([contour["x"][0]]), np.array([contour["y"][-1]]))
    assert contour["z"][-1][0] == pytest.approx(corner[0])
    assert list(zip(cells["x"], cells["y"], strict=True)) == [
        tuple(cell["coordinates"]) for cell in row["cells"]
    ]
    assert cells["marker"]["color"] == [cell["mean"] for cell in row["cells"]]
    assert [cell[:2] for cell in figure.rows] == [[f"{k}", f"{s}"] for k in (1, 2, 4) for s in (1, 2, 4)]
    assert [cell[0] for cell in figure.also.rows] == [fit["form"] for fit in row["fits"]]
    assert all(found["sentence"] in figure.summary for found in row["hypothesis"].values())
    assert figure.title == "accuracy over k and samples: search x sim/model"
    assert "no common unit" in figure.summary and figure.columns[2] == "x: k"
    assert "Forms of the surface" in pages.task(sites.load(tmp_path), "simulated")


def test_a_best_split_lies_on_the_line_of_its_budget(tmp_path):
    rng = np.random.default_rng(0)
    for row, reasoning in enumerate((1000, 2000, 4000)):
        for column, searches in enumerate((2, 4, 8)):
            p = 0.1 + 0.3 * np.log10(reasoning / 500) + 0.3 * np.log10(searches)
            seal_scores(
                tmp_path,
                (rng.random(300) < p).astype(float),
                seed=10 * row + column,
                method_args={"reasoning": reasoning, "searches": searches},
                used={"reasoning_tokens": reasoning, "retrieved_tokens": 500 * searches},
                draws="none",
            )
    (section,) = sites.load(tmp_path).sections
    (figure,) = method_surfaces(section)
    _, _, line, star = figure.plot["data"]
    assert line["name"] == "5,000 tokens in all" and star["name"].startswith("best split: ")
    assert [x + y for x, y in zip(line["x"], line["y"], strict=True)] == pytest.approx([5.0] * len(line["x"]))
    assert star["x"][0] + star["y"][0] == pytest.approx(5.0)
    assert figure.plot["layout"]["xaxis"]["title"]["text"] == "thousand reasoning tokens"


def test_an_argument_of_the_task_makes_a_surface_across_its_sections(tmp_path):
    surface_store(tmp_path, "task_args")
    sections = sites.load(tmp_path).of_task("simulated")
    assert len(sections) == 3 and [method_surfaces(section) for section in sections] == [[]] * 3
    (figure,) = task_surfaces(sections)
    assert "Cells have items of their own" in figure.summary and len(figure.rows) == 9


def test_an_argument_that_makes_the_corpus_has_its_curve(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    for distractors in (2, 3, 4):
        args = {"items": 3, "distractors": distractors}
        request = Request("research/synthetic", "no-search", "sim/reader", args)
        run_grid(plan(request), Session(Store(tmp_path / "results")))
    (curve,) = task_sweeps(sites.load(tmp_path / "results").of_task("research/synthetic"))
    assert curve.parameter == "task_args.distractors"


def test_too_few_cells_and_other_arguments_make_no_surface(tmp_path):
    surface_store(tmp_path / "two", levels=(1, 2))
    (section,) = sites.load(tmp_path / "two").sections
    assert method_surfaces(section) == [] and task_surfaces([section]) == []
    surface_store(tmp_path / "both", vote="soft")
    surface_store(tmp_path / "both", vote="hard")
    (section,) = sites.load(tmp_path / "both").sections
    assert len(method_surfaces(section)) == 2


def test_too_few_values_draw_no_form_and_decide_nothing(board):
    first = next(s for s in board.of_task("arc1d") if "level=1" in s.title and len(s.entries) > 3)
    (sweep,) = method_sweeps(first)
    made = scaling(sweep, first.metric)
    (points,) = made.plot["data"]
    assert points["mode"] == "lines+markers" and "Dashed" not in made.summary
    (cells,) = made.also.rows
    assert cells[1] == "constant" and cells[4].startswith("inconclusive: 3 values with at least 1 seeds")


def test_values_that_have_no_logarithm_are_no_error(tmp_path, seal_run):
    for n in range(-3, 1):
        seal_run(tmp_path, [1.0, 0.0, 1.0], method_args={"offset": n})
    (section,) = sites.load(tmp_path).sections
    (sweep,) = method_sweeps(section)
    assert scaling(sweep, section.metric).also is None


def test_places_need_enough_items_and_no_order_is_suggested_below(tmp_path):
    for method, right in (("a-worst", 1), ("b-best", 5), ("c-middle", 3)):
        seal_scores(tmp_path, [1.0] * right + [0.0] * (5 - right), method=method)
    (section,) = sites.load(tmp_path).sections
    assert [(e.arm.method, e.rank) for e in section.entries] == [
        ("a-worst", None),
        ("b-best", None),
        ("c-middle", None),
    ]
    assert section.notes == ("ranks not shown (n = 5)",)


def test_one_run_of_a_method_that_draws_has_no_place_of_its_own(tmp_path):
    """Its lead holds for that draw alone: `not shown (1 seed)`, in places as in comparisons."""
    hard = np.random.default_rng(0).random(200)
    for seed in (0, 1):
        seal_scores(tmp_path, hard < 0.3, method="drawn", seed=seed, draws="run")
        seal_scores(tmp_path, hard < 0.6, method="other", seed=seed, draws="run")
    seal_scores(tmp_path, hard < 0.9, method="once", draws="run")
    (section,) = sites.load(tmp_path, sites.Options(baselines=("drawn",))).sections
    assert [(e.arm.method, e.rank) for e in section.entries] == [
        ("once", (1, 3)),
        ("other", (1, 2)),
        ("drawn", (2, 3)),
    ]
    verdicts = {c["name"].split()[0]: c["verdict"] for c in section.comparisons["drawn"]}
    assert verdicts == {"once": "not shown", "other": "better"}
    assert {c["tests"] for c in section.comparisons["drawn"]} == {1}, "what claims nothing is no test"
    assert any("1 of 3 rows that draw something per run (once" in note for note in section.notes)


def test_a_page_is_one_family_of_tests(tmp_path):
    """Sections of a task share Holm's correction, and a comparison is a pair that places rest on too."""
    rng = np.random.default_rng(1)
    base = rng.random(300)
    for level in (1, 2):
        for method, up in (("direct", 0.0), ("m1", 0.04), ("m2", 0.08), ("m3", 0.10)):
            scores = base + up + rng.normal(0, 0.15, 300) < 0.5
            seal_scores(tmp_path, scores, method=method, task_args={"level": level}, draws="none")
    sections = sites.load(tmp_path, sites.Options(baselines=("direct",))).sections
    assert len(sections) == 2
    tests = []
    for section in sections:
        arms = [e.arm for e in section.entries]
        tests += [
            compare(a, b).p_value
            for n, a in enumerate(arms)
            for b in arms[:n]
            if "direct" in (a.method, b.method)
        ]
        tests += [
            p
            for (j, k), p in zip(*_pairs(arms), strict=True)
            if "direct" not in (arms[j].method, arms[k].method)
        ]
    assert len(tests) == 2 * 6
    adjusted = dict(zip(tests, holm(tests), strict=True))
    for section in sections:
        places = {e.arm.method: e.rank for e in section.entries}
        for c in section.comparisons["direct"]:
            assert c["adjusted_p"] == pytest.approx(adjusted[c["p_value"]])
            apart = places["direct"][0] >= 2 and places[c["candidate"]["method"]][1] <= 3
            assert c["verdict"] != "better" or apart


def test_rows_of_one_seed_leave_the_family(tmp_path):
    """They say nothing of other seeds, so that a page adjusts for as many tests as `harness compare`."""
    right = np.arange(100) % 2 == 0
    seal_scores(tmp_path, right, method="direct", draws="none")
    seal_scores(tmp_path, right | (np.arange(100) < 14), method="cot", draws="none")
    for k in range(4):
        seal_scores(tmp_path, np.ones(100), method=f"few{k}", draws="run")
    (section,) = boards.page(read_index(tmp_path).rows)
    shown = {row["name"]: row for row in section.comparisons["direct"]}
    for made in harness.compare(tmp_path, baseline="direct"):
        row = shown[made.candidate.named()]
        assert (row["verdict"], row["tests"]) == (made.verdict(), made.tests)
        assert row["adjusted_p"] == pytest.approx(made.adjusted_p)
    assert shown["cot x sim/model"]["verdict"] == "better" and shown["cot x sim/model"]["tests"] == 1


def _pairs(arms):
    found = pair_tests(arms)
    return found.pairs, found.p_values


@pytest.mark.parametrize("items", [12, 74])
def test_single_attempts_and_few_items_are_tested_as_they_are_compared(tmp_path, items):
    """McNemar's test and the exact signs of few items: a place and a comparison never disagree."""
    rng = np.random.default_rng(4)
    hard = rng.random(items)
    for n, method in enumerate(("a", "b", "c", "d")):
        seal_scores(tmp_path, hard < 0.5 + 0.05 * n, method=method, draws="none")
    seal_scores(tmp_path, rng.random(items) < 0.6, method="e", draws="none")
    arms = arms_of(read_index(tmp_path).rows)
    for (j, k), p in zip(*_pairs(arms), strict=True):
        made = compare(arms[j], arms[k])
        assert p == pytest.approx(1.0 if made.p_value is None else made.p_value)


def test_pairs_are_tested_as_they_are_compared(tmp_path):
    """Runs apart, groups together, paired where they drew the same: the rule of `harness compare`."""
    rng = np.random.default_rng(2)
    groups = [f"g{n // 3}" for n in range(240)]
    for method in ("a", "b", "c"):
        for seed in range(4):
            digest = f"{seed}".ljust(64, "0") if method != "c" else None
            scores = rng.random(240) < 0.5 + 0.02 * seed
            seal_scores(
                tmp_path, scores, method=method, seed=seed, groups=groups, draws="run", draw_digest=digest
            )
    (section,) = sites.load(tmp_path).sections
    arms = [e.arm for e in section.entries]
    found = pair_tests(arms)
    assert found.units == 80
    for (j, k), p in zip(found.pairs, found.p_values, strict=True):
        made = compare(arms[j], arms[k])
        assert made.paired_draws == ("c" not in (arms[j].method, arms[k].method))
        assert p == pytest.approx(made.p_value)


def test_recovery_is_measured_where_trajectories_are_recorded(tmp_path, seal_run):
    seal_run(
        tmp_path,
        [1.0, 0.0, 1.0, 1.0],
        trace=lambda n: {"tool_errors": n % 2, "steps": 3},
    )
    seal_run(tmp_path, [1.0, 0.0, 1.0, 1.0], method="plain")
    agent, plain = [e.arm for s in sites.load(tmp_path).sections for e in s.entries]
    found = recovery([agent])
    assert (found.attempts, found.failed, found.rate) == (4, 2, 0.5)
    assert recovery([plain]) is None


def test_the_page_of_grids_shows_what_the_command_prints(board):
    from harness.leaderboard.grids import shown
    from harness.leaderboard.pages import grids

    (found,) = [each for each in shown(board.sections) if each.section.task == "sums"]
    assert found.section.grid.levels == {"method": ["direct", "vote"], "model": ["test/large", "test/small"]}
    assert [row[0] for row in found.figure.also.rows] == ["method", "model", "method x model"]
    assert found.section.grid.left_out == ["method flaky: not run with all others"]
    page = grids(board)
    assert all(
        said in page for said in ("HV, of methods", "reversals of methods over models", "Harness card")
    )
