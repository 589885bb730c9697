"""How far verdicts agree: of two judges, of a judge and people, of a judge's votes with each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.row_files import read_rows
from harness.base.errors import DataError, UsageError
from harness.display.layout import Block, Line, Shown, Table

if TYPE_CHECKING:
    from harness.checklist.agreement import SelfAgreement
    from harness.stats.agreement import Agreement

#: uuid, rollout, turn, item: of one verdict
Key = tuple[str, int, int, str]
WORDS = {
    **dict.fromkeys(("true", "yes", "1", "met"), True),
    **dict.fromkeys(("false", "no", "0", "unmet"), False),
}
PLACE = ("uuid", "rollout", "turn", "item")
COLUMNS = ("uuid", "turn", "item", "verdict")


@dataclass(frozen=True, repr=False)
class Verdicts(Shown):
    """What `checklist_agreement` found. A verdict is that of an item on its turn: met after any of its steps.

    Attributes:
        files: what was compared; one file: its judge with itself.
        overall: agreement of the two with kappa and intervals over dialogues; None with one file.
        by_focus: the same by the part of a message that items are about.
        left_out: verdicts that only one of the two has, or has decided.
        votes: of each file whose judge voted several times, how far its votes agree.
        disagreements: where the two differ: uuid, rollout, turn, item, question, and both verdicts.
    """

    files: Sequence[str]
    overall: Agreement | None
    by_focus: Mapping[str, Agreement]
    left_out: int
    votes: Mapping[str, SelfAgreement]
    disagreements: Sequence[Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """The object that `harness checklist agree --json` prints."""
        return {
            "schema": 1,
            "files": list(self.files),
            "overall": _plain(self.overall),
            "by_focus": {focus: _plain(found) for focus, found in self.by_focus.items()},
            "left_out": self.left_out,
            "votes": {name: asdict(found) for name, found in self.votes.items()},
            "disagreements": list(self.disagreements),
        }

    def blocks(self) -> list[Block]:
        made: list[Block] = []
        if self.overall is not None:
            rows = [_cells("all items", self.overall)]
            rows += [_cells(focus, found) for focus, found in self.by_focus.items()]
            names = ("items about", "verdicts", "equal [95 %]", "Cohen's kappa [95 %]")
            made.append(Table(names, rows, right=("verdicts",), keep=names))
            made.append(Line(f"{self.left_out} verdicts have no counterpart and are left out"))
        for name, votes in self.votes.items():
            kappa = "unknown" if votes.kappa is None else f"{votes.kappa:.3f}"
            made.append(
                Line(
                    f"{name}: {votes.pairwise:.3f} of its pairs of votes are equal, Fleiss' kappa {kappa} "
                    f"({votes.questions} decisions, {votes.unscored} votes without an answer)"
                )
            )
        if self.disagreements:
            shown = [
                [
                    *(str(each[name]) for name in PLACE),
                    *_two(each),
                    each["question"],
                ]
                for each in self.disagreements[:20]
            ]
            heads = (*PLACE, "first", "second", "question")
            made.append(Table(heads, shown, titles=4, keep=("first", "second")))
        if len(self.disagreements) > 20:
            made.append(Line(f"... and {len(self.disagreements) - 20} more disagreements (--json)"))
        return made


def checklist_agreement(
    first: str | Path, second: str | Path | None = None, *, columns: Mapping[str, str] | None = None
) -> Verdicts:
    """Compares the verdicts of two files, or the votes of one.

    Args:
        first: a file of verdicts, as `judge_trajectories` writes it.
        second: another, or verdicts of people: a table (CSV, JSONL, parquet, ...) with the columns uuid, turn
            (from 0), item and verdict (yes or no), and rollout where there are several; None compares the
            votes of the first with each other.
        columns: ours -> theirs, where a table has other names.

    Raises:
        DataError: a file is faulty; names the line.
        UsageError: the two share no verdict, or one file alone has single votes.

    Example:
        >>> harness.checklist_agreement("verdicts.jsonl", "people.csv").overall.kappa
    """
    from harness.checklist.agreement import self_agreement, with_people

    mine, items, votes = _verdict_file(first)
    ballots = {str(first): votes}
    if second is None:
        if not any(len(vote) > 1 for vote in votes):
            raise UsageError(
                f"{first} has single votes: 'harness checklist judge --votes 3' draws several, or name a "
                "second file"
            )
        return Verdicts([str(first)], None, {}, 0, {str(first): self_agreement(votes)}, [])
    others = items
    if _is_verdict_file(second):
        theirs, others, ballots[str(second)] = _verdict_file(second)
    else:
        theirs = _table(second, columns or {})
    shared = [key for key in mine if key in theirs]
    if other := next((key for key in shared if items[key] != others[key]), None):
        raise UsageError(
            f"item {other[3]} of turn {other[2]} of {other[0]!r} is another question in {second} "
            f"({others[other]['question']!r:.60}) than in {first} ({items[other]['question']!r:.60}); judge "
            "both by the same checklists"
        )
    if not shared:
        raise UsageError(
            f"{first} and {second} share no verdict: uuid, rollout, turn and item must be the same"
        )

    def compared(keys: Sequence[Key]) -> tuple[Agreement | None, int]:
        return with_people(
            [mine[key] for key in keys], [theirs[key] for key in keys], [key[0] for key in keys]
        )

    overall, undecided = compared(shared)
    if overall is None:
        raise UsageError(f"{first} and {second} share no decided verdict")
    by_focus = {}
    for focus in sorted({items[key]["focus_on"] for key in shared}):
        found, _ = compared([key for key in shared if items[key]["focus_on"] == focus])
        if found is not None:
            by_focus[focus] = found
    differ = [key for key in shared if None not in (mine[key], theirs[key]) and mine[key] != theirs[key]]
    return Verdicts(
        [str(first), str(second)],
        overall,
        by_focus,
        undecided + len(mine) + len(theirs) - 2 * len(shared),
        {name: self_agreement(each) for name, each in ballots.items() if any(len(v) > 1 for v in each)},
        [
            {
                **dict(zip(PLACE, key, strict=True)),
                "question": items[key]["question"],
                "first": mine[key],
                "second": theirs[key],
            }
            for key in differ
        ],
    )


def _is_verdict_file(path: str | Path) -> bool:
    name = str(path).lower()
    if ".jsonl" not in name and ".ndjson" not in name:
        return False
    return any("verdicts" in row for _, row in read_rows(path)[:1])


def _verdict_file(
    path: str | Path,
) -> tuple[dict[Key, bool | None], dict[Key, Mapping[str, Any]], list[Sequence[bool | None]]]:
    """The verdict of each item on its turn, the items, and the votes of every decision."""
    verdicts: dict[Key, bool | None] = {}
    items: dict[Key, Mapping[str, Any]] = {}
    votes: list[Sequence[bool | None]] = []
    lines: dict[tuple[str, int, int], int] = {}
    for number, row in read_rows(path):
        try:
            of = (str(row["uuid"]), int(row["rollout"]), int(row["variant"]))
            if (before := lines.setdefault(of, number)) != number:
                raise DataError(f"{path}, line {number}: judged in line {before} already; leave one out")
            # variants are other questions: their ids are told apart
            mark = f"#{row['variant']}" if row["variant"] else ""
            for t, steps in enumerate(row["verdicts"]):
                for i, item in enumerate(row["items"][t] if steps else ()):
                    key = (*of[:2], t, f"{item['id']}{mark}")
                    seen = [_verdict(step[i]) for step in steps]
                    verdicts[key] = True if True in seen else None if None in seen else False
                    items[key] = {"focus_on": str(item["focus_on"]), "question": str(item["question"])}
            votes += [[_verdict(each) for each in vote] for *_, vote in row["votes"]]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DataError(
                f"{path}, line {number}: no verdicts as 'harness checklist judge' writes them ({error!r:.60})"
            ) from None
    return verdicts, items, votes


def _verdict(given: Any) -> bool | None:
    """
    Raises:
        ValueError: it is neither true nor false nor null.
    """
    if given is None or isinstance(given, bool):
        return given
    raise ValueError(f"a verdict is true, false or null, not {given!r:.40}")


def _table(path: str | Path, columns: Mapping[str, str]) -> dict[Key, bool | None]:
    """Verdicts of people, one a row; an empty verdict is none."""
    from harness.data.content import Form
    from harness.data.tables import read_table

    if unknown := set(columns) - {*COLUMNS, "rollout"}:
        raise UsageError(f"--column {min(unknown)}: columns are {', '.join(COLUMNS)}, rollout")
    named = {name: columns.get(name, name) for name in (*COLUMNS, "rollout")}
    optional = [] if "rollout" in columns else [named["rollout"]]
    wanted = [each for name, each in named.items() if name != "rollout" or "rollout" in columns]
    table = read_table(Path(path), wanted, Form(flag="--", cure="; --column OURS=THEIRS renames"), optional)
    found: dict[Key, bool | None] = {}
    for n, row in enumerate(table):
        where = f"{path}, {table.place(n)}"
        cells = {name: _cell(row.get(theirs)) for name, theirs in named.items()}
        for name in (
            "turn",
            "rollout",
        ):  # tables made with pandas write 0.0 where a cell of the column is empty
            cells[name] = re.sub(r"\.0+\Z", "", cells[name])
        if not cells["turn"].isdecimal() or not (cells["rollout"] or "0").isdecimal():
            raise DataError(f"{where}: turn and rollout are whole numbers from 0")
        said = cells["verdict"].lower()
        if said and said not in WORDS:
            raise DataError(f"{where}: the verdict is yes or no (true, false, 1, 0), not {said!r:.40}")
        key = (cells["uuid"], int(cells["rollout"] or 0), int(cells["turn"]), cells["item"])
        if key in found:
            raise DataError(f"{where}: a second verdict on item {key[3]!r} of turn {key[2]} of {key[0]!r}")
        found[key] = WORDS.get(said)
    return found


def _cell(given: Any) -> str:
    return "" if given is None else str(given).strip()


def _plain(found: Agreement | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _two(each: Mapping[str, Any]) -> list[str]:
    return ["yes" if each[name] else "no" for name in ("first", "second")]


def _cells(name: str, found: Agreement) -> list[str]:
    low, high = found.raw_ci
    kappa = "unknown: both always said the same"
    if found.kappa is not None and found.kappa_ci is not None:
        kappa = f"{found.kappa:.3f} [{found.kappa_ci[0]:.3f}, {found.kappa_ci[1]:.3f}]"
    return [name, str(found.n), f"{found.raw:.3f} [{low:.3f}, {high:.3f}]", kappa]
