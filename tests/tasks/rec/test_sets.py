"""The data sets: counts and reference figures on the mirror, shapes of the others on small ones."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from harness.base.errors import DataError, UsageError
from harness.data.hub import Data
from harness.data.interactions import encode, rank
from harness.registry import load_task, registry
from harness.testing import check_task

SHARED = Path(__file__).parents[4] / "shared"
needs_mirror = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared data at {SHARED}")


def load(name, source, /, **args):
    spec = registry().task(name)
    task = load_task(spec, spec.arguments(args))
    return task, task.load(source)


def popular(task, splits):
    """Mean metrics of the most popular items, by the task's own scoring."""
    data = splits.interactions
    scores = data.popularity.astype(np.float32)
    rows = data.rows([sample.id for sample in splits.test])
    blocks = rank(lambda part: np.tile(scores, (len(part), 1)), rows, data.known if data.masked else None)
    from harness.sample import Outcome

    answers = [text for block in blocks for text in encode(block, data.items)]
    outcomes = [Outcome(s.id, answer=a) for s, a in zip(splits.test, answers, strict=True)]
    scored = list(task.score_all(splits.test, outcomes))
    means = {name: np.mean([s.metrics[name] for s in scored]) for name in scored[0].metrics}
    return means, task.measure_set(splits, splits.test, outcomes)


@needs_mirror
@pytest.mark.parametrize(
    ("name", "reference", "counts"),
    [
        ("rec/gowalla", "gowalla", (29858, 40981, 810128, 217242)),
        ("rec/ml-100k", "movielens_100k_leave_one_out", (943, 1682, 99057, 943)),
        ("rec/amazon-beauty", "amazon_beauty_leave_one_out", (22363, 12101, 176139, 22363)),
    ],
)
def test_most_popular_reference(name, reference, counts):
    task, splits = load(name, Data(SHARED / "hub", offline=True))
    data = splits.interactions
    n_test = sum(sample.target.count("\t") + 1 for sample in splits.test)
    assert (len(data.users), len(data.items), len(data), n_test) == counts
    wanted = json.loads((SHARED / "data/rec_reference_metrics.json").read_text())["metrics"][reference]
    assert len(splits.test) == wanted.pop("users")
    means, of_the_set = popular(task, splits)
    assert {k: round(float(means[k]), 6) for k in wanted} == wanted
    assert set(of_the_set) == set(registry().task(name).set_metrics)


@needs_mirror
def test_games_and_filters():
    mirror = Data(SHARED / "hub", offline=True)
    _, splits = load("rec/amazon-games", mirror)
    data = splits.interactions
    assert data.training.nnz == 339172 and len(data.users) == 50546
    degrees = np.bincount(data.training.indices, minlength=len(data.items))
    assert (degrees == 0).sum() == 22 and degrees.max() == 582
    assert (np.diff(data.training.indptr) <= 3).sum() == 15939
    assert data.item_texts[0] == "Fire Emblem: The Sacred Stones" and all(data.item_texts)
    _, splits = load("rec/ml-100k", mirror, min_rating="4", core="5")
    data = splits.interactions
    assert (len(data.users), len(data.items), len(data) + len(splits.test)) == (938, 1008, 54413)
    assert data.item_texts[0] == "Toy Story (1995) Animation Children's Comedy"


@needs_mirror
def test_the_released_protocol_is_another_task():
    mirror = Data(SHARED / "hub", offline=True)
    masked, ours = load("rec/ml-100k", mirror)
    released, theirs = load("rec/ml-100k", mirror, protocol="released")
    assert ours.interactions.masked and not theirs.interactions.masked
    assert ours.interactions.digest() != theirs.interactions.digest()
    assert len(theirs.interactions.users) == 938 and len(theirs.interactions.items) == 1008
    means, _ = popular(released, theirs)
    known = set(theirs.test[0].question.input.split("\t"))
    ranked = next(rank(lambda r: np.tile(theirs.interactions.popularity, (len(r), 1)), np.array([0]), None))
    assert known & {theirs.interactions.items[c] for c in ranked[0]}
    assert 0 < means["recall@20"] < 0.2


@needs_mirror
@pytest.mark.parametrize("split", ["random", "ratio", "cold-items", "cold-users"])
def test_variants(split):
    _, splits = load("rec/ml-100k", Data(SHARED / "hub", offline=True), split=split, keep="0.5")
    data = splits.interactions
    for sample in splits.test[:100]:
        known = set(sample.question.input.split("\t"))
        assert not known & set(sample.target.split("\t"))
        row = data.known[[data.rows([sample.id])[0]]]
        assert known - {""} == {data.items[i] for i in row.indices}


@needs_mirror
def test_contract(monkeypatch):
    mirror = Data(SHARED / "hub", offline=True)
    check_task("rec/ml-100k", mirror)
    check_task("rec/amazon-beauty", mirror)


