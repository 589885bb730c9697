"""An index of a store: what tables need of every record, kept beside the records and rebuilt at will.

Reading and checking a record costs half a millisecond, which ten thousand of them make felt. The index keeps
a record's row while the file is as it was; it can be deleted at any time, and a row that was changed in it is
made again from the record (`kept.py`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base.errors import RecordError
from harness.base.files import Stamp
from harness.results.kept import read_kept, write_kept
from harness.results.places import beside, places
from harness.results.store import Store, standing, twice

FORMAT = 11


@dataclass(frozen=True)
class Index:
    """The rows of a store's sound records, and one sentence for each record that can't be trusted."""

    rows: list[dict[str, Any]]
    faults: list[str]


def read_index(root: Path) -> Index:
    """What a store holds, with every record that is new or changed read and verified."""
    path = root / ".index" / f"rows.{FORMAT}.json"
    kept = read_kept(path)
    entries: dict[str, tuple[Stamp, Any]] = {}
    rows, faults = list[dict[str, Any]](), list[str]()
    seen: dict[tuple[str, int], str] = {}
    for place in places(root):
        folder = f"{root}/{place.folder}"
        if place.fault:
            faults.append(place.fault)
            continue
        stamp, found = kept.get(place.folder, ([], {}))
        try:
            if stamp != place.stamp:
                found = row(Store(root).read(Path(folder)))
            if fault := twice(found, folder, seen):
                raise RecordError(fault)
        except RecordError as error:
            if os.path.lexists(folder):  # else it was removed meanwhile
                faults.append(str(error))
            continue
        entries[place.folder] = place.stamp, found
        samples = beside(folder, found["samples_file"])
        rows.append({**found, "record": f"{folder}/run.json", "samples_path": samples})
    if entries != kept:
        write_kept(path, entries)
    return Index(rows, faults)


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
        "measures": {name: found["mean"] for name, found in (record.get("measures") or {}).items()},
        "classes": record.get("classes"),
        "private_targets": record.get("private_targets", False),
        "planned": record.get("planned"),
        "draws": record["draws"],
        "draw_digest": record.get("draw_digest"),
        "served": record.get("served"),
        "isolated": record.get("isolated", False),
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
