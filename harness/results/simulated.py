"""Models behind which no language model stands, and what a person must know of their rows."""

from __future__ import annotations

SAID = {
    "echo": "echo models answer without a model: nothing was measured but the harness",
    "sim": "a simulation with known truth: it tests methods, and measures no language model",
}


def simulation(model: str) -> str:
    """What a model that is none simulates; empty for every other."""
    return SAID.get(model.partition("/")[0], "")
