"""The past of each question's user, as a method gets it, and the controls that give another user's."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cached_property

from harness.base.digest import seed_of
from harness.base.errors import UsageError
from harness.data.history import Histories, Past
from harness.sample import Question, Sample

#: what a method asks a past for, and so what can be swapped
PARTS = ("memory", "persona")
#: the parameter of a method by which a user says which part is another user's
SWAP = "swap"


class Pasts:
    """The pasts of one run.

    Args:
        known: the histories of all users.
        samples: the items that the run asks.
        swap: the part of which every user gets another user's past; none for anything else.
        seed: of the run; it decides whose.
        read: is told once how many interactions can be read, and of how many users they are swapped.
        drawn: is told when the seed was used.
    """

    def __init__(
        self,
        known: Histories,
        samples: Sequence[Sample],
        swap: str = "none",
        seed: int = 0,
        read: Callable[[str, int], None] = lambda name, count: None,
        drawn: Callable[[], None] = lambda: None,
    ) -> None:
        self._known, self._samples = known, samples
        self._swap, self._seed, self._read, self._drawn = swap, seed, read, drawn

    def of(self, question: Question, part: str = "memory") -> Past:
        """What the user of a question did before it; see `Job.history`."""
        if part not in PARTS:
            raise UsageError(f"a past is asked for its {' or '.join(PARTS)}, not {part!r:.40}")
        place = self._places.get(question.id)
        if place is None:
            raise UsageError(f"there is no past of question {question.id!r:.80}, which this run doesn't ask")
        sample = self._samples[place]
        user = self._known.asked[sample.id].user
        of = self._first[self._other[user]] if part == self._swap else sample.id
        return Past(user, self._known.before(of), sample.question.choices)

    def users(self, part: str = "persona") -> list[Past]:
        """Every past that the run's questions have, each once, in the order of the set."""
        found: dict[tuple[str, int], Past] = {}
        for sample in self._samples:
            past = self.of(sample.question, part)
            found.setdefault((past.user, len(past)), past)
        return list(found.values())

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where each item of the run stands; what can be read from here on is counted."""
        places = {sample.id: n for n, sample in enumerate(self._samples)}
        longest = {user: len(self._known.before(name)) for user, name in self._last.items()}
        self._read("history", sum(longest.values()))
        if self._swap in PARTS:
            self._read("history_swapped", len(self._other))
        return places

    @cached_property
    def _first(self) -> dict[str, str]:
        """Each user's earliest item of the run."""
        return self._ends(latest=False)

    @cached_property
    def _last(self) -> dict[str, str]:
        return self._ends(latest=True)

    def _ends(self, latest: bool) -> dict[str, str]:
        found: dict[str, str] = {}
        for sample in self._samples:
            asked = self._known.asked[sample.id]
            held = found.get(asked.user)
            if held is None or (asked.time > self._known.asked[held].time) == latest:
                found[asked.user] = sample.id
        return found

    @cached_property
    def _other(self) -> dict[str, str]:
        """Whose past each user gets: one circle through all users, so that nobody keeps the own.

        Raises:
            UsageError: there is one user only.
        """
        users = sorted(self._first)
        if len(users) < 2:
            raise UsageError(f"{SWAP}={self._swap} needs at least two users, and this run asks one")
        self._drawn()
        random.Random(seed_of(self._seed, "swapped users")).shuffle(users)
        return dict(zip(users, [*users[1:], users[0]], strict=True))
