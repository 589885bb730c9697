"""A score over two swept numbers: the cells of a grid and where they lie.

A cell lies where its runs really were: at the tokens that they recorded, as a limit of 4,000 tokens is seldom
used up. Every cell asks the same questions, so that hard ones, which take more tokens, pull no cell more than
another. What was set (the *dials*) is used where nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.comparison.arms import Arm, Row
from harness.comparison.axes import REALISED, UNIT, Axes
from harness.comparison.points import Points, points_of
from harness.comparison.sweep import placed_arms
from harness.stats.quantiles import FloatArray


@dataclass(frozen=True)
class Surface(Points):
    """The runs of one task, method and model at each pair of values of two parameters.

    Attributes:
        parameters: their names, the first axis and the second.
        dials: the values that were set, shape (cells, 2); the cells are in rising order of these.
        coordinates: where the cells lie, shape (cells, 2): thousands of tokens on a realised axis, else the
            dials.
        axes: which of the two each axis has.
        no_numbers: values that are no finite number and have no place.
    """

    parameters: tuple[str, str]
    dials: FloatArray
    coordinates: FloatArray
    axes: tuple[Axes, Axes]
    no_numbers: tuple[str, ...] = ()

    @property
    def compared(self) -> NDArray[np.bool_]:
        """Which cells the forms are fitted to: those above 0 on both axes, as 0 has no logarithm. Shape
        (cells,)."""
        return np.asarray((self.coordinates > 0).all(axis=1))

    @property
    def levels(self) -> tuple[int, int]:
        """How many values of each parameter the compared cells have."""
        first, second = (len(np.unique(column)) for column in self.dials[self.compared].T)
        return first, second

    @property
    def axis_names(self) -> tuple[str, str]:
        """`thousand reasoning tokens` or `reasoning`."""
        first, second = (
            f"thousand {REALISED[name].name}" if axis == "realised" else name
            for name, axis in zip(self.parameters, self.axes, strict=True)
        )
        return first, second

    @property
    def tokens(self) -> bool:
        """Whether both axes are tokens, so that they have a common unit."""
        return self.axes == ("realised", "realised")


def surfaces(
    rows: Iterable[Row], parameters: tuple[str, str], metric: str | None = None, axes: Axes = "realised"
) -> list[Surface]:
    """The surfaces that rows of the index make over two arguments of methods or tasks.

    Runs of one surface differ in nothing else. Values that are no finite number have no place on it; the
    surface names them.

    Args:
        axes: `realised` tokens where the runs recorded them, else the dials; or the `dials`.

    Raises:
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    found, others = placed_arms(rows, parameters)
    made = []
    for rest, placed in found.items():
        at = [((first, second), arm) for (first, second), arm in placed]
        if all(len({where[k] for where, _ in at}) > 1 for k in range(2)):
            how = metric or at[0][1].primary
            made.append(surface_of(at, parameters, how, axes, others.get(rest, ())))
    return sorted(made, key=lambda surface: surface.title)


def surface_of(
    placed: Sequence[tuple[tuple[float, float], Arm]],
    parameters: tuple[str, str],
    metric: str,
    axes: Axes = "realised",
    no_numbers: tuple[str, ...] = (),
) -> Surface:
    """The surface of arms at two or more cells.

    Raises:
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    ordered = sorted(placed, key=lambda pair: pair[0])
    arms = [arm for _, arm in ordered]
    dials = np.array([at for at, _ in ordered])
    columns, chosen = [], list[Axes]()
    # two dials of one kind of token would lie on one line
    apart = len({REALISED.get(name) for name in parameters}) == len(parameters)
    for name, column in zip(parameters, dials.T, strict=True):
        tokens = _tokens(arms, name) if axes == "realised" and apart else None
        columns.append(column if tokens is None else tokens / UNIT)
        chosen.append("dials" if tokens is None else "realised")
    return Surface(
        **vars(points_of(arms, metric)),
        parameters=parameters,
        dials=dials,
        coordinates=np.column_stack(columns),
        axes=(chosen[0], chosen[1]),
        no_numbers=no_numbers,
    )


def _tokens(arms: Sequence[Arm], parameter: str) -> FloatArray | None:
    """What each cell took of them per attempt; None where that isn't recorded of every cell, or never differs
    from 0."""
    if parameter not in REALISED:
        return None
    found = [REALISED[parameter].of(arm) for arm in arms]
    known = np.array([value for value in found if value is not None])
    return known if len(known) == len(found) and known.any() else None
