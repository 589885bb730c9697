"""Standard output and error of a command: no secret leaves through them, whoever writes."""

from __future__ import annotations

import atexit
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from harness.base.secrets import without_secret_values
from harness.base.terminal import results_apart


class Pipe(io.FileIO):
    """Standard output whose reader may leave, as `head` does: the rest is dropped, the exit code stays."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


class Shielded:
    """A stream of text that writes no secret: libraries warn, log and fail in words of their own."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(without_secret_values(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def close(self) -> None:
        """Whoever has it may write to it, and not close it."""


@dataclass
class _Stdout:
    """The descriptor of standard output, and whether what others write there goes to stderr."""

    descriptor: int
    turned: bool = False


#: that of this process, where a command that is its own has its results on another
_stdout: _Stdout | None = None


@contextmanager
def shielded() -> Iterator[None]:
    """Both streams as a command has them; afterwards as they were."""
    global _stdout
    out, err = sys.stdout, sys.stderr
    kept = -1
    if out is sys.__stdout__ and out is not None:
        out.flush()
        _stdout = _Stdout(out.fileno())
        kept = os.dup(out.fileno())  # of results alone: no child has it
        pipe = io.BufferedWriter(Pipe(kept, "w"))
        sys.stdout = io.TextIOWrapper(
            pipe, out.encoding, write_through=out.write_through, line_buffering=out.line_buffering
        )
    if isinstance(sys.stdout, io.TextIOWrapper):  # hostile text has characters that no terminal can show
        sys.stdout.reconfigure(errors="backslashreplace")
    made = sys.stdout
    sys.stdout = Shielded(made) if made is not None else None  # type: ignore[assignment]
    sys.stderr = Shielded(err) if err is not None else None  # type: ignore[assignment]
    try:
        yield
    finally:
        if made is not None:
            made.flush()
        sys.stdout, sys.stderr = out, err
        if _stdout is not None and _stdout.turned:
            with suppress(OSError, ValueError):
                out.flush()
            os.dup2(kept, _stdout.descriptor)
            # of handlers the last one comes first, so before those of plugins
            atexit.register(_turn, _stdout.descriptor)
        _stdout = None


def _turn(descriptor: int) -> None:
    """Has standard output go to stderr: for what is printed while a process ends, by handlers, and by C
    libraries that held it back."""
    with suppress(OSError, ValueError):
        if sys.stdout is not None:
            sys.stdout.flush()
        os.dup2(_error(), descriptor)


def _error() -> int:
    """The descriptor of stderr; where that is closed, of nothing."""
    try:
        assert sys.__stderr__ is not None
        os.fstat(sys.__stderr__.fileno())
        return sys.__stderr__.fileno()
    except (AssertionError, OSError, ValueError):
        return os.open(os.devnull, os.O_WRONLY)


@contextmanager
def results_alone() -> Iterator[None]:
    """A block of a command in which nothing but its results goes to stdout: what plugins, C libraries and
    child processes write there goes to stderr, until the process ends."""
    if _stdout is None or sys.stderr is None:
        with results_apart():
            yield
        return
    _turn(_stdout.descriptor)
    _stdout.turned = True
    # on descriptors of their own: code of others puts another stream over sys.stdout.buffer, and the end of
    # that one closes it
    others, spare = (os.fdopen(os.dup(_error()), "w", 1, errors="backslashreplace") for _ in range(2))
    with results_apart(Shielded(others), Shielded(spare)):
        yield
