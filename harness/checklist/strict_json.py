"""JSON as all readers understand it: no NaN or infinities, no key given twice."""

from __future__ import annotations

import json
from typing import Any

from harness.checklist.faults import shown


class Refused(ValueError):
    """Text that some readers of JSON take, and others don't or lose a part of."""


def strict_json(text: str) -> Any:
    """
    Raises:
        Refused: some readers would take it; says what is wrong, with the cure.
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Refused(f"an object names {shown(twice)} twice; leave one out")
    return made


def _constant(name: str) -> Any:
    raise Refused(f"{name} is no number of JSON; write null or a number")
