"""The sealed attempts of one run: verified against the record, as the sample browser reads them."""

from __future__ import annotations

import json
from typing import Any

from harness.leaderboard.conversations import drawn
from harness.leaderboard.timelines import timeline
from harness.results.graded import is_graded
from harness.results.ranges import primary_range
from harness.results.stored import attempt_batches, item_metrics, question_of, target_of
from harness.results.verify import verify_samples

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
    "timeline",
)


def browser_script(record: dict[str, Any], shown: int = SHOWN) -> str:
    """A script that hands the attempts of a run to the browser; a page can load it from `file://`.

    The whole file is read and hashed, whatever is shown of it and was found out before.

    Raises:
        RecordError: the attempts are missing, broken, or not those that were sealed.
    """
    verify_samples(record)
    total = 0
    rows: list[list[Any]] = []
    names: list[str] | None = None
    span, graded = primary_range(record), False
    for attempt in (attempt for batch in attempt_batches(record) for attempt in batch):
        total += 1
        graded |= is_graded([attempt.get(record["primary"])], span)
        if len(rows) < shown:
            names = item_metrics(record, attempt) if names is None else names
            values = {
                "target": target_of(record, attempt),
                "input": question_of(attempt),
                "conversation": drawn(attempt.get("trace")),
                "timeline": timeline(attempt.get("trace"), attempt.get("answer")),
                "score": attempt.get(record["primary"]),
                "metrics": [attempt[name] for name in names],
            }
            rows.append([_short(values.get(name, attempt.get(name))) for name in FIELDS])
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


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST:
        return value[:LONGEST] + f"\n[{len(value) - LONGEST:,} more characters are in samples.parquet]"
    return value
