"""What a run gave and what was wanted, class by class: of its attempts as they come, or as they were
sealed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import RecordError, reason_of
from harness.sample import Classes

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: how tables call what an attempt without an answer gave
NO_ANSWER = "(no answer)"
#: metrics of the set that are made of classes
CLASS_METRICS = (
    "macro_f1",
    "weighted_f1",
    "micro_f1",
    "samples_f1",
    "in_scope_accuracy",
    "oos_recall",
    "oos_precision",
    "oos_auroc",
)
COLUMNS = ("item_digest", "status", "target", "answer", "group", "confidence")


@dataclass(frozen=True)
class ClassAttempt:
    """One attempt: the classes that were wanted and those that were given, as texts.

    `given` is None where there is no answer, which an attempt that wasn't scored has not either.
    """

    item: Any
    wanted: tuple[str, ...]
    given: tuple[str, ...] | None
    scored: bool
    group: str | None
    confidence: float | None


class ClassTable:
    """The attempts of a run whose targets and answers are classes."""

    def __init__(self, classes: Classes) -> None:
        self.classes = classes
        self.attempts: list[ClassAttempt] = []

    def add(
        self,
        item: Any,
        target: Any,
        answer: Any,
        *,
        scored: bool = True,
        group: str | None = None,
        confidence: float | None = None,
    ) -> None:
        """Counts one attempt. `item` is what its item is known by; `target` and `answer` are as the task has
        them, or as they are sealed."""
        wanted = self._read(target) or ()
        given = self._read(answer) if scored else None
        self.attempts.append(ClassAttempt(item, wanted, given, scored, group, confidence))

    def _read(self, value: Any) -> tuple[str, ...] | None:
        if value is None:
            return None
        if not self.classes.several:
            return (_text(value),)
        return tuple(dict.fromkeys(map(_text, as_list(value))))

    def __len__(self) -> int:
        return len(self.attempts)

    @property
    def labels(self) -> list[str]:
        """Every class that is wanted or given, alphabetical whatever the case."""
        found = {label for each in self.attempts for label in (*each.wanted, *(each.given or ()))}
        return sorted(found, key=lambda label: (label.casefold(), label))

    @property
    def no_answer(self) -> int:
        """Attempts that gave no class at all, not even the empty set."""
        return sum(each.given is None for each in self.attempts)

    def scored_only(self) -> ClassTable:
        """The table of the scored attempts alone."""
        kept = ClassTable(self.classes)
        kept.attempts = [each for each in self.attempts if each.scored]
        return kept

    def confusions(self) -> Counter[tuple[str, str]]:
        """How often each (target, answer) came up; of multi-label data (class, `given` or `missed`)."""
        pairs: Counter[tuple[str, str]] = Counter()
        for each in self.attempts:
            if self.classes.several:
                given = set(each.given or ())
                pairs.update((label, "missed") for label in each.wanted if label not in given)
                pairs.update((label, "given") for label in given if label not in each.wanted)
            else:
                answer = NO_ANSWER if each.given is None else each.given[0]
                pairs[each.wanted[0], answer] += 1
        return pairs


def read_classes(record: Mapping[str, Any]) -> ClassTable | None:
    """The classes of a sealed run, or of a row of the index; None where its answers are no classes, or its
    targets are not stored.

    Raises:
        RecordError: the sealed attempts can't be read.
    """
    if not record.get("classes") or record.get("private_targets"):
        return None
    table = ClassTable(Classes(**record["classes"]))
    for row in _rows(Path(record["samples_path"])):
        table.add(
            row["item_digest"],
            row["target"],
            row["answer"],
            scored=row["status"] == "ok",
            group=row["group"],
            confidence=row["confidence"],
        )
    return table


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=5000, columns=list(COLUMNS)):
                yield from batch.to_pylist()
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise RecordError(f"{path} can't be read: {reason_of(error)}") from None


@dataclass(frozen=True)
class ClassScore:
    """A class, or an average over classes.

    `support` is how often it was wanted, `given` how often it was given, over all attempts.
    """

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    given: int


@dataclass(frozen=True)
class ClassReport:
    """Precision, recall and F1 by class and on average; the pairs of classes that were confused most.

    Attributes:
        classes: every class that is wanted or given.
        averages: `macro`, `weighted` and, of multi-label data, `micro`.
        confused: (target, answer, count), wrong answers alone, the most frequent first; `(no answer)` is an
            answer here. Of multi-label data (class, `missed` or `given`, count).
        labels: the classes in the order of the rows of `matrix`.
        matrix: counts, a row a target and a column an answer, with `(no answer)` as the last column; empty of
            multi-label data.
    """

    classes: list[ClassScore]
    averages: list[ClassScore]
    confused: list[tuple[str, str, int]]
    labels: list[str]
    matrix: list[list[int]]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "confused": [list(pair) for pair in self.confused]}


def class_report(table: ClassTable) -> ClassReport:
    """The report of a run's attempts, as `sklearn.metrics.classification_report` with `zero_division=0` has
    it; repeated attempts count one by one."""
    import numpy as np

    from harness.stats.classification import ClassCounts

    labels = table.labels
    counts = ClassCounts.of(np.asarray(_rows_of(table, labels).sum(axis=0)).reshape(-1))
    scores = np.stack([counts.precision, counts.recall, counts.f1], axis=-1)
    support, given = counts.wanted.astype(int), counts.given.astype(int)
    classes = [
        _class_score(label, scores[n], int(support[n]), int(given[n])) for n, label in enumerate(labels)
    ]
    whole = int(support.sum()), int(given.sum())
    averages = [
        _class_score(name, [float(mean(column)) for column in scores.T], *whole)
        for name, mean in (("macro", counts.macro), ("weighted", counts.weighted))
    ]
    if table.classes.several:
        hits = float(counts.hits.sum())
        shares = [hits / n if n else 0.0 for n in reversed(whole)]
        averages.append(_class_score("micro", [*shares, float(counts.micro_f1)], *whole))
    pairs = table.confusions()
    wrong = [(target, answer, count) for (target, answer), count in pairs.items() if target != answer]
    wrong.sort(key=lambda pair: (-pair[2], pair[0], pair[1]))
    matrix = []
    if not table.classes.several:
        matrix = [[pairs[target, answer] for answer in (*labels, NO_ANSWER)] for target in labels]
    return ClassReport(classes, averages, wrong, labels, matrix)


def _class_score(label: str, scores: Any, support: int, given: int) -> ClassScore:
    precision, recall, f1 = map(float, scores)
    return ClassScore(label, precision, recall, f1, support, given)


def class_metrics(table: ClassTable) -> dict[str, dict[str, Any]]:
    """The metrics of the set with their intervals, as a record keeps them: F1 on average, and what is out of
    scope where the task has a class for it. An item without an answer, or that wasn't scored, was given no
    class."""
    made = {}
    part = table.scored_only()
    partly = 0 < len(part) < len(table)
    for name in metric_names(table):
        made[name] = {**asdict(_estimate(table, name)), "scored_only": None}
        if partly and name in metric_names(part):
            made[name]["scored_only"] = _estimate(part, name).value
    return made


def metric_names(table: ClassTable) -> list[str]:
    """The metrics of the set that its attempts have."""
    if not len(table):
        return []
    several, scope = table.classes.several, table.classes.out_of_scope
    names = ["macro_f1", "weighted_f1", *(["micro_f1", "samples_f1"] if several else [])]
    outside = [scope in each.wanted for each in table.attempts] if scope else []
    if any(outside):
        names += ["oos_recall", "oos_precision"]
        if not all(outside):
            names.insert(-2, "in_scope_accuracy")
            if all(each.confidence is not None or each.given is None for each in table.attempts) and any(
                each.confidence is not None for each in table.attempts
            ):
                names.append("oos_auroc")
    return names


def item_influence(table: ClassTable, name: str) -> NDArray[Any]:
    """What each attempt adds to a metric of the set: numbers whose mean over items is the metric, and which
    can be paired between two runs like scores. Shape (attempts,)."""
    from harness.stats.bootstrap import influence

    _, weights = _items(table)
    if name in ("samples_f1", "oos_auroc"):
        return _attempt_values(table, name)
    return influence(_rows_of(table, table.labels), weights, _statistic(table, name))


def _estimate(table: ClassTable, name: str) -> Any:
    import numpy as np
    from scipy import sparse

    from harness.stats.bootstrap import bootstrap_estimate
    from harness.stats.classification import mean_of_items

    items, weights = _items(table)
    by_item = sparse.csr_matrix((weights, (items, np.arange(len(items)))))
    groups = None
    if any(each.group is not None for each in table.attempts):
        named: dict[int, str] = {}
        for item, each in zip(items.tolist(), table.attempts, strict=True):
            named[item] = f"#{item}" if each.group is None else each.group
        groups = [named[item] for item in range(len(named))]
    if name in ("samples_f1", "oos_auroc"):
        values = by_item @ _attempt_values(table, name)
        return bootstrap_estimate(
            np.column_stack([values, np.ones_like(values)]), mean_of_items, groups=groups
        )
    return bootstrap_estimate(by_item @ _rows_of(table, table.labels), _statistic(table, name), groups=groups)


def _statistic(table: ClassTable, name: str) -> Any:
    from harness.stats.classification import STATISTICS, out_of_scope_statistics

    if name in STATISTICS:
        return STATISTICS[name]
    return out_of_scope_statistics(table.labels.index(str(table.classes.out_of_scope)))[name]


def _attempt_values(table: ClassTable, name: str) -> NDArray[Any]:
    """Of metrics that are means over attempts, what each of these has."""
    import numpy as np

    if name == "samples_f1":
        return np.array([_overlap(each) for each in table.attempts])
    from harness.stats.classification import auroc_values

    scope = str(table.classes.out_of_scope)
    outside = np.array([scope in each.wanted for each in table.attempts])
    return auroc_values(outside, np.array([_out_of_scope_score(each, scope) for each in table.attempts]))


def _overlap(attempt: ClassAttempt) -> float:
    """F1 of one attempt's classes; 0 where none was wanted and none given, as scikit-learn has it."""
    given = attempt.given or ()
    both = len(given) + len(attempt.wanted)
    return 2 * len(set(given) & set(attempt.wanted)) / both if both else 0.0


