"""What the methods of this family share: users prepared in `fit`, and what failed for a user kept for its
questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import personal
from harness.base.errors import ModelCallError, UsageError
from harness.data.history import Past
from harness.job import Job
from harness.method import Method
from harness.methods.personal.memory import Index, embed_of
from harness.sample import Outcome, Question
from harness.search.words import terms

#: the longest record in a profile's or a context's prompt, in characters, and records of a profile's prompt
LONGEST, MOST = 1_000, 200
#: characters that a token has, about: a persona is measured without a tokenizer
TOKEN = 4
#: other users with whose texts one is compared
COMPARED = 50


class Personal(Method):
    """A method that answers from one user's past."""

    def drawing(self) -> str:
        """A user's questions share what was made of the past; whose past is another's is drawn once a run."""
        return "run" if self.prepares or self.args["swap"] != "none" else "none"

    def check(self, least: Mapping[str, int]) -> None:
        """Whether arguments are at least so large.

        Raises:
            UsageError: one isn't.
        """
        for name, lowest in least.items():
            if self.args[name] < lowest:
                raise UsageError(f"{self.spec.name}: {name}={self.args[name]} is not at least {lowest}")

    async def fit(self, job: Job) -> None:
        self.check({"k": 1})
        #: what was made of each past, and what failed for it, by the past's digest
        self.made: dict[str, str] = {}
        self._failed: dict[str, ModelCallError] = {}
        #: by user the terms of what was made of the latest past
        self._terms: dict[str, set[str]] = {}
        self._indices: dict[str, Index] = {}
        self.embed = embed_of(job, self.args.get("index", "words"))

        async def prepare(past: Past) -> None:
            try:
                made = self.made[past.digest] = await self.prepared(past, job)
                self._terms[past.user] = set(terms(made))
            except ModelCallError as error:
                self._failed[past.digest] = error

        if self.prepares:
            await job.each_user(prepare)
        self._first_users = sorted(self._terms)[: COMPARED + 1]

    @property
    def prepares(self) -> bool:
        """Whether users are prepared before they are asked."""
        return False

    async def prepared(self, past: Past, job: Job) -> str:
        """What is made of a user's past before the user is asked: a profile, a persona."""
        raise NotImplementedError

    def of_user(self, question: Question, job: Job) -> tuple[Past, str]:
        """The past that a question's persona is made of, and what was made of it.

        Raises:
            ModelCallError: the model failed while it was made.
        """
        past = job.history(question, "persona")
        if past.digest in self._failed:
            raise self._failed[past.digest]
        return past, self.made.get(past.digest, "")

    def likeness(self, user: str, text: str) -> float | None:
        """How like a text of a user is to those that were made for others: the mean share of terms that two
        have in common (Jaccard), over the first 50 others by name; None where there are none."""
        own, others = set(terms(text)), [each for each in self._first_users if each != user][:COMPARED]
        shares = [len(own & self._terms[each]) / max(1, len(own | self._terms[each])) for each in others]
        return sum(shares) / len(shares) if shares else None

    def index(self, past: Past, decay: float = 0.0) -> Index:
        """The memory of a past, made once."""
        if past.digest not in self._indices:
            query_only = self.args["compare"] == "query"
            self._indices[past.digest] = Index(past.interactions, query_only, self.embed, decay)
        return self._indices[past.digest]


async def profile(past: Past, job: Job) -> str:
    """The semantic memory of a user: what a model writes of the past, the latest 200 interactions of it.

    Raises:
        ModelCallError: the model failed for good.
    """
    shown = [(each.query[:LONGEST], each.response[:LONGEST]) for each in past.interactions[-MOST:]]
    asked = personal.profile_prompt(job.instruction, shown)
    output = await job.model.generate(Question(f"{past.user}/profile", ""), asked, purpose="profile")
    return output.completion.strip()


def outcome(question: Question, answer: str, output: Any, job: Job, **more: Any) -> Outcome:
    """The outcome whose text is the answer alone, without the way there."""
    made = job.outcome(question, output, **more)
    made.text = answer
    return made
