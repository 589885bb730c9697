"""The fields in which two nested mappings differ, and how values and counts are shown in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.results.labels import short


def flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping with dots between levels."""
    made: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            made |= flat(value, f"{prefix}{key}.")
        else:  # a setting of which none is sent is no setting that nobody gave
            none = value is None and prefix.endswith("decoding.")
            made[f"{prefix}{key}"] = "none" if none else value
    return made


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """The fields in which two (nested) mappings differ, with dots between levels."""
    left, right = flat(a), flat(b)
    return [field for field in sorted({*left, *right}) if left.get(field) != right.get(field)]


def field_of(mapping: Mapping[str, Any], field: str) -> Any:
    """The value behind a dotted field of `differing`."""
    return flat(mapping).get(field)


def told_apart(files: Mapping[str, str]) -> dict[str, str]:
    """Names of files by digest; those that several files have end in the beginning of the digest."""
    held = Counter(files.values())
    return {digest: name if held[name] == 1 else f"{name} {digest[:8]}" for digest, name in files.items()}


def with_names(value: Any, names: Mapping[str, str]) -> Any:
    """A value in which every file, which keys know by the digest of its content, stands under its name."""
    if isinstance(value, Mapping) and "digest" in value and set(value) <= {"digest", "file"}:
        return names.get(value["digest"], value["digest"])
    if isinstance(value, Mapping):
        return {key: with_names(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [with_names(each, names) for each in value]
    return value


def brief(value: Any) -> str:
    """A value as it is shown in a sentence: a hash by its beginning, long text cut as in a label."""
    text = str(value)
    return text[:12] if len(text) == 64 else short(text, 60)


def counted(n: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
