"""Ctrl-C keeps every finished attempt, and the same call goes on: in a script, in a loop, in a notebook."""

import os
import signal
import time

import pytest

#: a method that notes each question that it answers, and stands still at the fourth in the first run
METHOD = '''
import asyncio
from pathlib import Path

import harness


class Slow(harness.Method):
    """Stands still once."""

    async def answer(self, question, job):
        log = Path("answered")
        told = log.read_text().split() if log.exists() else []
        if len(told) == 3 and not Path("second").exists():
            Path("standing").touch()
            await asyncio.sleep(60)
        with log.open("a") as lines:
            lines.write(f"{question.id}\\n")
        return harness.Outcome(question.id, text="1")


def evaluate():
    return harness.evaluate(
        "arc1d", "slow.py:Slow", ["echo/1", "echo/2"], limit=5, max_connections=1, progress=False
    )
'''
SYNC = """
import slow
try:
    slow.evaluate()
except KeyboardInterrupt as stop:
    print("stopped:", stop)
"""
IN_A_LOOP = """
import asyncio
import slow

async def main():
    try:
        slow.evaluate()
    except KeyboardInterrupt as stop:
        print("stopped:", stop)
    await asyncio.sleep(0)
    print("the loop goes on")

asyncio.run(main())
"""
ASYNC = """
import asyncio
import slow, harness

async def main():
    await harness.evaluate_async("arc1d", "slow.py:Slow", ["echo/1", "echo/2"], limit=5,
                                 max_connections=1, progress=False)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("stopped")
"""
SAYS = (
    "stopped: 0 of 2 runs are sealed and every finished attempt of the others is kept; the same call goes on"
)


def wait_for(path, process):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.05)
    time.sleep(0.3)


def finished(warm, place):
    """What was answered, once the second run is done: five questions of two models, none of them twice."""
    (place / "second").touch()
    code = "import slow\nprint([run.status for run in slow.evaluate()])"
    done = warm.run(["-c", code], place, at(place))
    assert done.stdout.strip() == "['complete', 'complete']"
    return (place / "answered").read_text().split()


def at(place):
    paths = [str(place), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (SYNC, [SAYS]),
        (IN_A_LOOP, [SAYS, "the loop goes on"]),
        (ASYNC, ["stopped"]),
    ],
)
def test_a_script(warm, place, script, says):
    (place / "slow.py").write_text(METHOD)
    process = warm.start(["-c", script], place, at(place))
    wait_for(place / "standing", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert out.splitlines() == says and "Traceback" not in err
    assert len((place / "answered").read_text().split()) == 3
    answered = finished(warm, place)
    assert len(answered) == 10 and len(set(answered)) == 5


def test_a_notebook(place, monkeypatch):
    manager = pytest.importorskip("jupyter_client.manager")
    monkeypatch.setenv("IPYTHONDIR", str(place / "ipython"))
    (place / "slow.py").write_text(METHOD)
    kernel, client = manager.start_new_kernel(cwd=str(place), env=at(place))
    try:
        # otherwise the kernel may still be refusing what comes after an error when the next cell is sent
        message = client.execute("import slow\nruns = slow.evaluate()", stop_on_error=False)
        wait_for(place / "standing", None)
        kernel.interrupt_kernel()
        answer = client.get_shell_msg(timeout=30)
        while answer["parent_header"]["msg_id"] != message:
            answer = client.get_shell_msg(timeout=30)
        reply = answer["content"]
        assert (reply["status"], reply.get("ename")) == ("error", "KeyboardInterrupt"), reply
        assert "the same call goes on" in reply["evalue"]
        (place / "second").touch()
        reply = client.execute_interactive(
            "runs = slow.evaluate(); assert [r.status for r in runs] == ['complete'] * 2", timeout=60
        )
        assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    answered = (place / "answered").read_text().split()
    assert len(answered) == 10 and len(set(answered)) == 5
