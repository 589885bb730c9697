"""A second look at what was found: a model or a cross-encoder sorts more hits than are shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.errors import DataError, UsageError, reason_of
from harness.search import Hit
from harness.search.service import QueryError

if TYPE_CHECKING:
    from harness.model.gateway import Model
    from harness.sample import Question
    from harness.tasks.research.world import Shelf

#: times as many hits are sorted as are shown
TIMES = 4
PROMPT = (
    "Below are {n} passages, each with a number. Sort them by how much they help to find: {query}\n\n"
    "{passages}\n\n"
    "Reply with the numbers alone, the most helpful first, with commas between them."
)
_NUMBER = re.compile(r"\d+")


class Rerank:
    """Sorts the hits of a query, once an episode. Subclasses say in which order."""

    async def sort(self, shelf: Shelf, query: str) -> None:
        """Has the shelf keep the order.

        Raises:
            ModelCallError: the model failed.
        """
        if query in shelf.reranked:
            return
        try:
            hits = shelf.candidates(query, TIMES)
        except QueryError:  # the tool says so
            return
        if len(hits) > 1:
            shelf.reranked[query] = [hits[n].id for n in await self.order(hits, query)]

    async def order(self, hits: Sequence[Hit], query: str) -> list[int]:
        """The places of all hits, the best first."""
        raise NotImplementedError


class ByModel(Rerank):
    """A listwise reranker in one call of a model, in the manner of RankGPT (Sun et al., arXiv 2304.09542), in
    our own words and without its sliding window. What the reply leaves out keeps its order at the end."""

    def __init__(self, model: Model, question: Question) -> None:
        self._model, self._question = model, question

    async def order(self, hits: Sequence[Hit], query: str) -> list[int]:
        shown = "\n\n".join(f"{n}. {hit.title}\n{hit.snippet}" for n, hit in enumerate(hits, 1))
        asked = PROMPT.format(n=len(hits), query=query, passages=shown)
        output = await self._model.generate(
            self._question, [messages.user(asked)], purpose="rerank", temperature=0.0
        )
        named = [int(number) - 1 for number in _NUMBER.findall(output.completion)[: 2 * len(hits)]]
        return list(dict.fromkeys([n for n in named if 0 <= n < len(hits)] + list(range(len(hits)))))


class ByCrossEncoder(Rerank):
    """A cross-encoder of sentence-transformers from a folder; equal scores keep their order."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    async def order(self, hits: Sequence[Hit], query: str) -> list[int]:
        pairs = [(query, f"{hit.title}\n{hit.snippet}") for hit in hits]
        scores = [round(float(score), 5) for score in cross_encoder(self._folder).predict(pairs)]
        return sorted(range(len(hits)), key=lambda n: (-scores[n], n))


def check_cross_encoder(folder: str) -> None:
    """Whether there may be a cross-encoder.

    Raises:
        UsageError: no folder, or the extra is not installed.
    """
    if not folder or not Path(folder).is_dir():
        raise UsageError(
            f"rerank=cross-encoder needs -T cross_encoder=FOLDER with its weights; {folder!r} is none"
        )
    if find_spec("sentence_transformers") is None:
        raise UsageError("rerank=cross-encoder needs the extra: pip install 'method-harness[embeddings]'")


@lru_cache(maxsize=2)
def cross_encoder(folder: str) -> Any:
    """The cross-encoder in a folder, loaded once a process.

    Raises:
        DataError: it can't be loaded.
    """
    from sentence_transformers import CrossEncoder

    try:
        return CrossEncoder(folder, device="cpu")
    except (OSError, ValueError) as error:
        raise DataError(f"the cross-encoder {folder} can't be loaded: {reason_of(error)}") from None
