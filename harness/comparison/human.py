"""A run's verdicts beside labels of people: how far they agree, and on what they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import DataError, UsageError
from harness.results.stored import read_attempts

if TYPE_CHECKING:
    from harness.data.table import TextTable
    from harness.stats.agreement import Agreement

#: what a person's label says, in small letters
WORDS = {
    **dict.fromkeys(("correct", "right", "true", "yes", "pass", "1", "1.0"), "correct"),
    **dict.fromkeys(("incorrect", "wrong", "false", "no", "fail", "0", "0.0"), "incorrect"),
}
WANTED = (
    "wanted is one label a row: 'sample_id' (or 'input'), 'epoch' where an item was answered several times, "
    "and 'label', which is correct or incorrect"
)


@dataclass(frozen=True)
class HumanAgreement:
    """The agreement, and what it leaves out.

    Attributes:
        agreement: of people (first) and the run (second), over `correct` and `incorrect`.
        differing: (sample, epoch, what the person said), where the run said the other.
        unscored: labelled attempts without a verdict: unscored, or ended in errors.
        no_answer: labelled attempts that held no answer, which nobody had to judge.
        unlabelled: verdicts without a label.
        unknown: labels of no attempt of this run.
    """

    agreement: Agreement
    differing: tuple[tuple[str, int, str], ...]
    unscored: int
    no_answer: int
    unlabelled: int
    unknown: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"schema": 1, **asdict(self)}

    def lines(self) -> list[str]:
        """As a terminal has it."""
        found = self.agreement
        size = max(len(str(n)) for row in found.table for n in row)
        lines = [
            f"{found.n} verdicts beside labels of people",
            f"raw agreement {found.raw:.3f} {_ends(found.raw_ci)}",
            "kappa not defined: people and run used one and the same label throughout"
            if found.kappa is None or found.kappa_ci is None
            else f"Cohen's kappa {found.kappa:.3f} {_ends(found.kappa_ci)}, 95 % intervals",
        ]
        for name, row in zip(found.categories, found.table, strict=True):
            said = ", ".join(f"{n:>{size}} {other}" for n, other in zip(row, found.categories, strict=True))
            lines.append(f"people say {name}: the run says {said}")
        for n, what in (
            (self.unscored, "labelled attempts have no verdict (unscored or errors) and are left out"),
            (self.no_answer, "labelled attempts held no answer and are left out"),
            (self.unlabelled, "verdicts have no label"),
            (self.unknown, "labels belong to no attempt of this run"),
        ):
            if n:
                lines.append(f"{n} {what}")
        if self.differing:
            shown = ", ".join(f"{sample}" for sample, _, _ in self.differing[:8])
            more = ", ..." if len(self.differing) > 8 else ""
            lines.append(f"they differ on {len(self.differing)}: {shown}{more} (--sample ID shows one)")
        return lines


def agreement_with(record: Mapping[str, Any], path: Path) -> HumanAgreement:
    """How far a run's verdicts, its primary metric where that is 0 or 1, agree with a file of labels.

    Raises:
        UsageError: the metric is no verdict, a label is none, two labels of one attempt differ, or no label
            belongs to a verdict.
        DataError: the file can't be read.
        RecordError: the run's attempts can't be read.
    """
    from harness.stats.agreement import agreement

    attempts = _attempts(record)
    labels, unknown = _labels(path, attempts)
    pairs, differing, unscored, no_answer = [], [], 0, 0
    for key, label in labels.items():
        row = attempts[key]
        if row["status"] != "ok":
            unscored += 1
        elif row["answer"] is None:
            no_answer += 1
        else:
            said = "correct" if row[record["primary"]] else "incorrect"
            pairs.append((label, said, row["group"] or f"#{key[0]}"))
            differing += [(*key, label)] if said != label else []
    if not pairs:
        without = f" ({unscored} labelled attempts have none)" if unscored else ""
        raise UsageError(f"{path.name}: no label belongs to a verdict of this run{without}; {WANTED}")
    people, run, groups = zip(*pairs, strict=True)
    verdicts = sum(row["status"] == "ok" and row["answer"] is not None for row in attempts.values())
    repeated = len(set(groups)) < len(groups)
    found = agreement(people, run, groups=list(groups) if repeated else None)
    left = verdicts - len(pairs)
    return HumanAgreement(found, tuple(differing), unscored, no_answer, left, unknown)


def _attempts(record: Mapping[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    primary = record["primary"]
    columns = ["sample_id", "epoch", "status", "answer", "input", "group", primary]
    rows = read_attempts(record, columns).to_pylist()
    if any(row["status"] == "ok" and row[primary] not in (0, 1) for row in rows):
        raise UsageError(f"{primary} is no verdict of right or wrong, and --human compares verdicts")
    return {(row["sample_id"], row["epoch"]): row for row in rows}


def _labels(
    path: Path, attempts: Mapping[tuple[str, int], Mapping[str, Any]]
) -> tuple[dict[tuple[str, int], str], int]:
    """The label of each attempt that has one, and how many labels belong to none. A row without a label is
    one that nobody has judged."""
    if not path.is_file():
        raise DataError(f"no file {path}; {WANTED}")
    table = _read(path)
    if not {"sample_id", "input"} & {*table.cells}:
        raise DataError(f"{path.name} has neither 'sample_id' nor 'input'; {WANTED}")
    by_input: dict[str, str] = {}
    for (sample, _), row in attempts.items():
        text = str(row["input"]).strip()
        if by_input.setdefault(text, sample) != sample:
            by_input[text] = ""  # of two samples: no name for either
    found: dict[tuple[str, int], str] = {}
    unknown = 0
    for number, row in enumerate(table):
        cells = {name: str(cell or "").strip() for name, cell in row.items()}
        label, place = cells["label"], f"{path.name}: {table.place(number)}"
        if not label:
            continue
        if label.lower() not in WORDS:
            raise UsageError(f"{place}: {label[:40]!r} is no label; {WANTED}")
        sample = cells.get("sample_id") or by_input.get(cells.get("input", ""), "")
        epoch = cells.get("epoch") or "0"
        if not epoch.isdecimal():
            raise UsageError(f"{place}: {epoch[:40]!r} is no epoch, a whole number from 0")
        key, said = (sample, int(epoch)), WORDS[label.lower()]
        if key not in attempts:
            unknown += 1
        elif found.setdefault(key, said) != said:
            raise UsageError(f"{place}: sample {sample!r}, epoch {epoch} has two labels; leave one")
    return found, unknown


#: stands in a message for options that say how a file is written, which there are none of here
_NO_OPTION = "\0"


def _read(path: Path) -> TextTable:
    from harness.data.content import Form
    from harness.data.tables import read_table

    try:
        return read_table(path, ["label"], Form(flag=_NO_OPTION), ["sample_id", "input", "epoch"])
    except DataError as error:
        said, option, _ = str(error).partition(_NO_OPTION)
        fault = said.rpartition("; ")[0] or said if option else said
        raise DataError(f"{fault}; save it as a table in UTF-8; {WANTED}") from None


def _ends(ends: tuple[float, float]) -> str:
    return f"[{ends[0]:.3f}, {ends[1]:.3f}]"
