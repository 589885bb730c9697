"""The one way to a terminal: what data, plugins and models wrote is shown there and never obeyed.

Everything that the harness prints goes through this module (a test holds that no other prints); tables go
through `harness.display.layout`, which makes its cells `printable` before it measures them.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

#: characters of an error's line; the rest is counted, not shown
LONGEST = 4000
_BREAKS = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+\s*")


def printable(text: str) -> str:
    """The text with every character that a terminal might act on, or that hides or turns others, as Python
    writes it in a string: `\\x1b`, `\\u202e`. Line breaks and tabs are among them; wide and narrow spaces
    stay."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c.isspace() and ord(c) > 0x9F and c not in "\u2028\u2029" else _named(c)
        for c in text
    )


def _named(character: str) -> str:
    code = ord(character)
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable_lines(text: str) -> str:
    """`printable`, but for line breaks (`\\n`, `\\r\\n`) and tabs, which stay."""
    if text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in lines)


def one_line(text: str) -> str:
    """The text as one `printable` line of bounded length, for messages that quote what others wrote."""
    line = printable(_BREAKS.sub(" ", text.strip()).replace("\t", " "))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} ... ({len(line) - LONGEST:,} characters more)"


#: where results go while code of others has another stdout; and stderr, should they close it
_results: Any = None
_spare: Any = None


@contextmanager
def results_apart(others: Any = None, spare: Any = None) -> Iterator[None]:
    """A block in which results alone go to stdout: what code of others prints there goes to `others`, stderr
    by default. `spare` takes messages where stderr was closed."""
    global _results, _spare
    if _results is not None or sys.stdout is None:
        yield
        return
    _results, _spare = sys.stdout, spare
    sys.stdout = others or _Unclosed(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, _results = _results, None


class _Unclosed:
    """A stream that nobody who has it can close."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def close(self) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def results() -> Any:
    """The stream to which results go."""
    return _results or sys.stdout


def _message(text: str, **more: Any) -> None:
    """Prints to stderr; to the spare stream, where code of others has closed it."""
    try:
        print(text, file=sys.stderr, **more)
    except (OSError, ValueError):
        if _spare is None:
            raise
        print(text, file=_spare, **more)


def say(text: object = "", *, err: bool = False, end: str = "\n") -> None:
    """Prints lines, made printable, to stdout or, with `err`, to stderr. They are there at once: who reads
    them from a pipe or a file, such as a server's address, may wait for them."""
    if err:
        _message(printable_lines(str(text)), end=end)
    else:
        print(printable_lines(str(text)), file=results(), end=end, flush=True)


def tell(message: object) -> None:
    """Prints a message, as `one_line`, to stderr: what is quoted in it can't make lines of its own."""
    _message(one_line(str(message)))


def hint(notice: str) -> None:
    """Prints a notice of a run to stderr, its further lines below the first."""
    say(hinted(notice), err=True)


def hinted(notice: str) -> str:
    """A notice as it is printed."""
    return "hint: " + printable_lines(notice).replace("\n", "\n  ")


def rewrite(line: str, last: bool = False) -> None:
    """Shows a line of progress on stderr over the one before; `last`: nothing goes over it."""
    _message(f"\r{one_line(line)}", end="\n" if last else "", flush=True)


def say_json(value: Any) -> None:
    """Prints one line of JSON to stdout, at once: see `json_text`; where stdout isn't Unicode, in ASCII."""
    encoding = (getattr(results(), "encoding", None) or "utf-8").lower()
    print(json_text(value, ascii_only=not encoding.startswith("utf")), file=results(), flush=True)


def json_text(value: Any, *, ascii_only: bool = False, sort_keys: bool = False) -> str:
    """JSON on one line, that any reader of JSON takes and any terminal can show: characters that are not
    printable stand as escapes of JSON, a number that is none (NaN, an infinity) is null."""
    try:
        text = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False, sort_keys=sort_keys)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=ascii_only, sort_keys=sort_keys)
    return text if text.isprintable() else "".join(c if c.isprintable() else _in_json(c) for c in text)


def _in_json(character: str) -> str:
    return json.dumps(character)[1:-1]


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def guard() -> None:
    """From now on what Python prints by itself is printable too: tracebacks, warnings, records of a log that
    nobody else takes."""
    import logging
    import traceback
    import warnings

    class Printable(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return printable_lines(super().format(record))

    def warned(message: Warning | str, category: type[Warning], file: str, line: int, *_: Any) -> None:
        tell(warnings.formatwarning(message, category, file, line, ""))

    def raised(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        say("".join(traceback.format_exception(kind, error, trace)), err=True, end="")

    def ignored(what: Any) -> None:
        where = f"{what.err_msg or 'ignored in'}: {what.object!r}: " if what.object is not None else ""
        tell(f"warning: {where}{what.exc_type.__name__}: {what.exc_value}")

    sys.excepthook = raised
    sys.unraisablehook = ignored
    warnings.showwarning = warned  # type: ignore[assignment]
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(Printable())
