"""Files of one JSON object a line, each with its number and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.base.errors import DataError
from harness.checklist.faults import Fault, shown
from harness.checklist.strict_json import Refused, strict_json


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any], list[Fault]]]:
    """Every line's number, counted from 1, its object ({} where it is none), and its fault; empty lines are
    skipped. In UTF-8, with or without a byte order mark; gzip, bzip2 and xz are unpacked.

    Raises:
        DataError: the file can't be read, or has no lines.
    """
    from harness.data.content import Form, decode, lines_of, read_bytes

    raw, name = read_bytes(path)
    empty = True
    for number, text in lines_of(decode(raw, name, Form())):
        empty = False
        yield number, *_object(text)
    if empty:
        raise DataError(f"{path} holds no lines; write one JSON object on each")


def _object(text: str) -> tuple[dict[str, Any], list[Fault]]:
    try:
        record = strict_json(text)
    except Refused as error:
        return {}, [Fault("json", "", str(error))]
    except RecursionError:
        return {}, [Fault("json", "", "broken JSON: nested too deeply; flatten it")]
    except ValueError as error:
        what = getattr(error, "msg", "a number that can't be read")
        return {}, [Fault("json", "", f"broken JSON: {what}; write one whole object on each line")]
    if not isinstance(record, dict):
        return {}, [Fault("json", "", f"must be an object, got {shown(record)}; write one on each line")]
    return record, []
