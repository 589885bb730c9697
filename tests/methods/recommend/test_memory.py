"""Neighbourhoods, EASE and ALS against their definitions; the contract of each."""

import asyncio

import numpy as np
import pytest
from scipy.sparse import csr_array

from harness.base.errors import UsageError
from harness.data.interactions import Interactions
from harness.registry import load_method, registry
from harness.testing import check_method

KNOWN = np.array([[1, 1, 0, 0, 1], [1, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 1, 0]], np.float32)


class StubJob:
    """What of a job these methods use."""

    seed = 0

    def __init__(self, known=KNOWN):
        self.data, self.access = self, {}
        names = [str(n) for n in range(max(known.shape))]
        rows, columns = known.shape
        self.interactions = Interactions(
            names[:rows], names[:columns], csr_array(known), csr_array(known.shape, dtype=np.float32)
        )

    def progress(self, *seen):
        pass

    def drew(self, *what):
        pass


def scores(name, job, **args):
    spec = registry().method(name)
    method = load_method(spec, spec.arguments(args))
    asyncio.run(method.fit(job))
    assert job.access["interactions_trained_on"] == job.interactions.known.nnz
    return method._score(np.arange(job.interactions.known.shape[0]))


@pytest.mark.parametrize("name", ["most-popular", "item-knn", "ease", "als"])
def test_contract(name):
    if name == "als":
        pytest.importorskip("implicit")
    check_method(name)


def test_most_popular_and_neighbours():
    assert scores("most-popular", StubJob()).tolist() == [[2, 3, 3, 1, 1]] * 4
    size = np.sqrt(KNOWN.sum(axis=0))
    cosine = KNOWN.T @ KNOWN / np.outer(size, size)
    np.fill_diagonal(cosine, 0)
    np.testing.assert_allclose(scores("item-knn", StubJob()), KNOWN @ cosine, rtol=1e-6)
    kept = np.where(cosine >= np.sort(cosine, axis=1)[:, [-1]], cosine, 0)
    np.testing.assert_allclose(scores("item-knn", StubJob(), neighbours="1"), KNOWN @ kept.T, rtol=1e-6)


def test_ease_solves_its_own_problem():
    """B is the best zero-diagonal matrix: no small change of an off-diagonal weight lowers the loss."""
    known = (np.random.default_rng(0).random((40, 8)) < 0.4).astype(np.float64)
    reg = 2.0
    weights = np.linalg.lstsq(known, scores("ease", StubJob(known.astype(np.float32)), reg="2"), rcond=None)[
        0
    ]
    assert np.abs(np.diag(weights)).max() < 1e-4
    gradient = known.T @ (known @ weights - known) + reg * weights
    assert np.abs(gradient - np.diag(np.diag(gradient))).max() < 1e-3
    with pytest.raises(UsageError, match="5 items .* -M most_items=5"):
        scores("ease", StubJob(), most_items="4")


def test_als_recovers_blocks():
    pytest.importorskip("implicit")
    known = np.kron(np.eye(2), np.ones((6, 6))).astype(np.float32)
    known[0, 5] = known[6, 11] = 0
    found = scores("als", StubJob(known), dim="2", epochs="20")
    assert found[0, 5] > found[0, 6:].max() and found[6, 11] > found[6, :6].max()


@pytest.mark.parametrize("name", ["most-popular", "item-knn", "ease"])
def test_a_user_without_training_items_is_ranked_for(name):
    found = scores(name, StubJob(np.vstack([KNOWN, np.zeros((1, 5), np.float32)])))
    assert np.isfinite(found).all() and len(found) == 5
