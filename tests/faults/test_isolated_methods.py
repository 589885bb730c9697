"""Methods that break off, or break the pipe, in a worker of their own: one line names each, and what was
answered is kept."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.run.isolation import method, worker
from tests.harness.run.isolation.test_spies import HERE, run

pytestmark = pytest.mark.faults

CASES = [
    ("raising", r"answer of 'bad' failed at spies.py:\d+: ValueError: it went \\x1b\[31mred"),
    ("leaving", r"answer of 'bad' failed at spies.py:\d+: it called sys.exit\(0\)"),
    ("refusing", r"give me a prompt"),
    ("killed", r"the worker of method 'bad' broke off: it ended by signal 9, .*"),
    ("exiting", r"the worker of method 'bad' broke off: it ended with exit status 0, .*"),
    ("noise", r"the worker of method 'bad' broke off: it says what can't be read \(UnicodeDecodeError: .*"),
    ("not_a_number", r"the worker of method 'bad' broke off: .* it holds nan, which is no number of JSON.*"),
    ("endless", r"the worker of method 'bad' broke off: a message is longer than 4 MiB.*"),
    ("filling", r"the worker of method 'bad' broke off: it wrote more than 256 MiB.*"),
    ("spent", r"answer of 'bad' failed at spies.py:\d+: BudgetSpent: I had enough"),
    ("forged", r"answer of 'bad' failed: no"),
    (
        "hanging",
        r"the worker of method 'bad' broke off: nothing came of it for more than 2 s of --attempt-time.*",
    ),
    (
        "chatting",
        r"the worker of method 'bad' broke off: nothing came of it for more than 2 s of --attempt-time.*",
    ),
    ("reading", r"the worker of method 'bad' broke off: nothing came of it for more than 1.5 s;.*"),
]
TIMED = ("hanging", "chatting")


@pytest.mark.parametrize(("act", "line"), CASES)
def test_a_method_that_breaks(tmp_path, monkeypatch, act, line):
    monkeypatch.setattr(worker, "LINE", 4 << 20)
    monkeypatch.setattr(method, "GRACE", 0.5)
    if act == "reading":
        monkeypatch.setattr(method, "TALK", 1.5)
    result, session = run(
        tmp_path, "Bad", True, method_args={"act": act}, attempt_time=2 if act in TIMED else None
    )
    assert result.record is None and re.fullmatch(line, str(result.error)), str(result.error)
    (journal,) = (tmp_path / "store").glob(".running/*/samples.jsonl")
    kept = [json.loads(each) for each in journal.read_text().splitlines()]
    assert [each["sample_id"] for each in kept] == ["q0"] and kept[0]["metrics"] is None


def test_a_run_goes_on_in_its_own_mode(tmp_path):
    stopped, session = run(tmp_path, "Honest", True, limit=3, budget_calls=4)
    assert stopped.record["status"] == "stopped" and "budget-calls" in stopped.record["reason"]
    gone_on, session = run(tmp_path, "Honest", True, limit=3, budget_calls=400)
    assert gone_on.record["status"] == "complete" and gone_on.record["isolated"], session.notices
    other, session = run(tmp_path / "other", "Honest", False, limit=3)
    assert other.record["samples"]["digest"] == gone_on.record["samples"]["digest"]


def test_an_interrupted_run_of_the_other_mode_is_left_behind(tmp_path):
    for isolate in (True, False):
        result, session = run(tmp_path, "Bad", isolate, method_args={"act": "raising"})
        assert "ValueError" in str(result.error)
    assert any("in the other mode; its 1 attempts are left behind" in said for said in session.notices)


def test_a_worker_ends_with_its_runner_however_that_ends(tmp_path):
    command = [sys.executable, "-m", "harness", "eval", "--isolate", "--model", "echo/x", "-M", "act=hanging"]
    command += ["--task", f"{HERE}/words.py:Words", "--method", f"{HERE}/spies.py:Bad", "--store", "store"]
    runner = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in tmp_path.glob("store/.running/*/samples.jsonl")):
        assert time.monotonic() < deadline and runner.poll() is None
        time.sleep(0.05)
    children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children").read_text().split()
    (process,) = [each for each in children if b"boot.py" in Path(f"/proc/{each}/cmdline").read_bytes()]
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    while Path(f"/proc/{process}").exists() and b"boot.py" in Path(f"/proc/{process}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
