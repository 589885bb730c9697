"""MMLU on small copies of its Hub repository, and on the mirror."""

import logging
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from harness.base.errors import DataError
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.task_checks import check_splits
from harness.tasks.mmlu.subjects import DOMAINS
from harness.testing import check_task

HUB = Path(__file__).parents[4] / "shared" / "hub"
needs_mirror = pytest.mark.skipif(not HUB.is_dir(), reason=f"no mirror at {HUB}")
TWO = ("anatomy", "virology")


def row(subject, n, answer=1, split="test", **more):
    options = [f" {split} {n} {k}" for k in range(4)]
    return {
        "question": f"{subject} {split} {n}?",
        "subject": subject,
        "choices": options,
        "answer": answer,
        **more,
    }


def copy(hub, auxiliary=None, test=6, validation=20, subjects=TWO):
    made = {
        ("all", name): [
            row(subject, n, split=name, answer=n % 4) for subject in subjects for n in range(size)
        ]
        for name, size in (("test", test), ("validation", validation), ("dev", 5))
    }
    if auxiliary is not None:
        made["all", "auxiliary_train"] = auxiliary
    return hub.add("cais/mmlu", made)


def extra(size):
    return [row("", n, split="auxiliary") for n in range(size)]


def test_every_subject_is_a_task():
    names = registry().family("mmlu")
    assert {registry().task(name).settings["subject"] for name in names} == set(DOMAINS) and len(names) == 57
    assert all(name == f"mmlu/{registry().task(name).settings['subject']}" for name in names)
    sizes = {name: registry().task(name).n_items for name in names}
    assert sum(sizes.values()) == registry().task("mmlu").n_items == 14042
    # as counted in EleutherAI/lm-evaluation-harness issue 1521, where anatomy (135) is in STEM
    domains = Counter(DOMAINS[name.removeprefix("mmlu/")] for name in names for _ in range(sizes[name]))
    assert domains == {"humanities": 4705, "social sciences": 3077, "other": 3107 + 135, "STEM": 3153 - 135}


@pytest.mark.parametrize(("name", "auxiliary"), [("mmlu", 12), ("mmlu/virology", None)])
def test_contract(hub, name, auxiliary):
    check_task(name, copy(hub, auxiliary and extra(auxiliary)).data)


def test_what_is_trained_on_is_told_recorded_and_can_be_chosen(hub, caplog):
    mirror = copy(hub)
    with caplog.at_level(logging.WARNING, "harness.tasks.mmlu"):
        _, splits = mirror.load("mmlu")
    assert "has no auxiliary_train, so methods learn from MMLU's own dev and validation" in caplog.text
    assert (len(splits.dev), len(splits.train)) == (4, 46), "a tenth of 40, the rest and 10 of dev"
    caplog.clear()
    assert len(mirror.load("mmlu", train="own")[1].train) == 46 and not caplog.text
    with pytest.raises(DataError, match="this copy of cais/mmlu has no auxiliary_train; .* -T train=own"):
        mirror.load("mmlu", train="auxiliary")
    data = copy(hub, extra(12)).data
    spec = registry().task("mmlu")
    splits = load_task(spec, spec.arguments({})).load(data)
    assert {read["split"] for read in data.read} == {"test", "validation", "auxiliary_train"}
    assert (len(splits.dev), len(splits.train)) == (40, 12) and not splits.train[0].categories
    assert splits.train[0].target == "B" and "(A) auxiliary 0 0\n" in splits.train[0].question.input


def test_auxiliary_rows_that_the_test_has_are_left_out(hub):
    _, splits = copy(hub, [row("anatomy", 2, answer=2), *extra(5)]).load("mmlu")
    assert [s.id for s in splits.train] == [f"auxiliary-{n}" for n in range(1, 6)]
    assert splits.train[2] == list(splits.train)[2] and [s.id for s in splits.train[1:3]] == [
        "auxiliary-2",
        "auxiliary-3",
    ]


def test_no_question_stands_in_two_splits(hub):
    mirror = copy(hub)
    rows = {("all", name): [row("anatomy", n, split="test") for n in range(7)] for name in ("test", "dev")}
    rows["all", "validation"] = [row("anatomy", n) for n in range(9)]
    _, splits = mirror.add("cais/mmlu", rows).load("mmlu")
    assert len(splits.test) == 7 and {s.id for s in splits.dev} | {s.id for s in splits.train} == {
        "validation-anatomy-7",
        "validation-anatomy-8",
    }


