"""The puzzles as tasks: splits, prompts in both styles, targets kept out, gold answers score one."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from harness.base.errors import DataError
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.sample import Outcome

EMBEDDED = ("arc1d", "countdown", "zebra")


def opened(name: str, **args):
    spec = registry().task(name)
    return load_task(spec, spec.arguments(args))


def loaded(name: str, **args):
    task = opened(name, **args)
    return task, task.load(Data(offline=True))


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_sets_need_nothing(name):
    task, splits = loaded(name)
    assert [len(splits.test), len(splits.dev), len(splits.train)] == [800, 100, 600]
    assert len(splits.test) == task.spec.n_items
    ids = [sample.id for split in (splits.test, splits.dev, splits.train) for sample in split]
    assert len(set(ids)) == 1500


@pytest.mark.parametrize("name", EMBEDDED)
@pytest.mark.parametrize("level", ["1", "4"])
def test_a_level_is_a_quarter(name, level):
    _, splits = loaded(name, level=level)
    assert {sample.question.metadata["level"] for sample in splits.test} == {int(level)}
    assert len(splits.test) == 200
    # the hardest level is never trained on: there the train set is that of the others
    assert len(splits.train) == (200 if level == "1" else 600)


@pytest.mark.parametrize(
    ("name", "style"),
    [(n, s) for n in EMBEDDED for s in ("neutral", "compact") if (n, s) != ("zebra", "compact")],
)
def test_a_demonstration_is_a_right_answer(name, style):
    task, splits = loaded(name, **({} if name == "zebra" else {"style": style}))
    for sample in [*splits.test, *splits.dev, *splits.train]:
        answer = task.parse(sample.demonstration, sample.question)
        outcome = Outcome(sample.id, text=sample.demonstration, answer=answer)
        assert task.score(sample, outcome).metrics == {"accuracy": 1.0}
        assert task.parse(answer, sample.question) == answer


@pytest.mark.parametrize("name", EMBEDDED)
def test_no_answer_and_a_wrong_answer_score_zero(name):
    task, splits = loaded(name)
    for answer in (None, "1", "nobody"):
        score = task.score(splits.test[0], Outcome(splits.test[0].id, answer=answer))
        assert score.metrics == {"accuracy": 0.0}


@pytest.mark.parametrize("name", ["arc1d", "zebra"])
def test_what_adversaries_argue_for_is_wrong_and_can_be_read(name):
    task, splits = loaded(name)
    for seed, sample in enumerate(splits.test[::40]):
        wrong = task.wrong(sample, random.Random(seed))
        assert wrong == task.wrong(sample, random.Random(seed)) != sample.target
        answer = task.parse(f"Answer: {wrong}", sample.question)
        assert answer is not None and task.canonical(answer, sample.question) == wrong
        assert task.score(sample, Outcome(sample.id, answer=answer)).metrics == {"accuracy": 0.0}
    one = replace(splits.test[0], target="3333")
    assert name != "arc1d" or set(task.wrong(one, random.Random(0))) != {"3"}


def test_neutral_prompts_hold_the_problem_and_not_the_answer():
    _, splits = loaded("arc1d", style="neutral")
    sample = splits.test[0]
    assert sample.question.input.count("output:") == 4  # three examples and the form of the answer
    assert " ".join(sample.target) not in sample.question.input.split("Apply the same rule")[1]
    _, splits = loaded("countdown", style="neutral")
    sample = splits.test[0]
    for number in (*sample.target["numbers"], sample.target["target"]):
        assert str(number) in sample.question.input
    assert sample.shot.removeprefix("Answer: ") not in sample.question.input


def test_compact_prompts():
    _, splits = loaded("arc1d", style="compact", level="1")
    text = splits.test[0].question.input
    assert text.startswith("A") and text.endswith(">") and text.count("|") == 3
    assert len(text) == 1 + 3 * 22 + 11
    _, splits = loaded("countdown", style="compact", level="1")
    assert splits.test[0].question.input == "C4,17,54=702:"


def test_votes_count_expressions_that_differ_in_spelling_only_as_one():
    task, splits = loaded("countdown")
    question = splits.test[0].question
    answers = {task.parse(text, question) for text in ("54*(17-4)", "(17 - 4) × 54 = 702")}
    assert len(answers) == 1


def test_train_items_are_made_on_demand():
    pytest.importorskip("reasoning_gym", reason="reasoning-gym is not installed (extra train)")
    task = opened("arc1d", bank="50")
    data = Data(offline=True)
    splits = task.load(data)
    assert len(splits.train) == 150
    assert {sample.question.metadata["level"] for sample in splits.train} == {1, 2, 3}
    assert "generated/arc1d" in [read["id"] for read in data.read]


def test_a_dev_set_is_made_on_demand_and_shares_nothing_with_the_train_items(monkeypatch):
    pytest.importorskip("reasoning_gym", reason="reasoning-gym is not installed (extra train)")
    monkeypatch.setattr(
        "harness.tasks.puzzles.adapter.GENERATED_SEEDS", {"train": 0, "dev": 0}
    )  # the same draws
    splits = opened("arc1d", bank="50", dev="30").load(Data(offline=True))
    assert [len(splits.dev), len(splits.train), len(splits.test)] == [120, 150, 800]
    texts = [{sample.question.input for sample in split} for split in (splits.dev, splits.train)]
    assert texts[0].isdisjoint(texts[1])


def test_new_train_items_without_the_generator_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(DataError, match=r"harness\[train\]"):
        opened("arc1d", bank="50").load(Data(offline=True))


def test_the_published_puzzles_from_a_mirror():
    mirror = Path(os.environ.get("HARNESS_MIRROR") or Path(__file__).parents[4] / "shared" / "hub")
    if not (mirror / "khalil-research/1D-ARC").is_dir():
        pytest.skip(f"no khalil-research/1D-ARC below {mirror} (set HARNESS_MIRROR)")
    task = opened("arc1d-original", style="compact")
    splits = task.load(Data(mirror=mirror, offline=True))
    assert len(splits.test) == task.spec.n_items == 901
    for sample in splits.test:
        assert task.parse(sample.demonstration, sample.question) == sample.target
        query = sample.question.input.rpartition("|")[2].removesuffix(">")
        assert len(query) == len(sample.target)
