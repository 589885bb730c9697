"""Which inputs are annotated next (arXiv 2503.03062, the epsilon-random sampler of IterPSD).

`nearest` takes the inputs most similar to some annotated one: the stated intent, easy first, and our
reconstruction. `released` takes those least similar to some annotated one, which is what the authors'
code does: it sorts cosine similarities as if they were distances.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

ORDERS = ("nearest", "released")
_BLOCK = 256  # reference rows compared at once


class Sampler:
    """Chunks of the rows 0 to n-1, none twice. `vectors` is called once, when similarity first matters:
    with epsilon 1, or a single chunk, never.

    The similarity of a remaining row to the reference set is kept and only updated with what was added
    to it, so a chunk costs (chunk x remaining) products and one number a row of memory.
    """

    def __init__(
        self, n: int, chunk: int, epsilon: float, order: str, vectors: Callable[[], Any], rng: random.Random
    ) -> None:
        self.remaining = list(range(n))
        self._chunk, self._epsilon, self._order = chunk, epsilon, order
        self._make, self._rng = vectors, rng
        self._vectors: Any = None
        self._score: Any = None
        self._reference: list[int] = []
        self._first = True

    def refer(self, rows: Sequence[int]) -> None:
        """Adds rows to the set that inputs are compared with."""
        self._reference += rows

    def next(self) -> list[int]:
        """The next chunk, empty when none remain. The first is uniform; later ones hold
        floor(epsilon x size) uniform rows after those chosen by similarity, best first."""
        size = min(self._chunk, len(self.remaining))
        by_likeness = 0 if self._first else size - int(self._epsilon * size)
        self._first = False
        near = self._alike(by_likeness) if by_likeness else []
        taken = set(near)
        rest = [row for row in self.remaining if row not in taken]
        chosen = near + self._rng.sample(rest, size - len(near))
        taken.update(chosen)
        self.remaining = [row for row in self.remaining if row not in taken]
        return chosen

    def _alike(self, size: int) -> list[int]:
        import numpy as np

        if self._vectors is None:
            self._vectors = self._make()
            self._score = np.full(self._vectors.shape[0], -np.inf if self._order == "nearest" else np.inf)
        left = np.asarray(self.remaining)
        pool, better = self._vectors[left], np.maximum if self._order == "nearest" else np.minimum
        for start in range(0, len(self._reference), _BLOCK):
            added = self._vectors[self._reference[start : start + _BLOCK]]
            block = pool @ added.T
            dense = np.asarray(block.toarray() if hasattr(block, "toarray") else block)
            pick = dense.max(axis=1) if self._order == "nearest" else dense.min(axis=1)
            self._score[left] = better(self._score[left], pick)
        self._reference = []
        score = self._score[left]
        ranked = np.argsort(-score if self._order == "nearest" else score, kind="stable")
        return [int(row) for row in left[ranked[:size]]]
