"""The epsilon-random sampler: its two orders, its sizes, and when it needs vectors."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from harness.methods.semi_icl.sampler import Sampler


def refuse():
    raise AssertionError("vectors are not needed here")


def unit(rows):
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
@pytest.mark.parametrize(("order", "first"), [("nearest", "p"), ("released", "q")])
def test_the_two_orders_by_hand(order, first, form):
    """Rows 0 and 1 are annotated; of p, q and r the released order takes the far one."""
    vectors = form(unit([[1, 0], [0, 1], [1, 0.1], [-1, 0], [0.7, 0.7]]))
    sampler = Sampler(5, 1, 0.0, order, lambda: vectors, random.Random(0))
    sampler.next()
    sampler.remaining = [2, 3, 4]
    sampler.refer([0, 1])
    assert sampler.next() == ["01pqr".index(first)]


def test_distances_in_the_released_code_pick_the_nearest():
    """The proof of the slip: with 1 - cos in place of cos, the same lines pick p."""
    annotated, left = unit([[1, 0], [0, 1]]), unit([[1, 0.1], [-1, 0], [0.7, 0.7]])
    similarity = annotated @ left.T
    assert similarity.max(axis=0) == pytest.approx([0.995, 0, 0.707], abs=1e-3)
    assert similarity.min(axis=0) == pytest.approx([0.0995, -1, 0.707], abs=1e-3)
    assert similarity.min(axis=0).argmin() == 1 and (1 - similarity).min(axis=0).argmin() == 0


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 20),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.sampled_from(["nearest", "released"]),
    st.integers(0, 99),
)
def test_every_row_once_in_chunks_of_the_right_make_up(n, chunk, epsilon, order, seed):
    vectors = unit(np.random.default_rng(seed).normal(size=(n, 3)))
    sampler = Sampler(n, chunk, epsilon, order, lambda: vectors, random.Random(seed))
    seen, done = [], []
    while rows := sampler.next():
        size = min(chunk, n - len(done))
        assert len(rows) == size
        if done:
            near = size - int(epsilon * size)
            left = [row for row in range(n) if row not in done]
            similarity = vectors[left] @ vectors[done].T
            score = similarity.max(axis=1) if order == "nearest" else -similarity.min(axis=1)
            worst_taken = min((score[left.index(row)] for row in rows[:near]), default=np.inf)
            passed_over = [s for row, s in zip(left, score, strict=True) if row not in rows[:near]]
            assert worst_taken >= max(passed_over, default=-np.inf) - 1e-6
        done += rows
        sampler.refer(rows)
        seen.append(rows)
    assert sorted(done) == list(range(n))
    again = Sampler(n, chunk, epsilon, order, lambda: vectors, random.Random(seed))
    for rows in seen:
        assert again.next() == rows
        again.refer(rows)


def test_the_first_chunk_and_epsilon_one_need_no_vectors():
    sampler = Sampler(10, 10, 0.0, "nearest", refuse, random.Random(0))
    assert sorted(sampler.next()) == list(range(10)) and sampler.next() == []
    sampler = Sampler(10, 3, 1.0, "nearest", refuse, random.Random(0))
    assert [len(sampler.next()) for _ in range(4)] == [3, 3, 3, 1]


def test_an_odd_chunk_gives_the_smaller_half_to_chance():
    vectors = unit(np.eye(12))
    sampler = Sampler(12, 5, 0.5, "nearest", lambda: vectors, random.Random(1))
    sampler.refer(sampler.next())
    chosen = []
    sampler._rng = type("Counting", (), {"sample": lambda self, rows, k: chosen.append(k) or rows[:k]})()
    assert len(sampler.next()) == 5 and chosen == [2]
