from __future__ import annotations

import numpy as np
import pytest

from harness.stats import RankSet, holm, least_units, pair_p_values, rank_sets, ranks_shown
from harness.stats.crossed import parts_of, unpaired_parts

#: right or wrong answers of four methods on 40 items
ANSWERS = [
    "1111101110111111111111111100111111111101",
    "1111101110010111101111111110111010111001",
    "0100100010001000100011001010100101000101",
    "1100110111000011000100011010101110100101",
]


def p_values_of(scores: np.ndarray) -> np.ndarray:
    """p of every pair of methods, scores of shape (methods, items)."""
    first, second = np.triu_indices(len(scores), 1)
    gains = scores[first] - scores[second]
    return pair_p_values([parts_of(gain) for gain in gains], list(gains))


def places_of(scores: np.ndarray) -> list[RankSet]:
    return rank_sets(scores.mean(axis=1), holm(p_values_of(scores)))


def test_the_printed_example() -> None:
    scores = np.array([[float(answer) for answer in row] for row in ANSWERS])
    assert scores.sum(axis=1).tolist() == [35, 30, 14, 20]
    assert p_values_of(scores) == pytest.approx([0.0577, 0.0, 0.0005, 0.0005, 0.0164, 0.1354], abs=5e-5)
    assert places_of(scores) == [RankSet(1, 2), RankSet(1, 2), RankSet(3, 4), RankSet(3, 4)]
    # the order in which methods are given says nothing
    assert places_of(scores[::-1]) == places_of(scores)[::-1]


def test_how_many_items_places_need() -> None:
    assert [least_units(m) for m in (2, 3, 5, 10, 20)] == [6, 7, 9, 11, 13]
    assert least_units(1) == 0
    assert ranks_shown(2, 20) and not ranks_shown(2, 19)
    assert least_units(200) == 20 and not ranks_shown(300, 20)


def test_fewer_than_six_that_differ_are_counted_exactly() -> None:
    """Five right against five wrong: t over 100 items says .025, the signs 2 / 2^5."""
    gain = np.zeros(100)
    gain[:5] = 1
    parts = parts_of(gain)
    assert parts.p_value() < 0.03
    assert pair_p_values([parts], [gain]) == pytest.approx([2 / 2**5])
    assert pair_p_values([parts], [np.zeros(100)]) == [1.0]
    gain[5] = 1
    assert pair_p_values([parts_of(gain)], [gain]) == pytest.approx([parts_of(gain).p_value()])


def test_signs_of_items_say_nothing_of_runs() -> None:
    rng = np.random.default_rng(0)
    candidate = np.zeros((30, 3))
    candidate[:5] = [[1, 0, 0]] * 5
    reference = np.zeros((30, 3))
    reference[5:8] = rng.integers(2, size=(3, 3))
    parts = unpaired_parts(candidate, reference)
    gain = (candidate - reference).mean(axis=1)[:5]
    assert parts.p_value() > 2 / 2**5
    assert pair_p_values([parts], [gain]) == pytest.approx([parts.p_value()])


def test_pairs_have_to_be_those_of_the_methods() -> None:
    with pytest.raises(ValueError, match="4 methods make 6 pairs, got 5"):
        rank_sets([1, 2, 3, 4], np.ones(5))
    with pytest.raises(ValueError, match="level"):
        rank_sets([1, 2], np.ones(1), level=1.0)
    assert rank_sets([0.5], []) == [RankSet(1, 1)]
    assert pair_p_values([], []).shape == (0,)


@pytest.mark.parametrize(("n", "methods", "sets"), [(5, 10, 40), (50, 5, 150)])
def test_all_sets_hold_together(n: int, methods: int, sets: int) -> None:
    """Equal methods: whichever is said to be surely better is an error (`make simulations` has the table)."""
    rng = np.random.default_rng(n)
    errors = 0
    for _ in range(sets):
        rate = rng.beta(0.7, 0.7, size=n)
        found = places_of((rng.random((methods, n)) < rate).astype(float))
        errors += any((each.low, each.high) != (1, methods) for each in found)
    if n == 5:
        assert errors == 0
    assert errors / sets <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / sets)
