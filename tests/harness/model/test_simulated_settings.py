"""The settings of the simulated annotator that nobody gave are those that are said."""

import pytest

from harness.model.simulated import SimulatedAnnotator

SAID = {"accuracy": 0.65, "class_sd": 0.1, "item_sd": 0.15, "coverage": 0, "precision": 0}
SAID |= {"noise": 0.03, "calibration": 1, "seed": 0, "context": 0}


@pytest.mark.parametrize("name", SAID)
def test_a_default_is_the_same_when_it_is_given(name):
    """Their truth is known by these numbers, on which recorded simulations rest."""
    left, given = SimulatedAnnotator({}), SimulatedAnnotator({name: SAID[name]})
    assert left._set == given._set and left._z("item", "a") == given._z("item", "a")
    other = SimulatedAnnotator({name: SAID[name] + 1})
    assert other._set != left._set and (other._z("item", "a") != left._z("item", "a")) == (name == "seed")
