"""An agent that thinks, uses a tool, reads what it gives, and answers (after ReAct, Yao et al., arXiv
2210.03629), with tools over one user's own memory and a fixed corpus."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness import personal
from harness.base import messages
from harness.job import Job
from harness.methods.personal.memory import Index
from harness.sample import Question
from harness.search import Search
from harness.search.service import LONGEST_QUERY

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput

#: characters of a record that are shown
LONGEST_RECORD = 2_000
ANSWER_NOW = "No action is left. Answer now, with what you know."


@dataclass
class Tools:
    """What an agent may use: its user's memory, without some interactions, and a corpus; neither may be
    there."""

    memory: Index | None = None
    corpus: Search | None = None
    k: int = 4
    without: Collection[str] = ()

    def __bool__(self) -> bool:
        return self.memory is not None or self.corpus is not None

    def use(self, tool: str, query: str) -> str:
        """What a tool gives, as text."""
        query = query[:LONGEST_QUERY]
        if tool == personal.CORPUS:
            hits = self.corpus.search(query, self.k) if self.corpus and query.strip() else []
            return "\n\n".join(hit.shown for hit in hits) or personal.NOTHING_FOUND
        found = self.memory.nearest(query, self.k, self.without) if self.memory else []
        shown = [(each.query[:LONGEST_RECORD], each.response[:LONGEST_RECORD]) for each in found]
        return personal.records(shown) or personal.NOTHING_FOUND


@dataclass
class Acted:
    """How an episode went: the answer, the last completion, and the tools used with their queries."""

    answer: str
    output: ModelOutput
    used: list[tuple[str, str]] = field(default_factory=list)


async def act(
    question: Question, job: Job, system: str, tools: Tools, rounds: int, purpose: str = "answer"
) -> Acted:
    """The answer to a question under a system prompt, after `rounds` uses of tools at most. Without tools
    it is one call.

    Raises:
        ModelCallError: the model failed for good.
    """
    if tools:
        system = f"{system}\n\n{personal.manual(tools.corpus is not None, rounds)}"
    turns: list[ChatMessage] = messages.told(system, job.ask(question))
    used: list[tuple[str, str]] = []
    while True:
        output = await job.model.generate(question, turns, purpose=purpose)
        text = output.completion
        action = personal.read_action(text) if tools and len(used) < rounds else None
        if action is None:
            return Acted(personal.read_answer(text) if tools else text, output, used)
        used.append(action)
        seen = f"{personal.OBSERVATION}\n{tools.use(*action)}"
        if len(used) == rounds:
            seen += f"\n\n{ANSWER_NOW}"
        turns += [messages.assistant(text), messages.user(seen)]
