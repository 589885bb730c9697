"""Figures of an episode, with values worked out by hand."""

import pytest

from harness.search.measures import calibration_error, citations, duplicate_rate, evidence_recall


def test_evidence_recall_is_over_all_searches_of_the_episode():
    assert evidence_recall("123", ["29", "23", "7"]) == pytest.approx(2 / 3)
    assert evidence_recall("123", []) == 0
    assert evidence_recall("", ["1"]) is None


def test_queries_of_the_same_terms_are_duplicates():
    assert duplicate_rate(["a b", "A, b!", "b a", "c"]) == 0.25
    assert duplicate_rate([]) == 0


def test_citations():
    assert citations("125", "123", "12345") == pytest.approx((2 / 3, 2 / 3, 0))
    # 3 was never retrieved: it is wrong though it is evidence, and flagged
    assert citations("13", "123", "12") == pytest.approx((1 / 2, 1 / 3, 1))
    assert citations("", "123", "12") == (0, 0, 0)


def test_calibration_error_and_the_released_routine_that_leaves_the_last_bin_out():
    confidences = [0.9] * 100 + [0.2] * 100
    right = [1.0] * 70 + [0.0] * 30 + [1.0] * 10 + [0.0] * 90
    assert calibration_error(confidences, right) == pytest.approx(0.15811, abs=1e-5)
    assert calibration_error(confidences, right, released=True) == pytest.approx(0.07071, abs=1e-5)
    assert calibration_error([0.9] * 130, [0.0] * 130) == pytest.approx(0.9)
    for few in (50, 150):
        assert calibration_error([0.9] * few, [0.0] * few, released=True) == 0
    assert calibration_error([], []) is None


def test_the_released_routine_ignores_130_of_830():
    confidences = [n / 830 for n in range(830)]
    sure = calibration_error(confidences, [0.0] * 700 + [1.0] * 130, released=True)
    assert sure == calibration_error(confidences, [0.0] * 830, released=True)
