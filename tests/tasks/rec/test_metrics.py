"""The metrics against their definitions, spelled out item by item."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from harness.data.interactions import Interactions
from harness.registry import load_task, registry
from harness.sample import Outcome, Question, Sample, Splits
from harness.tasks.rec import metrics


def by_hand(ranking, relevant, k):
    top = ranking[:k]
    hits = [item in relevant for item in top]
    ideal = sum(1 / math.log2(r + 2) for r in range(min(k, len(relevant))))
    precisions = [sum(hits[: r + 1]) / (r + 1) for r, hit in enumerate(hits) if hit]
    return {
        f"recall@{k}": sum(hits) / len(relevant),
        f"precision@{k}": sum(hits) / k,
        f"hit@{k}": float(any(hits)),
        f"mrr@{k}": next((1 / (r + 1) for r, hit in enumerate(hits) if hit), 0.0),
        f"ndcg@{k}": sum(1 / math.log2(r + 2) for r, hit in enumerate(hits) if hit) / ideal,
        f"map@{k}": sum(precisions) / min(k, len(relevant)),
    }


def task():
    spec = registry().task("rec/custom")
    return load_task(spec, {**spec.arguments({}), "train": "x"})


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 70), st.integers(0, 50))
def test_every_metric_of_every_user(seed, n_relevant, length):
    rng = np.random.default_rng(seed)
    names = [f"i{n}" for n in range(80)]
    relevant = rng.choice(names, n_relevant, replace=False).tolist()
    ranking = rng.choice(names, length, replace=False).tolist()
    sample = Sample(Question("u", ""), "\t".join(relevant))
    scored = task().score(sample, Outcome("u", answer="\t".join(ranking) or None)).metrics
    wanted = {}
    for k in metrics.CUTOFFS:
        wanted |= by_hand(ranking, set(relevant), k)
    assert dict(scored) == pytest.approx(wanted)


def test_a_repeated_item_counts_once_where_it_stands_first():
    sample = Sample(Question("u", ""), "a\tb")
    scored = task().score(sample, Outcome("u", answer="x\ta\ta\ta\tb")).metrics
    assert scored["recall@5"] == 1.0 and scored["mrr@5"] == 0.5
    assert scored["precision@5"] == pytest.approx(0.4)


def test_no_answer_and_strange_answers_are_zero():
    sample = Sample(Question("u", ""), "a")
    many = "\t".join(f"x{n}" for n in range(60)) + "\ta"
    for answer in (None, "", "\t\t", "A", many, "{}", "\x00"):
        assert not any(task().score(sample, Outcome("u", answer=answer)).metrics.values())


def test_a_set_of_users_is_scored_as_each_alone():
    samples = [Sample(Question(f"u{n}", ""), "a\tb" if n % 2 else "c") for n in range(5)]
    outcomes = [Outcome(f"u{n}", answer="b\tc\ta"[: 2 * n]) for n in range(5)]
    together = list(task().score_all(samples, outcomes))
    assert together == [task().score(s, o) for s, o in zip(samples, outcomes, strict=True)]


def test_metrics_of_the_set():
    rankings = np.full((2, 50), -1)
    rankings[:, :5] = [[0, 1, 2, 3, 4], [0, 1, 2, 3, -1]]
    popularity = np.array([4, 2, 1, 1, 0, 0, 0, 0])
    found = metrics.of_the_set(rankings, popularity, 4)
    assert found["coverage@5"] == 5 / 8
    assert found["novelty@5"] == pytest.approx((2 * (0 + 1 + 2 + 2) + 2) / 9)
    exposure = [0, 0, 0, 1, 2, 2, 2, 2]
    pairs = sum(abs(a - b) for a in exposure for b in exposure)
    assert found["gini@5"] == pytest.approx(pairs / (2 * 8 * sum(exposure)))
    even = metrics.of_the_set(np.tile(np.arange(8), (1, 1)), popularity, 4)
    assert even["gini@50"] == pytest.approx(0) and even["coverage@50"] == 1
    assert metrics.of_the_set(np.full((1, 50), -1), popularity, 4)["gini@5"] == 0


def test_strata():
    stratum = metrics.strata(np.array([1, 30, 5, 5, 10, 1, 8]))
    assert stratum.tolist() == [2, 0, 2, 2, 1, 2, 2]
    found = metrics.by_item_stratum(np.array([0, 0, 1, 2]), np.array([0, 2, 0, 2]), np.array([3, 50, 20, 0]))
    assert found == {"recall@20/head": 0.5, "recall@20/tail": 0.5}


def test_strata_of_users_by_their_activity():
    """Of three users with 4, 2 and 1 training items, two are asked about; the busiest is not."""
    names = [f"i{n}" for n in range(9)]
    taken = csr_array(np.array([[1] * 4 + [0] * 5, [1] * 2 + [0] * 7, [0, 0, 1] + [0] * 6], np.float32))
    data = Interactions(("u0", "u1", "u2"), names, taken, csr_array(taken.shape, dtype=np.float32))
    samples = [Sample(Question("u2", "i2"), "i7\ti8"), Sample(Question("u1", "i0\ti1"), "i5")]
    outcomes = [Outcome("u2", answer="i8\ti0"), Outcome("u1", answer="i3\ti5")]
    found = task().measure_set(Splits(test=samples, interactions=data), samples, outcomes)
    assert found["recall@20/light"] == 0.5 and found["recall@20/medium"] == 1.0
    assert found["ndcg@20/light"] == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert found["ndcg@20/medium"] == pytest.approx(1 / math.log2(3))
    assert "recall@20/heavy" not in found


def test_a_completion_is_read_line_by_line():
    question = Question("u", "1\t2")
    assert task().parse(" 7\n9\n\n7\n", question) == "7\t9"
    assert task().parse(" \n", question) is None
    assert "1\n2" in task().render(question)
