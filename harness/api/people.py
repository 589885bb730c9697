"""What people said in a run, as rows that `recorded/FILE` plays in the role `human`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.settings import STORE
from harness.base.errors import UsageError
from harness.human.events import INTERRUPTION, IRREVERSIBLE, Event

ROLE = "human"


def replies(run: str, store: str | Path = STORE) -> list[dict[str, Any]]:
    """What the person of a run was asked and said, in the order of its attempts: `sample_id`, `epoch`, `n`
    (from 0, of what the person was asked in the attempt), `kind`, `request`, `reply`, `seconds` (None where
    nobody knows) and `by`, the model that replied.

    Raises:
        UsageError: there is no such run, or it asked nobody.
        RecordError: its record or attempts can't be trusted.
    """
    from harness.results.store import Store
    from harness.results.stored import attempt_batches

    record = Store(Path(store)).find(run)
    played = record["comparability"].get("roles", {}).get(ROLE)
    if not played:
        raise UsageError(f"run {run} had nobody in the role human, so nobody said anything")
    batches = attempt_batches(record, ["sample_id", "epoch", "answer"])
    found = [row for batch in batches for row in batch]
    rows = [said for row in found for said in _said(row, str(played["model"]))]
    if not rows:
        raise UsageError(f"in run {run} nobody was asked anything")
    return rows


def _said(row: Mapping[str, Any], by: str) -> Iterator[dict[str, Any]]:
    try:
        answer = json.loads(row["answer"] or "null")
    except (ValueError, RecursionError):
        return
    log = answer.get("human") if isinstance(answer, dict) else None
    events = [Event.of(each) for each in log or ()]
    asked = [e for e in events if e.took and e.kind not in (INTERRUPTION, IRREVERSIBLE)]
    for n, event in enumerate(asked):
        yield {
            **{"sample_id": row["sample_id"], "epoch": row["epoch"], "n": n, "kind": event.kind},
            **{"request": event.request, "reply": event.reply, "seconds": event.seconds, "by": by},
        }
