"""The agents of a conversation as real models: each is asked as soon as all that it hears have spoken, and
one that fails or takes too long is silent in that round."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.base.errors import ModelCallError, NotKept, UsageError
from harness.job import Job
from harness.methods.agents import wording
from harness.methods.agents.answers import Places, number, without_answer
from harness.methods.agents.cast import BUDGET, MOST, Cast, Turn
from harness.methods.agents.schedule import layered, when_heard
from harness.methods.agents.topology import Graph, Said, Space
from harness.methods.agents.vectors import Encoder
from harness.methods.agents.wording import Heard
from harness.sample import Question

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput

    from harness.methods.agents.topology import Bits, Ints


class Talk:
    """One question's conversation.

    Args:
        flips: (N,) the round in which each agent turns adversary.
        wrong: the answer that adversaries argue for; None where they choose, and then those that turn later
            argue for what the first of an earlier round said.
        purpose: of calls, in the ledger; by default one for each agent and round.
    """

    def __init__(
        self,
        job: Job,
        question: Question,
        cast: Cast,
        space: Space,
        flips: Ints,
        wrong: Any = None,
        purpose: str = "",
    ) -> None:
        self._job, self.question, self.cast, self.flips = job, question, cast, flips
        self.numeric = space.kind == "number"
        self.places = Places(job, question, space)
        self.rounds: list[list[Turn]] = []
        self._wrong, self._purpose, self._spent = wrong, purpose, 0
        self._latent = job.rng("latent answers", question.id, question.epoch).getrandbits(31)
        self._asked = job.ask(question)
        self._personas = [
            wording.persona(a.name, a.role.name, a.role.text, len(cast.agents)) for a in cast.agents
        ]

    async def round(self, r: int, spatial: Bits, temporal: Bits) -> list[Turn]:
        """What all agents say in round `r`; `spatial` and `temporal` (N, N) say whom each hears.

        Raises:
            BudgetSpent: a limit of the run is reached; calls under way were finished before, and are kept.
        """
        turns: list[Turn] = [Turn() for _ in self.cast.agents]
        senders = [[int(j) for j in row.nonzero()[0]] for row in spatial]
        order = layered(senders)
        if self.cast.tokens:  # one after another, so that what is said doesn't hang on who is faster
            for i in order:
                turns[i] = await self._turn(r, i, senders[i], temporal[i], turns)
        else:
            await when_heard(senders, order, lambda i: self._take(r, i, senders[i], temporal[i], turns))
        self.rounds.append(turns)
        return turns

    async def _take(self, r: int, i: int, senders: Sequence[int], row: Bits, turns: list[Turn]) -> None:
        turns[i] = await self._turn(r, i, senders, row, turns)

    async def _turn(self, r: int, i: int, senders: Sequence[int], row: Bits, turns: Sequence[Turn]) -> Turn:
        adversary = bool(self.flips[i] <= r)
        turn, before = Turn(), self.rounds[-1] if self.rounds else []
        if not adversary:
            turn.heard = [j for j in senders if not turns[j].silent]
            turn.before = [int(j) for j in row.nonzero()[0] if before and not before[j].silent]
        if self.cast.tokens and self._spent >= self.cast.tokens:
            return Turn(failed=BUDGET)
        now, past = [turns[j] for j in turn.heard], [before[j] for j in turn.before]
        wrong = self._shared_wrong() if adversary else None
        try:
            output = await self._call(r, i, self._messages(i, turn, now, past, adversary, wrong), wrong)
        except NotKept:
            raise
        except ModelCallError as error:
            return Turn(failed=str(error))
        self._count(turn, output)
        self._read(turn, output, i, adversary, wrong)
        return turn

    def _messages(
        self, i: int, turn: Turn, now: Sequence[Turn], past: Sequence[Turn], adversary: bool, wrong: Any
    ) -> list[ChatMessage]:
        """The prompt of one call: persona, what comes before the task's last message, and that with what is
        heard. What a simulation needs to know goes along as metadata, which is never sent."""
        from inspect_ai.model import ChatMessageSystem, ChatMessageUser

        agents, asked = self.cast.agents, self._asked[-1].text
        if adversary:
            text = wording.misleading(asked, None if wrong is None else self.shown(wrong))
        else:
            heard = [Heard(agents[j].shown, t.quoted) for j, t in zip(turn.heard, now, strict=True)]
            earlier = [
                Heard(agents[j].shown, t.quoted, j == i) for j, t in zip(turn.before, past, strict=True)
            ]
            text = wording.request(asked, heard, earlier)
        told = {
            "agent": i,
            "of": len(agents),
            "round": len(self.rounds),
            "heard": [t.answer for t in (*now, *past)],
            "adversary": wrong,
            "latent": self._latent,
        }
        return [
            ChatMessageSystem(content=self._personas[i]),
            *self._asked[:-1],
            ChatMessageUser(content=text, metadata={"agents": told}),
        ]

    async def _call(self, r: int, i: int, messages: Sequence[ChatMessage], wrong: Any) -> ModelOutput:
        return await self.cast.agents[i].model.generate(
            self.question,
            messages,
            purpose=self._purpose or f"round {r + 1}/agent {i + 1}",
            draw=r * MOST + i,
            temperature=self.cast.temperature,
            patience=self.cast.patience,
        )

    def _count(self, turn: Turn, output: ModelOutput) -> None:
        """The tokens of a call.

        Raises:
            UsageError: they are limited, and the server reports none.
        """
        if (used := output.usage) is not None:
            cached = (used.input_tokens_cache_read or 0) + (used.input_tokens_cache_write or 0)
            turn.tokens = (used.input_tokens + cached, used.output_tokens)
            self._spent += sum(turn.tokens)
        elif self.cast.tokens:
            raise UsageError(
                f"tokens={self.cast.tokens} can't be kept, as the model reports no tokens; leave it out"
            )

    def _read(self, turn: Turn, output: ModelOutput, i: int, adversary: bool, wrong: Any) -> None:
        said, job = output.completion, self._job
        if not said.strip():
            turn.failed = "an empty answer"
            return
        turn.forced = adversary and wrong is not None
        turn.answer = wrong if turn.forced else job.parse(said, self.question)
        end = wording.closing(self.cast.closing, i, adversary)
        opening = f"Answer: {self.shown(wrong)}" if turn.forced else ""
        turn.text = "\n".join(part for part in (opening, said, end) if part)
        body = said if turn.answer is None else without_answer(said, job, self.question)
        turn.body = "\n".join(part for part in (body, end) if part)
        turn.quoted = wording.quoted(turn.text)
        turn.vector = (output.metadata or {}).get("vector")

    def shown(self, answer: Any) -> str:
        """An answer as agents read it."""
        return answer if isinstance(answer, str) else self.places.form(answer)

    def _shared_wrong(self) -> Any:
        """The answer that adversaries argue for, None where nobody has named one."""
        if self._wrong is None:
            for r, turns in enumerate(self.rounds):
                for i, turn in enumerate(turns):
                    if self.flips[i] <= r and turn.answer is not None:
                        return turn.answer
        return self._wrong

    @property
    def wrong(self) -> Any:
        """The wrong answer of this conversation, as far as there is one."""
        return self._shared_wrong()


class LivePanel:
    """The agents of a batch of conversations, which go on side by side."""

    def __init__(self, talks: Sequence[Talk], encoder: Encoder | None) -> None:
        self.talks, self._encoder = talks, encoder

    async def speak(self, r: int, graph: Graph, said: list[Said]) -> Said:
        """What all agents say in round `r`; see `Panel`."""
        ended = await asyncio.gather(
            *(talk.round(r, graph.spatial[b], graph.temporal[b]) for b, talk in enumerate(self.talks)),
            return_exceptions=True,
        )
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return self._said([talk.rounds[r] for talk in self.talks])

    def _said(self, batch: Sequence[Sequence[Turn]]) -> Said:
        import numpy as np

        pairs = zip(self.talks, batch, strict=True)
        places = [[talk.places.of(t.answer) for t in turns] for talk, turns in pairs]
        shape = (len(batch), len(batch[0]))
        turns = [turn for each in batch for turn in each]
        vectors = self._vectors(turns)
        values = [number(turn.answer) for turn in turns] if self.talks[0].numeric else None
        return Said(
            answers=np.array(places, dtype=np.int64),
            vectors=vectors.reshape(*shape, vectors.shape[1]),
            spoke=np.array([not turn.silent for turn in turns]).reshape(shape),
            values=None if values is None else np.array(values).reshape(shape),
        )

    def _vectors(self, turns: Sequence[Turn]) -> Any:
        import numpy as np

        if self._encoder is None:
            return np.zeros((len(turns), 0), np.float32)
        rows = self._encoder(["" if turn.vector is not None else turn.body for turn in turns])
        for n, turn in enumerate(turns):
            if turn.vector is not None:
                rows[n] = turn.vector
        return rows
