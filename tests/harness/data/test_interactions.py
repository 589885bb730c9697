"""Rankings as arrays: the best of every row, ties, what is hidden, and the texts that travel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from harness.base.errors import DataError
from harness.data.interactions import Interactions, best, decode, encode, rank


def slow_best(scores, k):
    found = np.full((len(scores), k), -1)
    for row, own in enumerate(scores):
        order = [c for c in np.argsort(-own, kind="stable") if own[c] > -np.inf][:k]
        found[row, : len(order)] = order
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 2000),
    st.integers(1, 60),
    st.sampled_from([1, 2, 5, 1000]),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
)
def test_best_is_the_stable_sort(n_items, k, distinct, seed, hidden):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, distinct, (4, n_items)).astype(np.float32)
    scores[rng.random(scores.shape) < hidden] = -np.inf
    assert (best(scores, k) == slow_best(scores, k)).all()


def test_nan_is_refused_and_minus_infinity_is_never_ranked():
    scores = np.zeros((2, 700), np.float32)
    scores[1, 699] = np.nan
    with pytest.raises(DataError, match="NaN"):
        best(scores, 5)
    assert (best(np.full((1, 3), -np.inf), 2) == -1).all()


def test_what_is_hidden_is_not_ranked():
    known = csr_array(np.array([[0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]], np.float32))
    scores = np.array([[1, 4, 3, 2]] * 3, np.float32)
    users = np.array([2, 0, 1])
    (masked,) = rank(lambda rows: scores[rows], users, known, k=3)
    assert masked.tolist() == [[1, 2, 3], [3, 0, -1], [1, 2, 3]]
    (free,) = rank(lambda rows: scores[rows], users, None, k=3)
    assert free.tolist() == [[1, 2, 3]] * 3


def test_blocks_cover_all_users_in_order():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(300, 40)).astype(np.float32)
    users = rng.permutation(300)
    ranked = np.concatenate(list(rank(lambda rows: scores[rows], users, None, k=7)))
    assert (ranked == slow_best(scores[users], 7)).all()


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 6), max_size=5), min_size=1, max_size=6))
def test_texts_go_there_and_back(lists):
    items = ["a", "b c", "ü", "10", "9", "-", "x" * 40]
    rows = np.full((len(lists), 5), -1)
    for row, own in zip(rows, lists, strict=True):
        row[: len(own)] = own
    columns, lengths = decode(encode(rows, items), items)
    assert lengths.tolist() == [len(own) for own in lists]
    assert columns.tolist() == [item for own in lists for item in own]


def test_unknown_ids_and_missing_rankings():
    columns, lengths = decode(["a\tnone", None, "", "b"], ["a", "b"])
    assert columns.tolist() == [0, -1, 1] and lengths.tolist() == [2, 0, 0, 1]


def test_interactions():
    known = csr_array(np.array([[1, 1, 0], [0, 1, 1]], np.float32))
    held = csr_array(np.array([[0, 1, 0], [0, 0, 0]], np.float32))
    data = Interactions(["u", "v"], ["a", "b", "c"], known, held)
    assert data.training.toarray().tolist() == [[1, 0, 0], [0, 1, 1]] and data.training.nnz == 3
    assert data.popularity.tolist() == [1, 2, 1] and len(data) == 4
    assert data.rows(["v", "u", "v"]).tolist() == [1, 0, 1]
    with pytest.raises(DataError, match="no user 'w'"):
        data.rows(["w"])
    other = Interactions(["u", "v"], ["a", "b", "c"], held, held)
    unmasked = Interactions(["u", "v"], ["a", "b", "c"], known, held, masked=False)
    assert len({data.digest(), other.digest(), unmasked.digest()}) == 3
