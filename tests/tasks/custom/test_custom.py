"""The user's own data: files, the mirror, and what is said when something is missing."""

import csv
import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.answers import read_text
from harness.base.errors import DataError, UsageError
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.sample import Outcome, Sample, Splits
from harness.task import Task
from harness.tasks.custom.words import squad_form, word_overlap

HUB = Path(__file__).parents[4] / "shared" / "hub"
needs_mirror = pytest.mark.skipif(not HUB.is_dir(), reason=f"no mirror at {HUB}")

ROWS = [
    {"utterance": f"{word} number {n}", "intent": word, "key": f"k{n}"}
    for n, word in enumerate(["play music", "Set_Alarm", "stop?"] * 10)
]


def load(name: str, source: Data | None = None, /, **args: Any) -> tuple[Task, Splits]:
    spec = registry().tasks[name]
    task = load_task(spec, spec.arguments(args))
    return task, task.load(source or Data(offline=True))


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return str(path)


def accuracy(task: Task, sample: Sample, text: str) -> float:
    answer = task.parse(text, sample.question)
    outcome = Outcome(sample.id, text=text, answer=answer)
    return task.score(sample, outcome).metrics["accuracy"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_classify_a_file(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"mine{suffix}", ROWS)
    task, splits = load("classify/custom", data=path, text="utterance", label="intent")
    assert len(splits.test) == 30 and not len(splits.train) and not len(splits.pool)
    sample = splits.test[1]
    assert sample.id == "1" and sample.target == "Set_Alarm"
    assert sample.question.choices == ("play music", "Set_Alarm", "stop?")
    assert accuracy(task, sample, "set alarm") == 1.0
    assert accuracy(task, sample, "play music") == 0.0
    assert task.parse("dance", sample.question) is None


def test_training_and_pool_files(tmp_path: Path) -> None:
    test = write(tmp_path / "test.csv", ROWS[:9])
    train = write(tmp_path / "train.csv", ROWS[6:])
    pool = write(tmp_path / "pool.jsonl", [{"utterance": row["utterance"]} for row in ROWS[3:]])
    columns = {"data": test, "text": "utterance", "label": "intent"}
    _, splits = load("classify/custom", **columns, train=train)
    assert len(splits.train) + len(splits.dev) == 21 and len(splits.dev) == 3
    assert [q.id for q in splits.pool] == [s.id for s in splits.train]
    _, splits = load("classify/custom", **columns, train=train, pool=pool)
    held = {s.question.input for s in [*splits.test, *splits.dev]}
    assert len(splits.pool) == 18 and not held & {q.input for q in splits.pool}
    _, splits = load("classify/custom", **columns, pool=pool)
    assert len(splits.pool) == 21 and not splits.dev


def test_numbers_and_own_ids(tmp_path: Path) -> None:
    rows = [{"text": f"t{n}", "label": n % 2, "key": f"k{n}"} for n in range(4)]
    path = write(tmp_path / "mine.csv", rows)
    task, splits = load("classify/custom", data=path, id="key", instruction="Odd or even?")
    assert [sample.id for sample in splits.test] == ["k0", "k1", "k2", "k3"]
    assert splits.test[0].question.choices == ("0", "1")
    assert task.render(splits.test[0].question).startswith("Odd or even?")
    with pytest.raises(DataError, match="more than once"):
        load("classify/custom", data=path, id="label")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", ROWS)
    with pytest.raises(UsageError, match="needs -T data"):
        load("classify/custom")
    with pytest.raises(DataError, match="no column 'text'; it has: utterance, intent, key"):
        load("classify/custom", data=path)
    with pytest.raises(DataError, match=r"no file .*other\.csv; .* holds: mine\.csv"):
        load("classify/custom", data=str(tmp_path / "other.csv"))
    with pytest.raises(UsageError, match="train='train' is not a file"):
        load("classify/custom", data=path, text="utterance", label="intent", train="train")
    with pytest.raises(UsageError, match="also in the test set"):
        load("classify/custom", data=path, text="utterance", label="intent", train=path)
    with pytest.raises(DataError, match="no column 'question'"):
        load("qa/custom", data=path)
    with pytest.raises(UsageError, match="match='fuzzy' is not one of"):
        load("qa/custom", data=path, match="fuzzy")
    empty = write(tmp_path / "empty.jsonl", [{"text": "", "label": "a"}])
    with pytest.raises(DataError, match="no row with both text and label"):
        load("classify/custom", data=empty)
    several = write(tmp_path / "several.jsonl", [{"text": "t", "label": ["a", "b"]}])
    with pytest.raises(DataError, match="several labels in a row"):
        load("classify/custom", data=several)
    words = write(tmp_path / "words.jsonl", [{"question": "q", "answer": "none"}])
    with pytest.raises(DataError, match="row 0 .* has no number"):
        load("qa/custom", data=words, match="number")


@needs_mirror
def test_hub_data() -> None:
    mirror = Data(mirror=HUB, offline=True)
    _, splits = load("classify/custom", mirror, data="benayas/snips", label="category", train="train")
    assert len(splits.test) == 700 and len(splits.dev) == 345 and len(splits.train) == 12670
    assert splits.train[0].id == "train-0"
    with pytest.raises(DataError, match="no split 'tset'; it has: train, validation, test"):
        load("classify/custom", mirror, data="benayas/snips", label="category", split="tset")
    _, splits = load("classify/custom", mirror, data="fancyzhx/dbpedia_14", text="content")
    assert splits.test[0].target in splits.test[0].question.choices
    assert "WrittenWork" in splits.test[0].question.choices
    task, splits = load(
        "qa/custom", mirror, data="openai/gsm8k", config="main", match="number", train="train"
    )
    assert len(splits.test) == 1319 and splits.test[0].target == "18"
    assert accuracy(task, splits.test[0], "So she makes 9 * 2 = $18.00 a day") == 1.0
    assert accuracy(task, splits.test[0], "Answer: 19") == 0.0
    assert splits.train[0].demonstration.startswith("Answer: ")


@pytest.mark.parametrize(
    ("match", "target", "right", "wrong"),
    [
        (
            "exact",
            "Mount Everest",
            ["mount everest.", "Answer: Mount  Everest", "**Mount Everest**"],
            ["Everest", "", "It is Mount Everest"],
        ),
        ("exact", ["NYC", "New York"], ["new york", "NYC"], ["York"]),
        ("number", "1,250", ["Answer: 1250", "it is 1250.0"], ["125", "nothing"]),
        ("number", "work ... #### 72", ["72"], ["27"]),
        ("math", r"\frac{1}{2}", [r"\boxed{0.5}", r"The answer is \boxed{\frac12}"], [r"\boxed{2}", "maybe"]),
        ("f1", "the Eiffel Tower", ["Eiffel tower!", "Answer: an Eiffel Tower"], ["tower"]),
    ],
)
def test_matches(tmp_path: Path, match: str, target: Any, right: list[str], wrong: list[str]) -> None:
    path = write(tmp_path / "qa.jsonl", [{"question": "Which?", "answer": target}])
    task, splits = load("qa/custom", data=path, match=match)
    sample = splits.test[0]
    assert accuracy(task, sample, sample.demonstration) == 1.0
    assert "Which?" in task.render(sample.question)
    for text in right:
        assert accuracy(task, sample, text) == 1.0, text
    for text in wrong:
        assert accuracy(task, sample, text) == 0.0, text


def test_word_overlap() -> None:
    assert word_overlap("the cat sat", "a cat sat down") == pytest.approx(0.8)
    assert word_overlap("dog", "cat") == 0.0
    assert word_overlap("The", "an") == 0.0  # nothing but articles: they count
    assert squad_form("The U.S., again!") == "us again"
    assert squad_form("0." * 20000).count(".") == 19999  # in linear time
    assert read_text("<think>x").answer is None
    assert read_text("<think>x</think> y ").answer == "y"


@given(st.text(max_size=200), st.text(max_size=50))
def test_never_raises(text: str, target: str) -> None:
    read_text(text)
    assert 0.0 <= word_overlap(text, target) <= 1.0


def test_tasks_travel_and_rows_left_out_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [*ROWS, {"utterance": "what?", "intent": "", "key": "k"}]
    path = write(tmp_path / "test.csv", rows)
    task, splits = load("classify/custom", data=path, text="utterance", label="intent")
    assert len(splits.test) == 30
    assert "1 of 31 rows" in caplog.text
    question = pickle.loads(pickle.dumps(splits.test[0])).question
    assert pickle.loads(pickle.dumps(task)).render(question) == task.render(question)


def test_a_folder_in_the_shape_of_a_hub_repository(tmp_path: Path) -> None:
    write(tmp_path / "test.parquet", ROWS)
    _, splits = load("classify/custom", data=str(tmp_path), text="utterance", label="intent")
    assert len(splits.test) == 30


# -- groups --------------------------------------------------------------------------------------------

ASKED = [{"q": f"What is {n}?", "a": str(n), "page": "" if n == 7 else f"p{n // 2}"} for n in range(8)]


def test_rows_of_one_text_in_the_column_of_groups_belong_together(tmp_path: Path) -> None:
    path = write(tmp_path / "asked.csv", ASKED)
    _, alone = load("qa/custom", data=path, question="q", answer="a")
    _, splits = load("qa/custom", data=path, question="q", answer="a", group="page", train=_train(tmp_path))
    groups = [None if n == 7 else f"page=p{n // 2}" for n in range(8)]
    assert [sample.group for sample in splits.test] == groups and {s.group for s in alone.test} == {None}
    assert [s.digest() for s in splits.test] == [s.digest() for s in alone.test]  # the same items
    assert {sample.group for sample in splits.train} == {None}  # whose file needs no such column
    rows = [{**row, "user": n % 4} for n, row in enumerate(ROWS)]
    file = write(tmp_path / "rows.parquet", rows)
    _, classes = load("classify/custom", data=file, text="utterance", label="intent", group="user")
    assert [sample.group for sample in classes.test] == [f"user={n % 4}" for n in range(30)]


def _train(folder: Path) -> str:
    return write(folder / "train.csv", [{"q": "What else?", "a": "x"}])


@pytest.mark.parametrize(
    ("cell", "says"),
    [(lambda n: "p", "the same text in every row"), (lambda n: "", "nothing in any row")],
)
def test_a_column_of_groups_that_leaves_no_error_is_refused(tmp_path: Path, cell: Any, says: str) -> None:
    path = write(tmp_path / "asked.csv", [{**row, "page": cell(n)} for n, row in enumerate(ASKED)])
    with pytest.raises(DataError, match=says):
        load("qa/custom", data=path, question="q", answer="a", group="page")


def test_groups_of_one_row_each_are_told(tmp_path: Path, caplog: Any) -> None:
    path = write(tmp_path / "asked.csv", ASKED)
    load("qa/custom", data=path, question="q", answer="a", group="a")
    assert "every row is a group of its own" in caplog.text
    with pytest.raises(DataError, match="pagg"):
        load("qa/custom", data=path, question="q", answer="a", group="pagg")
