"""How much of the cell means of a grid varies over runs, where cells may share what their runs drew.

Cells that drew the same (the demonstrations of one seed, shown to several models) have their luck in common:
it doesn't average out over them, and cancels between them. The cells that are linked by such draws make a
component. Over its levels the variance of a run is taken apart into orthogonal strata (the mean of all cells,
between methods, between models, the rest), as in a split-plot analysis of variance, each with a variance and
degrees of freedom of its own. A cell that shares nothing is a component with one stratum.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.crossed import parts_of
from harness.stats.quantiles import FloatArray

#: a component's shape and one of its strata
_Stratum = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass
class _Pool:
    """The variance of one run's mean along a unit vector of a stratum, over all components of a shape."""

    matrix: FloatArray
    squares: float = 0.0
    df: int = 0
    #: times the variance of a cell it is at most, as cells that differ in no factor of the stratum may be one
    most: float = 1.0


@dataclass(frozen=True)
class _Component:
    """Cells that are linked by draws, in the order of their places."""

    cells: list[int]
    places: Sequence[tuple[Any, ...]]
    draws: Sequence[Sequence[Hashable]]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The levels of each factor that the component spans; its size alone where some combination is
        missing."""
        mine = [self.places[cell] for cell in self.cells]
        sizes = tuple(len(set(level)) for level in zip(*mine, strict=True))
        return sizes if int(np.prod(sizes)) == len(mine) == len(set(mine)) else (len(mine),)

    def strata(self) -> Iterator[tuple[tuple[int, ...], FloatArray]]:
        """Projections on orthogonal parts that add up to the identity, by the factors that differ in them."""
        wide = [at for at, k in enumerate(self.shape) if k > 1]
        for size in range(len(wide) + 1):
            for names in itertools.combinations(wide, size):
                parts = [
                    np.eye(k) - 1 / k if at in names else np.full((k, k), 1 / k)
                    for at, k in enumerate(self.shape)
                ]
                yield names, np.asarray(reduce(np.kron, parts), dtype=np.float64)

    def shared(self) -> FloatArray:
        """How many runs two cells share, over the product of how many they have, shape (cells, cells)."""
        mine = [self.draws[cell] for cell in self.cells]
        return np.array([[len({*a} & {*b}) / (len(a) * len(b)) for b in mine] for a in mine])

    def common(self, tables: Sequence[FloatArray]) -> FloatArray:
        """The runs that all cells share, shape (cells, items, runs)."""
        mine = [list(self.draws[cell]) for cell in self.cells]
        kept = [draw for draw in mine[0] if all(draw in other for other in mine[1:])]
        found = [
            tables[cell][:, [d.index(k) for k in kept]] for cell, d in zip(self.cells, mine, strict=True)
        ]
        return np.stack(found)


def runs_noise(
    tables: Sequence[FloatArray],
    drawn: Sequence[bool],
    groups: ArrayLike | None = None,
    draws: Sequence[Sequence[Hashable]] | None = None,
    places: Sequence[tuple[Any, ...]] | None = None,
) -> tuple[list[tuple[FloatArray, float]], FloatArray | None, int]:
    """The covariance of cell means over runs beyond what their items explain, ``VS - VR`` of
    :mod:`harness.stats.crossed`, in independent parts with their degrees of freedom; what of it is below 0;
    and the degrees of freedom of all runs, 0 where no cell tells how much runs vary.

    What a component can't tell (its cells share fewer than two runs) is taken from others of its shape, or
    else from the variance of single cells, as if all of it were shared and none of it.

    Args:
        tables: of each cell, shape (items, runs of the cell); NaN where a run lacks an item.
        drawn: whether each cell draws something per run.
        groups: of the items, as numbers; each item its own by default.
        draws: what each run of each cell drew, no two of a cell alike; equal ones are one draw. None: no two
            cells share any.
        places: of each cell, its level of every factor.
    """
    n = len(tables)
    own = [[(c, s) for s in range(t.shape[1])] for c, t in enumerate(tables)]
    keys: Sequence[Sequence[Hashable]] = own if draws is None else draws
    where: Sequence[tuple[Any, ...]] = [(c,) for c in range(n)] if places is None else places
    pools: dict[_Stratum, _Pool] = {}
    for cells in _linked([cell for cell in range(n) if drawn[cell]], keys):
        component = _Component(sorted(cells, key=lambda cell: where[cell]), where, keys)
        seen, every = component.common(tables), np.ix_(component.cells, component.cells)
        shared, m = component.shared(), len(component.cells)
        for names, projection in component.strata():
            rank = round(float(np.trace(projection)))
            common = int(np.prod([component.shape[at] for at in names]))
            pool = pools.setdefault((component.shape, names), _Pool(np.zeros((n, n)), most=m / common))
            pool.matrix[every] += projection * shared
            for vector in np.linalg.eigh(projection)[1][:, -rank:].T:
                _add(pool, np.tensordot(vector, seen, axes=1), groups)
    whole = _Pool(np.zeros((0, 0)))
    for table, draws_runs in zip(tables, drawn, strict=True):
        if draws_runs:
            _add(whole, table, groups)
    parts, excess = list[tuple[FloatArray, float]](), np.zeros((n, n))
    for pool in pools.values() if whole.df else ():
        if pool.df:
            variance, df = pool.squares / pool.df, pool.df
        else:
            variance, df = max(0.0, pool.most * whole.squares / whole.df), whole.df
        if variance > 0:
            parts.append((variance * pool.matrix, float(df)))
        else:
            excess -= variance * pool.matrix
    return parts, excess if excess.any() else None, whole.df


def _add(pool: _Pool, table: FloatArray, groups: ArrayLike | None) -> None:
    s = table.shape[1]
    found = parts_of(table, groups) if s > 1 else None
    if found is not None and found.df_runs > 0:
        pool.squares += s * (s - 1) * (found.runs - found.overlap)
        pool.df += s - 1


def _linked(cells: Sequence[int], draws: Sequence[Sequence[Hashable]]) -> list[list[int]]:
    """Cells by the draws that link them, directly or over others."""
    made: list[tuple[set[Hashable], list[int]]] = []
    for cell in cells:
        has, members, apart = set(draws[cell]), [cell], []
        for other in made:
            if other[0] & has:
                has, members = has | other[0], other[1] + members
            else:
                apart.append(other)
        made = [*apart, (has, members)]
    return [members for _, members in made]
