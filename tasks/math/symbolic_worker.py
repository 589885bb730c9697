r"""The process that compares two expressions; started by `symbolic`, which see.

It reads lines of JSON, `[answer, target]`, and writes `1` or `0` for each. Model output is hostile:
a short expression can ask for more time or memory than any machine has, inside a single C call that
no exception can interrupt. So each comparison may use so much CPU time, counted by a timer whose
signal ends the process, and the process may map only so much memory. Nothing here is ever evaluated
as Python: sympy's own reader of text, which would, is replaced by one that reads numerals only.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

MEMORY_BYTES = 512 << 20
_DEGREES = re.compile(r"(\d+(?:\.\d+)?)\s*\^\s*\\circ")
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
    equal = _comparison()
    os.dup2(nowhere, 2)  # from here on no one reads it
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        answer, target = json.loads(line)
        _limit_time(cpu_seconds)
        try:
            verdict = equal(answer, target)
        except MemoryError:
            return  # what is left of the memory can't be trusted
        except Exception:
            verdict = False
        _limit_time(0)
        print(int(verdict), file=replies, flush=True)


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # not on this platform; the caller's wall clock remains


def _limit_time(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _comparison() -> Callable[[str, str], bool]:
    import logging

    from math_verify import LatexExtractionConfig, parse, verify
    from sympy import Float, Integer
    from sympy.parsing import sympy_parser
    from sympy.physics import units  # noqa: F401  simplify imports it late, and it reads names

    logging.disable(logging.CRITICAL)

    def numeral(text: str, *_: Any, **__: Any) -> Any:
        if not _NUMERAL.fullmatch(text):
            raise ValueError("only numerals are read from text")
        return Integer(text) if text.isdecimal() else Float(text)

    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("text is not evaluated")

    sympy_parser.parse_expr = numeral
    sympy_parser.eval_expr = refuse
    as_latex = [LatexExtractionConfig(boxed_match_priority=-1)]

    def read(latex: str) -> Any:
        # The library's own time limits need SIGALRM in the main thread of the caller; ours don't.
        line = _DEGREES.sub(r"(\\frac{\1\\pi}{180})", " ".join(latex.split()))
        return parse(f"${line}$", as_latex, fallback_mode="no_fallback", parsing_timeout=0)

    def equal(answer: str, target: str) -> bool:
        wanted, given = read(target), read(answer)
        return bool(
            wanted and given and verify(wanted, given, allow_set_relation_comp=True, timeout_seconds=0)
        )

    return equal


if __name__ == "__main__":
    main(float(sys.argv[1]))
