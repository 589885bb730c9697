r"""The process that compares two expressions; started by `symbolic`, which see.

It reads lines of JSON, `[answer, target, seconds]`, and writes for each a verdict and the CPU seconds that
it took: `1` equal, `0` not equal, `u` equal but a restatement of the question (see `exact`), `?` one of
the two can't be read. Model output is hostile:
a short expression can ask for more time or memory than any machine has, inside a single C call that
no exception can interrupt. So each comparison may use so much CPU time, counted by a timer whose
signal ends the process, and the process may map only so much memory. Nothing here is ever evaluated
as Python: sympy's own reader of text, which would, is replaced by one that reads numerals only.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: beside what is mapped when the process starts, such as locales; sympy and a comparison take 60 MiB
MEMORY_BYTES = 192 << 20
_DEGREES = re.compile(r"(\d+(?:\.\d+)?)\s*\^\s*\\circ")
_DECIMAL = re.compile(r"(?<![\d.])([0-9]*)\.([0-9]+)(?![\d.])")
_IMAGINARY = re.compile(r"(?<![a-zA-Z\\])i(?![a-zA-Z])")
_NUMERAL = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")


def main(cpu_seconds: float) -> None:
    """Serves until stdin ends; a comparison that needs more CPU time ends the process."""
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who closes stdin
    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # the parsers print now and then
    _limit_memory()
    compare = _comparison()
    os.dup2(nowhere, 2)  # from here on no one reads it
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        answer, target, seconds = json.loads(line)
        started = time.process_time()
        _limit_time(min(seconds, cpu_seconds))
        try:
            verdict = compare(answer, target)
        except MemoryError:
            return  # what is left of the memory can't be trusted
        except Exception:
            verdict = "?"
        _limit_time(0)
        print(verdict, f"{time.process_time() - started:.3f}", file=replies, flush=True)


def _limit_memory() -> None:
    try:
        import resource

        most = _mapped() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # not on this platform; the caller's wall clock remains


def _mapped() -> int:
    """Bytes of address space in use, 0 where the platform doesn't say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _limit_time(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _comparison() -> Callable[[str, str], str]:
    import logging

    from math_verify.grader import should_treat_as_complex, verify
    from sympy import Float, Integer, Intersection, Set, Union
    from sympy.core.relational import Relational
    from sympy.logic.boolalg import Boolean
    from sympy.parsing import sympy_parser
    from sympy.physics import units  # noqa: F401  simplify imports it late, and it reads names

    sys.path.append(str(Path(__file__).parent))  # this file is run by its path
    exact = importlib.import_module("exact")
    logging.disable(logging.CRITICAL)

    def numeral(text: str, *_: Any, **__: Any) -> Any:
        if not _NUMERAL.fullmatch(text):
            raise ValueError("only numerals are read from text")
        return Integer(text) if text.isdecimal() else Float(text)

    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("text is not evaluated")

    sympy_parser.parse_expr = numeral
    sympy_parser.eval_expr = refuse
    exact.make_exact()

    def read(latex: str, complex_: bool) -> Any:
        line = _DEGREES.sub(r"(\\frac{\1\\pi}{180})", " ".join(latex.split()))
        line = _DECIMAL.sub(_fraction, line)
        if "\\lor" not in line and "\\land" not in line:
            return exact.parsed(line, complex_)
        return Union(*(Intersection(*map(condition, case.split("\\land"))) for case in line.split("\\lor")))

    def condition(latex: str) -> Any:
        found = exact.parsed(latex, False)
        if not isinstance(found, Relational | Boolean | Set):
            raise ValueError("alternatives that are no conditions")
        return found if isinstance(found, Set) else found.as_set()

    def compare(answer: str, target: str) -> str:
        complex_ = should_treat_as_complex(answer) or should_treat_as_complex(target)
        complex_ = complex_ or bool(_IMAGINARY.search(answer) or _IMAGINARY.search(target))
        wanted, given = read(target, complex_), read(answer, complex_)
        if not verify(wanted, given, allow_set_relation_comp=True, timeout_seconds=0, raise_on_error=True):
            return "0"
        return "u" if exact.unsimplified(given, wanted) else "1"

    return compare


def _fraction(decimal: re.Match[str]) -> str:
    """A decimal as the fraction that it states, so that nothing is rounded."""
    places = decimal[0].rstrip("0").partition(".")[2]
    if not places:
        return decimal[1] or "0"
    return f"(\\frac{{{int((decimal[1] or '0') + places)}}}{{{10 ** len(places)}}})"


if __name__ == "__main__":
    main(float(sys.argv[1]))
