"""The best of several answers, by log-probability and by a judge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.model import Logprob, Logprobs, ModelOutput

from harness.methods.best_of_n.method import grade
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.testing import check_method

TEST = [("first", "red"), ("second", "blue")]


def in_turn(answers):
    """Gives the answers one after another, for each question again."""
    left = {}

    def say(call):
        return left.setdefault(call.question.id, list(answers)).pop(0)

    return say


def output(text, logprobs):
    made = ModelOutput.from_content("scripted/model", text)
    made.choices[0].logprobs = Logprobs(content=[Logprob(token="x", logprob=p) for p in logprobs])
    return made


@pytest.mark.parametrize("scorer", ["logprob", "judge"])
def test_contract(scorer):
    check_method("best-of-n", scorer=scorer)


def test_the_mean_log_probability_decides_and_not_the_sum(lab):
    lab.data(TEST)
    said = [output("red", [-0.5]), output("blue", [-0.2, -0.2, -0.2]), output("red", [-0.2] * 3)]
    ran = lab.run("best-of-n", in_turn(said), n=3)
    assert [row["completion"] for row in ran.rows] == ["blue", "blue"]  # the first of two equal ones
    assert ran.rows[0]["trace"]["scores"] == pytest.approx([-0.5, -0.2, -0.2])
    assert ran.accuracy == 0.5 and ran.usage == {"answer": 6}
    assert all(call.decoding["logprobs"] and call.decoding["temperature"] == 0.7 for call in ran.calls)
    assert len({call.seed for call in ran.calls}) == 6


def test_a_model_without_log_probabilities(lab):
    grid, _, _ = lab.data(TEST).grid("best-of-n", lambda call: "red")
    assert "no log-probabilities; use -M scorer=judge" in str(grid.results[0].error)


def test_the_embedded_model_gives_log_probabilities(lab, tmp_path):
    cells = plan(
        Request(
            task="countdown", task_args={"level": "1"}, method="best-of-n", method_args={"n": "3"}, limit=8
        )
    )
    (result,) = run_grid(cells, Session(Store(tmp_path / "out"))).results
    assert result.record["usage"]["by_purpose"]["answer"]["calls"] == 24


def test_a_judge_decides_and_is_charged_apart(lab):
    lab.data(TEST)
    grades = {"red": "Grade: 3/10", "blue": "8", "{task}{0!r}": "{'grade': 10, 'but': 1}"}

    def judge(call):
        (message,) = call.messages
        assert call.question.input in message.text
        return grades[message.text.split("Answer:\n")[1].split("\n")[0]]

    said = in_turn(["red", "blue", "{task}{0!r}", "blue"])
    ran = lab.run("best-of-n", said, judge=judge, n=4, scorer="judge")
    assert ran.usage == {"answer": 8, "judge": 8} and len(ran.judge) == 8
    for row in ran.rows:
        assert row["completion"] == "blue"
        assert row["trace"] == {"scores": [3.0, 8.0, 0.0, 8.0], "chosen": 1, "unread_grades": 1}
    assert "logprobs" not in ran.calls[0].decoding


def test_the_judge_never_sees_a_target(lab):
    lab.data([("first", "the secret label")], train=[("second", "red"), ("third", "blue")])
    ran = lab.run("best-of-n", lambda call: "red", judge=lambda call: "5", n=2, scorer="judge")
    for call in ran.judge:  # the label stands in the list of labels, as all do, and nowhere else
        assert call.messages[0].text.count("the secret label") == 1


def test_no_judge_is_said_before_anything_is_spent(lab):
    grid, model, _ = lab.data(TEST).grid("best-of-n", lambda call: "red", scorer="judge")
    assert "--role judge=MODEL" in str(grid.results[0].error) and not model.calls


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        (" 10\n", 10),
        ("0", 0),
        ("9.5", 9.5),
        ("8/10", 8),
        ("10 / 10", 10),
        ("10 out of 10", 10),
        ("Out of 10 I give 6.", 6),
        ("**Grade: 4**", 4),
        ('{"grade": 8}', 8),
        ("<grade>2</grade>", 2),
        ("I say 7. Yes, 7", 7),
        ("<think>maybe 2, maybe 3</think>9", 9),
        ("", None),
        ("none", None),
        ("-3", None),
        ("−3", None),
        ("11", None),
        ("10.5", None),
        ("100", None),
        ("1e9", None),
        ("90%", None),
        ("3-4", None),
        ("7/8", None),
        ("1,000", None),
        ("0.5.1", None),
        ("first 2, then 9", None),
        ("ten", None),
        ("٧", None),
        ("NaN", None),
        ("{grade}%s{}", None),
        ("9" * 5000, None),
        ("1." * 50_000, None),
        ("<think>8", 8),
    ],
)
def test_grades(text, value):
    assert grade(text) == value


@given(st.text(alphabet="0123456789./-% outf10{}\x00\u2212e,", max_size=60))
def test_a_grade_is_in_range_or_absent(text):
    value = grade(text)
    assert value is None or 0 <= value <= 10
