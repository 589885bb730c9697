"""Interactions of users with items: what a recommender learns from, and rankings as arrays.

A ranking travels as one text a user: item ids, best first, with tabs between them. That is the
canonical answer of tasks whose kind of answer is `ranking`; between array and text nothing is done
item by item in Python.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.base.errors import DataError

Array = NDArray[Any]
#: the longest ranking that tasks score
LONGEST = 50
#: scores computed at once; 2**25 float32 are 128 MB
_SCORES_AT_ONCE = 2**25


@dataclass(frozen=True)
class Interactions:
    """Who took what before the test; users and items are the rows and columns of the matrices.

    Attributes:
        users: ids of the users, those without a test item among them.
        items: ids of the items that are ranked.
        known: CSR matrix (users, items) of float32 ones: every interaction before the test.
        validation: the part of `known` to choose settings on, same shape; may be empty.
        item_texts: one text an item, "" where an item has none; no texts at all: an empty tuple.
        masked: whether a user's known items are left out of the user's ranking (the usual protocol).
    """

    users: Sequence[str]
    items: Sequence[str]
    known: Any
    validation: Any
    item_texts: Sequence[str] = ()
    masked: bool = True

    def __len__(self) -> int:
        return int(self.known.nnz)

    def own(self) -> Interactions:
        """A copy for a method to hold: what it changes in it changes no other."""
        return replace(
            self,
            users=list(self.users),
            items=list(self.items),
            known=self.known.copy(),
            validation=self.validation.copy(),
            item_texts=list(self.item_texts),
        )

    @cached_property
    def training(self) -> Any:
        """`known` without `validation`, for methods that choose settings or stop early."""
        rest = (self.known - self.validation).tocsr()
        rest.eliminate_zeros()
        return rest

    @cached_property
    def popularity(self) -> Array:
        """Users that took each item before the test, shape (items,)."""
        return np.bincount(self.known.indices, minlength=len(self.items))

    def digest(self) -> str:
        """The content hash of what is known and how it is ranked, for the comparability key."""
        hasher = hashlib.sha256(f"{self.masked}".encode())
        for names in (self.users, self.items):
            hasher.update("\n".join(names).encode("utf-8", "surrogatepass") + b"\0")
        for matrix in (self.known, self.validation):
            for part in (matrix.indptr, matrix.indices):
                hasher.update(np.ascontiguousarray(part, dtype="<i8").tobytes())
        return hasher.hexdigest()

    @cached_property
    def _row(self) -> dict[str, int]:
        return {user: row for row, user in enumerate(self.users)}

    def rows(self, users: Sequence[str]) -> Array:
        """The rows of users given by id, shape (len(users),).

        Raises:
            DataError: a user isn't among them.
        """
        try:
            return np.fromiter((self._row[user] for user in users), np.int64, len(users))
        except KeyError as error:
            raise DataError(f"there is no user {error.args[0]!r} among the interactions") from None


def rank(
    score: Callable[[Array], Array], users: Array, hidden: Any | None, k: int = LONGEST
) -> Iterator[Array]:
    """The k best items of every user, among all items, as blocks of rows of int32 (block, k).

    Ties go to the smaller column. Where a user has fewer than k items left the row ends in -1.

    Args:
        score: from rows of users to scores (len(rows), items), float32 or float64; larger is better.
        users: rows of users.
        hidden: CSR matrix (all users, items) whose entries are left out of the ranking, or None.

    Raises:
        DataError: a score is NaN.
    """
    start, size = 0, 64
    while start < len(users):
        rows = users[start : start + size]
        scores = np.array(score(rows), copy=True)
        if hidden is not None:
            part = hidden[rows]
            scores[np.repeat(np.arange(len(rows)), np.diff(part.indptr)), part.indices] = -np.inf
        yield best(scores, k)
        start += len(rows)
        size = max(1, _SCORES_AT_ONCE // max(scores.shape[1], 1))


def best(scores: Array, k: int) -> Array:
    """Columns of the k largest scores of every row, best first, int32 (rows, k), -1 where only -inf
    is left; ties to the smaller column.

    The columns are dealt into many small groups. The k-th largest of the groups' maxima is a lower
    bound of the k-th largest score, so that only the few scores above it are sorted.

    Raises:
        DataError: a score is NaN.
    """
    n_rows, n_items = scores.shape
    found = np.full((n_rows, k), -1, np.int32)
    if n_items == 0:
        return found
    n_groups = min(n_items, max(8 * k, 512))
    whole = n_items // n_groups * n_groups
    maxima = scores[:, :whole].reshape(n_rows, -1, n_groups).max(axis=1)
    if whole < n_items:
        rest = n_items - whole
        maxima[:, :rest] = np.maximum(maxima[:, :rest], scores[:, whole:])
    if np.isnan(maxima).any():
        raise DataError("the method gave NaN as a score of an item; nothing can be ranked by it")
    place = max(n_groups - k, 0)
    bound = np.partition(maxima, place, axis=1)[:, place] if n_groups > k else maxima.min(axis=1)
    flat = np.flatnonzero(scores > bound[:, None])
    row, column = flat // n_items, flat % n_items
    order = np.lexsort((column, -scores[row, column], row))
    row, column = row[order], column[order]
    above = np.bincount(row, minlength=n_rows)
    rank_in_row = np.arange(len(row)) - np.repeat(np.cumsum(above) - above, above)
    kept = rank_in_row < k
    found[row[kept], rank_in_row[kept]] = column[kept]
    for short in np.flatnonzero((above < k) & (bound > -np.inf)):
        equal = np.flatnonzero(scores[short] == bound[short])[: k - above[short]]
        found[short, above[short] : above[short] + len(equal)] = equal
    return found


def encode(rankings: Array, items: Sequence[str]) -> list[str]:
    """Rankings (rows, k) of columns, padded with -1, as the texts that travel."""
    real = rankings >= 0
    return encode_lists(rankings[real], real.sum(axis=1), items)


def encode_lists(columns: Array, lengths: Array, items: Sequence[str]) -> list[str]:
    """Lists of columns that follow each other, with the length of each, as the texts that travel."""
    import pyarrow as pa
    from pyarrow import compute

    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    names = pa.array(items, pa.string()).take(pa.array(columns))
    return list(compute.binary_join(pa.ListArray.from_arrays(offsets, names), "\t").to_pylist())


def decode(rankings: Sequence[str | None], items: Sequence[str] | Any) -> tuple[Array, Array]:
    """The texts that travel as flat columns and the number of them in each text.

    Args:
        rankings: item ids with tabs between them; None and "" are empty rankings.
        items: ids of the items (a sequence or a pyarrow array); an id that isn't among them is -1.
    """
    import pyarrow as pa
    from pyarrow import compute

    texts = pa.array(rankings, pa.string())
    filled = compute.if_else(compute.equal(compute.fill_null(texts, ""), ""), None, texts)
    lists = compute.split_pattern(filled, "\t")
    lengths = compute.fill_null(compute.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    names = lists.flatten()
    columns = compute.index_in(names, value_set=pa.array(items, pa.string()))
    return compute.fill_null(columns, -1).to_numpy(zero_copy_only=False), lengths
