"""The fields in which two nested mappings differ, and their values as they are shown in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.results.labels import short


def flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping with dots between levels."""
    made: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            made |= flat(value, f"{prefix}{key}.")
        else:
            made[f"{prefix}{key}"] = value
    return made


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """The fields in which two (nested) mappings differ, with dots between levels."""
    left, right = flat(a), flat(b)
    return [field for field in sorted({*left, *right}) if left.get(field) != right.get(field)]


def field_of(mapping: Mapping[str, Any], field: str) -> Any:
    """The value behind a dotted field of `differing`."""
    return flat(mapping).get(field)


def brief(value: Any) -> str:
    """A value as it is shown in a sentence: a hash by its beginning, long text cut as in a label."""
    text = str(value)
    return text[:12] if len(text) == 64 else short(text, 60)
