"""`--offline`: a full cache is enough, without a key and a server; what it lacks is told."""

import json
import shutil
import socket

import pytest

from harness.results.store import Store

KEYS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LOCAL_API_KEY", "LOCAL_BASE_URL")
ASK = ["eval", "--task", "qa/custom", "-T", "data=test.jsonl", "--json", "--model", "openai-api/local/big"]
JUDGED = ["--method", "best-of-n", "-M", "n=2", "-M", "scorer=judge", "--role", "judge=openai/small"]
SHOWN = ["-T", "train=train.jsonl", "--method", "few-shot", "-M", "k=1", "-M", "choose=nearest"]
NEAREST = [*SHOWN, "--embedder", "openai/small"]


@pytest.fixture
def ask(command, endpoint, tmp_path, monkeypatch):
    """`harness eval` on three questions, with two services at the endpoint that need keys."""
    for name, count in (("test", 3), ("train", 4)):
        rows = [{"question": f"{name} {'a' * n}?", "answer": "1+1"} for n in range(count)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in KEYS:
        monkeypatch.setenv(name, endpoint.address if name.endswith("URL") else "key")
    return lambda *more: command(*ASK, *more)


@pytest.fixture
def cut_off(endpoint, monkeypatch):
    """Ends the server, forgets keys and addresses, and fails whatever is connected to."""

    def refuse(*arguments):
        raise AssertionError(f"offline, and something connects to {arguments[-1]}")

    def cut():
        endpoint.stop()
        for name in KEYS:
            monkeypatch.delenv(name)
        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)

    return cut


def run(done, code=0):
    assert done.code == code, done.err
    return json.loads(done.out)["runs"][0]


@pytest.mark.parametrize("more", [[], JUDGED, NEAREST], ids=["model", "judge", "embedder"])
def test_the_cache_is_enough(ask, cut_off, endpoint, tmp_path, more):
    first = run(ask(*more))
    sealed = Store(tmp_path / "results").find(first["run_id"])
    asked = len(endpoint.requests)
    shutil.rmtree(tmp_path / "results")
    cut_off()
    again = run(ask(*more, "--offline"))
    found = Store(tmp_path / "results").find(again["run_id"])
    assert again["run_id"] == first["run_id"] and again["counts"]["ok"] == 3 and not again["reused"]
    assert found["result_digest"] == sealed["result_digest"]
    assert found["volatile"]["cache_hits"] == found["usage"]["calls"] and len(endpoint.requests) == asked


def test_a_sealed_run_is_found_again(ask, cut_off):
    first = run(ask())
    cut_off()
    again = run(ask("--offline"))
    assert again["reused"] and again["run_id"] == first["run_id"]


def test_what_is_missing_is_an_error_that_names_it(ask, cut_off, tmp_path):
    run(ask("--limit", "2"))
    cut_off()
    found = run(ask("--offline"), code=1)
    assert (found["counts"]["ok"], found["counts"]["error"]) == (2, 1)
    rows = Store(tmp_path / "results").find(found["run_id"])["samples_path"]
    import pandas as pd

    (reason,) = pd.read_parquet(rows).query("status == 'error'").reason
    assert "openai-api/local/big: the call 'answer' for sample '2' is not in the cache" in reason
    assert "run once with a network" in reason and "\n" not in reason


def test_a_judge_that_is_missing_ends_with_1_too(ask, cut_off):
    run(ask(*JUDGED))
    cut_off()
    done = ask(*[word.replace("n=2", "n=3") for word in JUDGED], "--offline")
    assert done.code == 1 and "API_KEY" not in done.err


def test_a_network_mends_it(ask, endpoint):
    run(ask("--limit", "2"))
    offline = run(ask("--offline"), code=1)
    mended = run(ask())
    assert mended["run_id"] == offline["run_id"] and mended["counts"]["ok"] == 3
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    "more, says",
    [
        (["--model", "openai/unheard-of"], "openai/unheard-of was never opened with this cache"),
        ([*JUDGED[:-1], "judge=openai/unheard-of"], "openai/unheard-of was never opened with this cache"),
        (NEAREST, "embedder openai/small was never opened with this cache"),
    ],
)
def test_what_was_never_opened_is_one_line(ask, cut_off, more, says):
    run(ask())
    cut_off()
    done = ask(*more, "--offline")
    assert done.code == 2 and len(done.errors) == 1 and says in done.errors[0]
    assert "API_KEY" not in done.err


def test_a_missing_vector_is_one_line(ask, cut_off, tmp_path):
    run(ask(*NEAREST))
    cut_off()
    with open(tmp_path / "train.jsonl", "a") as rows:
        rows.write('{"question": "another", "answer": "1+1"}\n')
    done = ask(*NEAREST, "--offline")
    (line,) = [line for line in done.errors if "embedder" in line]
    assert done.code == 1 and "'another'; run once with a network" in line


def test_online_a_key_is_asked_for_before_anything_else(ask, endpoint, monkeypatch):
    run(ask())
    monkeypatch.delenv("LOCAL_API_KEY")
    done = ask("--overwrite")
    assert done.code == 2 and "LOCAL_API_KEY" in done.errors[0] and len(endpoint.requests) == 3
