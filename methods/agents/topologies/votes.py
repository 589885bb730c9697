"""The plain majority of the last answers, and who has a vote where only some agents are selected."""

from __future__ import annotations

from harness.methods.agents.topology import Bits, Decision, Said, Setting, Space


def voters(selected: Bits, last: Said, space: Space) -> tuple[Bits, Bits]:
    """(B, N) whose answers count, and (B,) whether these are all agents because nobody who answered was
    selected."""
    import numpy as np

    answered = last.spoke if space.kind == "open" else last.answers >= 0
    empty: Bits = ~np.any(selected & answered, axis=-1)
    return selected | empty[:, None], empty


def everyone(setting: Setting) -> Decision:
    """A plain majority of all agents."""
    import numpy as np

    selected = np.ones((setting.batch, setting.agents), dtype=bool)
    return Decision(selected, selected.astype(float), np.zeros(setting.batch, dtype=bool))


def majority(selected: Bits, last: Said, space: Space) -> Decision:
    """A plain majority of the selected (B, N); of all where none of them answered, which is told."""
    votes, fallback = voters(selected, last, space)
    return Decision(selected, votes.astype(float), fallback)
