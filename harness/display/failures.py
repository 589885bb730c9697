"""What went wrong with the attempts of a run, in lines for people."""

from __future__ import annotations

import math
from typing import Any

from harness.results.ranges import primary_range

#: what is said of attempts without a completion, by status
DECLINED_WORDS = {
    "refused": "were refused by the model",
    "filtered": "were held back by a content filter",
    "context_overflow": "didn't fit the model's context",
}
#: heads of their columns, which are there where a run has such attempts
DECLINED_HEADS = {"refused": "refused", "filtered": "filtered", "context_overflow": "too long"}
#: the share of answers from which it is said that they were empty, cut off or thought alone
NOTICED = 0.02


def failures(record: dict[str, Any]) -> str:
    """`16 of 32 attempts are unscored, 12 of them as the simulated user failed, and count as 0`,
    or as whatever is the worst value of the primary metric; empty where every attempt was scored."""
    counts = record["counts"]
    said = []
    if counts["unscored"]:
        of_them = [
            f", {number} of them as the {what}" if (number := counts.get(name, 0)) else ""
            for name, what in (
                ("user_failed", "simulated user failed"),
                ("grader_failed", "grader broke down"),
            )
        ]
        parts = "".join(of_them) + "," * any(of_them)
        said.append(f"{counts['unscored']} of {counts['attempts']} attempts are unscored{parts}")
    if counts["error"]:
        said.append(f"{counts['error']} of {counts['attempts']} attempts ended in errors")
    for status, words in DECLINED_WORDS.items():
        if number := counts.get(status, 0):
            said.append(f"{number} of {counts['attempts']} attempts {words}")
    worst = primary_range(record).worst
    shown = f"{worst:g}" if math.isfinite(worst) else "the worst value that was measured"
    return " and ".join(said) + f" and count as {shown}" if said else ""


def silent(record: dict[str, Any]) -> list[str]:
    """Why a score may say less of the answers than of their limit or the server, with what to do; a line
    each, of more than 2 % of the attempts."""
    counts, reasons = record["counts"], record.get("reasons") or {}
    found = (
        (
            counts["truncated"],
            "answers were cut off at the limit of tokens",
            "--max-tokens N raises it, -G reasoning_effort=low shortens what comes before",
        ),
        (
            reasons.get("only reasoning", 0),
            "answers stand in the model's reasoning alone",
            "raise --max-tokens, or start the server with the reasoning parser of this model",
        ),
        (
            reasons.get("empty", 0),
            "answers are empty",
            "ask the server by hand; a chat template that is missing, or a stop sequence, gives such",
        ),
    )
    every = counts["attempts"]
    return [f"{number} of {every} {what}: {cure}" for number, what, cure in found if number > NOTICED * every]
