"""Content hashes: the same content gives the same id on every machine and Python version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.base.files import files_below

#: made once, as making it costs more than a short text does
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; floats as their shortest repr; NaN and infinity refused.

    Raises:
        ValueError: for NaN or infinity, which have no JSON form.
        TypeError: for a value that has no JSON form.
    """
    return _ENCODER.encode(value)


def digest(value: Any) -> str:
    """SHA-256 (64 hex digits) of the canonical JSON of `value`."""
    # surrogatepass: model output may hold lone surrogates, and hostile text must not stop a run
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def set_digest(item_digests: Iterable[str]) -> str:
    """One digest of a set of items, whatever their order."""
    hasher = hashlib.sha256()
    for item in sorted(item_digests):
        hasher.update(item.encode("ascii") + b"\n")
    return hasher.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (64 hex digits) of a file's bytes.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def path_digest(path: Path) -> str:
    """SHA-256 (64 hex digits) of a file's bytes, or of the names and bytes of all files below a folder, but
    for hidden ones and compiled Python.

    Raises:
        OSError: one of them can't be read.
    """
    if path.is_file():
        return file_digest(path)
    return digest({name: file_digest(file) for name, file in files_below(path).items()})


def seed_of(*parts: Any) -> int:
    """A 63-bit seed that depends on every part and on nothing else."""
    text = "\x1f".join(str(part) for part in parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
