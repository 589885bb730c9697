"""The results of a store as a paper's table: methods as rows, tasks as columns, mean with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.comparison.arms import Arm, Row, arms_of, shown_keys
from harness.comparison.items import ItemTables
from harness.comparison.scores import Score, score
from harness.comparison.select import by_key, newest_versions
from harness.results.export import latex_text, markdown, tabular
from harness.results.fields import brief, differing, field_of
from harness.results.labels import with_arguments
from harness.spec import MetricRange

#: fields that name a column where one task has several comparability keys
NAMED = 2


@dataclass(frozen=True)
class Paper:
    """Methods as rows, tasks as columns.

    Attributes:
        rows: method with the arguments that distinguish it, and model.
        columns: task with what distinguishes it, and its metric.
        scores: by row and column; absent where nothing was measured.
        spans: the range of each column's metric; what lies within -1 and 1 is shown in points.
        older: a sentence on the versions that were left out; empty if there are none.
    """

    rows: list[tuple[str, str]]
    columns: list[tuple[str, str]]
    scores: dict[tuple[int, int], Score]
    spans: list[MetricRange]
    older: str = ""

    def best(self, column: int) -> set[int]:
        """The rows with the best value of a column; none where only one row has a value."""
        sign = self.spans[column].sign
        values = {row: sign * found.value for (row, at), found in self.scores.items() if at == column}
        if len(values) < 2:
            return set()
        top = max(values.values())
        return {row for row, value in values.items() if value == top}


def paper(rows: Iterable[Row]) -> Paper:
    """The table of the complete runs among rows of the index, several seeds of a subject pooled.

    Raises:
        RecordError: sealed attempts can't be read.
    """
    kept, older = newest_versions([row for row in rows if row["status"] == "complete" and row["metrics"]])
    tables = by_key(arms_of(kept))
    names = _names(list(tables.values()))
    order = sorted(set(names.values()))
    load, scores = ItemTables(), {}
    columns, spans = [], []
    for at, table in enumerate(tables.values()):
        first = table[0]
        columns.append((_column(first, tables.values()), first.primary))
        spans.append(first.metric_range())
        for arm in table:
            scores[order.index(names[id(arm)]), at] = score(arm, load=load)
    return Paper(order, columns, scores, spans, older)


def _names(tables: Sequence[Sequence[Arm]]) -> dict[int, tuple[str, str]]:
    """Method and model by an arm's id: with the arguments in which the arms of a method differ, and where two
    would share a cell also with whatever else distinguishes them."""
    arguments: dict[str, dict[str, set[str]]] = {}
    for arm in (arm for table in tables for arm in table):
        of = arguments.setdefault(arm.method, {})
        for name, value in arm.subject["method_args"].items():
            of.setdefault(name, set()).add(str(value))
    names: dict[int, tuple[str, str]] = {}
    for table in tables:
        for arm in table:
            own = arm.subject["method_args"]
            varying = {name: own[name] for name in own if len(arguments[arm.method][name]) > 1}
            names[id(arm)] = (with_arguments(arm.method, varying), arm.model)
        held = Counter(names[id(arm)] for arm in table)
        for arm in table:
            if held[names[id(arm)]] > 1:
                names[id(arm)] = (arm.label(table), arm.model)
    return names


def _column(arm: Arm, tables: Iterable[Sequence[Arm]]) -> str:
    """A task's name, with the fields in which its comparability key differs from its others."""
    own, *others = shown_keys([arm, *(table[0] for table in tables if table[0].task == arm.task)])
    fields = dict.fromkeys(name for other in others for name in differing(own, other))
    arguments = [name for name in fields if name.startswith("task_args.")]
    apart = [other for other in others if other != own]
    if not all(any(field_of(own, n) != field_of(other, n) for n in arguments) for other in apart):
        arguments += sorted(name for name in fields if name not in arguments)
    values = {name.rpartition(".")[2]: field_of(own, name) for name in arguments[:NAMED]}
    shown = [f"{name}={brief(value)}" for name, value in values.items() if value is not None]
    return f"{arm.task} ({', '.join(shown)})" if shown else arm.task


def _cell(found: Score | None, scale: float) -> str:
    if found is None:
        return ""
    shown = f"{scale * found.value:.1f}"
    if found.interval is not None:
        shown += " [" + ", ".join(f"{scale * end:.1f}" for end in found.interval) + "]"
    return shown


def paper_markdown(made: Paper) -> str:
    """A pipe table; the best value of a column is bold, and columns say where that is the lowest."""
    return markdown(*_plain(made, bold="**"))


def _plain(made: Paper, bold: str) -> tuple[list[str], list[list[str]]]:
    best = [made.best(at) for at in range(len(made.columns))]
    rows = []
    for n, name in enumerate(made.rows):
        cells = [_cell(made.scores.get((n, at)), made.spans[at].points) for at in range(len(made.columns))]
        rows.append(
            [*name, *(f"{bold}{cell}{bold}" if n in best[at] else cell for at, cell in enumerate(cells))]
        )
    return ["method", "model", *_heads(made)], rows


def _heads(made: Paper) -> list[str]:
    """The names of the columns, with a word where less is better."""
    return [
        f"{name}, lower is better" if span.lower_is_better else name
        for (name, _), span in zip(made.columns, made.spans, strict=True)
    ]


def paper_latex(made: Paper) -> str:
    """A booktabs table with a caption that says what its numbers, intervals and bold type mean."""
    best = [made.best(at) for at in range(len(made.columns))]
    one_model = len({model for _, model in made.rows}) == 1
    rows = []
    for n, name in enumerate(made.rows):
        cells = [latex_text(part) for part in (name[:1] if one_model else name)]
        for at in range(len(made.columns)):
            cell = _cell(made.scores.get((n, at)), made.spans[at].points).replace("-", "$-$")
            cells.append(rf"\textbf{{{cell}}}" if n in best[at] else cell or "--")
        rows.append(cells)
    heads = ["Method", *([] if one_model else ["Model"]), *map(latex_text, _heads(made))]
    return (
        "% needs \\usepackage{booktabs}\n\\begin{table}\n\\centering\n"
        + tabular(heads, rows, 1 if one_model else 2)
        + f"\\caption{{{_caption(made, one_model)}}}\n\\end{{table}}\n"
    )


def _caption(made: Paper, one_model: bool) -> str:
    metrics = list(dict.fromkeys(metric for _, metric in made.columns))
    words = [f"{', '.join(map(latex_text, metrics))}: mean with its 95\\,\\% interval"]
    if all(span.points == 100 for span in made.spans):
        words[0] += ", in points"
    if one_model and made.rows:
        words.append(f"All methods use {latex_text(made.rows[0][1])}")
    units = {found.unit for found in made.scores.values()}
    runs = sorted({found.runs for found in made.scores.values()})
    if units == {"items", "items and runs"}:
        words.append("Intervals are over items, and over runs where methods draw something per run")
    elif units:
        words.append(f"Intervals are over {' or '.join(sorted(units))}")
    if runs and runs[-1] > 1:
        span = str(runs[0]) if len(runs) == 1 else f"{runs[0]} to {runs[-1]}"
        words.append(f"Each value pools {span} seed{'' if span == '1' else 's'}")
    lower = any(span.lower_is_better for span in made.spans)
    words.append(
        f"Bold: the {'best' if lower else 'highest'} value of a column, which need not differ from the "
        "others beyond noise"
    )
    return ". ".join(words) + "."
