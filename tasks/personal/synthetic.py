"""Generated users, whose preferences are known: a catalogue of films, hidden tastes, noise, and a change of
tastes at a known time. A reconstruction: no source has these users.

Labels: every user has a hidden table from the kind of a film to one of the labels, drawn uniformly; an answer
is the table's with probability 1 - noise, else one of the others. Ratings: every user likes each tag by -1, 0
or 1; a film has two tags, its rating is 3 and what both are liked by, one up or down with probability noise.
Kinds and pairs of tags come in shuffled rounds, so that after K whole rounds each was seen K times. The
answers of the test are as noisy as the past. The test is the same whatever the length of the past.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from harness.base.digest import seed_of
from harness.base.errors import UsageError
from harness.sample import Outcome, Sample, Splits
from harness.spec import TaskSpec
from harness.tasks.personal import expected
from harness.tasks.personal.adapter import Event, Labelled, Personal, Rated, User, splits_of
from harness.tasks.personal.metrics import HIGHEST, LOWEST

if TYPE_CHECKING:
    from harness.data.hub import Data
    from harness.stats import Estimate

KINDS = (
    *("crime", "comedy", "space", "romance", "western", "horror"),
    *("history", "music", "nature", "war", "sport", "fantasy"),
)
LABELS = ("watch now", "keep for later", "skip", "watch with friends", "ask again", "read the book")
_FIRST = ("Amber", "Silent", "Crooked", "Northern", "Paper", "Hollow", "Scarlet", "Distant", "Iron", "Gentle")
_SECOND = ("Harbour", "Orchard", "Signal", "Winter", "Bridge", "Letter", "Garden", "Tower", "River", "Mirror")
CATALOGUE = 500


class Generated(Personal):
    """Users by a seed of the data's own, `data_seed`: another makes other users."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        for name, least, most in (
            *(("users", 1, 100_000), ("history", 1, 10_000), ("test", 1, 1_000)),
            *(("noise", 0, 0.5), ("drift", 0, 10_000)),
            *self.sizes,
        ):
            if not least <= args[name] <= most:
                raise UsageError(f"{spec.name}: {name}={args[name]:g} is not from {least:g} to {most:g}")
        if args["drift"] >= args["history"] and args["drift"]:
            raise UsageError(
                f"{spec.name}: drift={args['drift']} is after the last of history={args['history']} "
                "interactions; nothing would show it"
            )

    #: ranges of the parameters that a kind of answer adds
    sizes: Sequence[tuple[str, int, int]] = ()

    def load(self, data: Data) -> Splits:
        data.read.append(
            {
                "id": f"generated/{self.spec.name}",
                "config": None,
                "split": "test",
                "revision": self.spec.version,
                "pinned": True,
            }
        )
        made = (self._user(f"user{n}") for n in range(self.args["users"]))
        return splits_of(made, self.labels, self.args["reveal"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The closed set of answers, if there is one."""
        return ()

    def _user(self, name: str) -> User:
        args, seed = self.args, self.args["data_seed"]

        def rng(what: str) -> random.Random:
            return random.Random(seed_of("personal", self.spec.name, seed, name, what))

        before, after = self.answers(rng("tastes")), self.answers(rng("changed tastes"))
        drift = args["drift"]

        def events(what: str, size: int, answering: Callable[[int], Any]) -> list[Event]:
            draw = rng(what)
            topics = self._rounds(size, draw)
            return [
                Event(f"{name}-{what}{n}", f"{_film(draw)}\n{topic}", answering(n)(topic, draw))
                for n, topic in enumerate(topics)
            ]

        past = events("past", args["history"], lambda n: after if drift and n >= drift else before)
        held = events("test", args["test"], lambda n: after if drift else before)
        return User(name, past, held)

    def _rounds(self, size: int, draw: random.Random) -> list[str]:
        """Topics in rounds, each round in an order of its own."""
        topics, found = list(self.topics), list[str]()
        while len(found) < size:
            draw.shuffle(topics)
            found += topics
        return found[:size]

    @property
    def topics(self) -> Sequence[str]:
        """The last lines of questions, which decide the answer."""
        raise NotImplementedError

    def answers(self, draw: random.Random) -> Callable[[str, random.Random], str]:
        """A user with drawn tastes: from a topic and a generator of noise to an answer."""
        raise NotImplementedError


class GeneratedLabels(Generated, Labelled):
    """`personal/synthetic`."""

    instruction = "A user of a film service is shown the film below. Say what this user does."
    sizes = (("contexts", 2, len(KINDS)), ("labels", 2, len(LABELS)))

    @property
    def labels(self) -> tuple[str, ...]:
        return LABELS[: self.args["labels"]]

    @property
    def topics(self) -> list[str]:
        return [f"Kind: {kind}" for kind in KINDS[: self.args["contexts"]]]

    def answers(self, draw: random.Random) -> Callable[[str, random.Random], str]:
        labels, noise = self.labels, self.args["noise"]
        table = {topic: draw.choice(labels) for topic in self.topics}

        def answer(topic: str, chance: random.Random) -> str:
            if chance.random() >= noise:
                return table[topic]
            return chance.choice([label for label in labels if label != table[topic]])

        return answer

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> dict[str, float | Estimate]:
        """Also what theory says: the accuracy of whoever knows the table, of each user's most frequent label,
        and of a guess."""
        found = super().measure_set(splits, samples, outcomes)
        contexts, labels, noise = (self.args[name] for name in ("contexts", "labels", "noise"))
        found |= {"ceiling": expected.knows(noise), "floor": expected.chance(labels)}
        if labels**contexts <= expected.MOST_TABLES:
            found["label_prior"] = expected.of_majority(contexts, labels, noise)
        return found


class GeneratedRatings(Generated, Rated):
    """`personal/synthetic-ratings`."""

    instruction = "A user of a film service rates the film below. Say how."
    sizes = (("tags", 2, len(KINDS)),)

    @property
    def topics(self) -> list[str]:
        return [f"Tags: {one}, {other}" for one, other in combinations(KINDS[: self.args["tags"]], 2)]

    def answers(self, draw: random.Random) -> Callable[[str, random.Random], str]:
        noise = self.args["noise"]
        tastes = {tag: draw.choice(expected.TASTES) for tag in KINDS[: self.args["tags"]]}

        def answer(topic: str, chance: random.Random) -> str:
            liked = sum(tastes[tag] for tag in topic.removeprefix("Tags: ").split(", "))
            value = expected.MIDDLE + liked
            if chance.random() < noise:
                value += chance.choice((-1, 1))
            return str(min(max(value, LOWEST), HIGHEST))

        return answer

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> dict[str, float | Estimate]:
        """Also the mean absolute errors of whoever knows the tastes, and of whoever says 3."""
        found = super().measure_set(splits, samples, outcomes)
        ceiling, floor = expected.rating_errors(self.args["noise"])
        return found | {"ceiling": ceiling, "floor": floor}


def _film(draw: random.Random) -> str:
    """A film of the catalogue."""
    number = draw.randrange(CATALOGUE)
    first, second = _FIRST[number % 10], _SECOND[number // 10 % 10]
    return f"Film: {first} {second} {number // 100 + 1}"
