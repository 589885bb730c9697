"""Comparisons as Markdown, LaTeX, CSV and pictures; results as a paper's table."""

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.comparison.arms import arms_of
from harness.comparison.export import comparison_csv, comparison_latex, comparison_markdown
from harness.comparison.items import load_items
from harness.comparison.paired import adjust, compare
from harness.comparison.paper import paper, paper_latex, paper_markdown
from harness.comparison.scores import score
from harness.comparison.sentences import sentence
from harness.plots import KINDS, plot_comparisons
from harness.results.index import in_force, read_index
from harness.spec import MetricRange
from harness.stats.crossed import parts_of
from harness.testing import seal_scores


@pytest.fixture
def made(tmp_path):
    """Adjusted comparisons of a vote with direct on two tasks, and their arms."""
    rng = np.random.default_rng(3)
    for task in ("a_1", "b"):
        seal_scores(tmp_path / "s", rng.random(80) < 0.3, task=task, method="direct")
        seal_scores(tmp_path / "s", rng.random(80) < 0.7, task=task, method="vote", calls=8)
    arms = arms_of(in_force(read_index(tmp_path / "s").rows))
    return adjust([compare(arms[n + 1], arms[n]) for n in (0, 2)]), arms


def test_the_same_numbers_in_every_form(made):
    comparisons, _ = made
    first = comparisons[0]
    shown = f"{100 * first.value:+.1f} [{100 * first.interval[0]:+.1f}, {100 * first.interval[1]:+.1f}]"
    assert shown in comparison_markdown(comparisons) and f"${shown}$" in comparison_latex(comparisons)
    rows = list(csv.DictReader(io.StringIO(comparison_csv(comparisons))))
    assert [float(row["difference"]) for row in rows] == [c.value for c in comparisons]
    assert rows[0]["candidate"] == "vote" and rows[0]["baseline_model"] == "sim/model"
    assert float(rows[0]["adjusted_p"]) == first.adjusted_p and rows[0]["verdict"] == "better"
    assert comparison_csv([]) == ""
    alone = replace(first, claim="these runs", asked=True)
    for write in (comparison_markdown, comparison_latex):
        assert "new items" in write(comparisons) and "new items on these runs only" in write([alone])
        assert "these runs" not in write(comparisons)


def test_latex_is_escaped_and_of_one_shape(made):
    text = comparison_latex(made[0])
    assert r"a\_1" in text and text.count(r"\\") == 3
    body = text.splitlines()[4:-2]
    assert {line.count(" & ") for line in body} == {text.splitlines()[2].count(" & ")}


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_pictures(made, tmp_path, kind):
    comparisons, arms = made
    path = tmp_path / "picture.svg"
    missing = {
        "curves": "no run here has a learning curve",
        "utility": "no run here measured a person's effort",
    }
    if kind in missing:
        with pytest.raises(UsageError, match=missing[kind]):
            plot_comparisons(comparisons, arms, path, kind)
        return
    assert plot_comparisons(comparisons, arms, path, kind) == (kind or "cost")
    drawn = path.read_text()
    assert "vote x sim/model" in drawn and "a_1" in drawn
    plot_comparisons(comparisons, arms, tmp_path / "again.svg", kind)
    assert drawn == (tmp_path / "again.svg").read_text(), "no time stamp"


def test_arms_that_train_draw_their_curves_where_nothing_else_is_said(tmp_path):
    curve = [{"step": n, "dev": n / 10, "rollouts": 10 * n} for n in range(3)]
    for method in ("direct", "curator"):
        seal_scores(tmp_path, [1, 0, 1], method=method, needs=("trainable",), curve=curve)
    arms = arms_of(in_force(read_index(tmp_path).rows))
    assert plot_comparisons(adjust([compare(*arms)]), arms, tmp_path / "a.pdf") == "curves"


