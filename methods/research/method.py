"""The methods. Prompts are our own; which papers they follow stands in their specs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from harness.base import messages
from harness.base.errors import UsageError
from harness.job import Job
from harness.method import Method
from harness.methods.research import wording
from harness.methods.research.episode import Episode, calling, searching
from harness.sample import Outcome, Question, SplitSizes
from harness.search import Caps
from harness.search.governed import FINISH

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolInfo

#: a budget that is no limit
WITHOUT = -1


class Researcher(Method):
    """What the methods share. `reasoning` and `searches` are their dials."""

    #: searches that it makes at most, whatever its dial says
    most_searches: ClassVar[int | None] = None

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        """At least: one a question, the answer."""
        return n_questions

    def caps(self) -> Caps:
        """What an answer may spend, by the dials; a method without a dial has that of its kind.

        Raises:
            UsageError: a dial is below -1.
        """
        found: dict[str, int | None] = {}
        for name in ("searches", "reasoning", "retrieved", "total"):
            most = self.args.get(name, WITHOUT)
            if most < WITHOUT:
                raise UsageError(f"{self.spec.name}: {name}={most} is neither a limit nor {WITHOUT} for none")
            found[name] = None if most == WITHOUT else most
        limits = [limit for limit in (found["searches"], self.most_searches) if limit is not None]
        return Caps(**{**found, "searches": min(limits, default=None)})

    def episode(self, question: Question, job: Job) -> Episode:
        """An episode with the whole of every budget."""
        return Episode(question, job, self.caps())


class NoSearch(Researcher):
    """Answers from what the model knows: the floor, which shows what was memorised."""

    most_searches = 0

    async def answer(self, question: Question, job: Job) -> Outcome:
        episode = self.episode(question, job)
        return await episode.play(lambda seen, tools: episode.ask(seen, told=wording.NO_SEARCH))


class Rag(Researcher):
    """One search with the question as it stands, then the answer."""

    most_searches = 1

    async def answer(self, question: Question, job: Job) -> Outcome:
        episode = self.episode(question, job)

        async def act(seen: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> ModelOutput:
            if tools:
                return searching(question.input, 0)
            told = wording.NO_TOOLS if _found(seen) else wording.NO_SEARCH
            return await episode.ask(_as_text(seen), told=told, fresh=episode.world.fresh)

        return await episode.play(act)


class ReactSearch(Researcher):
    """Thinks, searches by the model's own tool calls, and answers when it is ready or must."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        return await self.rollout(self.episode(question, job), self.args["cues"])

    async def rollout(self, episode: Episode, cues: int = 0, **how: Any) -> Outcome:
        """An episode in which the model acts; `how` are settings of its calls."""
        offered: list[ToolInfo] = []
        left = cues

        async def act(seen: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> ModelOutput:
            nonlocal left
            offered[:] = tools or offered
            forced = episode.world.forced
            output = await episode.ask(
                seen, tools=offered, fresh=episode.world.fresh, final=forced or _answered, **how
            )
            while left > 0 and _answered(output) and episode.governor.reasoning_left > 0:
                left -= 1
                seen = [*seen, output.message, messages.user(wording.CONTINUE)]
                output = await episode.ask(seen, tools=offered, final=forced or _answered, **how)
            return output

        return await episode.play(act)


class IRCoT(Researcher):
    """A sentence of reasoning, a search with it, and so on (Trivedi et al., arXiv 2212.10509), in our own
    words and without its demonstrations."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        episode = self.episode(question, job)
        thought = question.input
        told: list[ChatMessage] = []
        taken = fresh = 0

        async def act(seen: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> ModelOutput:
            nonlocal thought, taken, fresh
            results = _found(seen)
            told.extend(_documents([text]) for text in results[taken:])
            taken, fresh = len(results), fresh + episode.world.fresh
            if tools and not told:
                return searching(thought, 0)
            finish = [messages.user(wording.ANSWER)] if not tools else []
            output = await episode.ask(
                [*_opening(seen), *told, *finish],
                told=wording.NO_TOOLS if finish else f"{wording.NO_TOOLS} {wording.ONE_SENTENCE}",
                fresh=fresh,
                final=lambda said: bool(finish) or _is_final(said.completion),
            )
            fresh = 0
            if finish or not output.choices or _is_final(output.completion):
                return output
            thought = output.completion
            told.append(messages.assistant(thought))
            return searching(thought or question.input, taken)

        return await episode.play(act)


class PlanSearchWrite(Researcher):
    """Plans all queries at once, searches, then writes the answer."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        episode = self.episode(question, job)
        queries: list[str] | None = None
        taken = fresh = 0

        async def act(seen: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> ModelOutput:
            nonlocal queries, taken, fresh
            fresh += episode.world.fresh
            if tools and queries is None:
                most = episode.governor.caps.searches or 8
                asked = wording.PLAN.format(question=question.input, searches=most)
                planned = await episode.ask([messages.user(asked)], final=False, again=False)
                queries = _lines(planned.completion)[:most] or [question.input]
            if tools and queries and taken < len(queries):
                taken += 1
                return searching(queries[taken - 1], taken)
            told = wording.NO_TOOLS if _found(seen) else wording.NO_SEARCH
            return await episode.ask(_as_text(seen), told=told, fresh=fresh, again=False)

        return await episode.play(act)


class ParallelVerify(ReactSearch):
    """Several independent episodes of `react-search` that share the budgets, and a choice among their answers
    where they differ. The reasoning of the choice has a share of its own."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        n = self.args["n"]
        if n < 1:
            raise UsageError(f"{self.spec.name}: n={n} is not at least 1")
        caps, last = shares(self.caps(), n)
        episodes = [Episode(question, job, each, draw) for draw, each in enumerate(caps)]
        outcomes = await asyncio.gather(
            *(self.rollout(episode, temperature=self.args["temperature"]) for episode in episodes)
        )
        ended = [
            outcome for outcome in outcomes if outcome.stop_reason == "stop" and outcome.answer is not None
        ]
        chosen = ended[0] if ended else outcomes[0]
        forms = {job.canonical(outcome.answer, question) for outcome in ended}
        measures = _summed([outcome.measures for outcome in outcomes])
        if len(forms) > 1:
            place, more = await self._choice(Episode(question, job, last), ended)
            chosen = ended[place]
            measures = _summed([measures, more])
        chosen.measures = {**measures, "candidates": float(len(ended)), "disagree": float(len(forms) > 1)}
        others = [outcome.trace for outcome in outcomes if outcome is not chosen]
        chosen.trace = {**(chosen.trace or {}), "others": others}
        return chosen

    async def _choice(self, judge: Episode, ended: Sequence[Outcome]) -> tuple[int, Mapping[str, float]]:
        """The place of the best candidate, the first where the reply names none, and what the choice took."""
        listed = "\n".join(f"Candidate {n}:\n{outcome.text}" for n, outcome in enumerate(ended, 1))
        asked = wording.CHOOSE.format(n=len(ended), question=judge.question.input, candidates=listed)
        output = await judge.ask([messages.user(asked)], temperature=0.0)
        await judge.world.close()
        named = re.findall(r"best:\W{0,5}(\d{1,4})", output.completion, re.IGNORECASE)
        place = int(named[-1]) - 1 if named else 0
        return place if 0 <= place < len(ended) else 0, judge.ledger.measures()


class OracleDocuments(Researcher):
    """Reads the documents that hold the evidence, and answers: the ceiling of every search."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        wanted = job.oracle_evidence(question)
        if not wanted:
            raise UsageError(
                f"{self.spec.name}: {job.task_name} knows no evidence of question {question.id!r:.80}; "
                "choose questions that have some with --sample-id"
            )
        episode = self.episode(question, job)
        taken = fresh = 0

        async def act(seen: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> ModelOutput:
            nonlocal taken, fresh
            if not any(tool.name == "get_document" for tool in tools):
                raise UsageError(f"{self.spec.name} reads by get_document; leave out -T documents=false")
            fresh += episode.world.fresh
            if taken < len(wanted):
                taken += 1
                return calling("get_document", taken, document_id=wanted[taken - 1])
            told = [*_opening(seen), *map(messages.user, _found(seen))]
            return await episode.ask(told, told=wording.NO_TOOLS, fresh=fresh)

        return await episode.play(act)


def _is_final(text: str) -> bool:
    """Whether a reasoning step is the final answer already."""
    return "exact answer:" in text.lower().replace("*", "")


def _answered(output: ModelOutput) -> bool:
    return bool(output.choices) and not output.message.tool_calls


def _opening(seen: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The task's own messages."""
    first = next((n for n, message in enumerate(seen) if message.role in ("assistant", "tool")), len(seen))
    return [message for message in seen[:first] if message.text != FINISH]


def _found(seen: Sequence[ChatMessage]) -> list[str]:
    """What the tools gave, in order."""
    return [message.text for message in seen if message.role == "tool"]


def _documents(texts: Sequence[str]) -> ChatMessage:
    return messages.user(wording.DOCUMENTS.format(documents="\n\n".join(texts) or wording.NOTHING))


def _as_text(seen: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The task's own messages, then all that was found as one message of the user."""
    found = _found(seen)
    return [*_opening(seen), *([_documents(found)] if found else [])]


def _lines(text: str) -> list[str]:
    """The lines of a list, without numbers and bullets, each once."""
    lines = (
        re.sub(r"^\s*(?:[-*\u2022]|\d{1,3}[.)])\s+", "", line).strip(" \t\"'") for line in text.splitlines()
    )
    return list(dict.fromkeys(line for line in lines if line))


def shares(caps: Caps, n: int) -> tuple[list[Caps], Caps]:
    """The budgets of `n` episodes and of the choice among them: what is looked up is shared by the episodes,
    what is thought and spent in all by the choice too. What can't be parted goes to the first ones."""

    def part(most: int | None, parts: int, place: int) -> int | None:
        return None if most is None else most // parts + (place < most % parts)

    def of(place: int) -> Caps:
        looked_up = {name: part(getattr(caps, name), n, place) for name in ("searches", "retrieved")}
        spent = {name: part(getattr(caps, name), n + 1, place) for name in ("reasoning", "total")}
        return Caps(**({"searches": 0} if place == n else looked_up), **spent)

    return [of(place) for place in range(n)], of(n)


def _summed(measures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Sums by name; tokens that one of them doesn't know are unknown in the sum."""
    names = set[str]().union(*measures)
    known = [
        name for name in names if not name.startswith("tokens_") or all(name in each for each in measures)
    ]
    return {name: sum(each.get(name, 0.0) for each in measures) for name in sorted(known)}
