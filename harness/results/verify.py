"""Whether what lies in a store is what was sealed: the attempts of a run, before they are used, and all of a
store at once."""

from __future__ import annotations

import atexit
import errno
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from harness.base.errors import RecordError, UsageError
from harness.base.files import Stamp, check_file, readable, stamp_of
from harness.results.attempts import ROWS_AT_ONCE, hashed_rows
from harness.results.curve import read_curve
from harness.results.kept import Entries, read_kept, write_kept
from harness.results.places import DEPTH
from harness.results.store import Store, existing

FORMAT = 1
#: bytes that the pages of attempts may unpack to whatever they take, and the texts of the rows that are read
#: at once; how many times what they take either may be; how many rows may lie in a byte
UNPACKED, AT_ONCE, RATIO, ROWS_OF_A_BYTE = 256 << 20, 1 << 30, 200, 1000
#: steps from the attempts of a run up to its store: the run's folders and `v1`
UP = DEPTH + 2
R = TypeVar("R", bound=Mapping[str, Any])


def verify_store(root: Path) -> tuple[list[str], int]:
    """Faults as sentences, and the number of sound runs. Every file is read; nothing that was found out
    before is believed.

    Raises:
        UsageError: there is no store at `root`, or an empty folder.
    """
    if not any(existing(root).iterdir()):
        raise UsageError(f"{root} is no result store but an empty folder; --store names another")
    faults: list[str] = []
    sound = 0
    for record in Store(root).sound(faults):
        try:
            verify_samples(record)
            read_curve(record)
            sound += 1
        except RecordError as error:
            faults.append(str(error))
    return faults, sound


def verify_samples(record: Mapping[str, Any]) -> None:
    """Whether the sealed attempts are those the record speaks of, and its numbers are theirs.

    Raises:
        RecordError: the file is missing, broken, or holds other rows; or the record contradicts them.
    """
    from harness.results.recount import contradiction  # which reads attempts as they are verified here

    path = Path(record["samples_path"])
    verify_attempts(path, record["samples"]["digest"], record["samples"]["rows"])
    with readable(path):
        fault = contradiction(path, record)
    if fault:
        raise RecordError(f"{path}: {fault}; restore it or remove the run")


def verify_attempts(path: Path, digest: str, expected: int | None = None) -> None:
    """Whether a file holds the attempts of a digest, and as many as `expected`, if given.

    Raises:
        RecordError: as in `verify_samples`.
    """
    from pyarrow import parquet

    hasher, rows = hashlib.sha256(), 0
    with readable(path):
        stamp = stamp_of(check_file(path))
        check_unpacked(path)
    with readable(path), parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
            hasher.update(hashed_rows(batch))
            rows += batch.num_rows
    if expected not in (None, rows) or hasher.hexdigest() != digest:
        raise RecordError(f"{path} was changed after it was sealed; restore it or remove the run")
    _note(path, stamp, digest)


def check_unpacked(path: Path) -> None:
    """Whether attempts unpack to what a file of their size may hold, before anything is unpacked.

    Raises:
        OSError: they were made to fill the memory.
    """
    import pyarrow.compute as pc
    from pyarrow import parquet

    size = path.stat().st_size
    with parquet.ParquetFile(path) as file:
        meta = file.metadata
        groups = [meta.row_group(n) for n in range(meta.num_row_groups)]
        pages = sum(
            group.column(n).total_uncompressed_size for group in groups for n in range(meta.num_columns)
        )
        columns = [file.schema.column(n) for n in range(meta.num_columns)]
        texts = [each.name for each in columns if each.physical_type == "BYTE_ARRAY"]
        rows = meta.num_rows
    bomb = pages > max(UNPACKED, RATIO * size) or rows > ROWS_OF_A_BYTE * size
    most = max(AT_ONCE, RATIO * size)
    if not bomb and pages * min(rows, ROWS_AT_ONCE) > most:  # one long text may stand in every row
        with parquet.ParquetFile(path, read_dictionary=texts) as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=texts):
                lengths = (pc.binary_length(each.dictionary).cast("int64") for each in batch.columns)
                taken = (n.take(each.indices) for n, each in zip(lengths, batch.columns, strict=True))
                bomb |= sum(pc.sum(each).as_py() or 0 for each in taken) > most
    if bomb:
        raise OSError(errno.EFBIG, f"its {size:,} bytes unpack to more than attempts do, as a bomb's")


class _Known:
    """The files of attempts of a store that were verified, each as it was then: by its path in the store,
    the digest of its attempts."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / ".index" / f"samples.{FORMAT}.json"
        self.entries: Entries = read_kept(self.path)
        self.changed = False

    def keep(self) -> None:
        if self.changed:
            write_kept(self.path, {n: e for n, e in self.entries.items() if (self.root / n).exists()})
            self.changed = False


_stores: dict[Path, _Known] = {}


@atexit.register
def _keep_all() -> None:
    for known in _stores.values():
        known.keep()


def verified(run: Mapping[str, Any]) -> None:
    """Whether the attempts of a run (a record, or a row of the index) are those that were sealed. A file that
    was found sound is believed for as long as it stays as it is.

    Raises:
        RecordError: as in `verify_samples`.
    """
    path = Path(run["samples_path"])
    digest = run["samples"]["digest"] if "samples" in run else run["samples_digest"]
    with readable(path):
        stamp: Stamp = stamp_of(check_file(path))
    known, name = _known(path)
    if known.entries.get(name) != (stamp, digest):
        verify_attempts(path, digest)


def note_sealed(record: Mapping[str, Any]) -> None:
    """Keep that this process has just written the attempts of a record, so that they need not be read."""
    path = Path(record["samples_path"])
    with suppress(OSError):
        _note(path, stamp_of(check_file(path)), record["samples"]["digest"])


def _note(path: Path, stamp: Stamp, digest: str) -> None:
    known, name = _known(path)
    known.entries[name] = stamp, digest
    known.changed = known.root.joinpath("v1").is_dir()


def _known(path: Path) -> tuple[_Known, str]:
    """What is known of the store in which a file of attempts lies, and the file's path in it."""
    root = path.parents[UP - 1] if len(path.parents) >= UP else path.parent
    if root not in _stores:
        _stores[root] = _Known(root)
    return _stores[root], str(path.relative_to(root))


def sound_attempts(rows: Iterable[R]) -> tuple[list[R], list[str]]:
    """The rows whose sealed attempts are what was sealed, and a sentence for each of the others."""
    sound, faults = list[R](), list[str]()
    for row in rows:
        try:
            verified(row)
        except RecordError as error:
            faults.append(str(error))
        else:
            sound.append(row)
    return sound, faults
