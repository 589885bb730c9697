"""What a store holds: the records in force, verified, and one sentence for each that can't be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.base.errors import RecordError
from harness.results.index import row
from harness.results.store import Store, existing, standing

Record = dict[str, Any]


@dataclass(frozen=True)
class Holdings:
    """Records in force, in a fixed order: the newest attempt of every run, neither superseded nor
    retracted; the sound records that are not in force are counted.

    `faults` maps a record's place in the store to what is wrong with it.
    """

    root: Path
    records: list[Record]
    faults: dict[str, str]
    superseded: int
    retracted: int

    def without(self, faults: dict[str, str]) -> Holdings:
        """The same without records whose attempts turned out to be broken."""
        kept = [record for record in self.records if place(record, self.root) not in faults]
        return replace(self, records=kept, faults=dict(sorted({**self.faults, **faults}.items())))


def read(root: Path) -> Holdings:
    """Every record of a store, its digest checked.

    Raises:
        UsageError: there is no such folder.
    """
    faults: dict[str, str] = {}
    sound: list[Record] = []
    for where, record in Store(existing(root)).each():
        if isinstance(record, RecordError):
            faults[where] = sentence(record, root)
        else:
            sound.append(record)
    found = standing(sound)
    return Holdings(root, found.in_force, faults, found.superseded, found.retracted)


def place(record: Record, root: Path) -> str:
    """Where a record lies in its store."""
    return Path(record["record"]).parent.relative_to(root).as_posix()


def row_of(record: Record) -> dict[str, Any]:
    """A record as `harness.comparison` reads it."""
    return {**row(record), "record": record["record"], "samples_path": record["samples_path"]}


def sentence(error: Exception, root: Path) -> str:
    """What is wrong, without where the store happens to lie."""
    return str(error).replace(f"{root}/", "")
