"""Whole rows and lines of what a comparison prints and exports, against values that are computed here, by
scipy and by hand."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.comparison.arms import arms_of
from harness.comparison.export import comparison_csv, comparison_latex, comparison_markdown, table
from harness.comparison.paired import Comparison, adjust, compare
from harness.comparison.planning import EFFECT_SD, assumed, stored_noise
from harness.comparison.suites import over_suite, suite_sentence, suites
from harness.comparison.to_json import plain, plain_suite
from harness.display.comparisons import comparison_blocks, notes
from harness.results.index import in_force, read_index
from harness.spec import MetricRange
from harness.testing import seal_scores

N, K = 40, 4
#: what an attempt took, by method: every ratio is another number
USED = {
    "direct": {"calls": 2, "input_tokens": 30, "output_tokens": 10, "cost_usd": 0.5},
    "vote": {"calls": 8, "input_tokens": 70, "output_tokens": 20, "cost_usd": 0.25},
}
RATIOS = {"calls": 4.0, "tokens": 2.25, "usd": 0.5}


def scores_of(task, method):
    rng = np.random.default_rng({"a": 5, "b": 6}[task])
    rates = rng.random(N)
    more = {"a": 0.18, "b": 0.02}[task] if method == "vote" else 0.0
    return (rng.random((2, N, K))[int(method == "vote")] < np.clip(rates + more, 0, 1)[:, None]).astype(float)


def rows_of(root):
    """Rows of the index, with what an attempt took as above."""
    rows = []
    for row in in_force(read_index(root).rows):
        used = {name: one * row["counts"]["attempts"] for name, one in USED[row["method"]].items()}
        rows.append({**row, "usage": {**row["usage"], **used}})
    return rows


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    for task in ("a", "b"):
        for method in USED:
            items = [f"{task} {n}" for n in range(N)]
            seal_scores(root, scores_of(task, method), task=task, method=method, items=items)
    return rows_of(root)


@pytest.fixture(scope="module")
def made(rows):
    arms = arms_of(rows)
    return adjust([compare(arms[1], arms[0]), compare(arms[3], arms[2])])


class Expected:
    """A paired t test by scipy, and what is printed of it."""

    def __init__(self, task):
        ours, theirs = (scores_of(task, method).mean(1) for method in ("vote", "direct"))
        gains = ours - theirs
        test = stats.ttest_rel(ours, theirs)
        self.values, self.difference = (ours.mean(), theirs.mean()), gains.mean()
        self.stderr = gains.std(ddof=1) / np.sqrt(N)
        self.low, self.high = test.confidence_interval()
        self.p, self.wins, self.losses = test.pvalue, int((gains > 0).sum()), int((gains < 0).sum())
        shown = (100 * each for each in (self.difference, self.low, self.high))
        self.ends = "{:+.1f} [{:+.1f}, {:+.1f}]".format(*shown)


@pytest.fixture(scope="module")
def expected():
    a, b = Expected("a"), Expected("b")
    first, second = sorted((a, b), key=lambda each: each.p)
    first.holm = min(1.0, 2 * first.p)
    second.holm = max(first.holm, second.p)
    assert a.holm < 0.05 < b.p and a.wins != a.losses, "the two verdicts differ"
    return a, b


def row_of(task, e, verdict):
    held = [
        task,
        "vote x sim/model",
        "direct x sim/model",
        f"{e.values[0]:.3f}",
        f"{e.values[1]:.3f}",
        e.ends,
    ]
    held += [f"{e.holm:.2g}", verdict, "paired t", f"{e.wins} / {e.losses}", str(N), "4x", "2.25x", "0.5x"]
    return held


NAMES = ["task", "candidate", "baseline", "cand.", "base.", "difference [95 %]", "adjusted p", "verdict"]
NAMES += ["test", "won / lost", "items", "calls", "tokens", "USD"]


def test_a_table(made, expected):
    a, b = expected
    wanted = [row_of("a", a, "better"), row_of("b", b, "not shown")]
    assert table(made) == (NAMES, wanted)
    assert (
        table(made, correction="bh")[0][6] == "p (BH)" and table(made, correction="holm")[0][6] == "p (Holm)"
    )


def test_the_same_in_markdown_and_latex(made, expected):
    names = [*NAMES[:8], "for", *NAMES[8:]]
    wanted = [row_of("a", expected[0], "better"), row_of("b", expected[1], "not shown")]
    for row in wanted:
        row.insert(8, "new items")
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * 15]
    lines += ["| " + " | ".join(row) + " |" for row in wanted]
    assert comparison_markdown(made) == "\n".join(lines) + "\n"
    body = comparison_latex(made).splitlines()
    assert body[0] == r"\begin{tabular}{lll" + "r" * 12 + "}"
    for row, line in zip(wanted, body[4:6], strict=True):
        row[5] = f"${row[5]}$"
        assert line == " & ".join(row) + r" \\"


def test_the_same_in_csv(made, expected, rows):
    runs = {(row["task"], row["method"]): row for row in rows}
    for found, task, e, verdict in zip(
        csv.DictReader(io.StringIO(comparison_csv(made))),
        "ab",
        expected,
        ("better", "not shown"),
        strict=True,
    ):
        texts = {
            "task": task,
            "metric": "accuracy",
            "comparability_key": runs[task, "vote"]["comparability_key"],
            "candidate": "vote",
            "candidate_model": "sim/model",
            "candidate_runs": runs[task, "vote"]["run_id"][:12],
            "baseline": "direct",
            "baseline_model": "sim/model",
            "baseline_runs": runs[task, "direct"]["run_id"][:12],
            "claim": "items",
            "test": "paired t",
            "verdict": verdict,
            "items": str(N),
            "wins": str(e.wins),
            "losses": str(e.losses),
        }
        numbers = {
            "candidate_value": e.values[0],
            "baseline_value": e.values[1],
            "difference": e.difference,
            "ci_low": e.low,
            "ci_high": e.high,
            "p_value": e.p,
            "adjusted_p": e.holm,
            **{f"{name}_ratio": ratio for name, ratio in RATIOS.items()},
        }
        assert {name: found[name] for name in texts} == texts
        assert {name: float(found[name]) for name in numbers} == pytest.approx(numbers)
        assert found.keys() == texts.keys() | numbers.keys()


def test_the_same_in_json(made, expected, rows):
    found, e = plain(made[0]), expected[0]
    runs = {row["method"]: row for row in rows if row["task"] == "a"}
    change = {"value": e.difference, "stderr": e.stderr, "df": N - 1.0}
    counts = {"wins": e.wins, "losses": e.losses, "ties": N - e.wins - e.losses, "n_items": N}
    assert {name: found["difference"][name] for name in change} == pytest.approx(change)
    assert {name: found["difference"][name] for name in counts} == counts
    assert found["difference"]["ci"] == pytest.approx([e.low, e.high])
    assert (found["difference"]["ci_method"], found["difference"]["n_clusters"]) == ("t", None)
    for side, method, value in (("candidate", "vote", e.values[0]), ("baseline", "direct", e.values[1])):
        run = runs[method]
        assert found[side] == {
            "method": method,
            "model": "sim/model",
            "store": None,
            "value": pytest.approx(value),
            "run_ids": [run["run_id"]],
            "seeds": [0],
            "subject_key": run["subject_key"],
        }
    assert (found["p_value"], found["adjusted_p"]) == pytest.approx((e.p, e.holm))
    assert found["cost_ratio"] == pytest.approx(RATIOS) and found["tests"] == 2
    assert found["items"] == {"matched": N, "only_candidate": 0, "only_baseline": 0}
    assert found["draws"] == {"candidate": False, "baseline": False} and not found["paired_draws"]
    assert (found["task"], found["metric"], found["lower_is_better"]) == ("a", "accuracy", False)
    assert found["variances"] == {
        "items": pytest.approx(e.stderr**2),
        "runs": 0.0,
        "overlap": pytest.approx(0.0),
        "df_items": N - 1,
        "df_runs": None,
    }
    said = f"better {e.ends} for new items ({N} items; nothing is drawn per run); p {e.holm:.2g}"
    assert found["sentence"] == said and found["claim"] == "items"


def test_what_is_said_below_the_table(made, expected):
    signs = [f"sign-flip p = {c.checks['sign_flip']:.2g}" for c in made]
    claimed = f"for new items ({N} items; nothing is drawn per run)"
    assert [notes(c) for c in made] == [[claimed, sign] for sign in signs]
    for c, e in zip(made, expected, strict=True):
        flips = stats.permutation_test(
            (scores_of(c.candidate.task, "vote").mean(1), scores_of(c.candidate.task, "direct").mean(1)),
            lambda x, y, axis: np.mean(x - y, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=9999,
            rng=np.random.default_rng(1),
        )
        assert c.checks["sign_flip"] == pytest.approx(flips.pvalue, abs=0.02)
        assert c.probability_better is None and c.scored_only is None and c.difference.wins == e.wins
    *_, last = comparison_blocks(made, [])
    assert last.text == suite_sentence(made)
    assert not any(
        getattr(b, "text", "").startswith("over 2 tasks") for b in comparison_blocks(made, [], True)
    )


def test_the_mean_over_tasks_has_the_interval_and_the_p_of_one_t_test(made, expected):
    a, b = expected
    value = (a.difference + b.difference) / 2
    variance = (a.stderr**2 + b.stderr**2) / 4
    df = variance**2 / ((a.stderr**2 / 4) ** 2 / (N - 1) + (b.stderr**2 / 4) ** 2 / (N - 1))
    low, high = stats.t.interval(0.95, df, value, np.sqrt(variance))
    p = 2 * stats.t.sf(abs(value) / np.sqrt(variance), df)
    found = over_suite(made)
    assert (found.value, found.stderr) == pytest.approx((value, np.sqrt(variance)))
    assert found.ci == pytest.approx((low, high), rel=1e-6) and found.p_value == pytest.approx(p, rel=1e-6)
    assert (found.n_tasks, found.n_items) == (2, 2 * N)
    assert suite_sentence(made) == (
        "over 2 tasks, vote x sim/model - direct x sim/model: "
        f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}], p = {p:.2g} for new items"
    )
    told = plain_suite(made)
    assert told["tasks"] == ["a", "b"] and told["unit"] == "metric" and told["n_tasks"] == 2
    assert (told["value"], told["stderr"], told["p_value"]) == pytest.approx((value, variance**0.5, p))
    assert told["ci"] == pytest.approx((low, high)) and told["variances"]["items"] == pytest.approx(variance)
    assert told["candidate"] == {"method": "vote", "model": "sim/model"}
    assert told["baseline"] == {"method": "direct", "model": "sim/model"}


def test_one_task_or_one_key_twice_is_no_suite(made):
    assert suites(made) == [made] and suites(made[:1]) == [] and suites([made[0], made[0]]) == []


@pytest.mark.parametrize(
    "use, wanted",
    [
        ({"calls": 0}, {"calls": None, "tokens": 2.25, "usd": 0.5}),
        ({"input_tokens": None}, {"calls": 4.0, "tokens": None, "usd": 0.5}),
        ({"output_tokens": None}, {"calls": 4.0, "tokens": None, "usd": 0.5}),
        ({"cost_usd": None}, {"calls": 4.0, "tokens": 2.25, "usd": None}),
        ({"cost_usd": 0.0}, {"calls": 4.0, "tokens": 2.25, "usd": None}),
        ({"input_tokens": 0, "output_tokens": 0}, {"calls": 4.0, "tokens": None, "usd": 0.5}),
    ],
)
def test_a_cost_of_the_baseline_that_is_unknown_or_nothing_has_no_ratio(rows, use, wanted):
    told = [{**r, "usage": {**r["usage"], **use}} if r["method"] == "direct" else r for r in rows]
    direct, vote, *_ = arms_of(told)
    found = compare(vote, direct)
    assert found.cost_ratio == wanted
    names, (row,) = table([found])
    shown = {"calls": "4x", "tokens": "2.25x", "USD": "0.5x"}
    kept = [name for name, ratio in zip(shown, wanted.values(), strict=True) if ratio is not None]
    assert names[11:] == kept and row[11:] == [shown[name] for name in kept]
    (line,) = csv.DictReader(io.StringIO(comparison_csv([found])))
    assert [line[f"{name}_ratio"] for name in wanted] == [
        "?" if r is None else str(r) for r in wanted.values()
    ]


def test_a_candidate_that_is_free_has_a_ratio_of_nothing(rows):
    told = [{**r, "usage": {**r["usage"], "cost_usd": 0.0}} if r["method"] == "vote" else r for r in rows]
    direct, vote, *_ = arms_of(told)
    assert compare(vote, direct).cost_ratio["usd"] == 0.0


@pytest.mark.parametrize(
    "p, gain, said",
    [
        (0.049, 0.1, "better"),
        (0.05, 0.1, "not shown"),
        (0.051, 0.1, "not shown"),
        (0.049, -0.1, "worse"),
        (0.049, 0.0, "not shown"),
        (None, 0.1, "not shown"),
    ],
)
def test_a_verdict_at_its_threshold(made, p, gain, said):
    c = replace(made[0], adjusted_p=p, gain=replace(made[0].gain, value=gain))
    assert c.verdict() == said


@pytest.mark.parametrize(
    "p, adjusted, said",
    [
        (0.049, 0.05, "not shown (2 tests)"),
        (0.05, 0.1, "not shown"),
        (None, None, "not shown (nothing to test)"),
    ],
)
def test_what_is_not_shown_has_its_reason(made, p, adjusted, said):
    assert replace(made[0], p_value=p, adjusted_p=adjusted).verdict_with_reason() == said
    alone = replace(made[0], claim="these runs", p_value=p, adjusted_p=adjusted)
    assert alone.verdict_with_reason() == "not shown (1 seed)"
    assert replace(alone, asked=True).verdict_with_reason() == said


def test_what_says_nothing_is_no_part_of_the_family(made):
    alone = replace(made[0], claim="these runs", asked=False)
    untested = replace(made[0], p_value=None)
    first, second, third = adjust([alone, made[0], untested])
    assert (first.adjusted_p, third.adjusted_p) == (None, None)
    assert second.adjusted_p == made[0].p_value and second.tests == 1
    assert adjust([]) == [] and [c.adjusted_p for c in adjust([alone])] == [None]


def two(root, ours, theirs, **more):
    seal_scores(root, theirs, method="direct", **more)
    seal_scores(root, ours, method="vote", **more)
    direct, vote = arms_of(in_force(read_index(root).rows))
    return compare(vote, direct)


@pytest.mark.parametrize("items, posterior", [(299, True), (300, True), (301, False)])
def test_a_posterior_is_stated_of_small_sets(tmp_path, items, posterior):
    ours, theirs = np.zeros(items), np.zeros(items)
    ours[:20], theirs[15:25] = 1, 1
    found = two(tmp_path, ours, theirs)
    wins, losses = 15, 5
    if posterior:
        wanted = 1 - stats.beta.cdf(0.5, wins + 1, losses + 1)
        assert found.probability_better == pytest.approx(wanted)
        assert f"P(better) = {wanted:.3f} by a Dirichlet posterior over the pairs" in notes(found)
    else:
        assert found.probability_better is None


@pytest.mark.parametrize("items, checked", [(49, True), (50, False), (51, False)])
def test_sign_flips_check_few_items(tmp_path, items, checked):
    rng = np.random.default_rng(1)
    found = two(tmp_path, rng.random((items, 3)) < 0.6, rng.random((items, 3)) < 0.4)
    assert isinstance(found, Comparison) and ("sign_flip" in found.checks) == checked


@pytest.mark.parametrize("items, few", [(5, True), (6, False)])
def test_fewer_than_six_items_that_differ_are_judged_by_their_signs_too(tmp_path, items, few):
    ours = np.full((20, 2), 0.5)
    ours[:items] = 1.0
    found = two(tmp_path, ours, np.full((20, 2), 0.5))
    assert (found.test == "sign flips") == few and (found.p_value >= 2 * 0.5**5) == few


def test_agreeing_subjects_say_nothing_of_the_noise(tmp_path):
    """Two subjects that answer alike, as a method and its twin at temperature 0, are no noise of 0."""
    right = np.tile([1.0, 0.0, 1.0, 1.0], 10)
    for method in ("direct", "twin"):
        seal_scores(tmp_path / "two", right, method=method)
    noise = stored_noise(arms_of(in_force(read_index(tmp_path / "two").rows)))
    assert noise.components.items == EFFECT_SD**2 and noise.sources["items"] == "an assumption"
    assert noise.components.attempts == assumed().components.attempts
    other = 1 - right
    other[:20] = right[:20]
    for method, scores in (("direct", right), ("twin", right), ("other", other)):
        seal_scores(tmp_path / "three", scores, method=method)
    found = stored_noise(arms_of(in_force(read_index(tmp_path / "three").rows)))
    gains = other - right
    said = found.components
    # of single attempts of single runs all that varies is put down to the attempts
    assert said.items + said.attempts + said.cells == pytest.approx(gains.var(ddof=1))
    assert "other" in found.sources["items"]


def test_lines_of_a_plan():
    noise = assumed()
    attempt = noise.components.attempts / 2
    assert noise.lines() == [
        "runs of an arm vary by 2.0 points (SD): an assumption",
        "the difference varies by 10 points between items: an assumption",
        f"an attempt has a variance of {attempt:.3f}: an assumption, items of mixed difficulty",
    ]
    still = assumed(draws=False, n_items=7)
    assert still.lines()[0] == "nothing is drawn per run, so that runs are more attempts: as declared"
    assert (still.run_sd, still.drawing, still.n_items, still.paired) == (0.0, 0, 7, False)
    components = replace(noise.components, cells=2 * 0.03**2, group_size=4.0, group_correlation=0.5)
    more = replace(noise, components=components, sources={"cells": "here", "groups": "there"})
    assert more.lines() == [
        "a run's draw moves single items by 3 points: here",
        "groups of 4 items multiply the variance by 2.50: there",
    ]


def test_a_metric_in_its_own_unit_is_printed_in_it(tmp_path):
    rng, span = np.random.default_rng(2), MetricRange(0.0, 10.0, lower_is_better=True)
    ours, theirs = rng.random((30, 2)), rng.random((30, 2)) + 1
    found = two(tmp_path, ours, theirs, metric_range=span)
    (adjusted,) = adjust([found])
    gains = ours.mean(1) - theirs.mean(1)
    low, high = stats.t.interval(0.95, 29, gains.mean(), stats.sem(gains))
    assert (found.value, *found.interval) == pytest.approx((gains.mean(), low, high))
    (row,) = table([adjusted])[1]
    assert row[5] == f"{gains.mean():+.2f} [{low:+.2f}, {high:+.2f}]" and row[7] == "better"
    assert row[9] == f"{(gains < 0).sum()} / {(gains > 0).sum()}" and "accuracy: lower is better" in notes(
        found
    )
