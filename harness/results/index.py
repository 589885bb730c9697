"""An index of a store: what tables need of every record, kept beside the records and rebuilt at will.

Reading and checking a record costs half a millisecond, which ten thousand of them make felt. The index
keeps a record's row while the file keeps its size and modification time; it can be deleted at any time.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base.errors import RecordError
from harness.results.store import Store, standing

FORMAT = 8


@dataclass(frozen=True)
class Index:
    """The rows of a store's sound records, and one sentence for each record that can't be trusted."""

    rows: list[dict[str, Any]]
    faults: list[str]


def read_index(root: Path) -> Index:
    """What a store holds, with every record that is new or changed read and verified."""
    store = Store(root)
    path = root / ".index" / f"rows.{FORMAT}.json"
    kept = _read(path)
    entries: dict[str, list[Any]] = {}
    changed = False
    for folder, stamp in sorted(_records(root)):
        entry = kept.get(folder)
        if entry is None or entry[0] != stamp:
            changed = True
            try:
                entry = [stamp, row(store.read(root / folder)), None]
            except RecordError as error:
                entry = [stamp, None, str(error)]
        entries[folder] = entry
    if changed or len(entries) != len(kept):
        _write(path, entries)
    rows = []
    for folder, (_, found, _) in entries.items():
        if found is not None:
            place = root / folder
            rows.append(
                {
                    **found,
                    "record": str(place / "run.json"),
                    "samples_path": str(place / found["samples_file"]),
                }
            )
    return Index(rows, [fault for _, _, fault in entries.values() if fault])


def in_force(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that tables show: neither superseded nor retracted."""
    return standing(rows).in_force


def row(record: dict[str, Any]) -> dict[str, Any]:
    """What tables, comparisons and checks need of a record, without opening it again."""
    return {
        key: record[key]
        for key in (
            "run_id",
            "attempt",
            "status",
            "created_at",
            "model",
            "seed",
            "epochs",
            "n_items",
            "primary",
            "metrics",
            "metric_ranges",
            "counts",
            "data_access",
            "comparability",
            "comparability_key",
            "subject",
            "subject_key",
            "supersedes",
            "result_digest",
            "licence",
            "code",
        )
    } | {
        "subject": _with_code(record),
        "task": record["task"]["name"],
        "task_version": record["task"]["version"],
        "method": record["method"]["name"],
        "method_version": record["method"]["version"],
        "usage": {key: value for key, value in record["usage"].items() if key != "by_purpose"},
        "wall_s": record["volatile"]["wall_s"],
        "files": _files(record),
        "samples_file": record["samples"]["file"],
        "samples_digest": record["samples"]["digest"],
        "reasons": record.get("reasons"),
        "curve": record.get("curve"),
        "classes": record.get("classes"),
        "private_targets": record.get("private_targets", False),
        "planned": record.get("planned"),
        "draws": record["draws"],
        "draw_digest": record.get("draw_digest"),
        "served": record.get("served"),
    }


def placed_row(record: dict[str, Any]) -> dict[str, Any]:
    """The row of a record as `read_index` gives it, with the places of its files."""
    return {**row(record), "record": record["record"], "samples_path": record["samples_path"]}


def _with_code(record: dict[str, Any]) -> dict[str, Any]:
    """The subject, with the code of a method in development: rows of other code are not of the same arm."""
    code = record["code"]["method"]
    return {**record["subject"], "code": code["digest"]} if code["development"] else record["subject"]


def _files(record: dict[str, Any]) -> dict[str, str]:
    """The names of the files that arguments name, by the digest of their content, which keys hold."""
    values = [*record["task"].get("args", {}).values(), *record["method"].get("args", {}).values()]
    return {v["digest"]: v["file"] for v in values if isinstance(v, dict) and {"digest", "file"} <= set(v)}


def _records(root: Path) -> Iterator[tuple[str, list[int]]]:
    """(folder relative to the store, stamp) of every sealed record."""

    def below(folder: str, depth: int) -> Iterator[os.DirEntry[str]]:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return
        for entry in entries:
            if depth == 0:
                if entry.name == "run.json":
                    yield entry
            elif entry.is_dir():
                yield from below(entry.path, depth - 1)

    prefix, suffix = len(str(root)) + 1, len("/run.json")
    for entry in below(str(root / "v1"), 5):
        status = entry.stat()
        yield entry.path[prefix:-suffix], [status.st_mtime_ns, status.st_size]


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, entries: dict[str, list[Any]]) -> None:
    try:  # an index that can't be written only costs time
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{uuid.uuid4().hex}.part")
        temporary.write_text(json.dumps(entries), "utf-8")
        temporary.replace(path)
    except OSError:
        pass
