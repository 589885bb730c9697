"""Multiple choice on small repositories of the Hub's shapes, with the faults that others have met in them."""

import random
from dataclasses import replace

import pytest

from harness.base.errors import DataError
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.sample import Outcome, Question
from harness.testing import check_task

NAMES = ("arc-challenge", "openbookqa", "medqa", "mmlu-pro", "mmlu")


def arc(n, labels="ABCD", right=1, split="test"):
    return {
        "id": f"{split}{n}",
        "question": f"Why {split} {n}?",
        "choices": {"text": [f"because {each}" for each in range(len(labels))], "label": list(labels)},
        "answerKey": labels[right],
    }


def book(n, split="test"):
    own = arc(n, split=split)
    return {**own, "question_stem": own.pop("question")}


def exam(n, split="test", of=5):
    options = [{"key": "ABCDE"[k], "value": f"drug {split} {n} {k}"} for k in range(of)]
    asked = f"A patient {split} {n}?"
    return {"question": asked, "options": options, "answer_idx": "E", "answer": options[-1]["value"]}


def pro(n, options, place, category="law"):
    return {
        "question_id": n,
        "question": f"Which {n}?",
        "options": options,
        "answer": "ABCDEFGHIJ"[place],
        "answer_index": place,
        "category": category,
    }


def three(make, config, sizes=(12, 9, 30)):
    names = ("test", "validation", "train")
    return {
        (config, name): [make(n, split=name) for n in range(size)]
        for name, size in zip(names, sizes, strict=True)
    }


@pytest.fixture
def sets(hub):
    hub.add("allenai/ai2_arc", three(arc, "ARC-Challenge", (260, 310, 30)))
    hub.add("allenai/openbookqa", three(book, "main", (260, 9, 30)))
    hub.add("fzkuji/MedQA", three(exam, "med_qa_en_source", (260, 9, 30)))
    ten = [f"thing {k}" for k in range(10)]
    rows = [pro(70 + n, ten, n % 10, "law" if n % 2 else "math") for n in range(40)]
    return hub.add(
        "TIGER-Lab/MMLU-Pro", {("default", "test"): rows, ("default", "validation"): [pro(0, ten, 3)]}
    )


@pytest.mark.parametrize("name", NAMES)
def test_data_are_pinned(name):
    for pin in registry().task(name).data.values():
        assert len(pin.revision) == 40 and int(pin.revision, 16)


@pytest.mark.parametrize("name", NAMES[:4])
def test_contract(sets, name):
    check_task(name, sets.data)


@pytest.mark.parametrize(("name", "test", "dev"), [("arc", 299, 0), ("book", 200, 9), ("med", 200, 9)])
def test_the_sizes_of_todycomm(sets, name, test, dev):
    (name,) = [each for each in NAMES if name in each]
    task, splits = sets.load(name, protocol="todycomm")
    assert (len(splits.test), len(splits.dev), len(splits.train)) == (test, dev, 30)
    _, again = sets.load(name, protocol="todycomm")
    assert [s.id for s in splits.test] == [s.id for s in again.test]
    assert task.args["protocol"] == "todycomm" and not {s.id for s in splits.test} & {
        s.id for s in splits.dev
    }


def test_of_many_training_rows_as_many_are_taken_and_none_of_the_test(hub):
    rows = three(exam, "med_qa_en_source", (3, 3, 40))
    rows["med_qa_en_source", "train"][:3] = rows["med_qa_en_source", "test"]
    spec = registry().task("medqa")
    assert spec.settings["todycomm"] == {"of": "test", "test": 200, "train": 6400}
    fewer = {**spec.settings, "todycomm": {"of": "test", "test": 3, "train": 30}}
    task = load_task(replace(spec, settings=fewer), spec.arguments({"protocol": "todycomm"}))
    splits = task.load(hub.add("fzkuji/MedQA", rows).data)
    assert len(splits.train) == 30 and not {"train-0", "train-1", "train-2"} & {s.id for s in splits.train}


def only(hub, id, config, row, name):
    """The task and the one test item that a row becomes."""
    spare = row if "id" not in row else {**row, "id": "spare"}
    splits = {(config, "test"): [row], (config, "validation"): [spare], (config, "train"): [spare]}
    task, found = hub.add(id, splits).load(name)
    assert not found.train and not found.dev, "what the test has stands in no other split"
    return task, found.test[0]


@pytest.mark.parametrize(("labels", "right"), [("1234", 3), ("ABC", 2), ("ABCDE", 4), ("123", 0)])
def test_arc_letters_go_by_place(hub, labels, right):
    task, sample = only(
        hub, "allenai/ai2_arc", "ARC-Challenge", arc(0, labels=labels, right=right), "arc-challenge"
    )
    assert sample.target == "ABCDE"[right] and f"({sample.target}) because {right}" in sample.question.input
    assert sample.question.choices == tuple("ABCDE") and sample.question.metadata["options"] == len(labels)
    beyond = "ABCDEF"[len(labels)]
    assert task.parse(f"Answer: ({beyond})", sample.question) is None
    fields = task.turn_fields(sample.question)
    assert fields["labels"].split() == list("ABCDE"[: len(labels)])
    drawn = {task.wrong(sample, random.Random(n)) for n in range(60)}
    assert drawn == set("ABCDE"[: len(labels)]) - {sample.target}


