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
    """An official split as one log. The test part may lack times: it comes after what is known."""
    held = np.repeat([False, True], [len(train), len(test)])
    if train.time is not None and test.time is None and len(train):
        test = replace(test, time=np.full(len(test), train.time.max()))
    pairs = [(getattr(train, name), getattr(test, name)) for name in ("user", "item", "rating", "time")]
    fields = [np.concatenate([a, b]) if a is not None and b is not None else None for a, b in pairs]
    return Events(fields[0], fields[1], fields[2], fields[3], held)  # type: ignore[arg-type]


def make_log(events: Events, where: str, min_rating: float = 0.0, core: int = 0) -> Log:
    """Orders, filters and codes raw events.

    Of repeated pairs the first in time stays. A pair on both sides of an official split is known, and so is
    no test interaction: what is known isn't ranked. `core` removes users and items with fewer
    interactions until none is left (iterative k-core).

    Raises:
        DataError: a rating filter without ratings, an id that can't be written into a ranking, or
            nothing left.
    """
    events = _rated(events, where, min_rating)
    users, user = coded(events.user, where)
    items, item = coded(events.item, where)
    time = events.time if events.time is not None else np.arange(len(user))
    order = np.lexsort((item, time, user))
    user, item = user[order], item[order]
    held = events.held[order] if events.held is not None else None
    if held is not None:  # where a pair is on both sides of an official split, training comes first
        order = np.lexsort((held, user))
        user, item, held = user[order], item[order], held[order]
    kept = _distinct(user, item, held, len(items), where)
    user, item = user[kept], item[kept]
    held = held[kept] if held is not None else None
    log = _core(Log(users, items, user, item, held), core)
    if not len(log):
        raise DataError(f"{where} has no interactions left with min_rating={min_rating:g} and core={core}")
    return log


def _rated(events: Events, where: str, least: float) -> Events:
    """The events rated at least so; all of them where that is 0."""
    rating = events.rating
    numeric = rating is not None and rating.dtype.kind in "iuf"
    if least <= 0:
        low = int((rating <= 0).sum()) if rating is not None and numeric else 0
        if low:
            LOG.warning(
                "%s: %d of %d interactions are rated 0 or less and count like any other; "
                "-T min_rating=1 leaves them out",
                where,
                low,
                len(events),
            )
        return events
    if rating is None:
        raise DataError(f"{where} has no ratings to filter by; leave out -T min_rating")
    if not numeric:
        raise DataError(f"{where}: the rating is not a number everywhere; leave out -T min_rating")
    unrated = int(np.isnan(rating).sum())
    if unrated:
        LOG.warning("%s: %d interactions without a rating are left out by min_rating", where, unrated)
    return events.take(rating >= least)


def _distinct(user: Array, item: Array, held: Array | None, n_items: int, where: str) -> Array:
    """The places of the first interaction of every pair; what is left out is told."""
    _, first, pair = np.unique(
        user * np.int64(max(n_items, 1)) + item, return_index=True, return_inverse=True
    )
    kept = np.sort(first)
    if len(first) == len(user):
        return kept
    again = np.ones(len(user), bool)
    again[kept] = False
    known = again & held & ~held[first[pair]] if held is not None else np.zeros(len(user), bool)
    if known.any():
        LOG.warning(
            "%s: %d test interactions also stand in train and are left out of the test: what is known is not "
            "ranked",
            where,
            int(known.sum()),
        )
    if (again & ~known).any():
        LOG.warning(
            "%s: %d repeated interactions of the same user and item are left out",
            where,
            int((again & ~known).sum()),
        )
    return kept


def coded(raw: Array, where: str) -> tuple[list[str], Array]:
    """Distinct ids in order, and the place of every element among them.

    Raises:
        DataError: an id is missing, or holds a tab or a line break.
    """
    if raw.dtype.kind == "f":
        if not np.isfinite(raw).all():
            raise DataError(f"{where}: an interaction lacks its user or its item")
        if (raw == np.rint(raw)).all():
            if (np.abs(raw) >= 2.0**53).any():
                raise DataError(
                    f"{where}: ids are floating-point numbers too large to be exact; write them as text"
                )
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
    broken = [name for name in names if any(mark in name for mark in "\t\n\r")]
    if broken:
        raise DataError(f"{where}: the id {broken[0]!r} holds a tab or a line break")
    plain = all(name.isascii() and name.isdigit() and (name[0] != "0" or name == "0") for name in names)
    ordered = sorted(names, key=lambda name: (len(name), name)) if plain else sorted(names)
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
