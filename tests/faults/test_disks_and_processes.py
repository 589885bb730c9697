"""Disks that fill up and processes side by side: nothing finished is lost, nothing is paid for twice."""

import os
import resource
import subprocess
import sys
import time

import pytest

from harness.results.verify import verify_store
from tests.harness.cli.conftest import endpoint as endpoint  # noqa: F401  (a fixture)

pytestmark = pytest.mark.faults
#: calls of both methods for 12 items: one each, and a vote of four
WANTED = 12 * (1 + 4)
HARNESS = [sys.executable, "-m", "harness"]


def run(tmp_path, *arguments, limit=None, store="store"):
    environment = {**os.environ, "HARNESS_CACHE": str(tmp_path / "cache"), "OPENAI_API_KEY": "k"}

    def limited():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    return subprocess.Popen(
        [*HARNESS, *arguments, "--store", tmp_path / store],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited,
    )


def finished(process):
    out, error = process.communicate(timeout=300)
    assert "Traceback" not in error, error
    return process.returncode, out, error


def evaluate(endpoint, *more, limit="12"):
    return [
        *("eval", "--task", "arc1d", "-T", "level=1", "--limit", limit),
        *("--method", "direct,self-consistency", "-M", "samples=4"),
        *("--model", "openai-api/made/up", "--model-arg", f"base_url={endpoint.address}"),
        *("--model-arg", "api_key=k", "--max-connections", "6", *more),
    ]


def test_four_processes_on_the_same_cells_pay_for_nothing_twice(endpoint, tmp_path):
    def slow(body):
        time.sleep(0.02)
        return "1 2 3"

    endpoint.reply = slow
    stores = ["a", "a", "b", "c"]  # of the last two each has a store of its own, and the same cache
    started = [run(tmp_path, *evaluate(endpoint, "--seeds", "2"), store=store) for store in stores]
    ended = [finished(process) for process in started]
    assert [code for code, *_ in ended] == [0] * 4, [error for *_, error in ended]
    paid_twice = len(endpoint.requests) - 2 * WANTED
    print(f"\n{len(endpoint.requests)} calls of 4 processes, {paid_twice} paid twice")
    assert paid_twice == 0
    assert any("waiting for its record" in error for *_, error in ended)
    for store in "abc":
        assert verify_store(tmp_path / store)[0] == []


@pytest.mark.parametrize("limit", [0, 100, 1000, 4096, 10_000, 20_000, 40_000, 60_000, 100_000, 200_000])
def test_no_file_may_grow_beyond(endpoint, tmp_path, limit):
    """Journal, cache, seal and index, whichever is the first to reach the limit."""
    endpoint.reply = lambda body: "1 2 3 " * 300
    code, _, error = finished(run(tmp_path, *evaluate(endpoint), limit=limit))
    assert code in (0, 1, 2), error
    before = len(endpoint.requests)
    code, _, error = finished(run(tmp_path, *evaluate(endpoint)))
    assert code == 0, error
    paid_twice = len(endpoint.requests) - WANTED
    print(f"\nlimit {limit}: {before} calls before, {paid_twice} paid twice")
    assert paid_twice <= 6 and verify_store(tmp_path / "store") == ([], 2)


def test_a_cache_without_room_beside_a_store_that_has_some(endpoint, tmp_path):
    """Attempts that are begun are finished from memory and kept in the journal: none is paid twice."""
    endpoint.reply = lambda body: "1 2 3 " * 2000
    assert finished(run(tmp_path, *evaluate(endpoint, limit="2")))[0] == 0
    path = tmp_path / "cache" / "completions.sqlite"
    endpoint.requests.clear()
    limit = path.stat().st_size + 200_000
    code, _, error = finished(run(tmp_path, *evaluate(endpoint, limit="40"), limit=limit, store="b"))
    assert code in (1, 2) and "can't be used" in error and "make room" in error, error
    first = len(endpoint.requests)
    code, _, error = finished(run(tmp_path, *evaluate(endpoint, limit="40"), store="b"))
    assert code == 0, error
    paid_twice = len(endpoint.requests) - (40 - 2) * (1 + 4)
    print(f"\n{first} calls until the cache was full, {paid_twice} paid twice")
    assert 0 < first < (40 - 2) * 5 and paid_twice == 0
