"""What a run's page says of its classes: scores by class, and what was confused."""

from __future__ import annotations

from dataclasses import dataclass

from harness.leaderboard.figures import Table
from harness.leaderboard.records import Record
from harness.results.classes import NO_ANSWER, class_report, read_classes

#: classes up to which the whole confusion matrix is shown, and pairs that are shown of more
MATRIX, PAIRS = 20, 50


@dataclass(frozen=True)
class Classes:
    """The tables of a run's page.

    `matrix` is a heat table, empty where there are many classes: a row a target, whose cells are counts with
    their share of the row. `answers` heads its columns.
    """

    scores: Table
    confused: Table
    pairs: int
    answers: list[str]
    matrix: list[tuple[str, list[tuple[int, float]]]]


def classes(record: Record) -> Classes | None:
    """None where the answers of a run are no classes or its targets are private.

    Raises:
        RecordError: the sealed attempts can't be read.
    """
    table = read_classes(record)
    if table is None or not len(table):
        return None
    report = class_report(table)
    averages = [(f"{each.label} average", each) for each in report.averages]
    rows = [
        (name, each.precision, each.recall, each.f1, each.support, each.given)
        for name, each in (*averages, *((each.label, each) for each in report.classes))
    ]
    support = {each.label: each.support for each in report.classes}
    single = bool(report.matrix)
    pairs = [
        (target, answer, count, support[target], count / max(support[target], 1))
        for target, answer, count in report.confused[:PAIRS]
    ]
    head = ("target", "answer") if single else ("class", "was")
    matrix, answers = [], []
    if single and len(report.labels) <= MATRIX:
        width = len(report.labels) + any(row[-1] for row in report.matrix)
        answers = [*report.labels, NO_ANSWER][:width]
        for target, row in zip(report.labels, report.matrix, strict=True):
            matrix.append((target, [(count, count / max(sum(row), 1)) for count in row[:width]]))
    return Classes(
        Table("Scores by class", ("class", "precision", "recall", "F1", "support", "given"), rows),
        Table(
            "Confused most" if single else "Missed, or given without being wanted, most",
            (*head, "count", "support", "share of the support"),
            pairs,
        ),
        len(report.confused),
        answers,
        matrix,
    )
