"""Data sets of the Hugging Face Hub, pinned; a local mirror read by the same code; the user's files."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from harness.base import paths
from harness.base.digest import digest, file_digest
from harness.base.errors import DataError, nearest, reason_of
from harness.data.content import Form
from harness.data.reach import Reach
from harness.data.table import TextTable
from harness.data.tables import read_table
from harness.spec import DataPin


@dataclass
class Data:
    """What a task loads its rows through; remembers what was read, for the run's record.

    `mirror` is a folder that holds `org/name` folders in the shape of Hub repositories.
    """

    mirror: Path | None = None
    offline: bool = False
    read: list[dict[str, Any]] = field(default_factory=list)
    reach: Reach = field(default_factory=Reach)

    @classmethod
    def from_environment(
        cls, mirror: str | None = None, offline: bool = False, reach: Reach | None = None
    ) -> Data:
        """`mirror`, else `HARNESS_MIRROR`, else the Hub; `reach` is what is known of that already."""
        chosen = mirror or os.environ.get("HARNESS_MIRROR")
        if chosen and not Path(chosen).is_dir():
            raise DataError(f"the mirror {chosen} is not a folder; correct --mirror or HARNESS_MIRROR")
        return cls(Path(chosen).absolute() if chosen else None, offline, reach=reach or Reach())

    def rows(self, pin: DataPin, columns: Sequence[str]) -> Rows:
        """The rows of one split, with at least `columns`.

        Raises:
            DataError: not reachable, no such split, or a column is missing; names id and cure.
        """
        table = self._asked(_load, pin)
        self.read.append(
            {
                "id": pin.id,
                "config": pin.config,
                "split": pin.split,
                "revision": pin.revision,
                "pinned": pin.revision != "main",
            }
        )
        return _with_columns(Rows(table), columns, f"{pin.id} ({pin.split})")

    def splits(self, pin: DataPin) -> list[str]:
        """The names of the splits that this copy of a data set has, for tasks that can do without one.

        Raises:
            DataError: not reachable, or no such config.
        """
        found: list[str] = self._asked(_splits, pin)
        return found

    def _asked(self, read: Callable[[str, str | None, DataPin], Any], pin: DataPin) -> Any:
        """What `read` finds of a data set.

        Raises:
            DataError: as `rows`.
        """
        source, revision = self._source(pin)
        if revision is None:
            return read(source, revision, pin)
        try:
            with self.reach.hub(allowed=not self.offline):
                return read(source, revision, pin)
        except DataError:
            if self.offline or not self.reach.down:
                raise
            raise DataError(
                f"can't read the data set {_named(pin)}: the Hub can't be reached ({self.reach.down}), and "
                f"this machine has no copy; {_without_network(pin)}"
            ) from None

    def _source(self, pin: DataPin) -> tuple[str, str | None]:
        """Where a data set is read from, and the revision of it, None for a mirror.

        Raises:
            DataError: it is not in the mirror, and nothing else may be asked.
        """
        local = self.mirror / pin.id if self.mirror else None
        if local is not None and local.is_dir():
            return str(local), None
        if local is not None and self.offline:
            raise DataError(
                f"{pin.id} is not in the mirror {self.mirror}; copy the Hub repository to {local}"
            )
        return pin.id, pin.revision

    def file(self, path: str, columns: Sequence[str] | None, form: Form | None = None) -> Rows:
        """The rows of a table of the user's, of which every cell is text; see `tables.read_table`.

        Raises:
            DataError: no such file, it can't be read as it stands, or a column is missing.
        """
        table = read_table(Path(path), columns or None, form)
        self.note_file(path)
        return Rows(table)

    def note_file(self, path: str) -> None:
        """Remembers that the user's own file was read, for tasks that read a format of their own."""
        self.read.append(
            {
                "id": Path(path).name,
                "config": None,
                "split": None,
                "revision": "file",
                "pinned": True,
                "digest": file_digest(Path(path)),
            }
        )


class Rows(Sequence[dict[str, Any]]):
    """Rows of a table that stays memory-mapped; each row becomes a dict when it is looked at."""

    def __init__(self, table: Any) -> None:
        self._table = table

    @property
    def columns(self) -> list[str]:
        return list(self._table.column_names)

    def arrow(self, columns: Sequence[str]) -> Any:
        """Some columns of all rows as a pyarrow.Table, for sets too large for a dict a row."""
        if isinstance(self._table, TextTable):
            return self._table.arrow(columns)
        return self._table.select_columns(list(columns)).with_format("arrow")[:]

    def features(self, column: str) -> list[str] | None:
        """The label names of a class-label column, None for any other."""
        feature = getattr(self._table, "features", {}).get(column)
        return getattr(getattr(feature, "feature", feature), "names", None)

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._table[index]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._table)


def _load(source: str, revision: str | None, pin: DataPin) -> Any:
    import datasets

    datasets.disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # our own error says what its retries say
    splits = _splits(source, revision, pin)
    if pin.split not in splits:
        raise DataError(f"{_named(pin)} has no split {pin.split!r}; it has: {', '.join(splits)}")
    try:
        cache = _cache_of(Path(source)) if revision is None else None
        return datasets.load_dataset(source, pin.config, split=pin.split, revision=revision, cache_dir=cache)
    except Exception as error:
        raise _unreadable(pin, error) from error


def _splits(source: str, revision: str | None, pin: DataPin) -> list[str]:
    import datasets

    try:
        configs = datasets.get_dataset_config_names(source, revision=revision)
        if pin.config and pin.config not in configs:
            raise DataError(f"{_named(pin)} has no config {pin.config!r}; {nearest(pin.config, configs)}")
        return list(datasets.get_dataset_split_names(source, pin.config, revision=revision))
    except DataError:
        raise
    except Exception as error:
        raise _unreadable(pin, error) from error


def _named(pin: DataPin) -> str:
    return f"{pin.id} ({pin.config})" if pin.config else pin.id


def _unreadable(pin: DataPin, error: Exception) -> DataError:
    reason = reason_of(error)[:200]
    return DataError(f"can't read the data set {_named(pin)}: {reason}; {_without_network(pin)}")


def _without_network(pin: DataPin) -> str:
    return (
        f"without a network, copy the Hub repository to DIR/{pin.id} and pass --mirror DIR or set "
        "HARNESS_MIRROR"
    )


def _cache_of(folder: Path) -> str:
    """Where `datasets` may keep what it made of a local folder. By itself it distinguishes folders by
    their last name alone, and would give the rows of another mirror, or those before a change."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    stamp = [[str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    return str(paths.cache_dir() / "datasets" / digest(stamp)[:16])


def _with_columns(rows: Rows, columns: Sequence[str], where: str) -> Rows:
    for column in columns:
        if column not in rows.columns:
            raise DataError(f"{where} has no column {column!r}; it has: {', '.join(rows.columns)}")
    return rows
