r"""Final answers of mathematics tasks: found, written in a normal form, compared.

Three functions are all that a task needs: `extract` finds the answer in a completion, `canonical`
writes it so that votes can be counted, `equivalent` says whether it is right.
"""

from __future__ import annotations

import re
from functools import lru_cache

from harness.tasks.math.canonical import canonical
from harness.tasks.math.extraction import MAX_ANSWER, Kind, extract

__all__ = ["MAX_ANSWER", "Kind", "canonical", "equivalent", "extract"]

_EXACT = re.compile(r"-?(?:\d+|\\frac\{\d+\}\{\d+\})")
_IN_BASE = re.compile(r"(-?[0-9A-F]+)(?:_(\w|\{\d+\}))?")
_WORDS = re.compile(r"[a-z][a-z' -]+[a-z]")


def equivalent(answer: str, target: str, kind: Kind) -> bool:
    """Whether an answer has the value of the target; both may be in any notation.

    Numbers are compared exactly, as rationals: 18.0 is 18, and 0.33 is not 1/3. Expressions that
    differ in their normal form are compared symbolically. An expression that is too long or too
    costly to check is not equivalent to anything but itself.

    Raises:
        RuntimeError: expressions can't be compared because math-verify doesn't start.
    """
    if answer == target:
        return True
    if len(answer) > MAX_ANSWER or len(target) > MAX_ANSWER:
        return False
    given, wanted = canonical(answer, kind), canonical(target, kind)
    if given == wanted:
        return True
    if kind != "expression" or not given or _WORDS.fullmatch(wanted):
        return False
    if (of_given := _IN_BASE.fullmatch(given)) and (of_wanted := _IN_BASE.fullmatch(wanted)):
        if of_given[2] or of_wanted[2]:  # a base that only one of them names is that of the other
            same_base = of_given[2] == of_wanted[2] or not (of_given[2] and of_wanted[2])
            return of_given[1] == of_wanted[1] and same_base
    if _EXACT.fullmatch(given) and _EXACT.fullmatch(wanted):
        return False
    return _symbolic(given, wanted)


@lru_cache(maxsize=4096)
def _symbolic(given: str, wanted: str) -> bool:
    from harness.tasks.math.symbolic import symbolically_equal

    return symbolically_equal(given, wanted)
