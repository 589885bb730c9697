"""Scores by class and the pairs of classes that are confused, for people."""

from __future__ import annotations

from harness.display.layout import Block, Line, Table
from harness.results.classes import NO_ANSWER, ClassReport, ClassScore

#: classes up to which a terminal shows all of them, and the confusion matrix
MATRIX, ALL = 12, 30
#: how many are shown otherwise: classes by their F1, the lowest first, and pairs
WORST, PAIRS = 15, 15


def class_blocks(report: ClassReport) -> list[Block]:
    """Precision, recall and F1 by class; the confusion matrix of few classes, of many the pairs that are
    confused most."""
    shown, more = report.classes, ""
    if len(shown) > ALL:
        shown = sorted(shown, key=lambda each: (each.f1, each.label))[:WORST]
        more = f", the {WORST} with the lowest F1 (--json has all)"
    blocks: list[Block] = [Line(f"{len(report.classes)} classes{more}", "bold"), _scores(report, shown)]
    if report.matrix and len(report.labels) <= MATRIX:
        return [
            *blocks,
            Line("confusion matrix: a row a target, a column an answer", "bold"),
            _matrix(report),
        ]
    if report.confused:
        title = "confused most" if report.matrix else "missed, or given without being wanted, most"
        blocks += [Line(f"{title} ({len(report.confused)} pairs)", "bold"), _pairs(report)]
    return blocks


def _scores(report: ClassReport, shown: list[ClassScore]) -> Table:
    rows = [
        [each.label, *(f"{x:.3f}" for x in (each.precision, each.recall, each.f1)), str(n), str(given)]
        for each in shown
        for n, given in [(each.support, each.given)]
    ]
    for each in report.averages:
        rows.append(
            [f"{each.label} average", f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}"]
        )
        rows[-1] += [str(each.support), str(each.given)]
    names = ["class", "precision", "recall", "F1", "support", "given"]
    styles = [""] * len(shown) + ["bold"] * len(report.averages)
    return Table(names, rows, right=names[1:], keep=names, row_styles=styles)


def _matrix(report: ClassReport) -> Table:
    silent = any(row[-1] for row in report.matrix)
    answers = [*report.labels, *([NO_ANSWER] if silent else [])]
    rows = [
        [target, *map(str, row[: len(answers)])]
        for target, row in zip(report.labels, report.matrix, strict=True)
    ]
    names = ["target", *(f"-> {answer}" for answer in answers)]
    return Table(names, rows, right=names[1:], keep=names)


def _pairs(report: ClassReport) -> Table:
    support = {each.label: each.support for each in report.classes}
    rows = [
        [target, answer, str(count), str(support[target])]
        for target, answer, count in report.confused[:PAIRS]
    ]
    names = (
        ["target", "answer", "count", "support"] if report.matrix else ["class", "was", "count", "support"]
    )
    return Table(names, rows, right=names[2:], keep=names)
