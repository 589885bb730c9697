"""The tasks on the local mirror, and the training problems, which are made-up rows."""

from functools import cache
from pathlib import Path

import pytest

from harness.base.errors import DataError, UsageError
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.sample import Outcome, Sample, Splits
from harness.task import Task
from harness.tasks.math.adapter import Mathematics
from harness.testing import check_task

HUB = Path(__file__).parents[4] / "shared" / "hub"
needs_mirror = pytest.mark.skipif(not HUB.is_dir(), reason=f"no mirror at {HUB}")
SIZES = {"aime24": 30, "aime25": 30, "amc23": 40, "math500": 500, "gsm8k": 1319}


@cache
def loaded(name: str) -> tuple[Task, Splits]:
    spec = registry().task(name)
    task = load_task(spec, spec.arguments({}))
    return task, task.load(Data(mirror=HUB, offline=True))


def by_alias(name: str, alias: str) -> Sample:
    return next(s for s in loaded(name)[1].test if alias in s.question.metadata["aliases"])


def test_every_task_of_the_family_is_listed_here() -> None:
    family = {n for n, s in registry().tasks.items() if s.entry.startswith("harness.tasks.math.")}
    assert family == {*SIZES, "math"}


@pytest.mark.parametrize("name", [*SIZES, "math"])
def test_every_data_set_is_pinned(name: str) -> None:
    for pin in registry().task(name).data.values():
        assert len(pin.revision) == 40 and int(pin.revision, 16)


@needs_mirror
@pytest.mark.parametrize("name", SIZES)
def test_contract(name: str) -> None:
    check_task(name, Data(mirror=HUB, offline=True))


@needs_mirror
@pytest.mark.parametrize("name", SIZES)
def test_sizes_and_names(name: str) -> None:
    task, splits = loaded(name)
    assert len(splits.test) == task.spec.n_items == SIZES[name]
    names = [alias for s in splits.test for alias in (s.id, *s.question.metadata["aliases"])]
    owners = {(alias, s.id) for s in splits.test for alias in (s.id, *s.question.metadata["aliases"])}
    assert len({alias for alias, _ in owners}) == len(owners), "a name stands for two samples"
    assert len(names) >= 2 * len(splits.test)


@needs_mirror
@pytest.mark.parametrize("name", SIZES)
def test_every_target_is_right_and_a_completion_without_it_wrong(name: str) -> None:
    task, splits = loaded(name)
    for sample in splits.test:
        parsed = task.parse(f"Thus \\boxed{{{sample.target}}}.", sample.question)
        assert parsed is not None, sample
        assert task.score(sample, Outcome(sample.id, answer=parsed)).metrics == {"accuracy": 1.0}
        assert task.parse("I don't know.", sample.question) is None
    assert task.score(sample, Outcome(sample.id)).metrics == {"accuracy": 0.0}


@needs_mirror
@pytest.mark.parametrize(
    ("name", "alias", "id", "target"),
    [
        ("aime24", "2024-I-1", "60", "204"),
        ("aime24", "2024-I-2", "67", "25"),
        ("aime24", "2024-II-15", "81", "315"),
        ("aime25", "2025-I-1", "0", "70"),
        ("aime25", "2025-II-1", "15", "468"),
        ("amc23", "amc23-0", "0", "27"),
        ("math500", "math500-2", "test/algebra/2584.json", "\\frac{14}{3}"),
        ("math500", "2", "test/algebra/2584.json", "\\frac{14}{3}"),
        ("gsm8k", "gsm8k-main-test-#0", "0", "18"),
    ],
)
def test_ids_aliases_and_targets(name: str, alias: str, id: str, target: str) -> None:
    sample = by_alias(name, alias)
    assert (sample.id, sample.target) == (id, target)


@needs_mirror
def test_gsm8k_demonstrations_are_worked_and_boxed() -> None:
    task, splits = loaded("gsm8k")
    assert len(splits.train) == 7473
    shot = splits.train[0]
    assert shot.id == "train-0" and shot.target == "72"
    assert "<<" not in shot.demonstration and "####" not in shot.demonstration
    assert task.parse(shot.demonstration, shot.question) == "72"
    turns = task.ask(splits.test[0].question, [shot])
    assert [turn.role for turn in turns] == ["user", "assistant", "user"]
    assert turns[1].text == shot.demonstration


