"""Selection: sizes, the released rule, and weights that are honest (implementers' notes, items 11 and 12)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.methods.curator import sampling
from harness.methods.curator.mirror_descent import softmax

MASS = np.array([0.50, 0.30, 0.08, 0.05, 0.03, 0.02, 0.01, 0.01])


def test_nucleus_size():
    assert sampling.nucleus_size(MASS, 0.9) == (3, False)
    assert sampling.nucleus_size(np.full(2048, 1 / 2048), 0.9) == (1843, False)
    assert sampling.nucleus_size(np.array([0.95, 0.03, 0.02]), 0.9) == (3, True)


def test_the_released_rule_draws_by_mass_and_pads_uniformly():
    """Three draws by mass and one of the other five uniformly: its chance to be a given light item is
    about a fifth, some ten times that of a draw by mass."""
    rng = np.random.default_rng(0)
    last = np.zeros(8)
    for _ in range(4000):
        chosen = sampling.nucleus(np.log(MASS), 4, rng)
        assert len(set(chosen.indices.tolist())) == 4
        np.testing.assert_allclose(chosen.probability, MASS[chosen.indices])
        last[chosen.indices[3]] += 1
    assert last[7] / 4000 == pytest.approx(1 / 5, abs=0.03)
    assert last[0] / 4000 < 0.03


def test_one_item_above_the_nucleus_switches_the_padding_off():
    rng = np.random.default_rng(0)
    mass = np.array([0.95, *[0.05 / 7] * 7])
    first = [sampling.nucleus(np.log(mass), 4, rng).indices[0] for _ in range(500)]
    assert np.mean(np.array(first) == 0) == pytest.approx(0.95, abs=0.03)


def test_with_replacement_is_unbiased_for_every_item():
    rng, scores = np.random.default_rng(0), np.log(MASS)
    chosen = sampling.replacement(scores, 100_000, rng)
    utilities = np.linspace(-1, 1, 8)
    found = np.bincount(chosen.indices, utilities[chosen.indices] / chosen.probability, 8) / 100_000
    error = np.abs(utilities) * np.sqrt((1 / MASS - 1) / 100_000)
    assert (np.abs(found - utilities) <= 3 * error + 1e-12).all()
    np.testing.assert_allclose(chosen.weight, 1)


@pytest.mark.parametrize("draw", [sampling.replacement, sampling.gumbel])
def test_weights_with_a_floor_are_unbiased(draw):
    """The mean of weight times value over a step estimates the curator's own expectation of the value."""
    rng, values = np.random.default_rng(1), np.linspace(-1, 3, 8)
    found = []
    for _ in range(20_000):
        chosen = draw(np.log(MASS), 3, rng, floor=0.2)
        found.append((chosen.weight * values[chosen.indices]).mean())
    assert abs(np.mean(found) - MASS @ values) < 3 * np.std(found) / np.sqrt(len(found))


def test_the_released_rule_is_biased_without_replacement():
    """Its q is the mass of one draw; weighing three draws by it counts heavy items too little."""
    rng = np.random.default_rng(2)
    found = np.zeros(8)
    for _ in range(5000):
        chosen = sampling.nucleus(np.log(MASS), 3, rng)
        found[chosen.indices] += 1 / chosen.probability / 3
    found /= 5000
    assert found[0] < 0.75
    assert found[5] > 1.2


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_gumbel_draws_are_distinct(size, k, seed):
    scores = np.linspace(-2, 2, size)
    chosen = sampling.gumbel(scores, k, np.random.default_rng(seed), floor=0.1)
    assert len(set(chosen.indices.tolist())) == min(k, size)
    np.testing.assert_allclose(chosen.probability.sum() <= 1 + 1e-9, True)
    if k >= size:  # every item was in: the weights are exact
        assert chosen.weight.mean() == pytest.approx(1)
        np.testing.assert_allclose(chosen.weight / size, softmax(scores)[chosen.indices])


def test_gumbel_inclusion_matches_the_frequency_of_each_item():
    rng, draws = np.random.default_rng(3), 20_000
    totals, counts = np.zeros(8), np.zeros(8)
    for _ in range(draws):
        chosen = sampling.gumbel(np.log(MASS), 3, rng)
        inclusion = 3 * MASS[chosen.indices] / chosen.weight
        totals[chosen.indices] += 1 / inclusion
        counts[chosen.indices] += 1
    np.testing.assert_allclose(totals / draws, 1, atol=0.12)
    assert counts[0] / draws > 0.9


def test_deck():
    deck = sampling.Deck(np.arange(10, 20), 5)
    first = np.concatenate([deck.draw(4), deck.draw(6)])
    assert sorted(first.tolist()) == list(range(10, 20))
    halfway = sampling.Deck(np.arange(10, 20), 5)
    halfway.draw(4)
    again = sampling.Deck(np.arange(10, 20), 5)
    again.restore(halfway.state())
    assert again.draw(6).tolist() == first[4:].tolist()
    assert len(again.draw(25)) == 25
    for _ in range(20):
        assert len(set(deck.draw(7, distinct=True).tolist())) == 7
