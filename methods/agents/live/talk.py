"""The agents of a conversation as real models: each is asked as soon as all that it hears have spoken, and
one that fails or takes too long is silent in that round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.base.errors import ModelCallError, NotKept, UsageError
from harness.job import Job
from harness.methods.agents.live import wording
from harness.methods.agents.live.answers import Places, without_answer
from harness.methods.agents.live.cast import MOST, Cast
from harness.methods.agents.live.schedule import layered, when_heard
from harness.methods.agents.live.wording import Heard
from harness.methods.agents.topology import Space
from harness.model.metering import used
from harness.sample import Question

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput

    from harness.methods.agents.topology import Bits, Ints

#: why an agent is silent whose turn came after the question's tokens were spent
BUDGET = "the question's tokens were spent"


@dataclass
class Turn:
    """What one agent said in one round. `text` is what others read, `body` the same without the answer.
    `failed` says why it is silent, `forced` that its answer was given to it; `heard` and `before` are the
    agents that it heard of this round and of the round before. `tokens` (in, out) are None where the server
    reports none."""

    answer: Any = None
    text: str = ""
    body: str = ""
    tokens: tuple[int, int] | None = None
    failed: str | None = None
    forced: bool = False
    vector: Sequence[float] | None = None
    heard: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    quoted: str = ""

    @property
    def silent(self) -> bool:
        return self.failed is not None

    @property
    def asked(self) -> bool:
        """Whether the agent was asked at all."""
        return self.failed != BUDGET


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
        self._personas = [wording.persona(a.name, a.role.name, a.role.text) for a in cast.agents]

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
        if (tokens := used(output)) is not None:
            turn.tokens = tokens
            self._spent += sum(tokens)
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
        body = said if turn.answer is None else without_answer(said, job, self.question)
        if turn.forced and not self._says(said, wrong):
            said = f"{body}\n\nAnswer: {self.shown(wrong)}".lstrip()
        turn.text = "\n".join(part for part in (said, end) if part)
        turn.body = "\n".join(part for part in (body, end) if part)
        turn.quoted = wording.quoted(turn.text)
        turn.vector = (output.metadata or {}).get("vector")

    def _says(self, said: str, answer: Any) -> bool:
        """Whether the answer that is read in a text is this one."""
        found = self._job.parse(said, self.question) if self._job.countable else None
        return found is not None and self.places.form(found) == self.places.form(answer)

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
