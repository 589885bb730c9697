"""Runs that were sealed when a server's address was part of their id: they answer for the same run now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.base.digest import digest
from harness.run.prepare import Prepared
from harness.run.session import Session


def sealed_formerly(prepared: Prepared, session: Session) -> dict[str, Any] | None:
    """The newest record in force of the same measurement under another id; None if there is none. Looked for
    only where a server may have been in the id.

    Raises:
        RecordError: it can't be trusted.
    """
    cell = prepared.cell
    if not any(each.remote for each in (prepared.provider, *prepared.roles.values())):
        return None
    comparability, subject = digest(dict(prepared.comparability)), digest(dict(prepared.subject))
    found = [
        row
        for row in session.before
        if (row["comparability_key"], row["subject_key"], row["seed"]) == (comparability, subject, cell.seed)
        and ((row["planned"] or {}).get("epochs") or row["epochs"]) == cell.request.epochs
        and row["run_id"] != prepared.run_id
        and all(
            row["code"][name]["digest"] == part.digest
            for name, part in prepared.code.items()
            if part.development
        )
    ]
    if not found:
        return None
    newest = max(found, key=lambda row: (row["created_at"], row["run_id"]))
    return session.store.read(Path(newest["record"]).parent)
