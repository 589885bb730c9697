"""A second look at what was found: a model sorts more hits than are shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.base import messages
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
    """A listwise reranker in one call of a model, in the manner of RankGPT (Sun et al., arXiv 2304.09542), in
    our own words and without its sliding window. What the reply leaves out keeps its order at the end."""

    def __init__(self, model: Model, question: Question) -> None:
        self._model, self._question = model, question

    async def sort(self, shelf: Shelf, query: str) -> None:
        """Sorts the hits of a query, once an episode; the shelf keeps the order.

        Raises:
            ModelCallError: the model failed.
        """
        if query in shelf.reranked:
            return
        try:
            hits = shelf.candidates(query, TIMES)
        except QueryError:  # the tool says so
            return
        if len(hits) < 2:
            return
        shown = "\n\n".join(f"{n}. {hit.title}\n{hit.snippet}" for n, hit in enumerate(hits, 1))
        asked = PROMPT.format(n=len(hits), query=query, passages=shown)
        output = await self._model.generate(
            self._question, [messages.user(asked)], purpose="rerank", temperature=0.0
        )
        named = [int(number) - 1 for number in _NUMBER.findall(output.completion)[: 2 * len(hits)]]
        order = dict.fromkeys([n for n in named if 0 <= n < len(hits)] + list(range(len(hits))))
        shelf.reranked[query] = [hits[n].id for n in order]
