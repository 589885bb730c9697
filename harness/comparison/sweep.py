"""A score over one swept number: the points of a curve, and what makes them vary.

A sweep is nothing but runs that differ in one argument, found in any store by their own argument values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.comparison.arms import Arm, Row, arms_of
from harness.comparison.points import Points, points_of
from harness.results.labels import short
from harness.stats.quantiles import FloatArray


@dataclass(frozen=True)
class Curve(Points):
    """The runs of one task, method and model at each value of a parameter.

    Attributes:
        values: of the parameter, in rising order; the points are in this order.
        no_numbers: values of the parameter that are no finite number and have no place on the curve.
    """

    parameter: str
    values: FloatArray
    no_numbers: tuple[str, ...] = ()

    def grid(self, points: int) -> FloatArray:
        """Values above 0 to draw a form at, evenly in their logarithm."""
        above = self.values[self.values > 0]
        return np.geomspace(above[0], above[-1], points) if len(above) else above


def curves(rows: Iterable[Row], parameter: str, metric: str | None = None) -> list[Curve]:
    """The curves that rows of the index make over a method's argument, or a task's.

    Runs of one curve differ in nothing else. Values that are no finite number have no place on it; the curve
    names them.

    Raises:
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    found, others = placed_arms(rows, (parameter,))
    made = []
    for rest, placed in found.items():
        at = sorted(((value, arm) for (value,), arm in placed), key=lambda pair: pair[0])
        if len({value for value, _ in at}) > 1:
            curve = curve_of(at, parameter, metric or at[0][1].primary)
            made.append(replace(curve, no_numbers=others.get(rest, ())))
    return sorted(made, key=lambda curve: curve.title)


Placed = list[tuple[tuple[float, ...], Arm]]


def placed_arms(
    rows: Iterable[Row], parameters: Sequence[str]
) -> tuple[dict[str, Placed], dict[str, tuple[str, ...]]]:
    """Arms with the values of some parameters, by everything else in which they could differ; and by the same
    key the values that are no finite number."""
    found: dict[str, Placed] = {}
    others: dict[str, dict[str, None]] = {}
    for arm in arms_of(rows):
        given = {**arm.comparability["task_args"], **arm.subject["method_args"]}
        if not set(parameters) <= set(given):
            continue
        values = {parameter: _number(given[parameter]) for parameter in parameters}
        rest, known = _rest(arm, parameters), [each for each in values.values() if each is not None]
        if len(known) == len(values):
            found.setdefault(rest, []).append((tuple(known), arm))
        else:
            words = (short(given[name]) for name, value in values.items() if value is None)
            others.setdefault(rest, {}).update(dict.fromkeys(words))
    return found, {rest: tuple(words) for rest, words in others.items()}


def _number(value: object) -> float | None:
    """A value as a place on an axis; a list of one number is that number."""
    if isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _rest(arm: Arm, parameters: Sequence[str]) -> str:
    """Everything but the parameters; where one is the task's, data and prompts differ by nature."""
    from harness.base.digest import digest

    subject, key = dict(arm.subject), dict(arm.comparability)
    for parameter in parameters:
        if parameter in subject["method_args"]:
            subject["method_args"] = _without(subject["method_args"], parameter)
        else:
            key = without_data(key)
            key["task_args"] = _without(key["task_args"], parameter)
    return digest([subject, key])


def without_data(comparability: Mapping[str, Any]) -> dict[str, Any]:
    """A comparability key without what an argument of the task changes by nature: its data and prompts."""
    natural = ("data_digest", "prompt_digest", "history", "interactions", "corpus")
    return {name: value for name, value in comparability.items() if name not in natural}


def _without(arguments: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in arguments.items() if key != name}


def curve_of(placed: Sequence[tuple[float, Arm]], parameter: str, metric: str) -> Curve:
    """The curve of arms at two or more values, in rising order of value.

    Raises:
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    points = points_of([arm for _, arm in placed], metric)
    return Curve(**vars(points), parameter=parameter, values=np.array([value for value, _ in placed]))
