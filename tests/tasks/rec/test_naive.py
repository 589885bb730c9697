"""The numbers of a run on the user's own files, computed once more in plain Python and numpy."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli import cli


def naive(train, test, scores, items, k):
    """Mean NDCG@k and recall@k: known items are not ranked, ties go to the item that comes first."""
    ndcg, recall = [], []
    for user in sorted(test):
        wanted = test[user] - train.get(user, set())
        if not wanted:
            continue
        left = [item for item in items if item not in train.get(user, set())]
        ranked = sorted(left, key=lambda item: -scores(user, item))[:k]  # sorted is stable
        gains = [(item in wanted) / np.log2(rank + 2) for rank, item in enumerate(ranked)]
        ideal = sum(1 / np.log2(rank + 2) for rank in range(min(k, len(wanted))))
        ndcg.append(sum(gains) / ideal)
        recall.append(len(wanted & set(ranked)) / len(wanted))
    return np.mean(ndcg), np.mean(recall)


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
        methods = ["--method", "most-popular,item-knn,ease", "-M", "neighbours=1000", "-M", "reg=3"]
        command = ["eval", "--task", "rec/custom", "-T", *files, *methods, *more, "--json"]
        done = CliRunner().invoke(cli, command)
        assert done.exit_code == 0, done.output + done.stderr
        return json.loads(done.stdout)["runs"]

    runs = run("", ".csv")
    items = sorted({item for taken in (*train.values(), *test.values()) for item in taken})
    taken = np.array([[item in train.get(user, set()) for item in items] for user in sorted(test)], float)
    row = {user: n for n, user in enumerate(sorted(test))}
    column = {item: n for n, item in enumerate(items)}
    size = np.maximum(np.sqrt(taken.sum(axis=0)), 1e-12)
    cosine = taken.T @ taken / np.outer(size, size)
    np.fill_diagonal(cosine, 0)
    inverse = np.linalg.inv(taken.T @ taken + 3 * np.eye(len(items)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    tables = [np.tile(taken.sum(axis=0), (len(row), 1)), taken @ cosine, taken @ weights]
    for made, table in zip(runs, tables, strict=True):
        rounded = table.astype(np.float32)
        for k in (5, 10, 20):
            ndcg, recall = naive(train, test, lambda u, i, t=rounded: t[row[u], column[i]], items, k)
            assert made["metrics"][f"ndcg@{k}"]["value"] == pytest.approx(ndcg, abs=1e-9)
            assert made["metrics"][f"recall@{k}"]["value"] == pytest.approx(recall, abs=1e-9)
    again = run("elsewhere/", ".txt")
    assert [made["run_id"] for made in again] == [made["run_id"] for made in runs]
