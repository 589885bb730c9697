"""LiveBench's parts, form by form, against the scores of LiveBench's own graders.

`livebench_forms.json` holds closing lines of our own making, each with the score that LiveBench's public code
(revision b0fb577be60ea5ba6e3e677a84af127c893af0ef) gave when it was run on it, thoughts cut as it cuts them.
AMPS_Hard was run without the language model that it asks about expressions that it does not find equal.
"""

import json
import time
from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.sample import Outcome, Question
from harness.tasks.reasoning.livebench import KINDS, edit_distance

GROUPS = json.loads(Path(__file__).with_name("livebench_forms.json").read_text("utf-8"))
MATHS = ("AMPS_Hard", "math_comp", "olympiad", "integrals_with_game")
OPENING = "We think about it step by step, for a long while, and then with more care once again.\n\n"
OPTIONS = r"Which? $\textbf{(A) } 12 \qquad \textbf{(B) } 35 \qquad \textbf{(E) } 135$"


@pytest.fixture
def asked(hub):
    """Asks one question of a part; what comes back gives a completion's answer and score."""

    def ask(part, target, question="?"):
        name = "math" if part in MATHS else "reasoning"
        row = {"question_id": "1", "task": part, "turns": [question], "ground_truth": target}
        hub.add(f"livebench/{name}", {("default", "test"): [row]})
        task, splits = hub.load(f"livebench-{name}", protocol="whole")
        (sample,) = splits.test

        def read(completion):
            answer = task.parse(completion, sample.question)
            return answer, task.score(sample, Outcome("1", text="", answer=answer)).metrics["score"]

        return read

    return ask


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"{group['task']} {group['target']}")
def test_every_form_is_worth_what_livebench_gives_for_it(asked, group):
    read = asked(group["task"], group["target"], group["question"])
    wrong = []
    for official, forms in group["scores"].items():
        for form in forms:
            answer, score = read(form)
            if score != pytest.approx(float(official), abs=1e-4):
                wrong.append((form, answer, score, official))
    assert not wrong


def test_the_forms_tell_right_from_wrong():
    parts = {group["task"] for group in GROUPS}
    assert len(parts) == 12
    for part in parts:
        forms = [
            form for group in GROUPS if group["task"] == part for form in sum(group["scores"].values(), [])
        ]
        assert len(forms) >= 25, part
        assert {score for group in GROUPS if group["task"] == part for score in group["scores"]} > {"0.0"}


@pytest.mark.parametrize(
    ("part", "target", "completion", "question", "official", "answer", "own"),
    [
        # LiveBench finds the target somewhere in the text; the reply's one answer is another
        ("math_comp", "B", "AAAAA (B)", OPTIONS, 1, "A", 0),
        ("math_comp", "B", "thus we have 135", OPTIONS, 1, "E", 0),
        ("math_comp", "042", "042 (in 113 ways)", "?", 1, "113", 0),
        ("integrals_with_game", "7/3", "so 17/3", "?", 1, "17/3", 0),
        ("integrals_with_game", "3375", "<solution>-3375</solution>", "?", 1, "-3375", 0),
        ("spatial", "3", "**3** or **4**", "?", 1, "4", 0),
        # a thought that was never closed holds no answer: LiveBench only cuts closed ones
        ("sudoku", "1234", "<think><solution>1234</solution>", "?", 1, None, 0),
        # the grader's one bare form that is not read there
        ("math_comp", "B", r"\boxed{\textbf{B}}", "?", 0, "B", 1),
        # compared to the letter there
        ("AMPS_Hard", r"\frac{1}{3}", "The answer is 1/3.", "?", 0, "1/3", 1),
        # the tolerance of .001 is one of numbers and fractions here
        ("AMPS_Hard", r"5 \sqrt{2}", r"\boxed{7.0711}", "?", 1, "7.0711", 0),
        # there a language model is asked
        ("AMPS_Hard", r"\frac{x}{2}", r"\boxed{\mathrm{x}/2}", "?", 0, r"\mathrm{x}/2", 1),
    ],
)
def test_where_the_scores_differ(asked, part, target, completion, question, official, answer, own):
    assert official != own
    assert asked(part, target, question)(completion) == (answer, own)


@pytest.mark.parametrize(
    ("part", "target", "completions"),
    [
        ("math_comp", "B", ["BBBBB", "<solution>b</solution>", r"so \boxed{\text{B}}", "**b**"]),
        ("olympiad", "4,1,2", ["Answer: 4, 1, 2", r"\boxed{4,1,2}", "**Answer:**\n4,1,2"]),
        ("integrals_with_game", "7/3", ["<solution>14/6</solution>", r"\boxed{\frac{7}{3}}", "**7/3**"]),
        ("spatial", "3", ["**3**", r"\boxed{\textbf{3}}"]),
        (
            "web_of_lies_v2",
            "yes, no, yes",
            ["**Yes**, **no**, **yes**", "<solution> yes, no, yes </solution>"],
        ),
        ("zebra_puzzle", "tea, 3", ["<solution>Tea,3</solution>", "so\ntea, 3", r"\boxed{\text{tea, 3}}"]),
        ("logic_with_navigation", "[-3, 7]", ["<solution>(-3, 7)</solution>", "<solution>-03,7</solution>"]),
    ],
)
def test_an_answer_is_one_vote_in_any_form(asked, part, target, completions):
    read = asked(part, target)
    found = {read(OPENING + completion) for completion in completions}
    assert len(found) == 1 and {score for _, score in found} == {1}


def test_a_part_without_its_own_rule_is_compared_in_its_normal_form(asked):
    read = asked("new_part", "the red_box")
    for completion in ("<solution>The Red_Box</solution>", "so **the red_box.**", "Answer: the red_box"):
        assert read(completion) == ("the red_box", 1)
    assert read("**red_box**")[1] == 0


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_edit_distance_is_a_distance(one, two):
    distance = edit_distance(one, two)
    assert distance == edit_distance(two, one) and (distance == 0) == (one == two)
    assert abs(len(one) - len(two)) <= distance <= max(len(one), len(two))
    assert distance == edit_distance(["x", *one], ["x", *two])
    assert edit_distance(one, [*two, "x"]) <= distance + 1


PIECES = (
    "<solution>",
    "</solution>",
    "\\boxed",
    "{",
    "}",
    "**",
    "answer:",
    "\n",
    ",",
    "yes",
    "7",
    "/",
    "(",
    "$",
    "²",
)


@settings(max_examples=200)
@given(st.sampled_from(sorted(KINDS)), st.lists(st.sampled_from(PIECES) | st.text(max_size=9), max_size=12))
def test_any_reply_has_an_answer_or_none_and_a_worth(kind, pieces):
    if kind in ("expression", "quantity"):  # math-verify is asked there
        return
    question = Question("1", OPTIONS, metadata={"parts": 2})
    answer, reason = astuple(KINDS[kind].read("".join(pieces), question))
    assert (answer is None) == (reason is not None)
    assert answer is None or answer
    if answer is not None:
        assert 0 <= KINDS[kind].score(answer, "yes, 7") <= 1


@pytest.mark.parametrize(
    "piece", ["<solution>", "</solution>", "<think>", "\\boxed{", "\\boxed ", "**", "***a", "*", "{"]
)
def test_hostile_lengths_cost_little(piece):
    question, start = Question("1", OPTIONS, metadata={"parts": 2}), time.process_time()
    for kind in KINDS.values():
        kind.read(piece * (100_000 // len(piece)), question)
        kind.read((piece + "1, ") * (100_000 // (len(piece) + 3)), question)
    assert time.process_time() - start < 3
