"""Standard output and error of a command: no secret leaves through them, whoever writes."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.base.secrets import without_secret_values


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


@contextmanager
def shielded() -> Iterator[None]:
    """Both streams as a command has them; afterwards as they were."""
    out, err = sys.stdout, sys.stderr
    if out is sys.__stdout__ and out is not None and not out.isatty():
        pipe = io.BufferedWriter(Pipe(out.fileno(), "w", closefd=False))
        sys.stdout = io.TextIOWrapper(pipe, out.encoding, write_through=out.write_through)
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
