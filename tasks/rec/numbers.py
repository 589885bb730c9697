"""Ratings and times from the texts of a file: numbers, and dates that can be put in order."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.base.errors import DataError

Array = NDArray[Any]
LOG = logging.getLogger("harness.tasks.rec")
_WHOLE = re.compile(r"[-+]?\d{1,19}")
_YEAR_FIRST = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*")


def numbers(cells: Sequence[str | None]) -> Array | None:
    """The numbers that texts are, NaN where one is missing; None where one is no number."""
    if all(cell is not None and _WHOLE.fullmatch(cell.strip()) for cell in cells):
        whole = [int(cell or 0) for cell in cells]
        if not whole or max(map(abs, whole)) < 2**63:  # nanoseconds fit, and floats would round them
            return np.array(whole, np.int64)
    try:
        found = np.array([np.nan if cell is None else float(cell) for cell in cells])
    except ValueError:
        return None
    spelt = any(cell is not None and "_" in cell for cell in cells)  # Python reads 1_000 as a number
    return None if spelt or np.isinf(found).any() else found


def times(cells: Sequence[str | None], where: str, column: str) -> Array:
    """Numbers that have the order of the times: the numbers themselves, or microseconds of dates.

    Raises:
        DataError: a time is missing, or is neither a number nor an ISO date.
    """
    found = numbers(cells)
    broken = found is not None and found.dtype.kind == "f"
    missing = int(np.isnan(found).sum()) if found is not None and broken else sum(c is None for c in cells)
    if missing:
        raise DataError(
            f"{where}: {missing} of {len(cells)} interactions have no time in {column!r}; fill them in or "
            "leave them out; -T time= takes the order of the file"
        )
    if found is not None and len(found) and found.min() >= 1e8 and found.max() / 500 >= found.min():
        LOG.warning(
            "%s: the times in %r go from %s to %s; seconds and milliseconds mixed have no order",
            where,
            column,
            found.min(),
            found.max(),
        )
    return found if found is not None else _dates([str(cell) for cell in cells], where, column)


def _dates(cells: Sequence[str], where: str, column: str) -> Array:
    import pandas

    distinct, place = np.unique(np.array(cells, object).astype(str), return_inverse=True)
    spelled = [
        text.replace("/", "-").replace(".", "-", 2) if _YEAR_FIRST.fullmatch(text) else text
        for text in (text.strip() for text in distinct)
    ]
    other = [text for text in spelled if not _YEAR_FIRST.fullmatch(text)]
    wrong = next((text for text in other if numbers([text]) is None), other[0] if other else None)
    if wrong is None:
        try:
            zoned = [bool(re.search(r"[Tt ]\d.*(?:[Zz]|[-+]\d\d:?(?:\d\d)?)$", text)) for text in spelled]
            if any(zoned) and not all(zoned):
                wrong = distinct[zoned.index(False)]
            else:
                found = pandas.to_datetime(pandas.Series(spelled), format="ISO8601", utc=True)
                micros = found.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
                return np.asarray(micros[place])
        except (ValueError, OverflowError):
            wrong = next((text for text in spelled if not _is_iso(text)), distinct[0])
    raise DataError(
        f"{where}: the time {str(wrong)!r} in {column!r} is neither a number nor an ISO date (2021-04-03, "
        "2021-04-03 12:30:00; all with a time zone or none); in 03/04/2021 day and month can't be told "
        "apart. Write such dates, or -T time= takes the order of the file"
    )


def _is_iso(text: str) -> bool:
    import pandas

    try:
        pandas.to_datetime(pandas.Series([text]), format="ISO8601", utc=True)
    except (ValueError, OverflowError):
        return False
    return True
