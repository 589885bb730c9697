"""Questions and documents of the user's own, sound and unsound."""

import json
from pathlib import Path

import pytest

from harness.base.errors import DataError, UsageError
from harness.comparison.arms import arms_of
from harness.comparison.paired import compare
from harness.display.records import beside
from harness.results.index import in_force, read_index
from harness.results.recount import contradiction
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.tasks.research.custom import several
from harness.testing import check_task


@pytest.fixture
def files(tmp_path):
    """A folder of texts and questions on them; `write` changes a file."""
    folder = tmp_path / "texts"
    (folder / "more").mkdir(parents=True)
    (folder / "a.txt").write_text("Red foxes jump.")
    (folder / "more" / "b.md").write_text("Blue cats sleep.")
    (folder / ".hidden.txt").write_text("no document")
    (folder / "folder.txt").mkdir()

    def write(name, rows):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    asked = {"question": "Who jumps?", "answer": "foxes", "evidence": "a.txt;more/b.md"}
    return str(folder), write, write("questions.jsonl", [asked])


def test_a_folder_of_texts(load, files):
    folder, write, data = files
    made = load("research/custom", corpus=folder, data=data)
    assert made.splits.corpus.ids == ["a.txt", "more/b.md"]
    (sample,) = made.splits.test
    assert sample.target == {"answers": ["foxes"], "evidence": ["a.txt", "more/b.md"]}
    check_task("research/custom", corpus=folder, data=data)


def test_a_table_of_documents_and_several_answers(load, files):
    _, write, _ = files
    corpus = write(
        "corpus.jsonl", [{"title": "Fox", "text": "It jumps."}, {"title": "Cat", "text": "It sleeps."}]
    )
    data = write("q.jsonl", [{"id": "x", "question": "Who?", "answer": ["a; b", "c"], "group": "g"}])
    made = load("research/custom", corpus=corpus, data=data)
    assert made.splits.corpus.ids == ["Cat", "Fox"]
    (sample,) = made.splits.test
    assert (sample.id, sample.group) == ("x", "g")
    assert sample.target == {"answers": ["a; b", "c"], "evidence": []}


@pytest.mark.parametrize(
    "corpus, rows, said",
    [
        ([{"id": "1", "text": "x"}, {"id": "1", "text": "y"}], None, "two documents with the id '1'"),
        ([{"id": "1", "text": " "}], None, "'1' is empty"),
        ([{"text": "x"}], None, "a column 'id'"),
        (None, [{"question": "?", "answer": ""}], "row 0 .* no answer"),
        (None, [{"question": "?", "answer": "x", "evidence": ["no"]}], "names the document 'no'"),
        (None, [{"id": "1", "question": "?", "answer": "x"}] * 2, "two rows have the id '1'"),
    ],
)
def test_unsound_files_are_one_line(load, files, corpus, rows, said):
    folder, write, data = files
    corpus = write("corpus.jsonl", corpus) if corpus else folder
    data = write("q.jsonl", rows) if rows else data
    with pytest.raises(DataError, match=said) as raised:
        load("research/custom", corpus=corpus, data=data)
    assert "\n" not in str(raised.value)


def test_what_is_missing_is_named(load, files, tmp_path):
    folder, _, data = files
    with pytest.raises(UsageError, match="-T corpus="):
        load("research/custom", data=data)
    with pytest.raises(DataError, match="no corpus"):
        load("research/custom", data=data, corpus=str(tmp_path / "none"))
    with pytest.raises(DataError, match="no file"):
        load("research/custom", data=str(tmp_path / "none.csv"), corpus=folder)


def test_cells_with_several_texts():
    assert several('["a", "b;c"]') == ["a", "b;c"]
    assert several("a; b") == ["a", "b"] and several("a; b", whole=True) == ["a; b"]
    assert several(None) == [] and several(["x", ""]) == ["x"]


def test_what_questions_without_evidence_lack_is_no_zero(files, tmp_path, monkeypatch):
    """Recall is of the questions that name evidence, in the record, its check and a comparison."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    folder, write, _ = files
    asked = [{"id": f"q{n}", "question": "Which foxes?", "answer": "foxes"} for n in range(3)]
    data = write("some.jsonl", [*asked, {**asked[0], "id": "e", "evidence": "a.txt"}])
    request = Request(
        task="research/custom",
        task_args={"corpus": folder, "data": data},
        method="no-search,rag",
        model="echo/Exact answer: foxes",
    )
    found = run_grid(plan(request), Session(Store(tmp_path / "out"))).results
    recall = [each.record["metrics"]["evidence_recall"] for each in found]
    assert [(each["value"], each["n_items"]) for each in recall] == [(0, 1), (1, 1)]
    assert "evidence_recall 1.000 [0.207, 1.000] (of 1 of 4 items)" in " ".join(beside(found[1].record))
    assert not any(contradiction(Path(each.record["samples_path"]), each.record) for each in found)
    (none, rag) = arms_of(in_force(read_index(tmp_path / "out").rows))
    assert compare(rag, none, "evidence_recall").matched == 1
