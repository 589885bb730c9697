"""Asking a model for labels and how sure it is of them, in one form for every method that labels a pool.

As the prompt is the same text whoever asks, methods find each other's annotations in the cache. The
wording is ours: the prompts of the papers that label pools this way are unlicensed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.sample import Sample

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

_RECORDS = re.compile(r"\[.*\]|\{.*\}", re.DOTALL)
_BETWEEN = "\n\n---\n\n"
_HEAD = "Worked examples, each an input and its answer:"


def label_prompt(
    instruction: str, choices: Sequence[str], texts: Sequence[str], shots: Sequence[Sample] = ()
) -> list[ChatMessage]:
    """Asks for one record (index, label, confidence) a text."""
    parts = [
        instruction,
        "Pick exactly one of these labels for every text, spelled as it stands here:",
        "\n".join(f"- {choice}" for choice in choices),
    ]
    if shots:
        shown = "\n".join(f"Text: {s.question.input}\nLabel: {s.demonstration}" for s in shots)
        parts.append(f"Labelled examples:\n{shown}")
    parts.append("Texts to label:\n" + "\n".join(f"{n}. {text}" for n, text in enumerate(texts, 1)))
    parts.append(
        'Reply with a JSON list alone: one record {"index": number, "label": label, "confidence": '
        "probability from 0 to 1 that the label is right} for each text, in the same order."
    )
    return [messages.user("\n\n".join(parts))]


def records(text: str) -> list[dict[str, Any]]:
    """The records of a structured reply; empty for plain text."""
    found = _RECORDS.search(text)
    if not found:
        return []
    try:
        value = json.loads(found[0])
    except (ValueError, RecursionError):
        return []
    if isinstance(value, dict):
        value = next((v for v in value.values() if isinstance(v, list)), [value])
    return [item for item in value if isinstance(item, dict) and "label" in item]


def number(value: Any) -> float | None:
    """A confidence as the model wrote it; None where it is missing or no number."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(found) else found


def clip(value: Any) -> float:
    """A confidence in [0, 1]; 0 where it is missing or no number."""
    return min(max(number(value) or 0.0, 0.0), 1.0)


def demonstrations(pairs: Sequence[tuple[str, str]]) -> str:
    """Inputs with their answers as one text, to stand before the prompts of many questions.

    It is the same text for all of them, so that providers which cache prefixes read it once.
    """
    return "\n\n".join([_HEAD, _BETWEEN.join(f"Input: {said}\nAnswer: {answer}" for said, answer in pairs)])


def read_demonstrations(text: str) -> list[tuple[str, str]]:
    """The pairs in a text of `demonstrations`, whose answers are one line each; empty for other text."""
    head, _, rest = text.partition("\n\n")
    if head != _HEAD:
        return []
    pairs = []
    for block in rest.split(_BETWEEN):
        said, mark, answer = block.rpartition("\nAnswer: ")
        if mark:
            pairs.append((said.removeprefix("Input: "), answer))
    return pairs
