"""What stands in users' files reaches questions, targets and ids as it stands."""

import json
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import accuracy_score

import harness
from harness.base.errors import DataError, UsageError
from harness.comparison.paper import paper
from harness.comparison.select import Selection
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.results.index import read_index
from harness.sample import Splits


def load(name: str, **args: Any) -> Splits:
    spec = registry().tasks[name]
    return load_task(spec, spec.arguments(args)).load(Data(offline=True))


@pytest.mark.parametrize("label", ["1.10", "01", "12:30", "2020-01-01", "true", "nan", "None", "NA", "1e5"])
def test_labels_keep_their_characters(tmp_path: Path, label: str) -> None:
    (tmp_path / "a.csv").write_text(f"text,label\none,{label}\ntwo,1\nthree,\n")
    splits = load("classify/custom", data=str(tmp_path / "a.csv"))
    assert [sample.target for sample in splits.test] == [label, "1"]
    (tmp_path / "q.csv").write_text(f"question,answer\none,{label}\n")
    assert load("qa/custom", data=str(tmp_path / "q.csv")).test[0].target == label


def test_labels_are_one_in_every_unicode_form(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "text,label\none,caf\u00e9\ntwo,cafe\u0301\nthree,\u00a0caf\u00e9\u200b\n"
    )
    splits = load("classify/custom", data=str(tmp_path / "a.csv"))
    assert splits.test[0].question.choices == ("caf\u00e9",)


def test_arguments_say_how_a_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes('un café~card\nun 5" écran~"tv\n'.encode("cp1252"))
    how = {
        "encoding": "cp1252",
        "separator": "~",
        "header": False,
        "quotes": False,
        "text": "1",
        "label": "2",
    }
    splits = load("classify/custom", data=str(path), **how)
    assert [(s.question.input, s.target) for s in splits.test] == [
        ("un café", "card"),
        ('un 5" écran', '"tv'),
    ]
    with pytest.raises(DataError, match="-T encoding=cp1252"):
        load("classify/custom", data=str(path))


def test_ids_are_texts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,label\n01,a,x\n1,b,y\n18446744073709551615,c,x\n")
    splits = load("classify/custom", data=str(tmp_path / "a.csv"), id="id")
    assert [sample.id for sample in splits.test] == ["01", "1", "18446744073709551615"]
    (tmp_path / "b.csv").write_text("id,text,label\n1,a,x\n,b,y\n")
    with pytest.raises(DataError, match="'id' is empty in row 1 of .* leave out -T id"):
        load("classify/custom", data=str(tmp_path / "b.csv"), id="id")


@pytest.mark.parametrize("own", [None, "id"])
@pytest.mark.parametrize("task", ["classify/custom", "qa/custom"])
def test_an_index_is_the_row_of_the_file(tmp_path: Path, task: str, own: str | None) -> None:
    data = tmp_path / "a.csv"
    data.write_text("id,in,out\nk0,one,a\nk1,two,b\nk2,no label,\nk3,four,a\nk4,five,b\n")
    columns = ("text", "label") if task == "classify/custom" else ("question", "answer")
    args = {"data": str(data), columns[0]: "in", columns[1]: "out", **({"id": own} if own else {})}
    responses = tmp_path / "r.jsonl"
    said = {0: "a", 1: "a", 3: "a", 4: "b"}
    responses.write_text("".join(json.dumps({"index": n, "completion": c}) + "\n" for n, c in said.items()))
    runs = harness.score(task, responses, task_args=args, store=tmp_path / "s", progress=False)
    record = runs[0].record
    wanted = accuracy_score(["a", "b", "a", "b"], list(said.values()))
    assert record["n_items"] == 4 and record["metrics"]["accuracy"]["value"] == wanted == 0.75
    responses.write_text('{"index": 2, "completion": "a"}\n')
    with pytest.raises(DataError, match="unknown index 2"):
        harness.score(task, responses, task_args=args, store=tmp_path / "s", progress=False)


def test_the_content_of_a_file_is_its_identity(tmp_path: Path) -> None:
    found = []
    for name in ("x.csv", "deep/down/y.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text,label\none,a\ntwo,b\n")
        store = tmp_path / path.stem
        harness.evaluate(
            "classify/custom", "direct", "echo/a", task_args={"data": str(path)}, store=store, progress=False
        )
        (sealed,) = store.rglob("run.json")
        assert str(tmp_path) not in sealed.read_text() and "deep" not in sealed.read_text()
        found.append(json.loads(sealed.read_text()))
    first, second = found
    assert first["run_id"] == second["run_id"]
    assert first["comparability_key"] == second["comparability_key"]
    assert [each["task"]["args"]["data"]["file"] for each in found] == ["x.csv", "y.csv"]


def test_an_answer_that_looks_like_a_list_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = tmp_path / "a.csv"
    data.write_text('question,answer\nq,"[""a"", ""b""]"\nr,[1]\n')
    (first, second) = load("qa/custom", data=str(data)).test
    assert (first.target, second.target) == ('["a", "b"]', "[1]")
    assert 'the answer ["a", "b"] looks like a list and counts as one text' in caplog.text


@pytest.mark.parametrize("task", ["classify/custom", "qa/custom"])
def test_a_cell_of_several_texts_is_named(tmp_path: Path, task: str) -> None:
    columns = ("text", "label") if task == "classify/custom" else ("question", "answer")
    rows = [{columns[0]: "one", columns[1]: "a"}, {columns[0]: ["two", "three"], columns[1]: "b"}]
    data = tmp_path / "a.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=rf"row 1 \(from 0\), column '{columns[0]}': the cell holds 2 values"):
        load(task, data=str(data))


def test_runs_are_chosen_and_told_apart_by_the_names_of_their_files(tmp_path: Path) -> None:
    store = tmp_path / "s"
    for place, last in (("x.csv", "b"), ("deep/x.csv", "c"), ("y.csv", "d")):
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"text,label\none,a\ntwo,{last}\n")
        for model in ("echo/a", "echo/b"):
            args = {"data": str(path)}
            harness.evaluate("classify/custom", "direct", model, task_args=args, store=store, progress=False)
    with pytest.raises(
        UsageError, match=r"task_args.data: x.csv \w{8} against x.csv \w{8} against y.csv"
    ) as told:
        harness.compare(baseline="echo/a", store=store)
    assert "Choose with -T 'data=x.csv " in str(told.value)  # quoted for a shell
    rows = read_index(store).rows
    digest = Selection(task_args={"data": "y.csv"}).rows(rows)[0]["comparability"]["task_args"]["data"][
        "digest"
    ]
    (name,) = {f for row in rows for d, f in row["files"].items() if d == digest}
    chosen = [
        [row["run_id"] for row in Selection(task_args={"data": given}).rows(rows)]
        for given in (name, "elsewhere/y.csv", digest, digest[:8], f"y.csv {digest[:8]}")
    ]
    assert len(chosen[0]) == 2 and all(each == chosen[0] for each in chosen)
    assert len(Selection(task_args={"data": "x.csv"}).rows(rows)) == 4
    with pytest.raises(
        UsageError, match=r"no stored run has data=z.csv; there are: x.csv \w{12}, x.csv \w{12}, y.csv \w{12}"
    ):
        Selection(task_args={"data": "z.csv"}).rows(rows)
    made = paper(rows)
    titles = {column.split(" (")[1] for column, _ in made.columns}
    assert "data=y.csv)" in titles and sum(title.startswith("data=x.csv ") for title in titles) == 2
