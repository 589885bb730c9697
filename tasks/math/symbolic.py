r"""Symbolic equality of two expressions, decided by math-verify in a process of its own.

math-verify limits its time by SIGALRM, which works in the main thread only and can't interrupt a
long C call such as `9**9**9`. A child process can be ended whatever it does, so hostile input costs
at most a few seconds of CPU and a bounded amount of memory, from any thread. The child starts with
the first comparison that needs it; this process never imports sympy.
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

#: Longer expressions are not compared: no target of a supported data set comes near.
MAX_LENGTH = 400
MAX_DEPTH = 25
#: Of all recorded answers the slowest takes half a second.
CPU_SECONDS = 5.0
#: The CPU limit of the child decides; this one is for a child that waits or a machine that swaps.
WALL_SECONDS = 60.0

_LONG_NUMERAL = re.compile(r"\d{40}")
_TOWER = re.compile(r"\d\s*\}?\s*\^\s*\{?\s*\(?\d+\s*\}?\s*\^")
_FACTORIAL = re.compile(r"\d{4,}\s*[})]?\s*!|!\s*[)}]*\s*!|\^\s*\{?\s*\d{5}")


def symbolically_equal(answer: str, target: str) -> bool:
    """Whether two LaTeX expressions have the same value; the target comes second.

    False where either can't be parsed, is too long or too deeply nested, or where the comparison
    takes more than its share of time or memory: an answer that can't be checked is not a right answer.

    Raises:
        RuntimeError: the comparing process can't be started (math-verify is missing).
    """
    if not (_bounded(answer) and _bounded(target)):
        return False
    with _lock:
        return _child().compare(answer, target)


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


class _Child:
    """The comparing process, started again after it was ended by a limit."""

    def __init__(self, cpu_seconds: float = CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._process: subprocess.Popen[str] | None = None

    def compare(self, answer: str, target: str) -> bool:
        process = self._running()
        assert process.stdin and process.stdout
        patience = threading.Timer(WALL_SECONDS, process.kill)
        patience.daemon = True
        patience.start()
        reply = ""
        try:
            process.stdin.write(json.dumps([answer, target]) + "\n")
            process.stdin.flush()
            reply = process.stdout.readline()
        except BrokenPipeError:
            pass
        finally:
            patience.cancel()
            if not reply:  # ended by a limit, or interrupted: a late reply must not meet the next
                self.close()
        return reply.strip() == "1"

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


_lock = threading.Lock()
_current: _Child | None = None


def _child() -> _Child:
    global _current
    if _current is None:
        _current = _Child()
    return _current


def _close() -> None:
    if _current is not None:
        _current.close()


def _forget() -> None:
    """After a fork: the comparing process belongs to the parent, and the lock may be held there."""
    global _current, _lock
    _current, _lock = None, threading.Lock()


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