@needs_mirror
def test_gsm8k_train_and_test_are_disjoint() -> None:
    _, splits = loaded("gsm8k")
    test = {sample.question.input for sample in splits.test}
    assert not any(sample.question.input in test for sample in splits.train)


@needs_mirror
@pytest.mark.parametrize("name", SIZES)
def test_prompt_asks_for_a_box_and_holds_no_target(name: str) -> None:
    task, splits = loaded(name)
    prompt = task.ask(splits.test[0].question)[-1].text
    assert prompt.startswith(splits.test[0].question.input) and "\\boxed{}" in prompt
    assert "solution" not in splits.test[0].question.metadata


def test_another_shape_of_answers_is_an_error() -> None:
    spec = registry().task("aime24")
    task = Mathematics(spec, {})
    row = {"id": 1, "problem": "p", "answer": "see the solution", "url": ""}
    with pytest.raises(DataError, match="row 0 .* not a number"):
        task._sample(0, row)


# -- the training problems: no mirror has its train rows, so these are made up in their repository's shape


def made_up(hub, rows):
    """Every repository that `math` reads, with `rows` (problem, answer, subject, level) to train on."""
    spec = registry().task("math")

    def full(prefix, number, problem, answer, subject, level):
        return {
            "problem": problem,
            "solution": f"It is $\\boxed{{{answer}}}$.",
            "answer": answer,
            "subject": subject,
            "level": level,
            "unique_id": f"{prefix}/{number}.json",
        }

    tests = {
        "test": [full("test", n, f"What is ${n}+{n}$?", str(2 * n), "Algebra", 1) for n in range(4)],
        "aime24": [{"problem": "Find the $\\left(x\\right)$ of AIME."}],
        "aime25": [{"problem": "Find $y$."}],
        "amc23": [{"question": "Find $z$."}],
        "train": [full("train", n, *row) for n, row in enumerate(rows)],
    }
    for name, found in tests.items():
        pin = spec.data[name]
        hub.add(pin.id, {(pin.config or "default", pin.split): found})
    return hub


ROWS = [
    (f"Solve ${n}x = {n * n}$.", str(n), "Geometry" if n > 5 else "Algebra", 1 + (n - 1) % 5)
    for n in range(1, 11)
]


def test_math_has_categories_and_a_dev_split_of_its_own(hub) -> None:
    task, splits = made_up(hub, ROWS).load("math", dev=3)
    assert (len(splits.test), len(splits.train), len(splits.dev)) == (4, 7, 3)
    sample = next(s for s in [*splits.train, *splits.dev] if s.id == "train/3.json")
    assert sample.question.metadata == {"type": "Algebra", "level": 4}
    assert task.parse(sample.demonstration, sample.question) == sample.target == "4"
    _, other = hub.load("math", dev=4)  # the same ones and one more
    assert {s.id for s in splits.dev} < {s.id for s in other.dev}
    assert not {s.id for s in other.dev} & {s.id for s in other.train}
    _, whole = hub.load("math", dev=0)
    assert [s.id for s in whole.train] == [f"train/{n}.json" for n in range(10)]
    with pytest.raises(UsageError, match="dev=10 leaves nothing of 10"):
        hub.load("math", dev=10)


def test_math_leaves_out_what_is_tested(hub) -> None:
    repeated = [
        ("What is $2 + 2$ ?", "4", "Algebra", 1),  # MATH-500's, spaced otherwise
        ("Find the $(x)$ of AIME", "1", "Algebra", 1),
        ("find $ y $.", "1", "Algebra", 1),
        ("Find $z$.", "1", "Algebra", 1),
        ("Solve $1x  = 1$.", "1", "Algebra", 1),  # an earlier train problem
        ("Solve $2x = 40$.", " ", "Algebra", 1),  # no answer
        ("What is $2-2$?", "0", "Algebra", 1),  # another problem: the sign differs
    ]
    _, splits = made_up(hub, [*ROWS, *repeated]).load("math", dev=0)
    assert [s.id for s in splits.train] == [f"train/{n}.json" for n in (*range(10), 16)]


def test_contract_of_math(hub) -> None:
    check_task("math", made_up(hub, ROWS).data, dev=2)