def test_todycomm_tests_on_153_of_validation(hub):
    spec = registry().task("mmlu")
    assert spec.settings["todycomm"] == {"test": 153, "train": 6400}
    fewer = replace(spec, settings={**spec.settings, "todycomm": {"test": 15, "train": 30}})

    def load(**args):
        return load_task(fewer, fewer.arguments({"protocol": "todycomm", **args})).load(data)

    data = copy(hub, extra(40)).data
    splits, own = load(), load(train="own")
    assert (len(splits.test), len(splits.dev), len(splits.train)) == (15, 25, 30)
    assert all(s.id.startswith("validation-") for s in splits.test)
    assert [s.id for s in own.test] == [s.id for s in splits.test]
    assert (len(own.dev), len(own.train)) == (2, 10 + 25 - 2)
    assert len({s.id for s in splits.train}) == 30 and splits.train[0].id == next(iter(splits.train)).id


def test_a_subject_has_the_questions_and_names_that_it_has_in_the_whole(hub):
    mirror = copy(hub)
    whole = {s.id: s for s in mirror.load("mmlu")[1].test}
    _, part = mirror.load("mmlu/virology")
    assert [s.id for s in part.test] == [f"virology-{n}" for n in range(6)]
    assert all(whole[s.id].question.input == s.question.input for s in part.test)
    assert part.test[0].categories == ("virology",) and whole["virology-0"].categories == (
        "virology",
        "other",
    )
    # a recorded response may name a row: of the subject's own split, or of the whole
    assert part.test[2].question.metadata["row"] == 2 and whole["virology-2"].question.metadata["row"] == 8
    assert {s.categories[0] for s in part.dev} == {"virology"} and len(part.train) == 10 + 20


def test_the_first_questions_are_of_all_subjects(hub):
    _, splits = copy(hub, test=40).load("mmlu")
    first = Counter(s.categories[0] for s in splits.test[:20])
    assert set(first) == set(TWO) and min(first.values()) >= 4


def test_questions_about_one_passage_are_a_group(hub):
    about = "This question refers to the following information.\nA charter of 1701.\n"
    history = "high_school_us_history"
    rows = [row(history, n, question=f"{about}What {n}?") for n in range(2)]
    rows += [row(history, 3, question=f"{about.replace('1701', '1801')}What?"), row(history, 4)]
    splits = {
        ("all", name): [row(history, n, split=name) for n in range(5)] for name in ("validation", "dev")
    }
    _, found = hub.add("cais/mmlu", {**splits, ("all", "test"): rows}).load("mmlu")
    groups = {s.id: s.group for s in found.test}
    assert groups[f"{history}-0"] == groups[f"{history}-1"] is not None
    assert groups[f"{history}-2"] is None and groups[f"{history}-3"] is None


def test_a_subject_that_is_none_is_refused(hub):
    with pytest.raises(DataError, match="is of 'alchemy', which is no subject of MMLU"):
        copy(hub, subjects=("alchemy",)).load("mmlu")


@needs_mirror
def test_on_the_mirror():
    spec = registry().task("mmlu")
    task = load_task(spec, spec.arguments({"protocol": "todycomm", "train": "own"}))
    splits = task.load(Data(mirror=HUB, offline=True))
    assert (len(splits.test), len(splits.dev), len(splits.train)) == (153, 138, 1525)
    assert not check_splits(spec, task, splits, thorough=True)
    assert len({s.categories[0] for s in splits.test}) > 40
    for sample in splits.test:
        assert task.parse(sample.demonstration, sample.question) == sample.target
        assert task.wrong(sample, random.Random(0)) in set("ABCD") - {sample.target}


@needs_mirror
def test_mmlu_pro_on_the_mirror():
    spec = registry().task("mmlu-pro")
    task = load_task(spec, spec.arguments({"protocol": "quarter"}))
    splits = task.load(Data(mirror=HUB, offline=True))
    assert not check_splits(spec, task, splits, thorough=True)
    every = [*splits.test, *splits.train]
    sizes = Counter(s.question.metadata["options"] for s in every)
    assert len(every) == 1400 and sizes[10] == 1122 and min(sizes) == 3
    assert set(Counter(s.categories[0] for s in splits.test).values()) == {25}
    assert not any(
        line.startswith(") ") or line.endswith(" ")
        for s in every
        for line in s.question.input.split("\n(")[1:]
    )
