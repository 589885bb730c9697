"""Reads BFCL's own result files: `[result/]MODEL/GROUP/BFCL_v4_CATEGORY_result.json`, plain or gzipped.

Also read are files of rows that carry their own function documentation and ground truth (`category`,
`function`, `ground_truth`, `mode`), as outputs of older versions of the data need: these are graded
against what they carry.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.base.documents import load_json
from harness.base.errors import DataError
from harness.data.content import lines_of, read_bytes
from harness.data.responses import Response

FORMATS = (
    "a folder of BFCL_v4_CATEGORY_result.json files, one such file, or JSONL rows with id, category, mode, "
    "function, question and result (all plain or gzipped)"
)
FILE = re.compile(r"BFCL_v\d+_(\w+)_result\.json(?:\.gz)?$")


def names(path: Path) -> list[str]:
    """The tasks that a result folder, a result file or a file of joined rows has results of.

    Raises:
        DataError: a folder without result files, or with those of several models.
    """
    if path.is_dir():
        return [f"bfcl/{category}" for category in _files(path)]
    found = FILE.search(path.name)
    if found:
        return [f"bfcl/{found[1]}"]
    return list(dict.fromkeys(f"bfcl/{row['category']}" for row in _joined(path)))


def brings_items(path: Path) -> bool:
    """Whether it is a file of joined rows: these are of another version of the data, so that they make no
    V4 figures."""
    return not path.is_dir() and not FILE.search(path.name)


def read(path: Path, name: str) -> list[Response]:
    """The responses to one task, as `{"mode": "fc" or "prompt", "result": ...}` in JSON.

    Raises:
        DataError: a file that can't be read, or rows of another form.
    """
    category = name.removeprefix("bfcl/")
    if not path.is_dir() and not FILE.search(path.name):
        return [
            _response(
                path,
                n,
                row["id"],
                {
                    "mode": "fc" if row["mode"].lower() == "fc" else "prompt",
                    "result": row["result"],
                    "truth": row.get("ground_truth"),
                    "entry": {"id": row["id"], "function": row["function"], "question": row["question"]},
                },
            )
            for n, row in enumerate(_joined(path), 1)
            if row["category"] == category
        ]
    file = _files(path)[category] if path.is_dir() else path
    mode = "fc" if _calls_natively(path) else "prompt"
    return [
        _response(file, n, row["id"], {"mode": mode, "result": row["result"]}, row)
        for n, row in enumerate(_rows(file), 1)
    ]


def _response(
    file: Path, number: int, key: str, answer: dict[str, Any], row: dict[str, Any] | None = None
) -> Response:
    if not isinstance(key, str):
        raise DataError(f"{file.name} line {number}: 'id' is no text")
    row = row or {}
    usage = {
        ours: _total(row.get(theirs))
        for ours, theirs in (("input_tokens", "input_token_count"), ("output_tokens", "output_token_count"))
    }
    return Response(f"{file.name} line {number}", json.dumps(answer), sample_id=key, usage=usage)


def _total(count: Any) -> int | None:
    """Token counts are one number, or lists of them a turn and step; None where one is missing."""
    if isinstance(count, list):
        parts = [_total(part) for part in count]
        return None if None in parts else sum(part or 0 for part in parts)
    return int(count) if isinstance(count, int | float) and abs(count) < math.inf else None


def _files(path: Path) -> dict[str, Path]:
    """Result files by category, in the order of their names."""
    found: dict[str, Path] = {}
    for file in sorted(path.rglob("BFCL_*_result.json*")):
        matched = FILE.search(file.name)
        if matched:
            if matched[1] in found:
                raise DataError(
                    f"{path} holds results of several models ({found[matched[1]].parent} and "
                    f"{file.parent}); give the folder of one"
                )
            found[matched[1]] = file
    if not found:
        raise DataError(f"{path} holds no file BFCL_v4_CATEGORY_result.json")
    return found


def _calls_natively(path: Path) -> bool:
    """Whether the model ran with native calls: some result holds an object, or one of a single turn is a
    list; written calls are texts."""
    files = _files(path) if path.is_dir() else {FILE.search(path.name)[1]: path}  # type: ignore[index]
    for category, file in files.items():
        several = category.startswith(("multi_turn", "memory", "web_search"))
        if any(
            _has_call(row["result"]) or (isinstance(row["result"], list) and not several)
            for row in _rows(file)
        ):
            return True
    return False


def _has_call(result: Any) -> bool:
    if isinstance(result, list):
        return any(map(_has_call, result))
    return isinstance(result, dict)


@lru_cache(maxsize=32)
def _rows(file: Path) -> list[dict[str, Any]]:
    rows = []
    try:
        for number, line in lines_of(read_bytes(file)[0].decode(errors="replace")):
            row = load_json(line)
            if not isinstance(row, dict) or "id" not in row or "result" not in row:
                raise DataError(f"{file.name} line {number} is no result: it has no 'id' and 'result'")
            rows.append(row)
    except ValueError as error:
        raise DataError(f"can't read {file}: {error}") from error
    if not rows:
        raise DataError(f"{file} holds no results")
    return rows


def _joined(path: Path) -> list[dict[str, Any]]:
    """Rows that carry their own data; none if the file is of another kind."""
    if not path.name.endswith((".jsonl", ".jsonl.gz")):
        return []
    wanted = {"id", "category", "mode", "function", "question", "result"}
    try:
        rows = _rows(path)
    except DataError:
        return []
    able = all(
        wanted <= row.keys() and isinstance(row["category"], str) and isinstance(row["mode"], str)
        for row in rows
    )
    return rows if able else []
