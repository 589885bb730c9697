"""Metrics of repeated attempts in a record: which appear, and their values over every subset of attempts."""

import itertools
from collections import Counter

import numpy as np
import pytest

from harness.results.summary import MAX_VOTED, Summary
from harness.spec import MetricRange, TaskSpec
from harness.stats import maj_at_k

TASK = TaskSpec(name="t", version="1-A", summary="s", entry="a:b", offers=("labelled", "countable"))
SILENT = TaskSpec(name="t", version="1-A", summary="s", entry="a:b")
AGENT = TaskSpec(name="t", version="1-A", summary="s", entry="a:b", answer="trajectory")
#: attempts at an item: an answer and whether it is right; None and a right score where silence is right
ITEMS = [
    "a+ a+ b- a+ c- b- a+ c- d-".split(),
    "b- b- b- a+ a+ a+ c- c- a+".split(),
    ".- .- a+ .- b- .- a+ .- .-".split(),
    ".+ .+ .+ .+ .+ .+ .+ .+ .+".split(),
]


def summary_of(items, task=TASK, n_items=None, unscored=()):
    made = Summary(task, len(items) if n_items is None else n_items)
    for n, attempts in enumerate(items):
        for epoch, (answer, mark) in enumerate(attempts):
            lost = (n, epoch) in unscored
            made.add(
                {
                    "n": n,
                    "sample_id": str(n),
                    "epoch": epoch,
                    "status": "unscored" if lost else "ok",
                    "answer": None if answer == "." else answer,
                    "group": None,
                    "stop_reason": "stop",
                    "reason": None,
                    "metrics": {} if lost else {"accuracy": float(mark == "+")},
                }
            )
    return made


def ends(attempts):
    return [(None if answer == "." else answer, float(mark == "+")) for answer, mark in attempts]


def vote(drawn):
    """The score of a majority vote, equal counts sharing it; silence wins only where nobody spoke."""
    counts = Counter(answer for answer, _ in drawn if answer is not None)
    if not counts:
        return float(np.mean([score for _, score in drawn]))
    most = [answer for answer, count in counts.items() if count == max(counts.values())]
    score = {answer: right for answer, right in drawn}
    return float(np.mean([score[answer] for answer in most]))


OF = {
    "pass@": lambda drawn: float(any(score for _, score in drawn)),
    "pass^": lambda drawn: float(all(score for _, score in drawn)),
    "maj@": vote,
}


def over_subsets(name, items):
    kind, k = name[:-1], int(name[-1])
    return np.mean(
        [np.mean([OF[kind](drawn) for drawn in itertools.combinations(ends(each), k)]) for each in items]
    )


def names(ks, also=()):
    return {"accuracy", *also} | {f"{kind}{k}" for k in ks for kind in ("pass@", "pass^")}


@pytest.mark.parametrize(
    "task, epochs, wanted",
    [
        (TASK, 1, names(())),
        (TASK, 2, names((2,))),
        (TASK, 3, names((2, 3), ["maj@3"])),
        (TASK, 4, names((2, 4), ["maj@4"])),
        (TASK, 5, names((2, 4, 5), ["maj@5"])),
        (TASK, 7, names((2, 4, 7), ["maj@7"])),
        (TASK, 8, names((2, 4, 8), ["maj@8"])),
        (TASK, 9, names((2, 4, 8, 9), ["maj@9"])),
        (SILENT, 4, names((2, 4))),
        (AGENT, 1, names(())),
        (AGENT, 2, names((2,), ["pass^1"])),
        (AGENT, 3, names((2, 3), ["pass^1"])),
        (AGENT, 4, names((2, 3, 4), ["pass^1"])),
        (AGENT, 5, names((2, 3, 4, 5), ["pass^1"])),
        (AGENT, 8, names((2, 3, 4, 8), ["pass^1"])),
    ],
)
def test_which_k_appear_and_their_values(task, epochs, wanted):
    items = [each[:epochs] for each in ITEMS]
    found = summary_of(items, task).metrics({})
    assert found.keys() == wanted
    for name in wanted - {"accuracy"}:
        assert found[name]["value"] == pytest.approx(over_subsets(name, items)), name
        assert found[name]["n_items"] == 4 and found[name]["scored_only"] is None


def test_the_item_with_the_fewest_attempts_says_how_many():
    found = summary_of([ITEMS[0][:5], ITEMS[1][:3], ITEMS[2]]).metrics({})
    assert found.keys() == names((2, 3), ["maj@3"])
    assert summary_of([ITEMS[0], ITEMS[1][:1]]).metrics({}).keys() == names(())


def test_scores_between_right_and_wrong_or_of_another_range_have_none():
    made = summary_of([each[:4] for each in ITEMS])
    made.add(
        {
            **{"n": 4, "sample_id": "4", "epoch": 0, "status": "ok", "answer": "a", "group": None},
            **{"stop_reason": "stop", "reason": None, "metrics": {"accuracy": 0.5}},
        }
    )
    assert made.metrics({}).keys() == {"accuracy"}
    wide = TaskSpec(
        **{"name": "t", "version": "1-A", "summary": "s", "entry": "a:b", "metrics": {"accuracy": 2.0}},
        ranges={"accuracy": MetricRange(0.0, 2.0)},
    )
    assert summary_of([each[:4] for each in ITEMS], wide).metrics({}).keys() == {"accuracy"}


@pytest.mark.parametrize("n_items, kept", [(MAX_VOTED - 1, True), (MAX_VOTED, True), (MAX_VOTED + 1, False)])
def test_answers_are_kept_for_votes_up_to_a_number_of_items(n_items, kept):
    found = summary_of([each[:3] for each in ITEMS], n_items=n_items).metrics({})
    assert ("maj@3" in found) == kept


def test_beside_all_attempts_those_that_were_scored():
    """Item 0 has 2 of 3 scored attempts, item 1 has 1, and the others all of them."""
    items = [each[:3] for each in ITEMS]
    found = summary_of(items, unscored={(0, 2), (1, 0), (1, 1)}).metrics({})
    worst = [["a+", "a+", "b-"], ["b-", "b-", "b-"], items[2], items[3]]
    left = [["a+", "a+"], ["b-"], items[2], items[3]]
    for name in ("pass@2", "pass^2", "pass@3", "pass^3"):
        able = [each for each in left if len(each) >= int(name[-1])]
        assert found[name]["value"] == pytest.approx(over_subsets(name, worst))
        assert found[name]["scored_only"] == pytest.approx(over_subsets(name, able))
    assert found["accuracy"]["value"] == pytest.approx((2 / 3 + 0 + 1 / 3 + 1) / 4)
    assert found["accuracy"]["scored_only"] == pytest.approx((1 + 0 + 1 / 3 + 1) / 4)


@pytest.mark.parametrize("right, wanted", [(0, 0.0), (1, 1 / 3), (3, 1.0)])
def test_a_vote_of_blanks_alone_has_the_score_of_saying_nothing(right, wanted):
    scores = [1.0] * right + [0.0] * (3 - right)
    assert maj_at_k([[None] * 3], [scores], 3) == pytest.approx([wanted])
    assert maj_at_k([[None] * 3], [scores], 1) == pytest.approx([wanted])


def test_one_spoken_answer_outvotes_every_blank():
    assert maj_at_k([[None, None, None, "a"]], [[1, 1, 1, 0]], 4) == pytest.approx([0.0])
    assert maj_at_k([[None, None, None, "a"]], [[0, 0, 0, 1]], 4) == pytest.approx([1.0])
    assert maj_at_k([[None, None, None, "a"]], [[1, 1, 1, 0]], 2) == pytest.approx([0.5])
