"""The sealed attempts of one run: verified against the record, as the sample browser reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.base.errors import RecordError, reason_of
from harness.leaderboard.conversations import drawn
from harness.results.attempts import hashed_part
from harness.results.graded import is_graded
from harness.results.ranges import primary_range
from harness.results.stored import item_metrics, question_of, target_of

#: attempts of a run that the browser holds, the first in the order of the set
SHOWN = 5_000
#: characters of a text that the browser holds; parquet has the rest
LONGEST = 20_000
FIELDS = (
    "sample_id",
    "epoch",
    "status",
    "answer",
    "target",
    "score",
    "metrics",
    "stop_reason",
    "confidence",
    "calls",
    "input_tokens",
    "output_tokens",
    "input",
    "completion",
    "trace",
    "reason",
    "group",
    "conversation",
)


def browser_script(record: dict[str, Any], shown: int = SHOWN) -> str:
    """A script that hands the attempts of a run to the browser; a page can load it from `file://`.

    The whole file is read and hashed, whatever is shown of it.

    Raises:
        RecordError: the attempts are missing, broken, or not those that were sealed.
    """
    hasher, total = hashlib.sha256(), 0
    rows: list[list[Any]] = []
    names: list[str] | None = None
    span, graded = primary_range(record), False
    for attempt in _read(record):
        try:
            hasher.update(hashed_part(attempt))
        except (ValueError, TypeError):  # what was sealed has a JSON form
            break
        total += 1
        graded |= is_graded([attempt.get(record["primary"])], span)
        if len(rows) < shown:
            names = item_metrics(record, attempt) if names is None else names
            values = {
                "target": target_of(record, attempt),
                "input": question_of(attempt),
                "conversation": drawn(attempt.get("trace")),
                "score": attempt.get(record["primary"]),
                "metrics": [attempt[name] for name in names],
            }
            rows.append([_short(values.get(name, attempt.get(name))) for name in FIELDS])
    if total != record["samples"]["rows"] or hasher.hexdigest() != record["samples"]["digest"]:
        raise RecordError(
            f"{record['samples_path']} was changed after it was sealed; restore it or remove the run"
        )
    data = {
        "fields": FIELDS,
        "rows": rows,
        "total": total,
        "metrics": names or [],
        "sign": span.sign,
        "best": None if graded else span.best,
    }
    return f"window.harnessAttempts={script_json(data)};\n"


def script_json(value: Any) -> str:
    """JSON that no HTML or script parser can mistake for anything else."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        if sign in text:
            text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _read(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    import pyarrow
    from pyarrow import parquet

    path = Path(record["samples_path"])
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=5000):
                yield from batch.to_pylist()
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise RecordError(f"{path} can't be read: {reason_of(error)}") from None


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST:
        return value[:LONGEST] + f"\n[{len(value) - LONGEST:,} more characters are in samples.parquet]"
    return value
