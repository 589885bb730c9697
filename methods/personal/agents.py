"""PersonaAgent (arXiv 2506.06254) and the plain agent beside it.

A reconstruction: neither the paper's text nor code of its authors was at hand. Notes of others give the parts
(episodic and semantic memory, a persona as system prompt per user, a search of the user's own past and one of
general knowledge, alignment over the latest interactions with feedback in words) and some defaults: n = 3,
E = 1, K = 4, at least two tools. Ours: 6 actions at most, personas of 512 tokens at most, what is embedded,
when memories are refreshed, and general knowledge from a frozen file in place of live Wikipedia.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness import personal
from harness.base.errors import UsageError
from harness.data.history import Interaction, Past
from harness.job import Job
from harness.methods.personal.actions import Tools, act
from harness.methods.personal.alignment import PURPOSE, align
from harness.methods.personal.base import TOKEN, Personal, outcome, profile
from harness.methods.personal.memory import Index
from harness.sample import Outcome, Question
from harness.search import Search
from harness.search.lexical import check_library
from harness.search.reading import read_corpus


class Agent(Personal):
    """An agent with tools and a prompt that says nothing of the user (a row like ReAct)."""

    async def fit(self, job: Job) -> None:
        self.check({"rounds": 0})
        self.corpus: Search | None = None
        if self.args["corpus"]:
            check_library()
            self.corpus = Search(read_corpus(self.args["corpus"]))
        await super().fit(job)

    @property
    def steps(self) -> int:
        """Calls of an episode that uses as many tools as the rules ask for."""
        return 1 + min(int(self.args["rounds"]), personal.LEAST_TOOLS)

    def calls_of(self, job: Job, n_questions: int) -> int:
        return n_questions * self.steps

    def tools(self, memory: Index | None, without: Sequence[str] = ()) -> Tools:
        """The tools over a memory."""
        return Tools(memory, self.corpus, self.args["k"], without)

    async def answer(self, question: Question, job: Job) -> Outcome:
        return await self._answered(question, job, personal.generic_persona())

    async def _answered(
        self,
        question: Question,
        job: Job,
        system: str,
        tools: Tools | None = None,
        likeness: float | None = None,
    ) -> Outcome:
        if tools is None:
            tools = self.tools(self.index(job.history(question, "memory")))
        acted = await act(question, job, system, tools, self.args["rounds"])
        few = bool(tools) and len(acted.used) < personal.LEAST_TOOLS
        return outcome(
            question,
            acted.answer,
            acted.output,
            job,
            trace={"system": system, "used": [list(each) for each in acted.used], "too_few_tools": few},
            measures={
                "tool_uses": float(len(acted.used)),
                "too_few_tools": float(few),
                "persona_tokens": len(system) / TOKEN,
                **({} if likeness is None else {"persona_likeness": likeness}),
            },
        )


class PersonaAgent(Agent):
    """The method, its ablations (`without`) and the control of a neutral persona that is as long."""

    @property
    def prepares(self) -> bool:
        return bool(self.args["without"] != "persona")

    @property
    def iterations(self) -> int:
        """Iterations of an alignment."""
        return 0 if self.args["without"] in ("alignment", "persona") else int(self.args["iterations"])

    def announce(self, job: Job) -> list[str]:
        if not self.prepares:
            return []
        users, n = len(job.pasts()), self.args["n"]
        over = "all" if self.args["batch"] == "all" else n
        return [
            f"{users} users get a persona before they are asked (iterations: {self.iterations}, over {over} "
            f"interactions), booked as {PURPOSE}"
        ]

    @property
    def steps(self) -> int:
        without = self.args["without"]
        alone = without == "action" or (without == "memory" and not self.args["corpus"])
        return 1 if alone else super().steps

    def calls_of(self, job: Job, n_questions: int) -> int:
        """So many where the model uses as many tools as it is asked to."""
        if not self.prepares:
            return n_questions * self.steps
        found, every = n_questions * self.steps, self.args["every"]
        if self.args["batch"] == "similar":
            n = int(self.args["n"])
            users = 0 if self.args["without"] == "memory" else len(job.pasts())
            return found + users + n_questions * self.iterations * (n * (self.steps + 1) + 1)
        for past in job.pasts():
            times = len(past) // every if every else 1
            batch = len(past) if self.args["batch"] == "all" else min(self.args["n"], len(past))
            found += (self.args["without"] != "memory") + times * self.iterations * (
                batch * (self.steps + 1) + 1
            )
        return found

    async def fit(self, job: Job) -> None:
        self.check({"n": 1, "iterations": 0, "every": 0, "persona_tokens": 16})
        self._check_controls()
        await super().fit(job)

    def _check_controls(self) -> None:
        """Whether a control changes something: one that doesn't would look like a result.

        Raises:
            UsageError: what it changes isn't used.
        """
        without, neutral, swap = (self.args[name] for name in ("without", "neutral", "swap"))
        unused = {"none": (), "alignment": (), "persona": ("persona",)}.get(without, ("memory",))
        if swap in unused or (neutral and "persona" in unused):
            control = f"swap={swap}" if swap in unused else "neutral=true"
            raise UsageError(f"{self.spec.name}: {control} changes nothing with without={without}")
        if neutral and swap == "persona":
            raise UsageError(f"{self.spec.name}: swap=persona changes nothing with neutral=true")

    @property
    def longest(self) -> int:
        """Characters of a persona."""
        return int(self.args["persona_tokens"] * TOKEN)

    async def prepared(self, past: Past, job: Job) -> str:
        """The persona of a past: made of the profile, then aligned once, or after every so many
        interactions."""
        every, events = self.args["every"], past.interactions
        ends = list(range(every, len(events) + 1, every)) if every else [len(events)]
        first = events[: ends[0]] if ends else events
        persona = await self._first(Past(past.user, first, past.choices), job)
        if self.args["batch"] == "similar":  # each question has a batch of its own
            return persona
        for end in ends:
            known = Past(past.user, events[:end], past.choices)
            persona = await self._aligned(persona, self._batch(known, job), known, job)
        return persona

    async def _first(self, past: Past, job: Job) -> str:
        about = "" if self.args["without"] == "memory" else await profile(past, job)
        return personal.cut(personal.first_persona(about), self.longest)

    def _batch(self, past: Past, job: Job) -> list[Interaction]:
        """The interactions that are simulated, in the order of time."""
        events, n = list(past.interactions), self.args["n"]
        if self.args["batch"] == "all":
            return events
        if self.args["batch"] == "random" and n < len(events):
            places = sorted(job.rng("batch", past.user, len(events)).sample(range(len(events)), n))
            return [events[place] for place in places]
        return events[-n:]

    async def _aligned(self, persona: str, batch: Sequence[Interaction], past: Past, job: Job) -> str:
        memory = self._memory(past)

        async def simulate(event: Interaction, now: str) -> str:
            question, tools = past.question(event), self._tools(memory, [event.id])
            return (await act(question, job, now, tools, self.args["rounds"], PURPOSE)).answer

        return await align(persona, batch, past, job, simulate, self.iterations, self.longest)

    def _memory(self, past: Past) -> Index | None:
        return None if self.args["without"] in ("memory", "action") else self.index(past)

    def _tools(self, memory: Index | None, without: Sequence[str] = ()) -> Tools:
        return Tools() if self.args["without"] == "action" else self.tools(memory, without)

    async def answer(self, question: Question, job: Job) -> Outcome:
        tools = self._tools(self._memory(job.history(question, "memory")))
        if self.args["without"] == "persona":
            return await self._answered(question, job, personal.generic_persona(), tools)
        past, persona = self.of_user(question, job)
        if self.args["batch"] == "similar":
            batch = self.index(past).nearest(question.input, self.args["n"])
            persona = await self._aligned(persona, batch, past, job)
        if self.args["neutral"]:
            neutral = personal.neutral_persona(len(persona))
            return await self._answered(question, job, neutral, tools)
        return await self._answered(question, job, persona, tools, self.likeness(past.user, persona))
