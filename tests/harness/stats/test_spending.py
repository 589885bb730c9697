"""Levels of repeated looks: printed numbers of the specification, and the error rate that they promise."""

import math
import time

import numpy as np
import pytest

from harness.stats.spending import (
    both_looks,
    boundaries,
    candidate_runs_needed,
    confirmation_correlation,
    information,
    levels,
    pairs_needed,
    second_level,
    sequence_level,
    spent,
)


def looks(baseline, runs):
    return [information(t, baseline) for t in range(1, runs + 1)]


def test_information_of_looks_at_one_baseline():
    assert looks(3, 4) == pytest.approx([0.75, 1.2, 1.5, 1.7143], abs=5e-5)
    assert looks(10, 6) == pytest.approx([0.9091, 1.6667, 2.3077, 2.8571, 3.3333, 3.75], abs=5e-5)
    assert information(2, 4, 0.5, 0.1) == pytest.approx(1 / (0.1 + 0.5 * 0.75))
    assert information(1, 1, 0.0) == math.inf


@pytest.mark.parametrize(
    ("baseline", "spending", "z"),
    [
        (3, "obrien-fleming", [2.7429, 2.0924, 1.8765, 1.7724]),
        (3, "pocock", [1.9106, 2.0135, 2.0598, 2.0886]),
        (10, "obrien-fleming", [3.8128, 2.7206, 2.2747, 2.0358, 1.8868, 1.7829]),
        (10, "pocock", [2.1104, 2.1246, 2.1277, 2.1278, 2.1289, 2.1300]),
    ],
)
def test_boundaries_and_levels(baseline, spending, z):
    seen = looks(baseline, len(z))
    assert boundaries(seen, seen[-1], 0.05, spending) == pytest.approx(z, abs=0.002)
    printed = {
        (3, "obrien-fleming"): [0.0030, 0.0182, 0.0303, 0.0382],
        (3, "pocock"): [0.0280, 0.0220, 0.0197, 0.0184],
        (10, "obrien-fleming"): [0.0001, 0.0033, 0.0115, 0.0209, 0.0296, 0.0373],
        (10, "pocock"): [0.0174, 0.0168, 0.0167, 0.0167, 0.0166, 0.0166],
    }[baseline, spending]
    # the printed ones come from a coarser grid
    assert levels(seen, seen[-1], 0.05, spending) == pytest.approx(printed, abs=1.2e-4)


def test_levels_of_a_confidence_sequence():
    for baseline, printed in (
        (3, [0.0017, 0.0024, 0.0027, 0.0027]),
        (10, [0.0017, 0.0026, 0.0028, 0.0029, 0.0029, 0.0028]),
    ):
        seen = looks(baseline, len(printed))
        # one of the printed ones is rounded down
        assert [sequence_level(i, seen[0]) for i in seen] == pytest.approx(printed, abs=5.3e-5)


def test_runs_needed():
    needed = pairs_needed(1.28, 1.0)
    assert needed == pytest.approx(4.15, abs=0.005)
    assert candidate_runs_needed(needed, 10) == 8
    assert candidate_runs_needed(needed, 4) is None  # what a baseline of four caps out
    assert candidate_runs_needed(0.0, 3) == 1
    assert candidate_runs_needed(5.0, 10) == 10 and candidate_runs_needed(2.0, 3) == 6
    assert candidate_runs_needed(2.0, 10) == 3
    assert pairs_needed(1.28, 1.0, item_variance=1.0) == math.inf


def test_two_looks_at_one_baseline():
    for (b, t), both, level in (
        ((3, 1), 0.0061, 0.0172),
        ((3, 3), 0.0122, 0.0064),
        ((5, 3), 0.0088, 0.0103),
        ((10, 1), 0.0036, 0.0339),
        ((10, 3), 0.0058, 0.0186),
    ):
        assert both_looks(b, t) == pytest.approx(both, abs=6e-5)
        assert second_level(b, t) == pytest.approx(level, abs=6e-5)
    assert confirmation_correlation(3, 1) == 0.25 and confirmation_correlation(3, 3) == 0.5
    assert confirmation_correlation(10, 1) == pytest.approx(0.0909, abs=5e-5)
    assert confirmation_correlation(10, 3) == pytest.approx(0.2308, abs=5e-5)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
@pytest.mark.parametrize("runs", [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [2, 3, 7, 12], [11, 12]])
def test_all_looks_together_cross_with_probability_alpha(spending, runs):
    seen = np.array([information(t, 10) for t in runs])
    z = boundaries(seen, information(12, 10), 0.05, spending)
    rng, replicates = np.random.default_rng(3), 60_000
    steps = np.sqrt(np.diff(seen, prepend=0.0))
    score = np.cumsum(rng.standard_normal((replicates, len(seen))) * steps, axis=1)
    assert abs(np.mean((score / np.sqrt(seen) > z).any(axis=1)) - 0.05) < 0.003


def test_looks_beyond_the_horizon_spend_nothing_more_and_information_rises():
    z = boundaries([1.0, 2.0, 3.0], 2.0)
    assert math.isinf(z[2]) and levels([1.0, 2.0, 3.0], 2.0)[2] == 0
    assert levels([5.0], 2.0) == pytest.approx([0.05], abs=1e-6)  # one late look has all of alpha
    with pytest.raises(ValueError, match="rises"):
        boundaries([1.0, 1.0], 2.0)
    with pytest.raises(ValueError, match="'linear'"):
        spent(0.5, 0.05, "linear")


def test_levels_are_quick_even_where_a_look_adds_little():
    seen = [information(t, 3) for t in range(1, 41)]
    began = time.process_time()
    found = levels(seen, seen[-1])
    assert time.process_time() - began < 3 and (found > 0).all()
