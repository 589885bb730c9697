"""How sure an annotation is (arXiv 2503.03062, section 2.3 of the released code's reading).

The authors call the mean token log-probability an entropy; it is none: at most 0, higher is surer. The
number of self-consistency samples is not known. Back-translation is scored as in the code, chrF to the
power e^3, which only matters where it meets a fixed threshold.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.annotate import number
from harness.base.errors import UsageError

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

_LINE = re.compile(r"^[*_#`\s]*confidence[*_`\s]*[:=][*_`\s]*(\S+?)[*_`\s]*$", re.IGNORECASE)


def mean_logprob(output: ModelOutput) -> float | None:
    """The mean log-probability of the output's tokens; None where the model gave none."""
    found = output.choices[0].logprobs if output.choices else None
    if found is None or not found.content:
        return None
    return mean([token.logprob for token in found.content])


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def majority(
    answers: Sequence[str | None], form: Callable[[str], str] = str
) -> tuple[str | None, float, int]:
    """The most frequent answer (ties: the one seen first), its share of all draws, and where it was
    first given. Answers of one `form` are the same. Draws without an answer count in the share only."""
    forms = [None if answer is None else form(answer) for answer in answers]
    votes = Counter(each for each in forms if each is not None)
    if not votes:
        return None, 0.0, 0
    winner, count = votes.most_common(1)[0]  # equal counts keep the order of their first sight
    first = forms.index(winner)
    return answers[first], count / len(answers), first


def split_stated(text: str) -> tuple[str, Any]:
    """A free-text answer without its last `Confidence: ...` line, and what that line says (None where
    there is none). `90%` is 0.9."""
    lines = text.rstrip().splitlines()
    for at in range(len(lines) - 1, max(len(lines) - 4, -1), -1):
        found = _LINE.match(lines[at])
        if found:
            said = found[1]
            if said.endswith("%"):
                share = number(said[:-1])
                said = str(share / 100) if share is not None else said
            return "\n".join(lines[:at] + lines[at + 1 :]).strip(), said
    return text.strip(), None


def back_translation(source: str, back: str) -> float:
    """chrF++ (sentence level, 0 to 1) of a translation back into the source language, to the power e^3.

    Raises:
        UsageError: sacrebleu is not installed.
    """
    try:
        from sacrebleu.metrics.chrf import CHRF
    except ImportError:
        raise UsageError(
            "confidence=back-translation needs the extra: pip install 'method-harness[translate]'"
        ) from None
    score = CHRF(word_order=2).sentence_score(back, [source]).score / 100
    return float(score ** math.exp(3))
