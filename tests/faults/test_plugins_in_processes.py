"""What code of plugins leaves behind in a process of its own: threads, tasks, children, a signal taken away.
The process ends in time, with the exit code of its results."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.faults

METHOD = """import asyncio, atexit, os, signal, sys, threading, time
import harness

async def for_ever():
    while True:
        try:
            await asyncio.sleep(99)
        except asyncio.CancelledError:
            pass

class Odd(harness.Method):
    async def answer(self, question, job):
        {}
        return harness.Outcome(question.id, question.epoch, text="1+1")
"""
COMMAND = ("eval", "--task", "countdown", "-T", "level=1", "--method", "odd.py", "--model", "echo/x")
COMMAND += ("--limit", "2", "--json")


def start(folder, line, *more):
    (folder / "odd.py").write_text(METHOD.format(line))
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *COMMAND, *more],
        cwd=folder,
        env={**os.environ, "HARNESS_CACHE": str(folder / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("line", "more", "said", "code"),
    [
        (
            "threading.Thread(target=time.sleep, args=(999,)).start()",
            (),
            "warning: ended with 2 threads that code of a plugin left running: Thread-1 (sleep), Thread-2 (",
            0,
        ),
        ("threading.Thread(target=time.sleep, args=(999,), daemon=True).start()", (), "", 0),
        (
            "await asyncio.to_thread(time.sleep, 999)",
            ("--attempt-time", "0.2"),
            "warning: ended with 2 threads that code of a plugin left running: ThreadPoolExecutor-",
            1,
        ),
        (
            "self.task = asyncio.create_task(for_ever())",
            (),
            "warning: a task that was left running doesn't end: for_ever",
            0,
        ),
        ("atexit.register(lambda: 1 / 0)", (), "warning: Exception ignored in atexit callback: <function", 0),
        ("atexit.register(sys.exit, 3)", (), "warning: Exception ignored in atexit callback", 0),
        ("if os.fork() == 0: return 'child'", (), "warning: a process that a plugin forked came back", 0),
        (
            "if os.fork() == 0: await asyncio.sleep(1)",
            (),
            "warning: a process that a plugin forked came back",
            0,
        ),
        ("os.close(1)", (), "OSError: [Errno 9] Bad file descriptor", 1),
    ],
)
def test_a_process_ends_in_time_with_its_own_exit_code(tmp_path, line, more, said, code):
    process = start(tmp_path, line, *more)
    out, err = process.communicate(timeout=90)
    assert (process.returncode, len(json.loads(out)["runs"])) == (code, 1), err
    assert said in err and "Traceback" not in err


@pytest.mark.parametrize(
    "line",
    [
        "open('on', 'w').close(); await asyncio.sleep(99)",
        "open('on', 'w').close(); time.sleep(2); await asyncio.sleep(99)",
        "open('on', 'w').close()\n        while True:\n            try: await asyncio.sleep(99)\n"
        "            except BaseException: break",
        "open('on', 'w').close()\n        try: await asyncio.sleep(99)\n        finally: sys.exit(0)",
        "signal.signal(signal.SIGINT, signal.SIG_DFL) if 0 else open('on', 'w').close(); await for_ever()",
    ],
)
def test_ctrl_c_ends_what_goes_on(tmp_path, line):
    process = start(tmp_path, line)
    deadline = time.monotonic() + 60
    while not (tmp_path / "on").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    if "for_ever()" in line:  # it swallows the first
        time.sleep(1)
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in err and "Traceback" not in err, err