def test_a_score_pools_runs_over_items_and_where_they_draw_over_runs(tmp_path):
    rng = np.random.default_rng(1)
    for seed in range(4):
        seal_scores(tmp_path, rng.random(60) < 0.5, method="direct", seed=seed)
        seal_scores(tmp_path, rng.random(60) < 0.5, method="curator", seed=seed, needs=("trainable",))
    curator, direct = arms_of(in_force(read_index(tmp_path).rows))
    over = score(curator)
    parts = parts_of(load_items(curator, "accuracy").cells)
    assert (over.unit, over.runs) == ("items and runs", 4)
    assert over.interval == pytest.approx(parts.interval())
    over = score(direct)
    assert (over.unit, over.runs) == ("items", 4)
    assert over.value == pytest.approx(np.mean([run["metrics"]["accuracy"]["value"] for run in direct.runs]))
    alone = score(type(direct)(direct.runs[:1]))
    assert alone.interval == tuple(direct.runs[0]["metrics"]["accuracy"]["ci"])


@pytest.fixture
def board(tmp_path):
    for seed in (0, 1):
        seal_scores(tmp_path, [1, 0, 1, 0], task="a", method="direct", seed=seed)
        seal_scores(tmp_path, [1, 1, 1, 0], task="a", method="vote", method_args={"samples": 16}, seed=seed)
    seal_scores(tmp_path, [1, 0, 0, 0], task="a", method="vote", method_args={"samples": 2})
    seal_scores(tmp_path, [1, 1], task="b", method="direct", task_args={"level": 1})
    seal_scores(tmp_path, [1, 0], task="b", method="direct", task_args={"level": 2})
    return paper(in_force(read_index(tmp_path).rows))


def test_a_papers_table_has_methods_as_rows_and_tasks_as_columns(board):
    assert board.rows == [
        ("direct", "sim/model"),
        ("vote (samples=16)", "sim/model"),
        ("vote (samples=2)", "sim/model"),
    ]
    assert [name for name, _ in board.columns] == ["a", "b (level=1)", "b (level=2)"]
    assert board.scores[1, 0].value == 0.75 and board.scores[1, 0].runs == 2 and (1, 1) not in board.scores
    assert [board.best(at) for at in range(3)] == [{1}, set(), set()], "a column of one row has no best"


def test_the_caption_says_what_the_table_holds(board):
    text = paper_latex(board)
    assert text.count(r"\textbf{") == 1 and r"\textbf{75.0 [" in text
    assert "Bold: the highest value of a column" in text and "All methods use sim/model" in text
    assert (
        "pools 1 to 2 seeds" in text
        and "vote (samples=16) & " in text
        and r"95\,\% interval, in points" in text
    )
    assert paper_markdown(board).count(
        "**"
    ) == 2 and "| vote (samples=2) | sim/model | 25.0 [" in paper_markdown(board)


def test_equal_bests_are_all_bold(tmp_path):
    for method in ("direct", "vote"):
        seal_scores(tmp_path, [1, 0, 1, 0], method=method)
    assert paper(in_force(read_index(tmp_path).rows)).best(0) == {0, 1}


def test_nothing_stored_is_an_empty_table():
    assert "tabular" in paper_latex(paper([])) and paper_markdown(paper([])).startswith("| method")


def test_a_small_difference_in_a_unit_of_its_own_is_shown_by_its_digits(tmp_path):
    """A loss that falls by 0.0005 reads so, and not `+0.0 [+0.0, +0.0]`."""
    rng, span = np.random.default_rng(3), MetricRange(0.0, 10.0, lower_is_better=True)
    losses = rng.random(50) * 0.01
    for method, scores in (("a", losses + 0.0005), ("b", losses + rng.random(50) * 1e-5)):
        seal_scores(tmp_path, scores, method=method, draws="run", metric_range=span)
    a, b = arms_of(in_force(read_index(tmp_path).rows))
    (found,) = adjust([compare(b, a)])
    shown = [float(number) for number in re.findall(r"-0\.\d+", sentence(found))[:3]]
    assert shown == pytest.approx([found.value, *found.interval], rel=0.005)
    assert sentence(found).split(") ")[1].split(" for")[0] in comparison_markdown([found])
    assert "at most 0.0 " not in sentence(found) and "points" not in sentence(found)
