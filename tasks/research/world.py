"""A question as a world: an agent with a search tool, and the record of what it was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.search import Search
from harness.search.service import QueryError
from harness.world import Limits, Observation, Toolbox, ToolError, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant

    from harness.tasks.research.rerank import Rerank


@dataclass
class Shelf:
    """What the tools act on. `queries` and `found` have one entry a search that was carried out; `read` are
    the ids of documents that were read whole, in order."""

    search_service: Search
    k: int
    #: the order of what was found for a query where something sorts it again
    reranked: dict[str, list[str]] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    found: list[list[str]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def search(self, query: str) -> str:
        """Searches the collection.

        Args:
            query: what to look for, in a few words

        Returns:
            the best documents, each as [id] title and the beginning of its text
        """
        try:
            hits = self.search_service.search(query, self.k)
        except QueryError as error:
            raise ToolError(str(error)) from None
        if query in self.reranked:
            by_id = {hit.id: hit for hit in self.candidates(query)}
            hits = [by_id[each] for each in self.reranked[query][: self.k]]
        self.queries.append(query)
        self.found.append([hit.id for hit in hits])
        return "\n\n".join(hit.shown for hit in hits) or "Nothing was found."

    def candidates(self, query: str, of: int = 4) -> Any:
        """`of` times as many hits as are shown, for what sorts them again."""
        return self.search_service.search(query, min(100, of * self.k))

    def get_document(self, document_id: str) -> str:
        """Reads one document whole.

        Args:
            document_id: its id, as search shows it in square brackets

        Returns:
            the document as [id] title and its text
        """
        wanted = document_id.strip().removeprefix("[").removesuffix("]")
        corpus = self.search_service.corpus
        if wanted not in corpus:
            raise ToolError(f"there is no document {wanted[:80]!r}; ids stand in square brackets")
        self.read.append(wanted)
        document = corpus[wanted]
        return f"[{document.id}] {document.title}".rstrip() + f"\n{document.text}"


def toolbox(documents: bool) -> Toolbox:
    """The tools, with `get_document` or without."""
    return Toolbox(Shelf, ("search", "get_document") if documents else ("search",))


class ResearchWorld(World):
    """The first message without a call is the final answer. `answer()` is `{"said": text, "queries": [text,
    ...], "found": [[id, ...], ...], "read": [id, ...]}`, `said` null until the final answer."""

    def __init__(
        self,
        opening: Sequence[ChatMessage],
        shelf: Shelf,
        tools: Toolbox,
        limits: Limits,
        rerank: Rerank | None = None,
    ) -> None:
        self.limits, self._opening = limits, opening
        self._shelf, self._tools, self._rerank = shelf, tools, rerank
        self._said: str | None = None

    async def start(self) -> Observation:
        return Observation(self._opening, self._tools.infos)

    async def step(self, action: ChatMessageAssistant) -> Observation:
        if not action.tool_calls:
            self._said = action.text
            return Observation((), (), done=True)
        if self._rerank is not None:
            for call in action.tool_calls:
                query = call.arguments.get("query")
                if call.function == "search" and type(query) is str:
                    await self._rerank.sort(self._shelf, query)
        return Observation(
            [self._tools.answer(self._shelf, call) for call in action.tool_calls], self._tools.infos
        )

    def answer(self) -> dict[str, Any]:
        shelf = self._shelf
        return {"said": self._said, "queries": shelf.queries, "found": shelf.found, "read": shelf.read}
