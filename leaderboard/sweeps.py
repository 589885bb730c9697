"""Scaling curves: rows that differ in exactly one number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.base.digest import digest
from harness.comparison.forms import fits
from harness.comparison.sweep import Curve, curve_of, without_data
from harness.comparison.trends import sentence, trend_of, verdict
from harness.leaderboard.board import Entry, Section
from harness.results.fields import differing, field_of
from harness.stats.scaling import Fit

#: fewer points make no curve
FEWEST = 3


@dataclass(frozen=True)
class Point:
    """A row at one value of the parameter, in the unit of the parameter."""

    at: float
    entry: Entry


@dataclass(frozen=True)
class Line:
    """The rows of one subject (or one method on one task) that differ in the parameter alone."""

    name: str
    points: list[Point]


@dataclass(frozen=True)
class Sweep:
    """A parameter and the lines over it.

    `comparable` is false where the parameter is the task's: its points stand in sections of their own
    and show how difficulty moves, not who is better.
    """

    parameter: str
    lines: list[Line]
    comparable: bool


@dataclass(frozen=True)
class Fitted:
    """What a line shows, and the scaling forms that describe it, best AIC first. `drawn` is the best form
    over the range of the points; empty where there were too few points for more than one form."""

    verdict: str
    sentence: str
    forms: Sequence[Fit]
    form: str
    reason: str
    drawn: Sequence[tuple[float, float]]


#: by the sealed attempts behind a line, so that a live site fits again only what has changed
_FITTED: dict[str, Fitted] = {}


def fitted(line: Line, parameter: str, metric: str) -> Fitted:
    """What `harness sweep` says of a line. No margin is declared on a page, so no line is called flat."""
    placed = [(point.at, point.entry.arm) for point in line.points]
    key = digest([metric, [(at, [run["samples_digest"] for run in arm.runs]) for at, arm in placed]])
    if key not in _FITTED:
        _FITTED[key] = _fitted(curve_of(placed, parameter, metric))
    return _FITTED[key]


def _fitted(curve: Curve) -> Fitted:
    forms, (form, reason) = fits(curve)
    found = trend_of(curve)
    drawn: list[tuple[float, float]] = []
    if len(forms) > 1:
        grid = curve.grid(41)
        drawn = [(float(k), float(y)) for k, y in zip(grid, forms[0].at(grid), strict=True)]
    return Fitted(verdict(curve, found), sentence(curve, found), forms, form, reason, drawn)


def method_sweeps(section: Section) -> list[Sweep]:
    """The numeric method and decoding arguments that were swept within a section."""
    entries = [entry for entry in section.entries if entry.value is not None and not entry.stopped]
    names = {name for entry in entries for name in _numbers(entry.arm.subject, ("method_args", "decoding"))}
    made = []
    for name in sorted(names):
        lines = _lines(((e, e.arm.subject) for e in entries), name)
        if lines:
            made.append(Sweep(name, lines, comparable=True))
    return made


def task_sweeps(sections: Sequence[Section]) -> list[Sweep]:
    """The numeric task arguments that were swept over the sections of one task.

    Data and prompts differ with the argument by nature; everything else has to be the same.
    """
    if len(sections) < FEWEST:
        return []
    placed = []
    for section in sections:
        key = without_data(section.comparability)
        for entry in section.entries:
            if entry.value is not None and not entry.stopped:
                placed.append((entry, {**key, "subject": entry.arm.subject_key}))
    names = {name for _, key in placed for name in _numbers(key, ("task_args",))}
    made = []
    for name in sorted(names):
        lines = _lines(placed, name)
        if lines:
            made.append(Sweep(name, lines, comparable=False))
    return made


def number(value: Any) -> float | None:
    """A value as a finite number, also where it was given as text; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None


def _lines(placed: Iterable[tuple[Entry, Any]], name: str) -> list[Line]:
    """Rows whose keys agree in everything but `name`, which is a number in all of them."""
    same: dict[str, list[tuple[float, Entry, Any]]] = {}
    for entry, key in placed:
        at = number(field_of(key, name))
        if at is not None:
            same.setdefault(digest(_without(key, name)), []).append((at, entry, key))
    kept = [found for found in same.values() if len({at for at, _, _ in found}) >= FEWEST]
    lines = []
    for found in kept:
        label = f"{found[0][1].arm.method} x {found[0][1].arm.model}"
        varying_fields = dict.fromkeys(
            field
            for other in kept
            if other is not found
            and (other[0][1].arm.method, other[0][1].arm.model)
            == (found[0][1].arm.method, found[0][1].arm.model)
            for field in differing(found[0][2], other[0][2])
            if field not in (name, "subject")
        )
        if varying_fields:
            values = (f"{f.rpartition('.')[2]}={field_of(found[0][2], f)}" for f in varying_fields)
            label += f" ({', '.join(values)})"
        points = [Point(at, entry) for at, entry, _ in sorted(found, key=lambda f: f[0])]
        lines.append(Line(label, points))
    return sorted(lines, key=lambda line: line.name)


def _numbers(key: Any, families: Sequence[str]) -> list[str]:
    return [
        f"{family}.{name}"
        for family in families
        for name, value in (key.get(family) or {}).items()
        if number(value) is not None
    ]


def _without(key: Any, name: str) -> Any:
    family, _, argument = name.partition(".")
    return {**key, family: {k: v for k, v in key[family].items() if k != argument}}
