"""Which demonstrations are shown, and that none of them is the question."""

import asyncio

import pytest

from harness.job import Job, Models
from harness.model.budget import Budget
from harness.model.echo import Echo
from harness.model.embed import open_embedder
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.registry import load_method, registry
from harness.sample import Question, Sample, Splits
from harness.testing import TINY, TinyTask, check_method

LABELS = ("red", "green", "blue")
TRAIN = [(f"train {n} of {LABELS[n % 3]}", LABELS[n % 3]) for n in range(60)]
TEST = [(f"test {n}", LABELS[n % 3]) for n in range(9)]


def shots(call):
    """The demonstrations of a call as (text, label); the last turn is the question."""
    roles = [message.role for message in call.messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    texts = [message.text.split("Text:\n")[1].split("\n")[0] for message in call.messages[::2]]
    assert texts[-1] == call.question.input
    return list(zip(texts, [message.text for message in call.messages[1::2]], strict=False))


@pytest.mark.parametrize("choose", ["random", "per-label", "nearest"])
def test_contract(choose):
    check_method("few-shot", choose=choose)


@pytest.mark.parametrize("choose", ["random", "per-label", "nearest"])
def test_demonstrations_are_training_samples_with_their_own_labels(lab, choose):
    lab.data(TEST, train=TRAIN)
    ran = lab.run("few-shot", lambda call: "red", choose=choose, k=7)
    train = {sample.question.input: sample.target for sample in lab.splits.train}
    held_out = {text for text, _ in TEST} | {sample.question.input for sample in lab.splits.dev}
    assert held_out and len(ran.calls) == 9
    for call in ran.calls:
        shown = shots(call)
        assert len(shown) == len({text for text, _ in shown}) == 7
        assert all(train[text] == label for text, label in shown)
        assert not held_out & {text for text, _ in shown}
    assert ran.record["data_access"] == {"labels_seen": len(train)}
    texts = {sample.id: sample.question.input for sample in lab.splits.train}
    assert sorted([texts[id] for id in row["trace"]["shots"]] for row in ran.rows) == sorted(
        [text for text, _ in shots(call)] for call in ran.calls
    )


def test_random_ones_depend_on_the_seed_alone(lab):
    lab.data(TEST, train=TRAIN)

    def shown(seed_count):
        grid, model, _ = lab.grid(
            "few-shot", lambda call: "red", out=f"out{seed_count}", request={"seeds": seed_count}
        )
        assert grid.exit_code == 0
        return [shots(call) for call in model.calls]

    once, twice = shown(1), shown(2)
    assert all(own == once[0] for own in once) and twice[:9] == once
    assert all(own == twice[9] for own in twice[9:]) and twice[9] != once[0]


def test_per_label_shows_every_label_before_one_a_second_time(lab):
    few = [("train r1", "red"), ("train g1", "green"), ("train b1", "blue")]
    lab.data(TEST, train=few + [(f"train red {n}", "red") for n in range(40)])
    for k, labels in ((2, 2), (3, 3), (5, 3)):
        ran = lab.run("few-shot", lambda call: "red", choose="per-label", k=k)
        shown = [label for _, label in shots(ran.calls[0])]
        assert len(shown) == k and len(set(shown[:3])) == labels
        assert shown[3:] == ["red"] * (k - 3)


def test_nearest_ones_are_nearest_and_the_closest_stands_last(lab):
    train = [(f"train {n}", LABELS[n % 3]) for n in range(30)]
    angles = {text: n for n, (text, _) in enumerate(train)}
    vectors = {text: (1.0, n / 10) for text, n in angles.items()}
    test = [(f"test {n}", "red") for n in (3, 20)]
    vectors |= {f"test {n}": (1.0, n / 10 + 0.01) for n in (3, 20)}
    lab.data(test, train=train, vectors=vectors)
    kept = [sample.question.input for sample in lab.splits.train]
    ran = lab.run("few-shot", lambda call: "red", choose="nearest", k=3)
    assert len(ran.calls) == 2
    for call in ran.calls:
        query = vectors[call.question.input]

        def cosine(text, query=query):
            own = vectors[text]
            return (own[0] * query[0] + own[1] * query[1]) / (own[0] ** 2 + own[1] ** 2) ** 0.5

        assert [text for text, _ in shots(call)] == sorted(kept, key=cosine)[-3:]


def test_no_demonstrations_is_the_direct_prompt(lab):
    lab.data(TEST, train=TRAIN)
    plain, none = lab.run("direct", lambda call: "red"), lab.run("few-shot", lambda call: "red", k=0)
    assert [c.messages[0].text for c in plain.calls] == [c.messages[0].text for c in none.calls]
    many = lab.run("few-shot", lambda call: "red", k=10_000)
    assert len(shots(many.calls[0])) == len(lab.splits.train)


@pytest.mark.parametrize("choose", ["random", "per-label", "nearest"])
def test_a_question_among_the_training_samples_is_not_its_own_demonstration(choose):
    def sample(id, text):
        return Sample(Question(id, text, choices=LABELS), "red")

    train = [sample("a", "red one"), sample("b", " red two "), sample("c", "red three")]
    splits = Splits(test=train[:1], train=train)
    spec = registry().method("few-shot")
    method = load_method(spec, spec.arguments({"choose": choose, "k": 9}))
    job = Job(
        task=TinyTask(TINY, {}),
        method=spec,
        splits=splits,
        models=Models(
            model=Model(Echo("red"), ledger=Ledger(), budget=Budget()),
            embedder=open_embedder("tfidf"),
        ),
    )
    asyncio.run(method.fit(job))
    by_id = asyncio.run(method.answer(train[0].question, job))
    by_text = asyncio.run(method.answer(Question("z", "red two", choices=LABELS), job))
    assert sorted(by_id.trace["shots"]) == ["b", "c"] and sorted(by_text.trace["shots"]) == ["a", "c"]


def test_bad_arguments_are_one_line(lab):
    grid, model, _ = lab.data(TEST, train=TRAIN).grid("few-shot", lambda call: "red", k=-1)
    assert "k=-1" in str(grid.results[0].error) and not model.calls
    unlabelled = lab.__class__(lab.folder / "none")
    unlabelled.folder.mkdir()
    grid, _, _ = unlabelled.data(TEST).grid("few-shot", lambda call: "red")
    assert "needs labelled" in str(grid.results[0].error)
