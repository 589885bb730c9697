"""The published experiment: every run once, tables made of rows alone, and figures that its text rests on."""

from collections import Counter
from pathlib import Path

from benchmarks import resumable
from benchmarks.personal import report
from benchmarks.personal.arms import (
    BATCHES,
    CONTROLS,
    DRIFT,
    OWN,
    PLAIN,
    ROWS,
    SEEDS,
    STATIONARY,
    Run,
    planned,
)
from benchmarks.personal.one import run

PUBLISHED = Path(__file__).parents[3] / "results/published/personal"


def test_every_run_is_planned_once_with_ten_seeds():
    names = [each.name for each in planned()]
    assert len(set(names)) == len(names) == SEEDS * sum(map(len, ROWS.values())) and SEEDS >= 10


def test_the_published_tables_are_those_of_the_rows(tmp_path):
    rows = resumable.rows(PUBLISHED / "runs.jsonl")
    assert Counter(row["name"] for row in rows) == Counter(each.name for each in planned())
    report.write(rows, tmp_path)
    assert (tmp_path / "README.md").read_text() == (PUBLISHED / "README.md").read_text()


def test_what_the_text_says_is_in_the_rows():
    found = report.Found(resumable.rows(PUBLISHED / "runs.jsonl"))

    def mean(cell, arm):
        return found.users(cell, arm, found.seeds(cell, arm)).mean()

    for arm in CONTROLS[3:]:  # without actions a swapped or neutral persona is a guess
        assert abs(mean(STATIONARY, arm) - 100 / 3) < 4
    react = PLAIN[6]
    assert -1 < mean(STATIONARY, react) - mean(STATIONARY, OWN) < 4
    never, latest, random, every = (mean(DRIFT, BATCHES[n]) for n in (0, 2, 3, 4))
    assert latest - max(random, every, never) > 40 and abs(never - 100 / 3) < 4


def test_a_run_is_made_again_as_it_was_published():
    published = {row["name"]: row for row in resumable.rows(PUBLISHED / "runs.jsonl")}
    for each in (Run(PLAIN[1], STATIONARY, 3), Run(OWN, DRIFT, 2)):
        made, kept = run(each), published[each.name]
        assert {k: v for k, v in made.items() if k != "cpu_s"} == {
            k: v for k, v in kept.items() if k != "cpu_s"
        }
