"""What a store holds: the records in force, verified, and one sentence for each that can't be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import RecordError, UsageError
from harness.results.index import in_force, row
from harness.results.store import Store

Record = dict[str, Any]


@dataclass(frozen=True)
class Holdings:
    """Records in force, in a fixed order: the newest attempt of every run that nothing supersedes.

    `faults` maps a record's place in the store to what is wrong with it; `superseded` counts the
    sound records that are no longer in force.
    """

    root: Path
    records: list[Record]
    faults: dict[str, str]
    superseded: int

    def without(self, faults: dict[str, str]) -> Holdings:
        """The same without records whose attempts turned out to be broken."""
        kept = [record for record in self.records if place(record, self.root) not in faults]
        return Holdings(self.root, kept, dict(sorted({**self.faults, **faults}.items())), self.superseded)

    def rows(self) -> list[dict[str, Any]]:
        """The records as comparisons read them."""
        return [row_of(record) for record in self.records]


def read(root: Path) -> Holdings:
    """Every record of a store, its digest checked.

    Raises:
        UsageError: there is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"no result store at {root}; 'harness eval' makes one, --out names another")
    store, faults = Store(root), dict[str, str]()
    sound: list[Record] = []
    for folder in store.folders():
        try:
            sound.append(store.read(folder))
        except RecordError as error:
            faults[folder.relative_to(root).as_posix()] = sentence(error, root)
    records = in_force(sound)
    return Holdings(root, records, faults, len(sound) - len(records))


def place(record: Record, root: Path) -> str:
    """Where a record lies in its store."""
    return Path(record["record"]).parent.relative_to(root).as_posix()


def row_of(record: Record) -> dict[str, Any]:
    """A record as `harness.compare` reads it."""
    return {**row(record), "record": record["record"], "samples_path": record["samples_path"]}


def sentence(error: Exception, root: Path) -> str:
    """What is wrong, without where the store happens to lie."""
    return str(error).replace(f"{root}/", "")
