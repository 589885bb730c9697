"""The published experiment: every run once, tables made of rows alone, closed forms met, and figures that its
text rests on."""

import math
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import resumable
from benchmarks.team import report
from benchmarks.team.arms import (
    APPROVAL,
    ASK,
    AUTONOMOUS,
    CONFIRM,
    CONTROLS,
    DEAF,
    DRIVEN,
    FIXED,
    GATES,
    INFORMATIVE,
    ITEMS,
    LAMBDAS,
    LAWS,
    LAZY,
    PLAN,
    POLICIES,
    RANDOM,
    ROWS,
    SEEDS,
    SUGGEST,
    SURE,
    TOKENS,
    WRONG,
    Run,
    planned,
)
from benchmarks.team.one import run
from harness.tasks.team import expected

PUBLISHED = Path(__file__).parents[3] / "results/published/team"


@pytest.fixture(scope="module")
def found():
    return report.Found(resumable.rows(PUBLISHED / "runs.jsonl"))


def mean(found, cell, arm, metric="success"):
    values = found.values(cell, arm, metric)
    assert len(values) == SEEDS
    return math.fsum(values) / SEEDS


def test_every_run_is_planned_once_with_ten_seeds():
    names = [each.name for each in planned()]
    assert len(set(names)) == len(names) == SEEDS * sum(map(len, ROWS.values())) and SEEDS >= 10


def test_the_published_tables_are_those_of_the_rows(tmp_path):
    rows = resumable.rows(PUBLISHED / "runs.jsonl")
    assert Counter(row["name"] for row in rows) == Counter(each.name for each in planned())
    report.write(rows, tmp_path)
    assert (tmp_path / "README.md").read_text() == (PUBLISHED / "README.md").read_text()


def test_closed_forms_are_met_within_three_standard_errors_of_all_episodes(found):
    met = 0
    for cell in (*INFORMATIVE, *WRONG):
        for arm in (*POLICIES, *CONTROLS):
            law = report.theory(arm, cell.args.get("human_budget"), cell.human.get("error", 0.0))
            if law is not None:
                error = math.sqrt(law * (1 - law) / (SEEDS * ITEMS))
                assert abs(mean(found, cell, arm) - law) <= 3 * error + 1e-9, (cell.name, arm.name)
                met += 1
    assert met >= 30


def test_the_notes_table_is_met_within_three_standard_errors_of_two_thousand_episodes(found):
    for (error, budget), cell in LAWS.items():
        law = expected.asking(3, 2, budget, error)
        spread = math.sqrt(law * (1 - law) / (SEEDS * cell.items))
        assert SEEDS * cell.items == 2000
        assert abs(mean(found, cell, ASK) - law) <= 3 * spread + 1e-9, cell.name
        assert mean(found, cell, ASK, "turns") == budget


def test_the_gate_asks_less_the_dearer_it_is_and_is_worth_the_best_fixed_threshold(found):
    asked = [found.measure(SURE, gate, "interventions") for gate in GATES]
    assert asked == sorted(asked, reverse=True) and asked[0] >= 3 and asked[-1] == 0
    for price, gate in zip(LAMBDAS, GATES, strict=True):
        own = report._asked(found, gate, price)
        best = max(math.fsum(report._asked(found, arm, price)) / SEEDS for arm in FIXED)
        assert math.fsum(own) / SEEDS + report.half_width(own) >= best


def test_the_controls_are_what_they_are_called(found):
    for cell in (*INFORMATIVE, *LAZY, *WRONG):
        for row in found.of(cell, RANDOM):
            assert row["measures"]["interventions"] == row["measures"]["interventions_tested"]
        assert mean(found, cell, TOKENS, "effort") == 0
        spent = found.measure(cell, TOKENS, "agent_tokens")
        assert spent >= 0.97 * found.measure(cell, TOKENS, "tokens_tested")


def test_what_the_text_says_is_in_the_rows(found):
    free = INFORMATIVE[-1]
    assert 0.4 < mean(found, free, RANDOM) / mean(found, free, ASK) < 0.6
    assert mean(found, free, CONFIRM, "effort") < mean(found, free, ASK, "effort")
    assert all(
        mean(found, cell, CONFIRM, "harm") == 0 for cell in (*INFORMATIVE[1:], *LAZY, *WRONG, APPROVAL)
    )
    assert mean(found, INFORMATIVE[0], CONFIRM) == 0
    one = INFORMATIVE[1]
    assert abs(mean(found, one, PLAN) - 0.5) < 0.06 and abs(mean(found, one, ASK) - 0.25) < 0.06
    assert 5 < mean(found, free, SUGGEST, "effort") < 6 and 13 < mean(found, free, DRIVEN, "effort") < 14
    lost = mean(found, WRONG[-1], ASK) / mean(found, free, ASK)
    assert abs(lost - 0.73) < 0.03 and mean(found, WRONG[-1], CONFIRM) > mean(found, WRONG[-1], ASK)
    others = [arm for arm in POLICIES if arm is not DRIVEN]
    assert len({mean(found, DEAF, arm) for arm in others}) == 1 and mean(found, DEAF, DRIVEN) == 1


def test_a_run_is_made_again_as_it_was_published():
    published = {row["name"]: row for row in resumable.rows(PUBLISHED / "runs.jsonl")}
    for each in (Run(AUTONOMOUS, APPROVAL, 3), Run(CONFIRM, WRONG[1], 2)):
        made, kept = run(each), published[each.name]
        assert {k: v for k, v in made.items() if k != "cpu_s"} == {
            k: v for k, v in kept.items() if k != "cpu_s"
        }
