"""The settings of the simulated annotator that nobody gave are those that are said."""

import random

import pytest

from harness.base.digest import seed_of
from harness.model.simulated_annotator import SimulatedAnnotator

SAID = {"accuracy": 0.65, "class_sd": 0.1, "item_sd": 0.15, "coverage": 0, "precision": 0}
SAID |= {"noise": 0.03, "calibration": 1, "seed": 0, "context": 0}


@pytest.mark.parametrize("name", SAID)
def test_a_default_is_the_number_that_is_said(name):
    """Its truth is known by these numbers, on which recorded simulations rest."""
    left, given = SimulatedAnnotator({}), SimulatedAnnotator({name: SAID[name]})
    assert left._set == given._set
    assert SimulatedAnnotator({name: SAID[name] + 1})._set != left._set


def test_without_a_seed_it_is_that_of_seed_0():
    drawn = random.Random(seed_of(0, "item", "a")).gauss(0, 1)
    assert SimulatedAnnotator({})._z("item", "a") == drawn
    assert SimulatedAnnotator({"seed": 1})._z("item", "a") != drawn
