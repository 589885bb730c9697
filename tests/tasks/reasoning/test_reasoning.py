"""Reasoning tasks on made-up repositories of the shapes of BIG-Bench Hard, LiveBench and GPQA."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.answers import read_choice
from harness.base.errors import DataError
from harness.sample import Outcome
from harness.tasks.reasoning.answers import numbers, short
from harness.tasks.reasoning.livebench import KINDS, edit_distance
from harness.testing import check_task

BBH = {
    "bbh-geometric-shapes": "geometric_shapes",
    "bbh-date": "date_understanding",
    "bbh-tracking-seven": "tracking_shuffled_objects_seven_objects",
    "bbh-logical-deduction-seven": "logical_deduction_seven_objects",
}


def bbh_rows(n):
    return [
        {"input": f"Riddle {i}?\nOptions:\n(A) one\n(B) two\n(C) three", "target": f"({'ABC'[i % 3]})"}
        for i in range(n)
    ]


LIVE = [
    *(
        {
            "question_id": f"a{i}",
            "category": "math",
            "task": "AMPS_Hard",
            "turns": [f"Find x{i}."],
            "ground_truth": f"\\frac{{{i}}}{{7}}",
        }
        for i in range(8)
    ),
    *(
        {
            "question_id": f"b{i}",
            "category": "math",
            "task": "math_comp",
            "turns": [f"Choose {i}."],
            "ground_truth": "ABCDE"[i % 5] if i % 2 else f"{i:03}",
        }
        for i in range(8)
    ),
    *(
        {
            "question_id": f"c{i}",
            "category": "math",
            "task": "olympiad",
            "turns": [f"Order {i}."],
            "ground_truth": f"{i + 1},2,13",
        }
        for i in range(8)
    ),
]
LOGIC = [
    {
        "question_id": f"d{i}",
        "task": "web_of_lies_v2" if i % 2 else "spatial",
        "turns": [f"Who lies {i}?"],
        "ground_truth": "yes, no, yes" if i % 2 else "tetrahedron",
    }
    for i in range(24)
]
LOGIC += [
    {
        "question_id": f"e{i}",
        "task": "zebra_puzzle",
        "turns": [f"Who where {i}?"],
        "ground_truth": f"{i}, tea",
    }
    for i in range(8)
]
SCIENCE = [
    {
        "Record ID": f"rec{i}",
        "Question": f"Which particle {i}?",
        "Correct Answer": f"the {i}th",
        "Incorrect Answer 1": "none",
        "Incorrect Answer 2": "both",
        "Incorrect Answer 3": "a quark",
    }
    for i in range(20)
]


@pytest.fixture
def mirror(hub):
    hub.add("SaylorTwift/bbh", {(config, "test"): bbh_rows(24) for config in BBH.values()})
    hub.add("livebench/math", {("default", "test"): LIVE})
    hub.add("livebench/reasoning", {("default", "test"): LOGIC})
    return hub.add("Idavidrein/gpqa", {("gpqa_diamond", "train"): SCIENCE})


@pytest.mark.parametrize("name", [*BBH, "livebench-math", "livebench-reasoning", "gpqa-diamond"])
def test_contract_and_protocols(mirror, name):
    check_task(name, mirror.data)
    task, splits = mirror.load(name)
    _, whole = mirror.load(name, protocol="whole")
    assert len(splits.test) == round(len(whole.test) / 4) and len(splits.train) == len(splits.pool)
    assert len(splits.test) + len(splits.train) == len(whole.test) and not len(whole.pool)
    for sample in whole.test:  # what a demonstration shows is read as the right answer
        answer = task.parse(sample.demonstration, sample.question)
        score = task.score(sample, Outcome(sample.id, text="", answer=answer))
        assert score.metrics["accuracy"] == 1, sample
        other = task.parse("Answer: zzz", sample.question)
        wrong = task.score(sample, Outcome(sample.id, text="", answer=other))
        assert wrong.metrics["accuracy"] == 0


def test_livebench_divides_each_part(mirror):
    _, splits = mirror.load("livebench-math")
    parts = [sample.question.metadata["part"] for sample in splits.test]
    assert sorted(parts) == ["AMPS_Hard"] * 2 + ["math_comp"] * 2 + ["olympiad"] * 2


@pytest.mark.parametrize(
    ("name", "id", "said"),
    [
        ("livebench-math", "a3", "So x is $\\boxed{\\frac{3}{7}}$."),
        ("livebench-math", "a3", "\\boxed{3/7}"),
        ("livebench-math", "b1", "Thus BBBBB"),
        ("livebench-math", "b1", "**BBBBB**"),
        ("livebench-math", "b4", "The answer: 4"),
        ("livebench-math", "c0", "Answer: 1, 2, 13"),
        ("livebench-math", "c0", "<solution>1,2,13</solution>"),
        ("livebench-reasoning", "d1", "So **Yes, No, Yes**"),
        ("livebench-reasoning", "d0", "***Tetrahedron***"),
        ("livebench-reasoning", "d0", "<solution>cube</solution> no: <solution> Tetrahedron </solution>"),
    ],
)
def test_livebench_answers(mirror, name, id, said):
    task, whole = mirror.load(name, protocol="whole")
    sample = next(s for s in whole.test if s.id == id)
    answer = task.parse(said.replace("Thus ", ""), sample.question)
    assert answer is not None
    assert task.score(sample, Outcome(id, text="", answer=answer)).metrics == {"score": 1, "accuracy": 1}


@pytest.mark.parametrize(
    ("kind", "said", "target", "worth"),
    [
        # one of four places swapped with its neighbour: two substitutions; one too many: one deletion of five
        ("order", "Answer: 4, 2, 1, 3", "4,1,2,3", 0.5),
        ("order", "Answer: 4,1,2,3,9", "4,1,2,3", 0.8),
        ("order", "answer: 4,2,3", "4,1,2,3", 0.75),
        ("order", "\\boxed{4}", "4,1", 0.5),
        ("order", "Answer: 9, 8", "4,1", 0),
        ("order", "Answer: none", "4,1", 0),
        # half for the share, half for all
        ("places", "<solution>tea, red, 3</solution>", "tea, red, 3", 1),
        ("places", "<solution>Tea, blue, 3</solution>", "tea, red, 3", 1 / 3),
        ("places", "<solution>tea</solution>", "tea, red, 3", 1 / 6),
        ("places", "so\n3, tea", "3, tea", 1),
        (
            "places",
            "<solution>position 3</solution> and <solution>science fiction</solution>",
            "3, science-fiction",
            1,
        ),
        ("places", "<solution>x, y</solution>", "tea, red", 0),
        ("places", "***tea***", "tea", 1),
        ("verdicts", "<solution>yes, no, unknown</solution>", "yes, no, unknown", 1),
        ("verdicts", "<solution>yes, no, no</solution>", "yes, no, unknown", 0),
        ("verdicts", "**no** **yes**, then **no** and **yes**", "yes, no, yes", 1),
        ("each-verdict", "<solution>yes, no, no</solution>", "yes, no, unknown", 1 / 3),
        ("each-verdict", "<solution>yes</solution>", "yes, no", 0.25),
        ("each-verdict", "maybe", "yes", 0),
        ("shape", "**three**", "3", 1),
        ("shape", "**two tetrahedra**", "tetrahedra", 1),
        ("shape", "**circle square triangle**", "triangle", 0),
        ("shape", "**4**", "3", 0),
        ("names", "**Ann, Bob and Cy**", "ann bob cy", 1),
        ("names", "**Bob, Ann, Cy**", "ann bob cy", 0),
        ("within", "<solution>the blue_box.</solution>", "blue_box", 1),
        ("within", "**red**", "blue_box", 0),
        ("point", "<solution>(-3, 07)</solution>", "[-3, 7]", 1),
        ("point", "(-3, 7)", "[-3, 7]", 0),
        ("grid", "<solution>\n12\n34</solution>", "1234", 1),
        ("grid", "<solution>1243</solution>", "1234", 0),
        ("expression", "<solution>x^2/2 + C</solution>", "\\frac{x^2}{2}", 1),
        ("expression", "\\boxed{x + 1}", "1+x", 1),
        ("expression", "\\boxed{x - 1}", "1-x", 0),
    ],
)
def test_what_an_answer_is_worth(kind, said, target, worth):
    answer = KINDS[kind].read(said)
    assert (KINDS[kind].score(answer, target) if answer is not None else 0) == pytest.approx(worth)


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_edit_distance_is_a_distance(one, two):
    distance = edit_distance(one, two)
    assert distance == edit_distance(two, one) and (distance == 0) == (one == two)
    assert abs(len(one) - len(two)) <= distance <= max(len(one), len(two))
    assert distance == edit_distance(["x", *one], ["x", *two])
    assert edit_distance(one, [*two, "x"]) <= distance + 1


@given(st.sampled_from(sorted(KINDS)), st.text(max_size=60), st.text(max_size=60))
def test_a_worth_is_always_between_nought_and_one(kind, said, target):
    if kind == "expression":  # math-verify is asked there
        return
    for text in (said, f"<solution>{said}</solution>", f"answer: {said}"):
        answer = KINDS[kind].read(text)
        if answer is not None:
            assert 0 <= KINDS[kind].score(answer, target) <= 1


def test_partial_credit_is_the_score_and_accuracy_is_not(mirror):
    task, whole = mirror.load("livebench-math", protocol="whole")
    sample = next(s for s in whole.test if s.id == "c0")
    answer = task.parse("Answer: 2, 1, 13", sample.question)
    found = task.score(sample, Outcome("c0", text="", answer=answer)).metrics
    assert found == {"score": pytest.approx(1 / 3), "accuracy": 0}
    _, splits = mirror.load("livebench-reasoning")
    assert {s.question.metadata["part"] for s in splits.test} == {"web_of_lies_v2", "spatial", "zebra_puzzle"}


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Answer: (B)", "B"),
        ("so the answer is B.", "B"),
        ("The answer is a triangle, (C)", "C"),
        ("\\boxed{D}", "D"),
        ("(A) or (B)?\n\n(C)", "C"),
        ("**Answer:** C", "C"),
        ("B", "B"),
        ("Answer: (Z)", None),
        ("<think>(A)", None),
        ("<think>(A)</think>(B)", "B"),
        ("no idea", None),
        ("Answer: I don't know", None),
        ("answer: (A)\nWait. Answer: (B)", "B"),
    ],
)
def test_choices(text, letter):
    assert read_choice(text, "ABCDEFGHIJ").answer == letter


@given(st.text(max_size=300))
def test_reading_never_raises(text):
    read = [kind.read for name, kind in KINDS.items() if name != "expression"]
    for found in (read_choice(text, "ABCD").answer, *(each(text) for each in read)):
        json.dumps(found)


def test_hostile_lengths():
    for text in ("answer " * 50_000, "*" * 200_000, "1," * 100_000, "<solution>" * 20_000, "(" * 200_000):
        read_choice(text, "ABCD").answer, short(text), numbers(text)
        for kind in KINDS.values():
            kind.read(text)


def test_gpqa_orders_choices_by_the_question_alone(mirror):
    task, whole = mirror.load("gpqa-diamond", protocol="whole")
    letters = {sample.target for sample in whole.test}
    assert letters == set("ABCD")
    for sample in whole.test:
        right = next(row["Correct Answer"] for row in SCIENCE if row["Record ID"] == sample.id)
        assert f"({sample.target}) {right}" in sample.question.input


def test_another_revision_is_reported(hub):
    hub.add("SaylorTwift/bbh", {("date_understanding", "test"): [{"input": "x (A) b", "target": "tomorrow"}]})
    with pytest.raises(DataError, match="row 0 has the answer 'tomorrow', which is none of its options"):
        hub.load("bbh-date")
