"""What plugins give, made plain and checked once, before anything is scored or kept: all that comes after
works on copies of exact types that a record can hold.

Every function raises Unfit with the fault, as the rest of a sentence; who gave it is the caller's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from harness.base.errors import DECLINED
from harness.base.plain import Unfit, count, named, number, plain, text
from harness.data import history
from harness.results.invariants import metric_faults
from harness.results.measures import checked
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec

if TYPE_CHECKING:
    from harness.stats import Estimate

#: counts of a trace that the record sums up
TRACED = ("user_retries", "judge_errors")
#: how far beyond the end of its range rounding may carry a metric
ROUNDING = 1e-9
#: what a grader may say of an attempt
GRADED = ("ok", "unscored")


def outcome(given: object) -> Outcome:
    """What a method gave for a question. What a model or a server said in it (completion, reasons) may hold
    half a character, which becomes U+FFFD; what the method itself says may not."""
    if not issubclass(type(given), Outcome):
        raise Unfit(f"{type(given).__name__}, not an Outcome")
    assert isinstance(given, Outcome)
    epoch, trace, measures, confidence = given.epoch, given.trace, given.measures, given.confidence
    declined, alone = _reason(given.declined, "its declined"), given.thought_alone
    if declined is not None and declined not in DECLINED:
        raise Unfit(f"its declined is {named(declined)}, not one of {', '.join(DECLINED)}")
    if type(alone) is not bool:
        raise Unfit(f"its thought_alone is {named(alone)}, neither true nor false")
    return Outcome(
        text(given.question_id, "its question_id"),
        epoch if type(epoch) is int else count(epoch, "its epoch"),
        text(given.text, "its text", mend=True),
        _part(given.answer, "its answer"),
        None if confidence is None else number(confidence, "its confidence"),
        text(given.stop_reason, "its stop_reason", mend=True),
        _reason(given.error, "its error"),
        None if trace is None else _trace(trace, bool(measures)),
        _reason(given.unscored, "its unscored"),
        checked(measures) if measures else {},
        declined,
        alone,
    )


def _part(value: Any, what: str) -> Any:
    try:
        return plain(value)
    except Unfit as error:
        raise Unfit(f"{what}: {error}") from None


def _reason(value: Any, what: str) -> str | None:
    return None if value is None else text(value, what, mend=True)


def _trace(given: Any, measured: bool) -> dict[str, Any] | None:
    """A trace, of which the record counts some; its messages may be a model's."""
    if not issubclass(type(given), Mapping):
        raise Unfit(f"its trace is {named(given)}, not a dict")
    try:
        made: dict[str, Any] = plain(dict(given), mend=True)
    except Unfit as error:
        raise Unfit(f"its trace: {error}") from None
    for name in TRACED:
        if name in made:
            count(made[name], f"{name} of its trace")
    if measured and "measures" in made:
        raise Unfit("its trace has the key 'measures', where its measures are kept")
    return made or None


def answer(given: Any) -> Any:
    """What a task read in a completion, or a judge made of an answer: texts of models are in it."""
    return plain(given, mend=True)


def score(given: object, spec: TaskSpec) -> Score:
    """What a task makes of an outcome: values of its own metrics, within their ranges."""
    if not issubclass(type(given), Score):
        raise Unfit(f"{type(given).__name__}, not a Score")
    assert isinstance(given, Score)
    status = given.status
    if type(status) is not str or status not in GRADED:
        raise Unfit(f"a score of the status {named(status)}, not ok or unscored")
    metrics = _values(given.metrics, spec.metrics, spec)
    if status == "ok" and spec.primary not in metrics:
        raise Unfit(f"a score without a value of {spec.primary}")
    return Score(metrics, status, _reason(given.reason, "the reason of a score"))


def of_the_set(given: object, spec: TaskSpec, n_items: int) -> dict[str, float | Estimate]:
    """Values of the metrics that a task has of the set as a whole, of `n_items` items."""
    from harness.stats import Estimate

    if not issubclass(type(given), Mapping):
        raise Unfit(f"{named(given)}, not values by metric")
    assert isinstance(given, Mapping)
    found = dict(given)
    estimates = {name: each for name, each in found.items() if issubclass(type(each), Estimate)}
    for name, each in estimates.items():
        found[name] = each.value
    values = _values(found, spec.set_metrics, spec)
    for name, each in estimates.items():
        _uncertain(name, asdict(each), n_items)
    return {name: estimates.get(name, value) for name, value in values.items()}


def _uncertain(name: str, given: dict[str, Any], n_items: int) -> None:
    """Whether a record can hold an estimate of a task's own."""
    from pydantic import ValidationError

    from harness.results.schema import Metric, first_fault

    made = _part(given, f"the estimate of {named(name)}")
    try:
        Metric.model_validate(made)
    except ValidationError as error:
        raise Unfit(f"the estimate of {named(name)}: {first_fault(error)}") from None
    for fault in metric_faults(name, made, None, n_items):
        raise Unfit(fault)