def _out_of_scope_score(attempt: ClassAttempt, scope: str) -> float:
    """How likely an attempt takes its item to be out of scope, in [0, 2]: 1 + confidence where it says so,
    1 - confidence where it gives another class, 1 where it gives no answer."""
    if attempt.given is None:
        return 1.0
    sure = attempt.confidence or 0.0
    return 1.0 + sure if scope in attempt.given else 1.0 - sure


def _rows_of(table: ClassTable, labels: Iterable[str]) -> Any:
    from harness.stats.classification import class_rows

    place = {label: n for n, label in enumerate(labels)}
    wanted = [[place[label] for label in each.wanted] for each in table.attempts]
    given = [[place[label] for label in each.given or ()] for each in table.attempts]
    return class_rows(wanted, given, len(place))


def _items(table: ClassTable) -> tuple[NDArray[Any], NDArray[Any]]:
    """The number of each attempt's item, and its share in that item."""
    import numpy as np

    seen: dict[Any, int] = {}
    items = np.array([seen.setdefault(each.item, len(seen)) for each in table.attempts], dtype=np.int64)
    return items, 1 / np.bincount(items)[items]


def as_list(value: Any) -> list[Any]:
    """Several classes as a list: as they are, or from their JSON; a text that is none is one class."""
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return [value]
        return found if isinstance(found, list) else [value]
    return list(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
