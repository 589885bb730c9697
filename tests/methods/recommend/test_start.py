"""Initial tables: which dimensions, whose mean, what the controls keep and destroy, what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from harness.base.errors import DataError, UsageError
from harness.job import Job, Models
from harness.methods.recommend.graph import start
from harness.model.budget import Budget
from harness.model.echo import Echo
from harness.model.embed import Embedder, open_embedder
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.registry import registry
from harness.sample import Splits
from harness.testing import TINY, TinyTask

ARGS = {"dim": 4, "centre": False, "rms": 0.0, "like": "var"}


class Given(Embedder):
    """Vectors as they are, whatever the texts."""

    def __init__(self, rows, by_row=True):
        self.name, self.rows, self.by_row = "given", rows, by_row

    def embed(self, texts):
        return self.rows


def job(rows=None, texts=None, seed=0, embedder=None):
    task = TinyTask(TINY, {})
    splits = task.load(None)
    if texts is not None:
        from dataclasses import replace

        splits = Splits(splits.test, interactions=replace(splits.interactions, item_texts=texts))
    method = registry().method("lightgcn+gauss")
    model = Model(Echo("x"), ledger=Ledger(), budget=Budget())
    embedder = embedder or Given(
        np.random.default_rng(1).normal(size=(8, 12)).astype("f4")
        if rows is None
        else np.asarray(rows, np.float32)
    )
    return Job(
        task=task,
        method=method,
        splits=splits,
        seed=seed,
        models=Models(
            model=model,
            embedder=embedder,
        ),
    )


def training():
    return TinyTask(TINY, {}).load(None).interactions.training


@pytest.mark.parametrize(
    ("width", "dim", "step", "last"),
    [
        (768, 128, 6, 762),
        (768, 64, 12, 756),
        (768, 100, 7, 693),
        (768, 500, 1, 499),
        (768, 384, 2, 766),
        (384, 128, 3, 381),
    ],
)
def test_uniform(width, dim, step, last):
    found = start.uniform(width, dim)
    assert len(found) == dim and found[1] - found[0] == step and found[-1] == last


def test_var_looks_at_popular_items_alone():
    rng = np.random.default_rng(0)
    degree = np.arange(50)[::-1]
    vectors = rng.normal(0, 0.1, (50, 9))
    vectors[10:, 5] += rng.normal(0, 9, 40)
    vectors[:10, 7] += rng.normal(0, 9, 10)
    found = start.most_varied(vectors, degree, 3)
    assert 7 in found and 5 not in found and (np.diff(found) > 0).all()
    assert (start.most_varied(vectors + 3, degree, 3) == found).all()
    vectors[:, 0] *= 1000
    assert 0 in start.most_varied(vectors, degree, 3)


def test_ties_of_var_go_to_the_smaller_index():
    vectors = np.zeros((10, 6))
    vectors[0] = 1
    assert start.most_varied(vectors, np.ones(10), 2).tolist() == [0, 1]


def test_mean_of_items():
    taken = csr_array(np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0]], np.float32))
    items = np.array([[1], [2], [3]], np.float32)
    assert start.mean_of_items(taken, items).ravel().tolist() == [1.5, 2.5, 0]


@pytest.mark.parametrize("how", ["rand", "uni", "var", "full", "pca", "gauss", "shuffle", "lsa", "mean"])
def test_users_start_at_the_mean_of_their_items(how):
    users, items = start.tables(how, training(), job(), {**ARGS, "dim": 4})
    assert items.shape == (8, 12 if how == "full" else 4) and users.shape == (12, items.shape[1])
    np.testing.assert_allclose(users, start.mean_of_items(training(), items))
    assert users.dtype == items.dtype == np.float32


def test_dimensions_are_distinct_and_taken_as_they_are():
    rows = np.arange(8 * 12, dtype=np.float32).reshape(8, 12)
    for how in ("rand", "uni", "var"):
        items = start.tables(how, training(), job(rows), ARGS)[1]
        columns = [int(np.flatnonzero((rows == column[:, None]).all(axis=0))[0]) for column in items.T]
        assert len(set(columns)) == 4 and columns == sorted(columns)


def test_released_draws_with_replacement():
    """768 (1 - (1 - 1/768)^128) = 117.97 of 128 dimensions are distinct on average."""
    rows, taken = np.arange(768, dtype=np.float32)[None], csr_array((1, 1))
    drawn = [
        start.chosen_dimensions("rand", rows, taken, 128, np.random.default_rng(seed), True)
        for seed in range(200)
    ]
    assert np.mean([len(np.unique(columns)) for columns in drawn]) == pytest.approx(117.97, abs=0.6)
    args = {**ARGS, "dim": 12, "released": True}
    items = start.tables("rand", training(), job(np.arange(96, dtype="f4").reshape(8, 12)), args)[1]
    assert len(np.unique(items, axis=1).T) < 12


def test_what_the_controls_keep():
    var, shuffle = (start.tables(how, training(), job(), ARGS)[1] for how in ("var", "shuffle"))
    assert sorted(map(tuple, shuffle.tolist())) == sorted(map(tuple, var.tolist()))
    assert (shuffle != var).any()
    np.testing.assert_allclose(np.linalg.svd(shuffle)[1], np.linalg.svd(var)[1], rtol=1e-5)
    wide = np.random.default_rng(0).normal(0.3, 2, (4000, 12)).astype("f4")
    taken, rng = csr_array((1, 4000)), np.random.default_rng(0)
    rms = [
        np.sqrt((start._items(how, taken, job_of(wide), ARGS, rng) ** 2).mean()) for how in ("var", "gauss")
    ]
    assert rms[0] == pytest.approx(rms[1], rel=0.02)
    scaled = start.tables("var", training(), job(), {**ARGS, "rms": 0.25})[1]
    assert np.sqrt((scaled**2).mean()) == pytest.approx(0.25)
    shifted = job(np.random.default_rng(1).normal(size=(8, 12)) * 0.1 + 5)
    centred = start.tables("full", training(), shifted, {**ARGS, "centre": True})[1]
    np.testing.assert_allclose(np.linalg.norm(centred, axis=1), 1, rtol=1e-5)
    assert abs(centred.mean()) < 0.1


def job_of(rows):
    class StubJob:
        @property
        def data(self):
            return self

        def item_vectors(self):
            return rows, 0

    return StubJob()


def test_seeds_and_scales_of_random_starts():
    first, again = (start.tables("xavier", training(), job(), {"dim": 64})[1] for _ in range(2))
    other = start.tables("xavier", training(), job(seed=1), {"dim": 64})[1]
    assert (first == again).all() and (first != other).any()
    assert abs(first).max() <= np.sqrt(6 / 72)
    assert start.tables("normal", training(), job(), {"dim": 64})[1].std() == pytest.approx(0.1, rel=0.1)


def test_a_dimension_larger_than_the_embedding():
    with pytest.raises(UsageError, match="dim=64 is larger than the 12 dimensions .* -M dim=12"):
        start.tables("var", training(), job(), {**ARGS, "dim": 64})
    with pytest.raises(UsageError, match="too many for item texts"):
        start.tables("lsa", training(), job(), {**ARGS, "dim": 64})


def test_broken_vectors():
    rows = np.ones((8, 12))
    rows[3, 2] = np.nan
    with pytest.raises(DataError, match="vectors of 1 of 8 texts hold NaN or infinity"):
        start.tables("var", training(), job(rows), ARGS)
    with pytest.raises(DataError, match="gave 5 vectors for 8 texts"):
        start.tables("var", training(), job(np.ones((5, 12))), ARGS)
    with pytest.raises(UsageError, match="items need dense vectors"):
        start.tables("var", training(), job(embedder=open_embedder("tfidf")), ARGS)


def test_files_of_vectors(tmp_path):
    path = tmp_path / "items.npy"
    rows = np.random.default_rng(0).normal(size=(8, 12)).astype(np.float16)
    np.save(path, rows)
    embedder = open_embedder(f"file:{path}")
    vectors, without = job(embedder=embedder).data.item_vectors()
    assert without == 0 and embedder.name == "file:items.npy"
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.save(path, rows[:5])
    with pytest.raises(DataError, match="has 5 vectors for 8 texts"):
        job(embedder=open_embedder(f"file:{path}")).data.item_vectors()
    np.save(path, rows[0])
    with pytest.raises(DataError, match="1 dimensions, not rows"):
        open_embedder(f"file:{path}")
    with pytest.raises(DataError, match="none.npy"):
        open_embedder(f"file:{tmp_path / 'none.npy'}")


def test_items_without_text_start_at_the_mean_and_are_counted(caplog):
    texts = ["red thing one", "", "green thing two", "", "blue thing three", "odd", "thing one", "even two"]
    found, without = job(texts=texts, embedder=open_embedder("lsa")).data.item_vectors()
    assert without == 2 and len(found) == 8
    np.testing.assert_allclose(found[1], found[[0, 2, 4, 5, 6, 7]].mean(axis=0), rtol=1e-5)
    start.tables("var", training(), job(texts=texts, embedder=open_embedder("lsa")), {**ARGS, "dim": 2})
    assert "2 of 8 items have no text" in caplog.text


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_any_width_gives_dim_distinct_dimensions(width, dim, seed):
    vectors = np.random.default_rng(seed).normal(size=(6, width)).astype("f4")
    taken = csr_array((3, 6), dtype=np.float32)
    for how in ("rand", "uni", "var", "pca"):
        if dim > width:
            with pytest.raises(UsageError):
                start.chosen_dimensions(how, vectors, taken, dim, np.random.default_rng(0))
        else:
            found = start.chosen_dimensions(how, vectors, taken, dim, np.random.default_rng(0))
            assert found.shape == (6, dim)


SHARED = Path(__file__).parents[4] / "shared"


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared data at {SHARED}")
@pytest.mark.parametrize(
    ("how", "centre", "rms"),
    [
        ("var", True, 0.051),
        ("uni", True, 0.037),
        ("pca", True, 0.116),
        ("var", False, 0.098),
    ],
)
def test_scales_on_video_games(how, centre, rms):
    """The item tables of an earlier, independent implementation had these root mean squares."""
    from harness.data.hub import Data
    from harness.registry import load_task

    spec = registry().task("rec/amazon-games")
    task = load_task(spec, spec.arguments({}))
    data = task.load(Data(SHARED / "hub", offline=True)).interactions
    vectors = open_embedder(f"file:{SHARED}/data/embeddings/amazon_video_games_bert768_f16.npy")
    args = {"dim": 64, "centre": centre, "rms": 0.0, "like": "var"}
    rows = vectors.embed(data.item_texts)
    items = start._items(how, data.training, job_of(rows), args, np.random.default_rng(0))
    assert np.sqrt(np.square(items, dtype=np.float64).mean()) == pytest.approx(rms, abs=6e-4)
