r"""Symbolic equality of two expressions, decided by math-verify in processes of its own.

math-verify limits its time by SIGALRM, which works in the main thread only and can't interrupt a
long C call such as `9**9**9`. A child process can be ended whatever it does, so hostile input costs
at most a few seconds of CPU and a bounded amount of memory, from any thread. Children start with the
comparisons that need them, one for each thread that compares at the same time and at most `MOST_CHILDREN`;
this process never imports sympy.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal

#: Longer expressions are not compared: no target of a supported data set comes near.
MAX_LENGTH = 400
MAX_DEPTH = 25
#: CPU seconds for one comparison.
CPU_SECONDS = 5.0
#: The CPU limit of the child decides; this one is for a child that waits or a machine that swaps.
WALL_SECONDS = 60.0
MOST_CHILDREN = max(1, min(os.cpu_count() or 1, 4))

#: `restated`: equal, but the answer only repeats the question; `unknown`: one of the two can't be read, or
#: the comparison is too long, too deep or took more than its share of time or memory.
Verdict = Literal["equal", "different", "restated", "unknown"]
_VERDICTS: dict[str, Verdict] = {"1": "equal", "0": "different", "u": "restated"}

_LONG_NUMERAL = re.compile(r"\d{40}")
_TOWER = re.compile(r"\d\s*\}?\s*\^\s*\{?\s*\(?\d+\s*\}?\s*\^")
_FACTORIAL = re.compile(r"\d{5,}\s*[})]?\s*!|!\s*[)}]*\s*!|\^\s*\{?\s*\d{5}")


def compared(answer: str, target: str, seconds: float = CPU_SECONDS) -> tuple[Verdict, float]:
    """Whether two LaTeX expressions have the same value, and the CPU seconds that it took to find out.

    Raises:
        RuntimeError: the comparing process can't be started (math-verify is missing).
    """
    if seconds <= 0 or not (_bounded(answer) and _bounded(target)):
        return "unknown", 0.0
    pool = _pool
    child = pool.take()
    try:
        return child.compare(answer, target, seconds)
    finally:
        pool.give(child)


def _bounded(text: str) -> bool:
    if len(text) > MAX_LENGTH or not text.isprintable():
        return False
    if _LONG_NUMERAL.search(text) or _TOWER.search(text) or _FACTORIAL.search(text):
        return False
    depth = deepest = 0
    for sign in text:
        if sign in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ")]}":
            depth -= 1
    return deepest <= MAX_DEPTH


class Child:
    """A comparing process, started again after it was ended by a limit."""

    def __init__(self, cpu_seconds: float = CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._process: subprocess.Popen[str] | None = None

    def compare(self, answer: str, target: str, seconds: float = CPU_SECONDS) -> tuple[Verdict, float]:
        process = self._running()
        assert process.stdin and process.stdout
        alarm = threading.Timer(WALL_SECONDS, process.kill)
        alarm.daemon = True
        alarm.start()
        reply = ""
        try:
            process.stdin.write(json.dumps([answer, target, seconds]) + "\n")
            process.stdin.flush()
            reply = process.stdout.readline()
        except BrokenPipeError:
            pass
        finally:
            alarm.cancel()
            if not reply:  # ended by a limit, or interrupted: a late reply must not meet the next
                self.close()
        verdict, _, spent = reply.strip().partition(" ")
        return _VERDICTS.get(verdict, "unknown"), float(spent) if spent else seconds

    def _running(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        worker = Path(__file__).with_name("symbolic_worker.py")
        process = subprocess.Popen(
            [sys.executable, "-P", str(worker), str(self._cpu_seconds)],
            text=True,
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout and process.stderr
        if process.stdout.readline().strip() != "ready":
            reason = process.stderr.read().strip().rpartition("\n")[2]
            process.wait()
            raise RuntimeError(f"the process that compares expressions doesn't start: {reason}")
        self._process = process
        return process

    def close(self) -> None:
        """Ends the process; the next comparison starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        pass


class Pool:
    """Children that wait for work; whoever takes one gives it back, and one that waits is taken first."""

    def __init__(self, most: int = MOST_CHILDREN, cpu_seconds: float = CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._free = threading.Semaphore(most)
        self._lock = threading.Lock()
        self._idle: list[Child] = []

    def take(self) -> Child:
        """A child that no one else has, once there is one."""
        self._free.acquire()
        with self._lock:
            return self._idle.pop() if self._idle else Child(self._cpu_seconds)

    def give(self, child: Child) -> None:
        with self._lock:
            self._idle.append(child)
        self._free.release()

    def close(self) -> None:
        """Ends the idle children."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()


_pool = Pool()


def _close() -> None:
    _pool.close()


def _forget() -> None:
    """After a fork: the comparing processes belong to the parent, and a lock may be held there."""
    global _pool
    _pool = Pool()


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
