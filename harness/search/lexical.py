"""BM25 over a corpus, by the library bm25s (the extra `search`).

score(q, d) = sum over the terms t of q of  idf(t) * tf (k1 + 1) / (tf + k1 (1 - b + b len(d) / mean len)),
idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5)). bm25s leaves the constant factor (k1 + 1) out; it is put back
here.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from harness.base.errors import UsageError
from harness.search.corpus import Corpus
from harness.search.words import terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: defaults of Anserini and of BrowseComp-Plus' baseline
K1, B = 0.9, 0.4


class Lexical:
    """A BM25 index. Its scores are float32, one a document in the order of the corpus."""

    def __init__(self, corpus: Corpus, k1: float = K1, b: float = B) -> None:
        check_library()
        import bm25s

        vocabulary: dict[str, int] = {}
        rows = []
        for document in corpus:
            known = vocabulary.setdefault
            rows.append([known(term, len(vocabulary)) for term in terms(document.whole)])
        self._k1 = k1
        self._vocabulary = vocabulary
        self._index = bm25s.BM25(k1=k1, b=b, method="lucene")
        if vocabulary:
            tokens = bm25s.tokenization.Tokenized(ids=rows, vocab=vocabulary)
            self._index.index(tokens, create_empty_token=False, show_progress=False)
        self._size = len(corpus)

    def scores(self, query: str) -> NDArray[np.float32]:
        """The score of every document, shape (documents,); 0 for one that shares no term with the query."""
        import numpy as np

        known = [self._vocabulary[term] for term in terms(query) if term in self._vocabulary]
        if not known:
            return np.zeros(self._size, np.float32)
        found = self._index.get_scores_from_ids(known)
        return np.asarray(found * np.float32(self._k1 + 1), np.float32)


def check_library() -> None:
    """Whether BM25 can be computed here.

    Raises:
        UsageError: the extra is not installed.
    """
    if find_spec("bm25s") is None:
        raise UsageError("search by words needs the extra: pip install 'method-harness[search]'")
