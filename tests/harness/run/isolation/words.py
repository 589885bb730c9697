"""A task whose targets are words that stand nowhere: they are made when it is loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import harness
from harness.data.history import Asked, Histories, Interaction
from harness.sample import Question, Sample, Splits


def word(n: int) -> str:
    return "TARGET" + hashlib.sha256(f"word {n}".encode()).hexdigest()[:12]


class Words(harness.Task):
    """Say the word."""

    offers = ("labelled", "pool", "dev", "history")

    def load(self, data: Any) -> Splits:
        def samples(name: str, size: int, target: Any) -> list[Sample]:
            return [Sample(Question(f"{name}{n}", f"{name} {n}"), target(n)) for n in range(size)]

        pool = [Question(f"pool{n}", f"pool {n}") for n in range(3)]
        train = samples("train", 3, lambda n: f"label {n}")
        return Splits(samples("q", 8, word), train, pool, history=streams())


def streams() -> Histories:
    """Two users of four questions each, and what they did before."""
    events = {
        user: [Interaction(f"{user}{n}", f"ask {n}", f"said {n}", n) for n in range(3)] for user in "ab"
    }
    return Histories(events, {f"q{n}": Asked("ab"[n % 2], 2 if n == 0 else 9) for n in range(8)})


def answers(folder: Path, size: int = 8) -> Path:
    """The targets as a file."""
    path = folder / "answers.txt"
    path.write_text("\n".join(map(word, range(size))))
    return path
