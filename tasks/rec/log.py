"""A log of interactions as arrays: ids to codes, filters, order."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.base.errors import DataError

Array = NDArray[Any]
LOG = logging.getLogger("harness.tasks.rec")


@dataclass(frozen=True)
class Events:
    """Raw interactions in file order, each field of shape (events,) but `rating` and `time`, which
    may be None. `held` marks what an official split holds out for the test."""

    user: Array
    item: Array
    rating: Array | None = None
    time: Array | None = None
    held: Array | None = None

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: Array) -> Events:
        """The events at `rows` (places or a mask)."""

        def cut(field: Array | None) -> Array | None:
            return None if field is None else field[rows]

        return Events(self.user[rows], self.item[rows], cut(self.rating), cut(self.time), cut(self.held))


@dataclass(frozen=True)
class Log:
    """Distinct interactions, ordered by user, then time (else file order), then item.

    Attributes:
        users, items: ids; whole numbers in numeric order, other ids by text.
        user, item: positions in `users` and `items`, shape (events,).
        held: what the official split holds out, shape (events,); None where there is none.
    """

    users: list[str]
    items: list[str]
    user: Array
    item: Array
    held: Array | None = None

    def __len__(self) -> int:
        return len(self.user)


def joined(train: Events, test: Events) -> Events:
    """An official split as one log."""
    held = np.repeat([False, True], [len(train), len(test)])
    pairs = [(getattr(train, name), getattr(test, name)) for name in ("user", "item", "rating", "time")]
    fields = [np.concatenate([a, b]) if a is not None and b is not None else None for a, b in pairs]
    return Events(fields[0], fields[1], fields[2], fields[3], held)  # type: ignore[arg-type]


def make_log(events: Events, where: str, min_rating: float = 0.0, core: int = 0) -> Log:
    """Orders, filters and codes raw events.

    Of repeated pairs the first in time stays. `core` removes users and items with fewer interactions
    until none is left (iterative k-core).

    Raises:
        DataError: a rating filter without ratings, an id that can't be written into a ranking, or
            nothing left.
    """
    if min_rating > 0:
        if events.rating is None:
            raise DataError(f"{where} has no ratings to filter by; leave out -T min_rating")
        events = events.take(events.rating >= min_rating)
    users, user = coded(events.user, where)
    items, item = coded(events.item, where)
    time = events.time if events.time is not None else np.arange(len(user))
    order = np.lexsort((item, time, user))
    user, item = user[order], item[order]
    held = events.held[order] if events.held is not None else None
    if held is not None:  # where a pair is on both sides of an official split, training comes first
        order = np.lexsort((held, user))
        user, item, held = user[order], item[order], held[order]
    _, first = np.unique(user * np.int64(max(len(items), 1)) + item, return_index=True)
    if len(first) < len(user):
        LOG.warning(
            "%s: %d repeated interactions of the same user and item are left out",
            where,
            len(user) - len(first),
        )
        kept = np.sort(first)
        user, item = user[kept], item[kept]
        held = held[kept] if held is not None else None
    log = _core(Log(users, items, user, item, held), core)
    if not len(log):
        raise DataError(f"{where} has no interactions left with min_rating={min_rating:g} and core={core}")
    return log


def coded(raw: Array, where: str) -> tuple[list[str], Array]:
    """Distinct ids in order, and the place of every element among them.

    Raises:
        DataError: an id is missing, or holds a tab or a line break.
    """
    if raw.dtype.kind == "f":
        if not np.isfinite(raw).all():
            raise DataError(f"{where}: an interaction lacks its user or its item")
        if (raw == np.rint(raw)).all():
            raw = raw.astype(np.int64)
    if raw.dtype.kind in "iu":
        numbers, codes = np.unique(raw, return_inverse=True)
        return [str(number) for number in numbers.tolist()], codes.astype(np.int64)
    import pyarrow as pa
    from pyarrow import compute

    encoded = pa.array(raw, pa.string()).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    if encoded.null_count or "" in names:
        raise DataError(f"{where}: an interaction lacks its user or its item")
    broken = [name for name in names if "\t" in name or "\n" in name]
    if broken:
        raise DataError(f"{where}: the id {broken[0]!r} holds a tab or a line break")
    plain = all(name.isascii() and name.isdigit() and str(int(name)) == name for name in names)
    ordered = sorted(names, key=int if plain else None)
    place = compute.index_in(pa.array(names, pa.string()), value_set=pa.array(ordered, pa.string()))
    return ordered, place.to_numpy()[encoded.indices.to_numpy()].astype(np.int64)


def _core(log: Log, core: int) -> Log:
    user, item = log.user, log.item
    kept = np.ones(len(user), bool)
    while core > 1:
        few_users = np.bincount(user[kept], minlength=len(log.users)) < core
        few_items = np.bincount(item[kept], minlength=len(log.items)) < core
        going = kept & (few_users[user] | few_items[item])
        if not going.any():
            break
        kept &= ~going
    if kept.all():
        return log
    held = log.held[kept] if log.held is not None else None
    return compact(replace(log, user=user[kept], item=item[kept], held=held))


def compact(log: Log) -> Log:
    """Without users and items that have no interaction."""
    users, user = np.unique(log.user, return_inverse=True)
    items, item = np.unique(log.item, return_inverse=True)
    return replace(
        log, users=[log.users[u] for u in users], items=[log.items[i] for i in items], user=user, item=item
    )
