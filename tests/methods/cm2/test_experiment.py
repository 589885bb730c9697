"""The published experiment in small: its runs are rows, and tables are made from rows alone."""

import json

import pytest

from benchmarks import resumable
from benchmarks.cm2 import best_of_n, report
from benchmarks.cm2.arms import HOLISTIC_SEEDS, SEEDS, Arm, planned
from benchmarks.cm2.one import line, run
from harness.model.factory import POCKET


def test_every_run_is_planned_once_and_the_core_claim_comes_first():
    arms = planned()
    assert len({arm.name for arm in arms}) == len(arms)
    cells = {}
    for arm in arms:
        cells.setdefault(arm.cell, []).append(arm.seed)
    for reward in ("outcome", "trajectory", "turn", "step", "holistic"):
        for turns, flip in ((6, 0), (6, 0.05), (6, 0.2), (4, 0), (4, 0.2), (9, 0), (9, 0.2)):
            seeds = cells[Arm(reward, turns, flip).cell]
            assert len(seeds) == (HOLISTIC_SEEDS if reward == "holistic" and turns == 6 else SEEDS)
    core = [arm for arm in arms if arm.reward != "start"][: 6 * SEEDS]
    assert {(arm.reward, arm.turns) for arm in core} == {(r, 6) for r in ("outcome", "trajectory", "turn")}


def test_a_row_has_what_tables_need_and_a_cut_line_is_left_out(tmp_path):
    made = [run(Arm(reward, 4), POCKET / "office", steps=1, episodes=4) for reward in ("start", "turn")]
    text = "".join(map(line, made))
    (tmp_path / "runs.jsonl").write_text(text + text[:50], "utf-8")
    found = resumable.rows(tmp_path / "runs.jsonl")
    assert found == [json.loads(line(row)) for row in made]
    resumable.whole_lines(tmp_path / "runs.jsonl")
    assert (tmp_path / "runs.jsonl").read_text("utf-8") == text
    assert all(len(row["sampled"]["success"]) == 4 for row in found)
    report.write(found, tmp_path)
    table = (tmp_path / "README.md").read_text("utf-8")
    assert "| turn at 4 turns | 1 |" in table


def row(cell, seed, success):
    return {"cell": cell, "seed": seed, "sampled": {"success": success}}


def test_differences_are_paired_by_the_seeds_that_both_have():
    found = {
        "a": [row("a", n, "1100") for n in range(3)],
        "b": [row("b", 0, "1000"), row("b", 2, "0000")],
    }
    seeds, value, half, p, by_seed = report.difference(found, "a", "b")
    assert seeds == 2 and value == pytest.approx(0.375) and by_seed == pytest.approx([0.25, 0.5])
    assert half > 0 and 0 < p <= 1


def test_the_best_of_n_is_chosen_among_the_first_n():
    won, scores = [[0, 1, 0], [1, 0, 0]], [[0.2, 0.9, 0.95], [0.5, 0.5, 0.4]]
    assert best_of_n.chosen(won, scores, 1) == [0, 1]
    assert best_of_n.chosen(won, scores, 2) == [1, 1]
    assert best_of_n.chosen(won, scores, 3) == [0, 1]
    assert report._auc([[1, 1, 0, 0]], [[0.9, 0.7, 0.7, 0.2]]) == "0.875"
    assert report._auc([[0, 0]], [[0.1, 0.2]]) == "unknown"