def _values(given: object, known: Mapping[str, float], spec: TaskSpec) -> dict[str, float]:
    """Numbers by metric; a metric that is None has none."""
    if type(given) is not dict:
        if not issubclass(type(given), Mapping):
            raise Unfit(f"metrics that are {named(given)}, not a dict")
        assert isinstance(given, Mapping)
        given = dict(given)
    made = dict[str, float]()
    for name, value in given.items():
        if type(name) is not str:
            name = text(name, "the name of a metric")
        if name not in known:
            raise Unfit(f"a value of {named(name)}, which is none of {', '.join(known)}")
        if value is None:
            continue
        value = float(value) if type(value) is bool else number(value, name)
        span = spec.ranges.get(name)
        low, high = (span.low, span.high) if span else (0.0, known[name])
        if not low - ROUNDING <= value <= high + ROUNDING:
            raise Unfit(f"{name} = {value:g}, outside of {low:g} to {high:g}")
        made[name] = value
    return made


def lines(given: object) -> list[str]:
    """Lines for a person."""
    if not issubclass(type(given), list | tuple):
        raise Unfit(f"{named(given)}, not a list of lines")
    assert isinstance(given, list | tuple)
    return [text(each, "a line", mend=True) for each in given]


def splits(given: object) -> Splits:
    """The data of a task: splits that have a length and can be looked at again. What lies in memory is looked
    at whole; of what is made when it is looked at, the first."""
    if not issubclass(type(given), Splits):
        raise Unfit(f"{type(given).__name__}, not Splits")
    assert isinstance(given, Splits)
    for name in ("test", "train", "dev", "pool"):
        split = getattr(given, name)
        kind = type(split)
        if not all(hasattr(kind, each) for each in ("__len__", "__getitem__", "__iter__")):
            raise Unfit(f"{name} that is a {kind.__name__}, not a list of samples")
        whole = issubclass(kind, list | tuple) and name != "test"  # those are looked at when they are chosen
        found = split if whole else [split[0]] if len(split) else ()
        for _ in _questions(found, name) if name == "pool" else _samples(found, name):
            pass
    if given.interactions is not None:
        from harness.data.interactions import Interactions

        if not issubclass(type(given.interactions), Interactions):
            raise Unfit(f"interactions that are {named(given.interactions)}, not Interactions or None")
    if given.corpus is not None:
        from harness.search import Corpus

        if not issubclass(type(given.corpus), Corpus):
            raise Unfit(f"a corpus that is {named(given.corpus)}, not a Corpus or None")
    if given.history is None:
        return given
    known = history.checked(given.history, (sample.question for sample in given.test))
    return replace(given, history=known)


def samples(given: Iterable[object]) -> list[Sample]:
    """The items that are asked. Ids, groups and categories go into records, so they are whole texts; a target
    may be anything that has a digest (see `Sample.digest`)."""
    return list(_samples(given, "test"))


def _samples(given: Iterable[object], split: str) -> Iterator[Sample]:
    """The samples of a split, one by one."""

    def question_of(sample: object) -> object:
        if not issubclass(type(sample), Sample):
            raise Unfit(f"a {split} item that is {named(sample)}, not a Sample")
        assert isinstance(sample, Sample)
        return sample.question

    kept = list(given)
    for sample, question in zip(kept, _questions(map(question_of, kept), split), strict=True):
        assert isinstance(sample, Sample)
        if sample.group is not None:
            _exactly(sample.group, f"the group of {split} item {named(question.id)}")
        if sample.categories:
            _texts(sample.categories, f"the categories of {split} item {named(question.id)}")
        yield sample


def _questions(given: Iterable[object], split: str) -> Iterator[Question]:
    choices: object = ()
    for question in given:
        if not issubclass(type(question), Question):
            raise Unfit(f"a {split} item whose question is {named(question)}, not a Question")
        assert isinstance(question, Question)
        if type(question.id) is not str or not question.id.isascii():
            _exactly(question.id, f"the id of a {split} item")
        of_it = f"of {split} item {named(question.id)}"
        if type(question.input) is not str:
            raise Unfit(f"the input {of_it} is {named(question.input)}, not text")
        if question.choices is not choices:
            choices = question.choices
            _texts(choices, f"the choices {of_it}")
        if type(question.metadata) is not dict and not issubclass(type(question.metadata), Mapping):
            raise Unfit(f"the metadata {of_it} is {named(question.metadata)}, not a dict")
        yield question


def _exactly(value: Any, what: str) -> None:
    if type(value) is not str:
        raise Unfit(f"{what} is {named(value)}, not text")
    text(value, what)


def _texts(given: Any, what: str) -> None:
    if not issubclass(type(given), Sequence) or issubclass(type(given), str | bytes):
        raise Unfit(f"{what} are {named(given)}, not a tuple of texts")
    for each in given:
        _exactly(each, f"one of {what}")
