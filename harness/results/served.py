"""What servers said of themselves, in words: a model behind an alias that was changed becomes visible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]
#: names or fingerprints that a sentence has room for
SHOWN = 3


def models_of(record: Row) -> dict[str, dict[str, Any]]:
    """What came from the servers of each model of a record, by the name that was asked."""
    found: dict[str, dict[str, Any]] = (record.get("served") or {}).get("models") or {}
    return found


def served_lines(record: Row) -> list[str]:
    """A line for each model that was served: names, fingerprints, engine, address."""
    lines = []
    for asked, model in models_of(record).items():
        said = [
            f"answered as {_some(model['names'])}" if model.get("names") else "",
            f"fingerprint {_some(model['fingerprints'])}" if model.get("fingerprints") else "",
            f"by {model['engine']}" if model.get("engine") else "",
            f"at {_some(model['addresses'])}" if model.get("addresses") else "",
            "was sent official tools and messages as its own client writes them"
            if model.get("rewritten")
            else "",
        ]
        if any(said):
            lines.append(f"{asked} {', '.join(filter(None, said))}")
    return lines


def other_names(record: Row) -> list[str]:
    """A line for each model that answered under another name than it was asked by."""
    return [
        f"{asked} answered as {_some(model['names'])}"
        for asked, model in models_of(record).items()
        if any(name != asked and not asked.endswith(f"/{name}") for name in model.get("names", ()))
    ]


def names_text(record: Row) -> str:
    """The names that servers returned, for a column: those of several models apart by `;`."""
    return "; ".join(_some(model["names"]) for model in models_of(record).values() if model.get("names"))


def changed(candidate: Iterable[Row], baseline: Iterable[Row], other: str = "baseline") -> list[str]:
    """A sentence for each model that both sides asked by one name and that was served under different ones,
    or with fingerprints of which none is the same; and for one that changed among the runs of a side."""
    sides = {"candidate": list(candidate), other: list(baseline)}
    found = []
    for side, rows in sides.items():
        for asked, names in _said(rows, "names").items():
            if len(names) > 1:
                found.append(f"{asked} answered the {side} under several names: {_some(names)}")
    ours, theirs = (_said(rows, "names") for rows in sides.values())
    marks = [_said(rows, "fingerprints") for rows in sides.values()]
    for asked in ours.keys() & theirs.keys():
        if ours[asked] != theirs[asked]:
            found.append(
                f"{asked} answered the candidate as {_some(ours[asked])} and the {other} as "
                f"{_some(theirs[asked])}: the name may stand for another model now"
            )
        elif asked in marks[0] and asked in marks[1] and not marks[0][asked] & marks[1][asked]:
            found.append(
                f"{asked} answered with another fingerprint: {_some(marks[0][asked])} to the candidate, "
                f"{_some(marks[1][asked])} to the {other}"
            )
    return sorted(found)


def _said(rows: Iterable[Row], what: str) -> dict[str, set[str]]:
    said: dict[str, set[str]] = {}
    for row in rows:
        for asked, model in models_of(row).items():
            if model.get(what):
                said.setdefault(asked, set()).update(model[what])
    return said


def _some(names: Iterable[str]) -> str:
    every = sorted(names)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more
