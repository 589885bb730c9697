"""Reasoning tasks on made-up repositories of the shapes of BIG-Bench Hard, LiveBench and GPQA."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.answers import read_choice
from harness.base.errors import DataError
from harness.sample import Outcome
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


def test_proofs_of_one_problem_are_a_group(hub):
    def proof(n, gaps):
        text = f"Fill the gaps.\n\nQuestion: Show {n}.\n\nSolution: {'<missing> ' * gaps}"
        return {"question_id": f"{n}{gaps}", "task": "olympiad", "turns": [text], "ground_truth": "1,2"}

    asked = [proof(n, gaps) for n in (1, 2) for gaps in (2, 3)]
    mirror = hub.add("livebench/math", {("default", "test"): [*asked, *LIVE]})
    _, whole = mirror.load("livebench-math", protocol="whole")
    groups = [sample.group for sample in whole.test]
    assert groups[0] == groups[1] != groups[2] == groups[3] and set(groups[4:]) == {None}


def test_livebench_divides_each_part(mirror):
    _, splits = mirror.load("livebench-math")
    parts = [sample.question.metadata["part"] for sample in splits.test]
    assert sorted(parts) == ["AMPS_Hard"] * 2 + ["math_comp"] * 2 + ["olympiad"] * 2


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
    assert read_choice(text, "ABCD").answer in (None, *"ABCD")


def test_hostile_lengths():
    for text in ("answer " * 50_000, "*" * 200_000, "(" * 200_000):
        read_choice(text, "ABCD")


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