def repository(root, hub_id, config, split, table):
    folder = root / hub_id / (config or "data")
    folder.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(table), folder / f"{split}-00000-of-00001.parquet")
    front = "---\nconfigs:\n"
    for each in sorted({path.parent for path in (root / hub_id).rglob("*.parquet")}):
        name = "default" if each.name == "data" else each.name
        front += f"  - config_name: {name}\n    data_files:\n"
        for path in sorted(each.glob("*.parquet")):
            part = path.name.partition("-")[0]
            front += f"      - split: {part}\n        path: {each.name}/{path.name}\n"
    (root / hub_id / "README.md").write_text(front + "---\n")


@pytest.mark.parametrize(
    ("name", "config", "meta"),
    [
        ("rec/amazon-toys", "0core_rating_only_Toys_and_Games", "raw_meta_Toys_and_Games"),
        (
            "rec/amazon-tools",
            "0core_rating_only_Tools_and_Home_Improvement",
            "raw_meta_Tools_and_Home_Improvement",
        ),
        ("rec/amazon-office", "0core_rating_only_Office_Products", "raw_meta_Office_Products"),
    ],
)
def test_amazon_shapes(tmp_path, monkeypatch, name, config, meta):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    pairs = [(f"U{u}", f"B{i}") for u in range(6) for i in range(6)]
    users, items = zip(*[*pairs, ("U0", "B9"), ("U1", "B8")], strict=True)
    ratings = [5.0] * 36 + [5.0, 1.0]
    hub = "McAuley-Lab/Amazon-Reviews-2023"
    repository(
        tmp_path,
        hub,
        config,
        "full",
        {
            "user_id": users,
            "parent_asin": items,
            "rating": ratings,
            "timestamp": [1000 + n for n in range(38)],
        },
    )
    repository(
        tmp_path,
        hub,
        meta,
        "full",
        {
            "parent_asin": ["B0", "B1", "B9", "B5"],
            "title": ["Train &amp; track", None, "x", "Ball"],
        },
    )
    _, splits = load(name, Data(tmp_path, offline=True))
    data = splits.interactions
    assert list(data.users) == [f"U{u}" for u in range(6)] and len(data) == 30
    assert [sample.target for sample in splits.test] == ["B5"] * 6
    assert list(data.item_texts) == ["Train & track", "", "", "", "", "Ball"]
    _, splits = load(name, Data(tmp_path, offline=True), min_rating="0", core="0")
    assert len(splits.interactions.items) == 8


@pytest.mark.parametrize("name", ["rec/yelp2018", "rec/amazon-book"])
@pytest.mark.parametrize("lines", [False, True])
def test_lightgcn_shapes(tmp_path, monkeypatch, name, lines):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (pin, _) = registry().task(name).data.values()
    if lines:  # the text files of the Hub, as datasets reads them
        train, test = {"text": ["0 0 1 2", "1 2", "2 1 3"]}, {"text": ["0 3", "1 0 1", "2"]}
    else:
        train = {"user": [0, 0, 0, 1, 2, 2], "item": [0, 1, 2, 2, 1, 3]}
        test = {"user": [0, 1, 1], "item": [3, 0, 1]}
    repository(tmp_path, pin.id, None, "train", train)
    repository(tmp_path, pin.id, None, "test", test)
    task, splits = load(name, Data(tmp_path, offline=True))
    assert {s.id: s.target for s in splits.test} == {"0": "3", "1": "0\t1"}
    assert splits.interactions.known.toarray().tolist() == [[1, 1, 1, 0], [0, 0, 1, 0], [0, 1, 0, 1]]


def test_movielens_1m_shape(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    repository(
        tmp_path,
        "grouplens/movielens-1m",
        "ratings",
        "train",
        {
            "user_id": [1, 1, 1, 2, 2],
            "item_id": [10, 2, 3, 3, 2],
            "rating": [5.0, 3, 4, 2, 1],
            "timestamp": [30, 20, 10, 5, 6],
        },
    )
    repository(
        tmp_path,
        "RUCAIBox/LLMRank",
        "ml-1m-items",
        "train",
        {
            "item_id": [2, 3],
            "movie_title": ["Heat", "Big"],
            "release_year": ["1995", "1988"],
            "genre": ["Action", "Comedy"],
        },
    )
    _, splits = load("rec/ml-1m", Data(tmp_path, offline=True))
    assert [s.target for s in splits.test] == ["10", "2"]
    assert list(splits.interactions.item_texts) == ["Heat (1995) Action", "Big (1988) Comedy", ""]
    broken = Data(tmp_path / "other", offline=True)
    with pytest.raises(UsageError, match="split='tail' is not one of"):
        load("rec/ml-1m", broken, split="tail")
    table = {"user_id": [1, 1, 2], "movie": [1, 2, 1]}
    repository(tmp_path / "other", "grouplens/movielens-1m", "ratings", "train", table)
    with pytest.raises(DataError, match="no column 'item_id'"):
        load("rec/ml-1m", broken)
