r"""Final answers of mathematics tasks: `canonical` writes one so that votes can be counted, `equivalent` says
whether it is right. What is judged is the answer as it was written, never the normal form.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from harness.answers.quantity import read_quantity
from harness.answers.reading import Reason
from harness.answers.statement import MAX_ANSWER
from harness.tasks.math.canonical import Kind, canonical
from harness.tasks.math.comparison import Comparison, Outcome
from harness.tasks.math.latex import tidy

__all__ = ["MAX_ANSWER", "Kind", "Verdict", "canonical", "equivalent"]

#: CPU seconds for all comparisons of one answer; of all recorded answers the slowest takes half of one.
CPU_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer is right, and why it is not where that is more than another value.

    `hedged`: it offers alternatives; `several`: it holds several numbers; `not simplified`: it has the
    right value but repeats the question (`\\sum_{n=1}^{100} n` for 5050); `not comparable`: the
    comparison was given up, which says nothing about the answer.
    """

    right: bool
    reason: Reason | None = None

    def __bool__(self) -> bool:
        return self.right


_REASONS: dict[str, Reason] = {"hedged": "hedged", "restated": "not simplified", "unknown": "not comparable"}


def equivalent(answer: str, target: str | Sequence[str], kind: Kind) -> Verdict:
    """Whether an answer has the value of the target, or of one of several; both may be in any notation.

    Numbers are compared exactly, as rationals: 18.0 is 18, and 0.33 is not 1/3. Expressions are
    compared by structure and by math-verify. The targets share 5 seconds of CPU time: what is too long,
    too deep or too costly is not comparable with anything but itself.

    Raises:
        RuntimeError: expressions can't be compared because math-verify doesn't start.
    """
    targets = [target] if isinstance(target, str) else target
    if any(answer == each for each in targets):
        return Verdict(True)
    budget = _Budget()
    verdicts = []
    for each in targets:
        verdicts.append(_judged(answer, each, kind, budget))
        if verdicts[-1].right:
            return verdicts[-1]
    reasons = [verdict.reason for verdict in verdicts if verdict.reason]
    return Verdict(False, reasons[0] if reasons else None)


def _judged(answer: str, target: str, kind: Kind, budget: _Budget) -> Verdict:
    if len(answer) > MAX_ANSWER or len(target) > MAX_ANSWER:
        return Verdict(False, "not comparable")
    if kind != "expression":
        given, wanted = read_quantity(answer), read_quantity(target).answer
        if wanted is not None and given.answer is not None:
            return Verdict(given.answer == wanted)
        if wanted is not None and (given.reason != "unreadable" or not ("\\" in answer or "^" in answer)):
            return Verdict(False, given.reason)
    try:
        found = Comparison(budget.equal).outcome(tidy(answer), tidy(target))
    except RecursionError:
        found = "unknown"
    return Verdict(found == "right", _REASONS.get(found))


_OUTCOMES: dict[str, Outcome] = {"equal": "right", "different": "wrong", "restated": "restated"}
_MOST_KNOWN = 16384
_known: dict[tuple[str, str], Outcome] = {}
_known_lock = threading.Lock()


class _Budget:
    """The CPU time that comparisons of one answer may still take; what was compared before costs nothing."""

    def __init__(self) -> None:
        self._left = CPU_SECONDS

    def equal(self, given: str, wanted: str) -> Outcome:
        pair = (given, wanted)
        known = _known.get(pair)
        if known is not None:
            return known
        from harness.tasks.math.symbolic import compared

        whole = self._left == CPU_SECONDS
        verdict, spent = compared(given, wanted, self._left)
        self._left -= spent
        outcome = _OUTCOMES.get(verdict, "unknown")
        if outcome != "unknown" or whole:  # with more time left it might be known
            with _known_lock:
                if len(_known) >= _MOST_KNOWN:
                    _known.clear()
                _known[pair] = outcome
        return outcome
