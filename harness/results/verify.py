"""Checks a whole store: records, and the samples and learning curves behind them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from harness.base.errors import RecordError, reason_of
from harness.results.attempts import hashed_rows
from harness.results.curve import read_curve
from harness.results.store import Store


def verify_store(root: Path) -> tuple[list[str], int]:
    """Faults as sentences, and the number of sound runs."""
    store = Store(root)
    faults: list[str] = []
    sound = 0
    for folder in store.folders():
        try:
            record = store.read(folder)
            verify_samples(record)
            read_curve(record)
            sound += 1
        except RecordError as error:
            faults.append(str(error))
    return faults, sound


def verify_samples(record: dict[str, Any]) -> None:
    """Whether the sealed attempts are those the record speaks of.

    Raises:
        RecordError: the file is missing, broken, or holds other rows.
    """
    verify_attempts(Path(record["samples_path"]), record["samples"]["digest"], record["samples"]["rows"])


def verify_attempts(path: Path, digest: str, expected: int | None = None) -> None:
    """Whether a file holds the attempts of a digest, and as many as `expected`, if given.

    Raises:
        RecordError: as in `verify_samples`.
    """
    import pyarrow
    from pyarrow import parquet

    hasher, rows = hashlib.sha256(), 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=5000):
                hasher.update(hashed_rows(batch))
                rows += batch.num_rows
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise RecordError(f"{path} can't be read: {reason_of(error)}") from None
    if expected not in (None, rows) or hasher.hexdigest() != digest:
        raise RecordError(f"{path} was changed after it was sealed; restore it or remove the run")
