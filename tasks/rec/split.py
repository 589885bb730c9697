"""Who is tested on what: every interaction of a log gets one role.

Random splits depend on `split_seed` alone, never on the run's seed, so that all runs are paired.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from harness.base.errors import UsageError
from harness.tasks.rec.log import Log

Array = NDArray[Any]
TRAIN, VALIDATION, TEST, DROPPED = range(4)


def roles(
    log: Log, how: str, *, share: float, validation: float, keep: float, cold_keep: int, seed: int
) -> Array:
    """The role of every interaction, int8 of shape (events,).

    Args:
        how: `official` (the data set's own), `last` or `random` (leave one out: a test item and a
            validation item a user, by time or drawn), `ratio` (a share of every user's items),
            `cold-items` (a share of the items with all their interactions), `cold-users` (a share
            of the users, who keep their first `cold_keep` items).
        share: of the items, interactions or users that `ratio` and the cold splits hold out.
        validation: share of each user's training items that is the validation part, rounded down;
            leave-one-out splits have one item a user instead.
        keep: share of the training part (without validation) that stays; the rest is dropped.

    Raises:
        UsageError: an official split is asked for and the data have none, or a share is out of range.
    """
    for name, value in (("test_share", share), ("validation_share", validation), ("keep", keep)):
        if not 0 <= value <= 1 or (value == 0 and name != "validation_share"):
            raise UsageError(f"{name}={value:g} is not a share between 0 and 1")
    rng = default_rng(seed)
    found = np.zeros(len(log), np.int8)
    sizes = np.bincount(log.user, minlength=len(log.users))[log.user]
    if how == "official":
        if log.held is None:
            raise UsageError("split=official needs data with a split of their own; choose another split")
        found[log.held] = TEST
    elif how in ("last", "random"):
        place = places(log.user, rng.random(len(log)) if how == "random" else None)
        found[(place == sizes - 1) & (sizes >= 2)] = TEST
        found[(place == sizes - 2) & (sizes >= 3)] = VALIDATION
    elif how == "ratio":
        place = places(log.user, rng.random(len(log)))
        held = np.clip(np.floor(share * sizes), 1, sizes - 1)
        found[place < held] = TEST
    elif how == "cold-items":
        found[_chosen(len(log.items), share, rng)[log.item]] = TEST
    elif how == "cold-users":
        cold = _chosen(len(log.users), share, rng)[log.user]
        found[cold & (places(log.user) >= cold_keep)] = TEST
    else:
        raise AssertionError(how)
    if how not in ("last", "random"):
        training = np.flatnonzero(found == TRAIN)
        user = log.user[training]
        place = places(user, rng.random(len(training)))
        held = np.floor(validation * np.bincount(user, minlength=len(log.users)))[user]
        found[training[place < held]] = VALIDATION
    training = np.flatnonzero(found == TRAIN)
    going = rng.permutation(len(training))[: round((1 - keep) * len(training))]
    found[training[going]] = DROPPED
    return found


def places(user: Array, key: Array | None = None) -> Array:
    """The place of every interaction among those of its user, from 0, in the order given or, with
    `key`, by key. `user` is sorted."""
    counts = np.bincount(user)
    starts = np.cumsum(counts) - counts
    if key is None:
        return np.arange(len(user)) - starts[user]
    order = np.lexsort((key, user))
    place = np.empty(len(user), np.int64)
    place[order] = np.arange(len(user)) - starts[user[order]]
    return place


def _chosen(size: int, share: float, rng: Generator) -> Array:
    chosen = np.zeros(size, bool)
    chosen[rng.permutation(size)[: max(1, round(share * size))]] = True
    return chosen
