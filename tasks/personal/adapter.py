"""What personal tasks share: streams of users, cut by time; answers that are labels or ratings.

A sample's group is its user, so errors are those of users: new questions of the same users would change less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.answers import Reading, read_number
from harness.base.errors import DataError
from harness.data.history import Asked, Histories, Interaction
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.task import Task
from harness.tasks.intent.labels import read_label
from harness.tasks.personal.metrics import HIGHEST, LOWEST, farther, root_mean_square, user_mean

if TYPE_CHECKING:
    from harness.stats import Estimate


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a user was asked and answered."""

    id: str
    query: str
    response: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class User:
    """A user's events in order: the `past`, and the `held` that come after it and are asked."""

    name: str
    past: Sequence[Event]
    held: Sequence[Event]


def splits_of(
    users: Iterable[User], choices: tuple[str, ...] = (), reveal: bool = False, latest: int = 0
) -> Splits:
    """The held-out events of all users as test, each with the past before it.

    Args:
        choices: the closed set of responses, if there is one.
        reveal: whether a held-out event belongs to the past of the later ones, as in a deployment where the
            truth comes to light.
        latest: how many events of the past are kept, the latest ones; 0: all.
    """
    test: list[Sample] = []
    streams: dict[str, list[Interaction]] = {}
    asked: dict[str, Asked] = {}
    for user in users:
        past = list(user.past)[-latest:] if latest else list(user.past)
        shown = [*past, *user.held] if reveal else past
        streams[user.name] = [
            Interaction(event.id, event.query, event.response, float(place), event.metadata)
            for place, event in enumerate(shown)
        ]
        for place, event in enumerate(user.held, len(past)):
            question = Question(event.id, event.query, choices=choices, metadata=event.metadata)
            test.append(Sample(question, event.response, user.name))
            asked[event.id] = Asked(user.name, float(place))
    return Splits(test, history=Histories(streams, asked))


def check_latest(task: str, latest: int) -> None:
    """Whether a number of past events can be kept.

    Raises:
        DataError: it is below 0.
    """
    if latest < 0:
        raise DataError(f"{task}: history={latest} is below 0; 0 keeps all of the past")


class Personal(Task):
    """A question of one user's."""

    #: which metric the users' means are of, and their name
    by_user = ("accuracy", "user_accuracy")

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> dict[str, float | Estimate]:
        metric, name = self.by_user
        scores = [self.score(*pair).metrics[metric] for pair in zip(samples, outcomes, strict=True)]
        span = self.spec.metric_ranges[name]
        found = user_mean(samples, scores, span.low, span.high)
        return {} if found is None else {name: found}


class Labelled(Personal):
    """The answer is one of the question's labels."""

    instruction = "Say which of the labels this user would choose."
    closing = "Reply with the label alone, spelled as in the list."

    def render(self, question: Question) -> str:
        labels = "\n".join(f"- {label}" for label in question.choices)
        return f"{self.instruction}\n\nLabels:\n{labels}\n\n{question.input}\n\n{self.closing}"

    def read(self, text: str, question: Question) -> Reading:
        return read_label(text, question.choices)


class Rated(Personal):
    """The answer is a rating from 1 to 5. None counts as the farther end of the scale, as at LaMP; a number
    beyond an end as that end."""

    instruction = "Say how this user would rate it."
    closing = f"Reply with a whole number from {LOWEST} to {HIGHEST} and nothing else."
    by_user = ("mae", "user_mae")

    def render(self, question: Question) -> str:
        return f"{self.instruction}\n\n{question.input}\n\n{self.closing}"

    def read(self, text: str, question: Question) -> Reading:
        return read_number(text)

    def error(self, sample: Sample, outcome: Outcome) -> float:
        """How far the answer is from the right rating."""
        gold = float(sample.target)
        return abs(rating(outcome.answer, gold) - gold)

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        error = self.error(sample, outcome)
        return Score({"mae": error, "accuracy": float(error == 0)})

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> dict[str, float | Estimate]:
        found = super().measure_set(splits, samples, outcomes)
        errors = [self.error(*pair) for pair in zip(samples, outcomes, strict=True)]
        return found | ({"rmse": root_mean_square(errors)} if errors else {})


def rating(answer: Any, gold: float) -> float:
    """An answer as a rating; fractions as `read_number` writes them, p/q."""
    try:
        above, _, below = str(answer).partition("/")
        value = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return farther(gold)
    return min(max(value, float(LOWEST)), float(HIGHEST)) if value == value else farther(gold)
