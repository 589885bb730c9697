"""Several arms brought to the items that all of them have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.comparison.items import Items


def common_items(tables: Sequence[Items]) -> list[Items]:
    """The tables on the items that all have, in one order, with the groups that any of them knows."""
    shared = tables[0].digests
    for each in tables[1:]:
        if not np.array_equal(shared, each.digests):
            shared = np.intersect1d(shared, each.digests, assume_unique=True)
    taken = [
        each if len(each) == len(shared) else each.take(np.searchsorted(each.digests, shared))
        for each in tables
    ]
    groups = next((each.groups for each in taken if each.groups is not None), None)
    return [replace(each, groups=groups) for each in taken]