def test_openbookqa_copies_whose_labels_are_the_texts(hub):
    row = book(0)
    row["choices"]["label"] = row["choices"]["text"]
    _, sample = only(hub, "allenai/openbookqa", "main", row, "openbookqa")
    assert sample.target == "B"


def test_medqa_has_five_options(hub):
    _, sample = only(hub, "fzkuji/MedQA", "med_qa_en_source", exam(0), "medqa")
    assert sample.target == "E" and "(E) drug test 0 4" in sample.question.input


def test_mmlu_pro_leaves_out_padding_and_the_spaces_that_give_keys_away(hub):
    rows = [
        pro(70, ["N/A", "one", " two", "three", "N/A", "N/A"], 2),
        pro(71, ["none", "N/A", "both"], 1),
        pro(72, ["None", "I", "ten"], 0),
    ]
    task, splits = hub.add("TIGER-Lab/MMLU-Pro", {("default", "test"): rows}).load("mmlu-pro")
    assert not splits.train, "a copy without the validation split has no demonstrations"
    padded, meant, said = sorted(splits.test, key=lambda sample: sample.id)
    assert padded.question.input.endswith("(A) one\n(B) two\n(C) three") and padded.target == "B"
    assert meant.target == "B" and "(B) N/A" in meant.question.input
    assert "(A) None" in said.question.input
    assert set("ABC") - {"B"} == {task.wrong(padded, random.Random(n)) for n in range(40)}
    assert padded.question.choices == tuple("ABCDEFGHIJ")


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("The answer is C because I computed the integral.", "C"),
        ("Answer: (B). Note that A is a common distractor.", "B"),
        ("ANSWER: b", "B"),
        ("Answer: this asks for a colour.\n\nANSWER: (B)", "B"),
        ("Antwort:\n\nAntwort: C", "C"),
        ("C. 12", "C"),
        ("**D**", "D"),
        ("I considered (A), but it is incorrect. Final answer: D.", "D"),
        ("Answer: None of the above", None),
        ("Answer: I don't know", None),
        ("Based on the above, The rest follows.", None),
        ("", None),
        ("Answer: (J)", "J"),
        ("Answer: (K)", None),
    ],
)
def test_letters_are_read_from_what_is_stated_and_nothing_is_guessed(reply, letter):
    spec = registry().task("mmlu-pro")
    task = load_task(spec, spec.arguments({}))
    question = Question("1", "Which?", choices=task.letters, metadata={"options": 10})
    assert task.parse(reply, question) == letter


def test_a_quarter_of_each_category_is_tested(sets):
    _, splits = sets.load("mmlu-pro", protocol="quarter")
    assert (
        sorted(s.categories[0] for s in splits.test) == ["law"] * 5 + ["math"] * 5 and len(splits.train) == 30
    )


def test_the_mean_over_categories_counts_attempts_once(sets):
    task, splits = sets.load("mmlu-pro")
    law = [s for s in splits.test if s.categories == ("law",)]
    math = [s for s in splits.test if s.categories == ("math",)][:2]
    samples = [*law, *math, *math]
    outcomes = [Outcome(s.id, answer=s.target if s in law or n < 22 else "-") for n, s in enumerate(samples)]
    found = task.measure_set(splits, samples, outcomes)["macro_accuracy"]
    assert found.value == pytest.approx((1 + 0.5) / 2) and found.n_items == 22
    assert found.ci[0] <= found.value <= found.ci[1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"answerKey": "F"}, "the answer 'F' is none of its 4 options"),
        ({"answerKey": "5"}, "the answer '5' is none"),
        ({"choices": {"text": ["a", None], "label": ["A", "B"]}}, "an option is missing"),
        ({"choices": {"text": list("abcdef"), "label": list("ABCDEF")}}, "6 options, not 2 to 5"),
    ],
)
def test_a_row_of_another_shape_is_refused_by_its_place(hub, change, told):
    with pytest.raises(DataError, match=f"arc-challenge: row 0 of allenai/ai2_arc .*{told}"):
        only(hub, "allenai/ai2_arc", "ARC-Challenge", {**arc(0), **change}, "arc-challenge")


def test_a_key_that_is_not_at_its_index_is_refused(hub):
    row = {**pro(70, ["a", "b", "c"], 1), "answer_index": 2}
    with pytest.raises(DataError, match="answer 'B' is not that of the place 2"):
        hub.add("TIGER-Lab/MMLU-Pro", {("default", "test"): [row]}).load("mmlu-pro")


def test_the_splits_of_a_copy_can_be_asked_for(sets):
    pin = registry().task("mmlu-pro").data["test"]
    data = Data(mirror=sets.folder, offline=True)
    assert data.splits(pin) == ["test", "validation"] and not data.read
