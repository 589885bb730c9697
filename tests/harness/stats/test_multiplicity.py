from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from harness.stats import benjamini_hochberg, holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@settings(max_examples=10, deadline=None)  # theirs is slow
@given(P_VALUES)
def test_agrees_with_statsmodels(p_values: list[float]) -> None:
    for method, name in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        np.testing.assert_allclose(
            method(p_values), multipletests(p_values, method=name)[1], rtol=1e-10, atol=1e-300
        )


@given(P_VALUES)
def test_order_of_strictness(p_values: list[float]) -> None:
    bh, family = benjamini_hochberg(p_values), holm(p_values)
    assert (np.array(p_values) <= bh * (1 + 1e-12)).all()
    assert (bh <= family * (1 + 1e-12)).all() and (family <= 1).all()


def test_families_are_separate() -> None:
    p = np.random.default_rng(0).random((50, 20))
    np.testing.assert_array_equal(holm(p)[7], holm(p[7]))
    np.testing.assert_array_equal(benjamini_hochberg(p)[7], benjamini_hochberg(p[7]))


def test_what_cannot_be_tested_is_no_test_and_stays_so() -> None:
    p = np.random.default_rng(1).random((40, 7)) ** 3
    gone = np.random.default_rng(2).random((40, 7)) < 0.3
    p[gone] = np.nan
    p[0] = np.nan
    for method in (holm, benjamini_hochberg):
        found = method(p)
        assert (np.isnan(found) == gone)[1:].all() and np.isnan(found[0]).all()
        for row, adjusted in zip(p[1:], found[1:], strict=True):
            kept = ~np.isnan(row)
            if kept.any():
                np.testing.assert_array_equal(adjusted[kept], method(row[kept]))


@pytest.mark.parametrize("bad", [[], [1.1, float("nan")], [1.1], [-0.1]])
def test_refusals(bad: list[float]) -> None:
    for method in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="p-values"):
            method(bad)
