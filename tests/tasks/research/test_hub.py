"""Published sets: real rows of HotpotQA where the mirror is, made-up rows of the same form for the others."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from harness.base.errors import DataError, UsageError
from harness.data.hub import Data
from harness.external.services import Services
from harness.registry import load_task, registry
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.search.measures import evidence_recall

MIRROR = Path(__file__).parents[4] / "shared" / "hub"
HOTPOT = {
    "id": "h1",
    "question": "Who?",
    "answer": "Ann",
    "type": "bridge",
    "level": "easy",
    "supporting_facts": {"title": ["A [x]", "B", "B"], "sent_id": [0, 0, 1]},
    "context": {"title": ["A [x]", "B", "C"], "sentences": [["One.", " Two."], ["Three."], ["Four."]]},
}
MUSIQUE = {
    "id": "2hop__1",
    "question": "Who?",
    "answer": "Ann",
    "answer_aliases": ["Anna"],
    "answerable": True,
    "paragraphs": [
        {"idx": 0, "title": "A", "paragraph_text": "One.", "is_supporting": True},
        {"idx": 1, "title": "A", "paragraph_text": "Two.", "is_supporting": False},
    ],
}
FRAMES = {"Unnamed: 0": 7, "Prompt": "Who?", "Answer": "Ann", "wiki_links": '["d1", "elsewhere"]'}
SIMPLE = {"problem": "Who?", "answer": "Ann", "metadata": "{}"}


@pytest.fixture
def loaded(tmp_path):
    """A task on a mirror that holds these rows."""

    def load(name, *rows, split="validation", **args):
        spec = registry().task(name)
        pin = spec.data["test"]
        folder = tmp_path / "mirror" / pin.id / (pin.config or "data")
        folder.mkdir(parents=True)
        parquet.write_table(pa.Table.from_pylist(list(rows)), folder / f"{split}-00000-of-00001.parquet")
        if pin.config:
            files = f"[{{config_name: {pin.config}, data_files: [{{split: {split}, path: {pin.config}/*}}]}}]"
            (folder.parent / "README.md").write_text(f"---\nconfigs: {files}\n---\n")
        task = load_task(spec, spec.arguments(args))
        return task.load(Data(tmp_path / "mirror"))

    return load


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.jsonl"
    rows = [{"docid": name, "title": "", "text": f"text of {name}"} for name in ("d1", "d2")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("name", ["research/hotpotqa", "research/2wiki"])
def test_pages_are_pooled_and_known_by_their_titles(loaded, name):
    splits = loaded(name, HOTPOT, HOTPOT | {"id": "h2"})
    assert splits.corpus.ids == ["A (x)", "B", "C"] and splits.corpus["A (x)"].text == "One. Two."
    assert [sample.id for sample in splits.test] == ["h1", "h2"]
    assert splits.test[0].target == {"answers": ["Ann"], "evidence": ["A (x)", "B"]}
    assert "type=bridge" in splits.test[0].categories


def test_paragraphs_of_one_title_are_kept_apart(loaded):
    splits = loaded("research/musique", MUSIQUE)
    assert len(splits.corpus) == 2 and all(each.startswith("A #") for each in splits.corpus.ids)
    target = splits.test[0].target
    assert target["answers"] == ["Ann", "Anna"]
    assert [splits.corpus[each].text for each in target["evidence"]] == ["One."]


def test_a_copy_with_another_split_is_read(loaded):
    assert len(loaded("research/hotpotqa", HOTPOT, split="train").test) == 1


def test_questions_over_a_corpus_of_ones_own(loaded, corpus):
    splits = loaded("research/frames", FRAMES, split="test", corpus=corpus)
    assert splits.test[0].id == "7" and splits.test[0].target == {"answers": ["Ann"], "evidence": ["d1"]}
    splits = loaded("research/simpleqa", SIMPLE, split="test", corpus=corpus)
    assert splits.test[0].id == "0" and splits.test[0].target == {"answers": ["Ann"], "evidence": []}


def test_without_a_corpus_it_says_so(loaded):
    with pytest.raises(UsageError, match="-T corpus="):
        loaded("research/frames", FRAMES, split="test")


def browse(path, *rows, **args):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = registry().task("research/browsecomp-plus")
    return load_task(spec, spec.arguments({"data": str(path), **args})).load(Data())


SECRET = {"query_id": 1, "query": "Who was the hermit?", "answer": "Ann", "evidence_docs": [{"docid": "d1"}]}


def test_questions_that_the_user_decrypted(tmp_path, corpus):
    splits = browse(tmp_path / "q.jsonl", SECRET, corpus=corpus)
    assert splits.test[0].target == {"answers": ["Ann"], "evidence": ["d1"]}
    hidden = SECRET | {"query": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w"}
    with pytest.raises(DataError, match="line 1 is still encrypted"):
        browse(tmp_path / "q.jsonl", hidden, corpus=corpus)
    with pytest.raises(DataError, match="line 1 is not a question"):
        browse(tmp_path / "q.jsonl", {"query_id": 1}, corpus=corpus)
    with pytest.raises(UsageError, match="-T data=FILE"):
        browse(tmp_path / "q.jsonl", SECRET, data="", corpus=corpus)


def test_nothing_of_them_is_written_to_a_record(tmp_path, corpus, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(SECRET) + "\n")
    said = "echo/Exact answer: Ann the hermit"
    request = Request(
        task="research/browsecomp-plus",
        task_args={"data": str(path), "corpus": corpus},
        method="no-search",
        model=said,
    )
    (result,) = run_grid(plan(request), Session(Store(tmp_path / "out"))).results
    assert result.record, result.error
    assert result.record["canary"]
    rows = parquet.read_table(result.record["samples_path"]).to_pylist()
    assert len(rows) == 1 and rows[0]["status"] == "ok"
    held = {name: value for name, value in rows[0].items() if name not in ("sample_id", "item_digest")}
    assert "hermit" not in json.dumps(held) and "Ann" not in json.dumps(held)
    assert rows[0]["f1"] == pytest.approx(2 / 3)  # it was scored all the same
    record = json.dumps({name: value for name, value in result.record.items() if "path" not in name})
    assert SECRET["query"] not in record


@pytest.mark.skipif(not MIRROR.is_dir(), reason=f"no mirror at {MIRROR}")
def test_the_real_questions_of_frames(corpus):
    spec = registry().task("research/frames")
    splits = load_task(spec, spec.arguments({"corpus": corpus})).load(Data(MIRROR))
    assert len(splits.test) == 824 and splits.test[0].target["answers"] == ["Jane Ballou"]


@pytest.mark.skipif(not MIRROR.is_dir(), reason=f"no mirror at {MIRROR}")
def test_recall_of_gold_pages_on_the_mirror():
    spec = registry().task("research/hotpotqa")
    task = load_task(spec, spec.arguments({}))
    splits = task.load(Data(MIRROR))
    services = Services(corpus=splits.corpus)
    search = task.for_run(services)._search
    services.close()
    assert (len(splits.test), len(splits.corpus)) == (100, 994)

    def recall(k):
        found = [[hit.id for hit in search.search(sample.question.input, k)] for sample in splits.test]
        wanted = [sample.target["evidence"] for sample in splits.test]
        shares = [evidence_recall(gold, [ids]) for gold, ids in zip(wanted, found, strict=True)]
        return sum(shares) / len(shares)

    assert [recall(k) for k in (2, 5, 10)] == pytest.approx(
        [0.545, 0.75, 0.87]
    )  # as docs/measured.md has them
