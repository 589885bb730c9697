"""The numbers of a run on the user's own files, computed once more in plain Python and numpy."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from harness.cli import cli


def naive(train, test, rankings, k):
    """Mean NDCG@k and recall@k over the users that have a test item which they didn't take before."""
    ndcg, recall = [], []
    for user in sorted(test):
        wanted = test[user] - train.get(user, set())
        if not wanted:
            continue
        ranked = rankings[user][:k]
        gains = [(item in wanted) / np.log2(rank + 2) for rank, item in enumerate(ranked)]
        ideal = sum(1 / np.log2(rank + 2) for rank in range(min(k, len(wanted))))
        ndcg.append(sum(gains) / ideal)
        recall.append(len(wanted & set(ranked)) / len(wanted))
    return np.mean(ndcg), np.mean(recall)


def naively_ranked(train, user, scores, items):
    """What the user didn't take, the largest score first; ties go to the item that comes first."""
    left = [item for item in items if item not in train.get(user, set())]
    return sorted(left, key=lambda item: -scores[item])  # sorted is stable


@pytest.fixture
def interactions():
    """Skewed ids with leading zeros; some test items are known, some users and items are new."""
    rng = np.random.default_rng(5)
    popular = rng.permutation(60) ** 1.5
    train, test = {}, {}
    for user in range(80):
        drawn = rng.choice(60, 14, replace=False, p=popular / popular.sum())
        names = [f"{n:03}" if n % 2 else str(n) for n in drawn]
        train[f"0{user}"], test[f"0{user}"] = set(names[:9]), set(names[8:])
    train.pop("07")
    test["03"].add("never-before")
    return train, test


def write(path, users, separator=","):
    rows = [(user, item) for user in users for item in sorted(users[user])]
    path.write_text("".join(separator.join(row) + "\n" for row in [("userId", "itemId"), *rows]))


def test_ndcg_and_recall_equal_a_naive_computation(tmp_path, monkeypatch, interactions):
    train, test = interactions
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "train.csv", train)
    write(tmp_path / "test.csv", test)
    (tmp_path / "elsewhere").mkdir()
    for name in ("train", "test"):
        (tmp_path / f"elsewhere/{name}.txt").write_bytes((tmp_path / f"{name}.csv").read_bytes())

    def run(folder, ending, *more):
        files = [f"train={folder}train{ending}", "-T", f"test={folder}test{ending}", "-T", "header=true"]
        methods = ["--method", "most-popular,item-knn", "--no-transcripts"]
        command = ["eval", "--task", "rec/custom", "-T", *files, *methods, *more, "--json"]
        done = CliRunner().invoke(cli, command)
        assert done.exit_code == 0, done.output + done.stderr
        return json.loads(done.stdout)["runs"]

    runs = run("", ".csv")
    items = sorted({item for taken in (*train.values(), *test.values()) for item in taken})
    popularity = {item: sum(item in taken for taken in train.values()) for item in items}
    for made in runs:
        rows = parquet.read_table(tmp_path / made["samples"]).to_pylist()
        rankings = {row["sample_id"]: row["answer"].split("\t") for row in rows}
        for user, ranked in rankings.items():
            assert not train.get(user, set()) & set(ranked)
            assert len(ranked) == min(50, len(items) - len(train.get(user, ())))
            if made["method"] == "most-popular":
                assert ranked == naively_ranked(train, user, popularity, items)[:50]
        for k in (5, 10, 20, 50):
            ndcg, recall = naive(train, test, rankings, k)
            assert made["metrics"][f"ndcg@{k}"]["value"] == pytest.approx(ndcg, abs=1e-9)
            assert made["metrics"][f"recall@{k}"]["value"] == pytest.approx(recall, abs=1e-9)
    again = run("elsewhere/", ".txt")
    assert [made["run_id"] for made in again] == [made["run_id"] for made in runs]
