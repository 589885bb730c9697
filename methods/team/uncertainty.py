"""How uncertain an agent is of its next action, from 0 (sure) to 1, by one of three measures.

None of them is calibrated: a threshold belongs to a measure and a model.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.human.agent import action_text, read_sure

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

#: the measures: how far several samples of the action disagree, a number that the model gives, and the
#: probability of the tokens of the action
MEASURES = ("disagreement", "self-rating", "log-probability")


def action_of(output: ModelOutput, words: bool) -> str:
    """A text that is equal for equal actions: the calls. With `words` the last line stands for a message
    without any, in any case and punctuation; else all such messages are alike."""
    calls = output.message.tool_calls or [] if output.choices else []
    if calls or not words:
        return action_text([(call.function, call.arguments) for call in calls])
    lines = [line for line in output.completion.splitlines() if line.strip()]
    return " ".join(re.findall(r"\w+", lines[-1].casefold())) if lines else ""


def disagreement(samples: Sequence[ModelOutput], words: bool = False) -> tuple[int, float]:
    """The place of the first sample of the most frequent action, of equal counts the one that came first, and
    the share of the samples that are another action.

    Args:
        samples: at least one.
        words: whether words are actions, see `action_of`.
    """
    actions = [action_of(sample, words) for sample in samples]
    action, count = Counter(actions).most_common(1)[0]
    return actions.index(action), 1 - count / len(actions)


def self_rated(reply: str) -> float | None:
    """1 minus how sure the model says it is; None where it says nothing that can be read."""
    sure = read_sure(reply)
    return None if sure is None else 1 - sure


def improbability(output: ModelOutput) -> float | None:
    """1 minus the geometric mean of the token probabilities of an action; None without log-probabilities."""
    kept = output.choices[0].logprobs if output.choices else None
    if kept is None or not kept.content:
        return None
    return 1 - math.exp(sum(token.logprob for token in kept.content) / len(kept.content))
