"""The data that travels: sample -> question -> outcome -> score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, overload

from harness.base.digest import digest
from harness.base.errors import PluginError, reason_of
from harness.base.plain import named

if TYPE_CHECKING:
    from harness.data.history import Histories
    from harness.data.interactions import Interactions
    from harness.search.corpus import Corpus

Status = Literal["ok", "unscored", "error", "refused", "filtered", "context_overflow"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a method sees: a sample without its target.

    `epoch` counts repeated askings of the same item from 0. `choices` is the closed set of answers, or of
    what an answer holds several of, empty where any answer may be given; all questions of a task share one
    tuple. `metadata` holds only what a method may know.
    """

    id: str
    input: str
    epoch: int = 0
    choices: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def again(self, epoch: int) -> Question:
        """The same question, asked for the `epoch`-th time."""
        if epoch == self.epoch:
            return self
        return Question(self.id, self.input, epoch, self.choices, self.metadata)

    def own(self, epoch: int | None = None) -> Question:
        """A copy for a method to hold, asked for the `epoch`-th time: changes in it stay there."""
        known, choices = self.metadata, self.choices
        return Question(
            self.id,
            self.input,
            self.epoch if epoch is None else epoch,
            choices if type(choices) is tuple else tuple(choices),
            {name: deepcopy(value) for name, value in known.items()} if known else {},
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One item of a task: a question and its target, which stays with the runner.

    `group` names the cluster of items that vary together (a passage, a user), for standard errors.
    `shot` is how a worked answer looks when the sample serves as a demonstration; the target's own
    text where it is empty. `categories` are the parts of the task that it belongs to, any number: the
    primary metric is reported for each of them too.
    """

    question: Question
    target: Any
    group: str | None = None
    shot: str = ""
    categories: tuple[str, ...] = ()
    _digest: str = field(default="", init=False, repr=False, compare=False)

    @property
    def id(self) -> str:
        return self.question.id

    def own(self) -> Sample:
        """A copy for a method to hold, as `Question.own`."""
        return replace(self, question=self.question.own(), target=deepcopy(self.target))

    @property
    def demonstration(self) -> str:
        return self.shot or str(self.target)

    def digest(self) -> str:
        """The content hash by which items are paired between runs: id, input and target, as they were when
        it was first asked for.

        Raises:
            PluginError: the target has no JSON form.
        """
        if self._digest:
            return self._digest
        try:
            made = digest([self.question.id, self.question.input, self.target])
        except (TypeError, ValueError, RecursionError) as error:
            raise PluginError(
                f"the target of item {named(self.question.id)} has no JSON form ({reason_of(error)}); it is "
                "made of texts, finite numbers, lists and dicts"
            ) from None
        object.__setattr__(self, "_digest", made)
        return made


class LazySamples(Sequence[Sample]):
    """Samples made from rows when they are looked at, so that a large set costs no memory."""

    def __init__(self, rows: Sequence[Any], make: Callable[[int, Any], Sample]) -> None:
        self._rows, self._make = rows, make

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._make(index, self._rows[index])

    def __iter__(self) -> Iterator[Sample]:
        for index, row in enumerate(self._rows):
            yield self._make(index, row)


@dataclass(frozen=True)
class SplitSizes:
    """How many items a task's splits have; `choices` is the size of the closed set of answers, 0 where any
    answer may be given."""

    train: int = 0
    dev: int = 0
    pool: int = 0
    test: int = 0
    choices: int = 0


@dataclass(frozen=True)
class Splits:
    """A task's data. `pool` has no targets; `train`, `dev` and `test` are disjoint.

    Recommendation: a sample is a user, and `interactions` is what is known of all users before the
    test, as arrays. Research: `corpus` is what the worlds of all items search.

    Personal tasks: a question is one of a user's, whose `history` methods get up to the question.
    """

    test: Sequence[Sample]
    train: Sequence[Sample] = ()
    pool: Sequence[Question] = ()
    dev: Sequence[Sample] = ()
    interactions: Interactions | None = None
    history: Histories | None = None
    corpus: Corpus | None = None

    @property
    def sizes(self) -> SplitSizes:
        """The sizes of all splits."""
        choices = len(self.test[0].question.choices) if len(self.test) else 0
        return SplitSizes(len(self.train), len(self.dev), len(self.pool), len(self.test), choices)

    def size(self, offer: str) -> int:
        """How much there is of what a task offers; see `harness.spec.OFFERS`."""
        known = self.interactions
        sizes = {
            "labelled": len(self.train),
            "pool": len(self.pool),
            "dev": len(self.dev),
            "interactions": len(known) if known else 0,
            "item_texts": sum(map(bool, known.item_texts)) if known else 0,
            "history": len(self.history) if self.history else 0,
            "corpus": len(self.corpus) if self.corpus else 0,
        }
        return sizes[offer]


@dataclass(slots=True)
class Outcome:
    """What a method returns for a question.

    `text` is the completion. A method that reaches its answer in another way (a vote, a ranking)
    sets `answer`, in the task's canonical form; otherwise the task parses `text`. `error` says why
    there is no answer at all (infrastructure); `declined`, one of `harness.base.errors.DECLINED`, says beside
    it that the server gave none for this prompt. `unscored` says why the answer can't be judged although the
    method did its part (a user simulator failed). `thought_alone` says that all that came was reasoning.
    `trace` is kept with the attempt for people to read.
    `measures` are numbers that the method measured of itself (messages used): the record has their means,
    and nothing is ranked by them.

    `answer` and `trace` are JSON, numbers are finite, text is `str`: `harness.run.door` makes a plain copy,
    and refuses what can't be kept.
    """

    question_id: str
    epoch: int = 0
    text: str = ""
    answer: Any = None
    confidence: float | None = None
    stop_reason: str = "stop"
    error: str | None = None
    trace: Mapping[str, Any] | None = None
    unscored: str | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    declined: str | None = None
    thought_alone: bool = False


@dataclass(frozen=True, slots=True)
class Classes:
    """That targets and answers are classes, so that a run has scores by class and a confusion matrix.

    `several`: targets and answers are lists of classes, which may be empty, not one class each.
    `out_of_scope` is the class that stands for all that none of the others fits.
    """

    several: bool = False
    out_of_scope: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """What a task makes of an outcome: values of its metrics within their ranges, the primary one among them
    unless it is `unscored`, and whether the grader could do its work (`ok` or `unscored`)."""

    metrics: Mapping[str, float]
    status: Status = "ok"
    reason: str | None = None
