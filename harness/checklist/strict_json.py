"""JSON as all readers understand it: no NaN or infinities, no key given twice."""

from __future__ import annotations

import json
from typing import Any


def strict_json(text: str) -> Any:
    """
    Raises:
        ValueError: it is none.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is given twice")
    return made


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
