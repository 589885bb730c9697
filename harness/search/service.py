"""The search service: a query in, hits out, the same bytes for the same query."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Literal

from harness.base.errors import UsageError
from harness.search.corpus import Corpus
from harness.search.dense import Dense, Embed, fused
from harness.search.lexical import Lexical
from harness.search.words import beginning, terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Retriever = Literal["bm25", "dense", "hybrid"]
RETRIEVERS = ("bm25", "dense", "hybrid")
#: longest query, in characters, and most hits of one search
LONGEST_QUERY, MOST_HITS = 2_000, 100
#: queries whose hits are kept
KEPT = 20_000
#: tokens of a document that a hit shows (BrowseComp-Plus)
SNIPPET = 512


class QueryError(Exception):
    """A query that can't be asked; the message says why, in one line, for whoever asked."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found, with its score and the beginning of its text."""

    id: str
    title: str
    snippet: str
    score: float

    @property
    def shown(self) -> str:
        """As an agent reads it: `[id] title`, then the snippet."""
        return f"[{self.id}] {self.title}".rstrip() + f"\n{self.snippet}"


class Search:
    """Search over one corpus. Indices are made at the first query; queries of the same terms are answered
    from memory.

    Raises:
        UsageError: a retriever that doesn't exist, or one by vectors without an embedder.
    """

    def __init__(
        self,
        corpus: Corpus,
        retriever: str = "bm25",
        embed: Embed | None = None,
        snippet: int = SNIPPET,
    ) -> None:
        if retriever not in RETRIEVERS:
            raise UsageError(f"there is no retriever {retriever!r}; there are: {', '.join(RETRIEVERS)}")
        if retriever != "bm25" and embed is None:
            raise UsageError(f"the retriever {retriever!r} needs --embedder NAME")
        self.corpus, self.retriever, self.snippet = corpus, retriever, snippet
        self._embed = embed
        self._dense: Dense | None = None  # of this run's embedder
        self._found: OrderedDict[tuple[str, int], list[Hit]] = OrderedDict()
        self._lock = Lock()
        #: queries that were answered from memory
        self.repeated = 0

    def search(self, query: str, k: int = 5) -> list[Hit]:
        """The k best documents, best first; fewer where fewer have anything in common with the query.

        Raises:
            QueryError: the query is empty or too long, or k is out of range.
        """
        key = self._key(query), k
        if len(query) > LONGEST_QUERY:
            raise QueryError(
                f"a query has at most {LONGEST_QUERY:,} characters, and this one {len(query):,}; ask for less"
            )
        if not query.strip():
            raise QueryError("the query is empty; say what to look for")
        if not 1 <= k <= MOST_HITS:
            raise QueryError(f"a search gives 1 to {MOST_HITS} documents, not {k}")
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                self.repeated += 1
                return list(self._found[key])
            hits = self._found[key] = self._hits(query, k)
            while len(self._found) > KEPT:
                self._found.popitem(last=False)
            return list(hits)

    def _key(self, query: str) -> str:
        """What the hits depend on: for words the terms, for vectors the text as it stands."""
        return " ".join(terms(query)) if self.retriever == "bm25" else query

    def _hits(self, query: str, k: int) -> list[Hit]:
        scores = self._scores(query)
        return [self._hit(place, float(scores[place])) for place in best(scores, k)]

    def _hit(self, place: int, score: float) -> Hit:
        document = self.corpus[self.corpus.ids[place]]
        return Hit(document.id, document.title, beginning(document.text, self.snippet), score)

    def _scores(self, query: str) -> NDArray[np.float32]:
        if self.retriever == "dense":
            return self._vectors.scores(query)
        words = self._words.scores(query)
        return words if self.retriever == "bm25" else fused(words, self._vectors.scores(query))

    @property
    def _words(self) -> Lexical:
        found: Lexical | None = self.corpus.indices.get("bm25")
        if found is None:
            found = self.corpus.indices["bm25"] = Lexical(self.corpus)
        return found

    @property
    def _vectors(self) -> Dense:
        if self._dense is None:
            assert self._embed is not None  # checked when it was made
            self._dense = Dense(self.corpus, self._embed)
        return self._dense


def best(scores: NDArray[np.float32], k: int) -> list[int]:
    """The places of the k highest scores above 0, highest first; of equal ones the first comes first."""
    import numpy as np

    places = np.flatnonzero(scores > 0)
    if len(places) > k:
        least = np.partition(scores[places], -k)[-k]
        places = places[scores[places] >= least]
    order = np.lexsort((places, -scores[places]))
    return [int(place) for place in places[order][:k]]
