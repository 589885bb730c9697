"""What a sound task holds: gold answers get full marks, nonsense doesn't, and the splits share nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec
from harness.task import Task, answer_in

LOG = logging.getLogger("harness.task")
#: test items, spread evenly over the split, on which the scorer is tried
TRIED = 24
#: above so many rows the splits aren't compared, unless asked for
MANY = 200_000
NONSENSE = (
    "",
    "zqx wvutk jjpq",
    "I have no idea.",
    "-98765.4321",
    "[[9, 9, 9], [9, 9, 9]]",
    '{"zqx": [null]}',
)


def check_splits(spec: TaskSpec, task: Task, splits: Splits, *, thorough: bool = False) -> list[str]:
    """The faults of a task with its data, one line each; empty for a sound one: those of its scorer, then
    those of its splits. Comparing these is left out above 200,000 rows unless `thorough`."""
    rows = sum(map(len, (splits.test, splits.train, splits.dev, splits.pool)))
    shared = split_faults(spec, splits) if thorough or rows <= MANY else []
    return [*scorer_faults(spec, task, splits), *shared]


def scorer_faults(spec: TaskSpec, task: Task, splits: Splits) -> list[str]:
    """What is wrong with parsing and scoring, by gold answers and nonsense on a few dozen test items."""
    try:
        found = list(_scorer_faults(spec, task, _spread(splits.test)))
    except Exception as error:
        found = [f"parse(), gold() or needs_judge() raises {_failed(error).reason}"]
    return [f"{spec.name}: {fault}" for fault in found]


def split_faults(spec: TaskSpec, splits: Splits) -> list[str]:
    """Which ids and inputs stand in two splits, by their hashes: linear in the number of rows."""
    return [f"{spec.name}: {fault}" for fault in _shared_faults(spec, splits)]


def _spread(samples: Sequence[Sample]) -> list[Sample]:
    n = min(TRIED, len(samples))
    return [samples[i * len(samples) // n] for i in range(n)]


# -- the scorer ---------------------------------------------------------------------------------------


def _scorer_faults(spec: TaskSpec, task: Task, samples: Sequence[Sample]) -> Iterator[str]:
    samples = [sample for sample in samples if not task.needs_judge(sample)]
    written = [(sample, outcome) for sample in samples if (outcome := _gold(task, sample)) is not None]
    if not written:
        LOG.info("%s: no gold answer can be written, so the scorer isn't tried on any", spec.name)
        return
    samples = [sample for sample, _ in written]
    gold = [outcome for _, outcome in written]
    scores = _scores(task, samples, gold)
    if task.judges:  # what isn't scored may wait for it
        kept = [n for n, score in enumerate(scores) if score.status == "ok"]
        samples, gold = [samples[n] for n in kept], [gold[n] for n in kept]
        scores = [scores[n] for n in kept]
    low = [n for n, score in enumerate(scores) if not _full(spec, score)]
    if low:
        first = samples[low[0]]
        said = gold[low[0]].text or repr(gold[low[0]].answer)
        yield (
            f"the gold answer of {len(low)} of {len(samples)} test items doesn't get full marks, such as "
            f"{_short(said)} of {first.id!r}: {_told(spec, scores[low[0]])}"
        )
    if task.classes is None or not task.classes.several:
        yield from _choice_faults(samples, gold)
    for text in NONSENSE:
        outcomes = [_read(task, sample, text) for sample in samples]
        found = _scores(task, samples, outcomes)
        scores += found
        full = sum(_full(spec, score) for score in found)
        if 2 * full > len(samples):
            yield f"the nonsense {text!r} gets full marks on {full} of {len(samples)} test items"
            break
    yield from _range_faults(spec, scores)
    yield from _exchanged_faults(spec, task, samples, gold)


def _exchanged_faults(
    spec: TaskSpec, task: Task, samples: Sequence[Sample], gold: Sequence[Outcome]
) -> Iterator[str]:
    """A scorer that takes whatever has the form of an answer takes that of another item."""
    pairs = []
    for n, sample in enumerate(samples):
        other = next((each for each in (*gold[n + 1 :], *gold[:n]) if each.answer != gold[n].answer), None)
        if other is not None:
            pairs.append((sample, replace(other, question_id=sample.id, epoch=sample.question.epoch)))
    if len(pairs) < 3:
        return
    scores = _scores(task, [sample for sample, _ in pairs], [outcome for _, outcome in pairs])
    if all(_full(spec, score) for score in scores):
        yield f"the gold answer of another test item gets full marks too, on all of {len(pairs)} items"


def _gold(task: Task, sample: Sample) -> Outcome | None:
    """The outcome that a right answer is; None where none can be written."""
    gold = task.gold(sample)
    if gold is None or isinstance(gold, Outcome):
        return gold
    if isinstance(gold, str):
        return _read(task, sample, gold)
    return Outcome(sample.id, sample.question.epoch, answer=gold)


def _read(task: Task, sample: Sample, text: str) -> Outcome:
    return Outcome(sample.id, sample.question.epoch, text, answer_in(task, text, sample.question))


def _scores(task: Task, samples: Sequence[Sample], outcomes: Sequence[Outcome]) -> list[Score]:
    try:
        together = task.score_all(samples, outcomes)
        if together is not None:
            return [each if isinstance(each, Score) else _failed(each) for each in together]
    except Exception as error:
        return [_failed(error)] * len(samples)
    return [_score(task, sample, outcome) for sample, outcome in zip(samples, outcomes, strict=True)]


def _score(task: Task, sample: Sample, outcome: Outcome) -> Score:
    try:
        return task.score(sample, outcome)
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> Score:
    return Score({}, "unscored", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


def _full(spec: TaskSpec, score: Score) -> bool:
    value = score.metrics.get(spec.primary)
    if score.status != "ok" or value is None:
        return False
    return abs(value - spec.metric_ranges[spec.primary].best) < 1e-6


def _told(spec: TaskSpec, score: Score) -> str:
    if score.status != "ok":
        return f"{score.status}, {score.reason}"
    return f"{spec.primary} = {score.metrics.get(spec.primary)}"


def _short(text: str) -> str:
    shown = " ".join(text.split())
    return repr(shown if len(shown) <= 60 else f"{shown[:57]}...")


def _range_faults(spec: TaskSpec, scores: Sequence[Score]) -> Iterator[str]:
    known = spec.metric_ranges
    said = set()
    for score in scores:
        for metric, value in score.metrics.items():
            if metric in said:
                continue
            said.add(metric)
            if metric not in known:
                yield f"score() gives {metric!r}, which is not among its metrics: {', '.join(known)}"
            elif not known[metric].low <= value <= known[metric].high:
                yield f"{metric} = {value} is outside {known[metric].low:g} to {known[metric].high:g}"
            else:
                said.discard(metric)


def _choice_faults(samples: Sequence[Sample], gold: Sequence[Outcome]) -> Iterator[str]:
    for sample, outcome in zip(samples, gold, strict=True):
        choices = sample.question.choices
        if choices and not {str(sample.target), sample.demonstration, str(outcome.answer)} & set(choices):
            yield f"the target of {sample.id!r} is not among its choices"
            return


# -- the splits ---------------------------------------------------------------------------------------


def _shared_faults(spec: TaskSpec, splits: Splits) -> Iterator[str]:
    """Ids and inputs that stand in two splits. The pool may be the training inputs without their labels."""
    worlds = "world" in spec.offers  # where the same words may open different items
    test, train, dev = (
        _Rows(name, ((s.question, repr(s.target) if worlds else "") for s in samples))
        for name, samples in (("test", splits.test), ("train", splits.train), ("dev", splits.dev))
    )
    pool = _Rows("pool", ((question, "") for question in splits.pool))
    if test.repeated:
        yield f"two test items have the id {test.repeated!r}"
    shared: dict[str, str] = {}
    pairs = ((test, train), (test, dev), (test, pool), (dev, train), (dev, pool))
    for one, other in pairs:
        held: tuple[tuple[str, dict[Any, str], dict[Any, str]], ...] = (
            ("id", one.ids, other.ids),
            ("input", one.inputs, other.inputs),
        )
        for what, mine, theirs in held:
            for key in filter(theirs.__contains__, mine):
                where = f"of {mine[key]!r} in {one.name} is that of {theirs[key]!r} in {other.name}"
                shared.setdefault(mine[key], f"{what} {where}")
    if len(shared) > spec.duplicates:
        more = f", and {spec.duplicates} are declared" if spec.duplicates else ""
        yield (
            f"{len(shared)} items stand in two splits{more}: the {next(iter(shared.values()))}; where that "
            f"is so upstream and known, declare duplicates = {len(shared)}"
        )


class _Rows:
    """The ids and hashed inputs of a split, each with the id of its first item."""

    def __init__(self, name: str, rows: Iterable[tuple[Question, str]]) -> None:
        self.name, self.repeated = name, ""
        self.ids: dict[str, str] = {}
        self.inputs: dict[int, str] = {}
        for question, more in rows:
            if question.id in self.ids:
                self.repeated = self.repeated or question.id
            self.ids[question.id] = question.id
            self.inputs.setdefault(hash((question.input.strip(), more)), question.id)
