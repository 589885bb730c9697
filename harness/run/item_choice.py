"""Which items of a task a request means: those that --sample-id names, and of them the first --limit."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from harness.base.errors import UsageError, nearest
from harness.sample import Sample

if TYPE_CHECKING:
    from harness.run.plan import Request

#: ids among which the nearest is looked for
MOST = 5000


def chosen(request: Request, samples: Sequence[Sample]) -> Sequence[Sample]:
    """The items in the order of the set.

    Raises:
        UsageError: an id or glob that no item has; names the nearest.
    """
    if request.sample_id:
        samples = _named(request.sample_id, samples)
    return samples if request.limit is None else samples[: request.limit]


def _named(patterns: Sequence[str], samples: Sequence[Sample]) -> list[Sample]:
    ids = [sample.id for sample in samples]
    there = set(ids)
    exact = {pattern for pattern in patterns if pattern in there}  # an id may hold what a glob does
    globs = [pattern for pattern in patterns if pattern not in exact]
    wanted = exact | {name for name in ids if any(fnmatchcase(name, glob) for glob in globs)}
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in wanted):
            close = nearest(glob, ids[:MOST], "item")
            cure = close if close.startswith("did you mean") else f"the first is {ids[0]!r}"
            raise UsageError(f"--sample-id {glob}: no such item; {cure}")
    return [sample for sample in samples if sample.id in wanted]
