"""Cosine over the vectors of an embedder, and the fusion of two rankings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.search.corpus import Corpus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: texts in, unit rows out: dense float32 (texts, D), or sparse
Embed = Callable[[Sequence[str]], Any]
#: the constant of reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009)
FUSION = 60


class Dense:
    """Vectors of all documents. Its scores are float32 cosines plus 1, so that 0 is 'not found'."""

    def __init__(self, corpus: Corpus, embed: Embed) -> None:
        self._embed = embed
        self._rows = embed([document.whole for document in corpus])

    def scores(self, query: str) -> NDArray[np.float32]:
        """The score of every document, shape (documents,)."""
        import numpy as np

        found = self._rows @ self._embed([query]).T
        plain = found.toarray() if hasattr(found, "toarray") else found
        # rounded, as the last bits of a product depend on how a library cuts it up
        return np.round(np.asarray(plain, np.float32).reshape(-1) + np.float32(1.0), 6)


def fused(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reciprocal rank fusion of two scores of all documents: the sum of 1 / (60 + rank); equal scores have
    their order in the corpus, and a score of 0 has no rank."""
    import numpy as np

    total = np.zeros(len(first), np.float64)
    for scores in (first, second):
        order = np.argsort(-scores, kind="stable")
        ranks = np.empty(len(scores), np.int64)
        ranks[order] = np.arange(1, len(scores) + 1)
        total += np.where(scores > 0, 1.0 / (FUSION + ranks), 0.0)
    return total.astype(np.float32)
