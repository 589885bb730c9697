"""Every data set of the family, on the local mirror."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.base.digest import digest
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.sample import Outcome, Splits
from harness.task import Task
from harness.testing import check_task

SHARED = Path(__file__).parents[4] / "shared"
HUB = SHARED / "hub"
RECORDED = (
    SHARED
    / "data/recorded_outputs/testnuc_banking77_gpt4omini"
    / "banking77_pseudo_labeled_gpt-4o-mini.jsonl.gz"
)
needs_mirror = pytest.mark.skipif(not HUB.is_dir(), reason=f"no mirror at {HUB}")

# (test, training rows before duplicates of test go, labels); None where copies differ in size
SIZES = {
    "banking77": (3080, 10003, 77),
    "clinc150": (4500, 15000, 150),
    "clinc-domain": (4500, 15000, 10),
    "massive-intent": (2974, 11510, 59),
    "mtop-domain": (4386, 15667, 11),
    "go-emotions": (2984, 23485, 27),
    "reddit": (None, 3217, 50),
    "stackexchange": (None, 4156, 121),
    "few-event": (None, 4742, 34),
    "stackoverflow": (1000, 18000, 20),
    "snips": (700, 13084, 7),
    "dbpedia": (700, 12600, 14),
    "newsgroups": (None, 1999, 20),
}
#: training texts that are test texts too, as counted in the notes on TestNUC (5.1)
ALSO_IN_TEST = {"banking77": 6, "clinc150": 2, "clinc-domain": 2, "mtop-domain": 15}


@cache
def loaded(name: str, **args: Any) -> tuple[Task, Splits]:
    spec = registry().tasks[name]
    task = load_task(spec, spec.arguments(args))
    return task, task.load(Data(mirror=HUB, offline=True))


def test_every_set_is_listed_here() -> None:
    family = {n for n, s in registry().tasks.items() if s.entry.startswith("harness.tasks.intent.")}
    assert family == {*SIZES, "financial-phrasebank"}  # which no mirror has: test_phrasebank.py


@needs_mirror
@pytest.mark.parametrize("name", SIZES)
def test_sizes(name: str) -> None:
    _, splits = loaded(name)
    n_test, n_rest, n_labels = SIZES[name]
    if n_test is None:
        assert len(splits.test) == pytest.approx(0.2 * n_rest, abs=0.01 * n_rest)
        n_rest -= len(splits.test)
    else:
        assert len(splits.test) == n_test
    kept = len(splits.train) + len(splits.dev)
    assert 0.98 * n_rest <= kept <= n_rest
    if name in ALSO_IN_TEST:
        assert kept == n_rest - ALSO_IN_TEST[name]
    assert len(splits.pool) == len(splits.train)
    assert len(splits.test[0].question.choices) == n_labels
    declared = registry().tasks[name].n_items
    assert declared in (0, len(splits.test))


@needs_mirror
@pytest.mark.parametrize("name", SIZES)
def test_splits_are_disjoint(name: str) -> None:
    _, splits = loaded(name)
    parts = {
        "test": [sample.question for sample in splits.test],
        "dev": [sample.question for sample in splits.dev],
        "train": [sample.question for sample in splits.train],
    }
    for form in (lambda q: q.id, lambda q: q.input):
        seen = {part: {form(q) for q in questions} for part, questions in parts.items()}
        assert not seen["test"] & seen["dev"]
        assert not seen["test"] & seen["train"]
        assert not seen["dev"] & seen["train"]
    ids = [question.id for questions in parts.values() for question in questions]
    assert len(ids) == len(set(ids))
    assert [q.id for q in splits.pool] == [q.id for q in parts["train"]]


@needs_mirror
@pytest.mark.parametrize("name", ["clinc150", "go-emotions", "few-event", "newsgroups"])
def test_contract(name: str) -> None:
    check_task(name, Data(mirror=HUB, offline=True))


@needs_mirror
@pytest.mark.parametrize("name", SIZES)
def test_labels_round_trip_and_stand_in_the_prompt(name: str) -> None:
    task, splits = loaded(name)
    question = splits.test[0].question
    prompt = task.render(question)
    assert question.input in prompt
    assert task.instruction in prompt
    for label in question.choices:
        assert task.parse(label, question) == label
        assert task.parse(f"Label: **{label.replace('_', ' ').upper()}**", question) == label
        assert f"\n- {label}\n" in prompt
    assert all(sample.target in question.choices for sample in splits.test)
    assert splits.pool[0].choices is question.choices
    assert splits.train[0].question.choices is question.choices


@needs_mirror
@pytest.mark.parametrize("name", SIZES)
def test_dev_has_nearly_every_label(name: str) -> None:
    _, splits = loaded(name)
    in_train = {sample.target for sample in splits.train}
    assert len({sample.target for sample in splits.dev}) >= 0.97 * len(in_train)


@needs_mirror
def test_loading_twice_gives_the_same_rows() -> None:
    for name in ("reddit", "go-emotions"):
        splits = loaded(name)[1]
        again = loaded.__wrapped__(name)[1]
        for part in ("test", "dev", "train"):
            left, right = getattr(splits, part), getattr(again, part)
            assert digest([s.digest() for s in left]) == digest([s.digest() for s in right])


@needs_mirror
def test_out_of_scope_is_a_choice() -> None:
    task, splits = loaded("clinc150", oos=True)
    question = splits.test[0].question
    assert len(question.choices) == 151 and "oos" in question.choices
    assert len(splits.test) == 5500
    assert "out of scope" in task.render(question)
    plain, without = loaded("clinc150")
    assert "oos" not in without.test[0].question.choices
    assert "out of scope" not in plain.render(without.test[0].question)
    assert {s.id for s in without.test} < {s.id for s in splits.test}


@needs_mirror
def test_demonstrations_carry_the_label_list_once() -> None:
    task, splits = loaded("banking77")
    turns = task.ask(splits.test[0].question, [splits.train[0], splits.train[1]])
    assert [turn.role for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert turns[1].content == splits.train[0].target
    assert sum("Labels:" in str(turn.content) for turn in turns) == 1
    assert splits.test[0].question.input in str(turns[-1].content)


def recorded() -> list[dict[str, Any]]:
    if not RECORDED.is_file():
        pytest.skip(f"no recorded outputs at {RECORDED}")
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@needs_mirror
@pytest.mark.parametrize(("test_rows", "right", "outside"), [(500, 326, 5), (1001, 630, 20)])
def test_replay_baseline(test_rows: int, right: int, outside: int) -> None:
    rows = recorded()
    task, splits = loaded("banking77", protocol="replay", test_rows=test_rows)
    assert len(splits.test) == test_rows and len(splits.pool) == 9001
    assert len(splits.dev) == 1001 - test_rows
    hits = others = 0
    for sample in splits.test:
        row = rows[int(sample.id)]
        assert row["text"].strip() == sample.question.input
        assert row["ground_truth"] == sample.target
        answer = task.parse(row["prediction"], sample.question)
        assert answer == row["prediction"]
        others += answer not in sample.question.choices
        score = task.score(sample, Outcome(sample.id, text=row["prediction"], answer=answer))
        hits += int(score.metrics["accuracy"])
    assert (hits, others) == (right, outside)


@needs_mirror
def test_replay_splits() -> None:
    rows = recorded()
    task, splits = loaded("banking77", protocol="replay")
    assert [int(s.id) - 9002 for s in splits.test[:5]] == [521, 941, 741, 980, 411]
    ids = [*(s.id for s in splits.test), *(s.id for s in splits.dev), *(q.id for q in splits.pool)]
    assert len(set(ids)) == len(ids) == 10002
    assert all(rows[int(q.id)]["text"].strip() == q.input for q in splits.pool)
    everywhere = [task.parse(row["prediction"], splits.pool[0]) == row["ground_truth"] for row in rows]
    assert sum(everywhere) == 6514
