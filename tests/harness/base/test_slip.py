"""Wrong numbers near right ones."""

import random

import pytest

from harness.base.slip import slip


@pytest.mark.parametrize("gold", [18, "18", "1,800", 0, "0", -4, 3.5, "0.25", 1e9])
def test_a_slip_is_another_number_in_the_same_form(gold: object) -> None:
    for seed in range(60):
        found = slip(gold, random.Random(seed))
        assert type(found) is type(gold)
        assert float(str(found)) != float(str(gold).replace(",", ""))


@pytest.mark.parametrize("gold", ["Paris", "", None, True, "1_000", float("nan"), "inf"])
def test_no_slip_of_what_is_no_number(gold: object) -> None:
    assert slip(gold, random.Random(0)) is None
