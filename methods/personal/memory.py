"""Episodic memory: the interactions of one user, found again by likeness.

Words are compared by TF-IDF over the memory itself, so that no other user's words play a part; with an
embedder, by the cosine of vectors. Of equal likeness the later one comes first. It is no corpus
(`harness.search`): every interaction has a likeness, which may decay, and no extra is needed.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Any

from harness.base.errors import UsageError
from harness.data.history import Interaction
from harness.job import Job
from harness.search.words import terms

#: embedders whose vocabulary is that of the first texts which they get: those of one user
LEXICAL = ("tfidf", "lsa")
#: what gives unit vectors, one row a text
Embed = Callable[[Sequence[str]], Any]


class Words:
    """TF-IDF cosines between a query and texts, by an inverted index."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._n = len(texts)
        counts = [Counter(terms(text)) for text in texts]
        seen = Counter(word for count in counts for word in count)
        self._idf = {word: math.log((1 + self._n) / (1 + own)) + 1 for word, own in seen.items()}
        self._places: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, count in enumerate(counts):
            for word, weight in self._unit(count).items():
                self._places[word].append((place, weight))

    def _unit(self, count: Counter[str]) -> dict[str, float]:
        known = {word: n for word, n in count.items() if word in self._idf}
        weights = {word: (1 + math.log(n)) * self._idf[word] for word, n in known.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values()))
        return {word: weight / length for word, weight in weights.items()} if length else {}

    def likeness(self, query: str) -> list[float]:
        """The cosine of a query with every text."""
        found = [0.0] * self._n
        for word, weight in self._unit(Counter(terms(query))).items():
            for place, own in self._places.get(word, ()):
                found[place] += weight * own
        return found


class Index:
    """The memory of one user.

    Args:
        interactions: in the order of time.
        query_only: whether the response is no part of what is compared.
        embed: the run's embedder in place of words.
        decay: after how many later interactions the likeness of an old one has fallen to 1/e; 0: it doesn't.
    """

    def __init__(
        self,
        interactions: Sequence[Interaction],
        query_only: bool = False,
        embed: Embed | None = None,
        decay: float = 0.0,
    ) -> None:
        self.interactions, self._embed, self._decay = interactions, embed, decay
        texts = [each.query if query_only else f"{each.query}\n{each.response}" for each in interactions]
        self._words = Words(texts) if embed is None else None
        self._vectors = embed(texts) if embed is not None and texts else None

    def nearest(self, query: str, k: int, without: Collection[str] = ()) -> list[Interaction]:
        """The k interactions most like a query, in the order of time; all where there are no more. Those
        whose id is in `without` are not among them."""
        likeness = self._likeness(query)
        if self._decay:
            last = len(likeness) - 1
            likeness = [value * math.exp((n - last) / self._decay) for n, value in enumerate(likeness)]
        places = [n for n, each in enumerate(self.interactions) if each.id not in without]
        chosen = sorted(places, key=lambda n: (-round(likeness[n], 9), -n))[:k]
        return [self.interactions[n] for n in sorted(chosen)]

    def _likeness(self, query: str) -> list[float]:
        if self._words is not None:
            return self._words.likeness(query)
        if self._vectors is None or self._embed is None:
            return []
        return [float(value) for value in self._vectors @ self._embed([query])[0]]


def embed_of(job: Job, index: str) -> Embed | None:
    """The run's embedder where `index` asks for it.

    Raises:
        UsageError: it is one that learns its words from the texts of the first user.
    """
    if index != "embedder":
        return None
    if job.embedder in LEXICAL:
        raise UsageError(
            f"--embedder {job.embedder} takes its vocabulary from the first user's texts; give a sentence "
            "embedder such as minilm, or leave out -M index=embedder"
        )
    return job.embed
