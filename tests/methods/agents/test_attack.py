"""Who turns, when and how many (the notes' test 13)."""

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.methods.agents.attack import Attack
from harness.methods.agents.topology import NEVER

#: N -> random / fixed at rates .2, .4, .5, .6
TABLE = {
    4: [(2, 0), (2, 1), (2, 2), (2, 2)],
    5: [(2, 1), (2, 2), (2, 2), (3, 3)],
    6: [(2, 1), (2, 2), (3, 3), (3, 3)],
    8: [(2, 1), (3, 3), (4, 4), (4, 4)],
    10: [(2, 2), (4, 4), (5, 5), (6, 6)],
}


@pytest.mark.parametrize("agents", TABLE)
def test_as_many_turn_as_the_table_says(agents):
    for rate, wanted in zip((0.2, 0.4, 0.5, 0.6), TABLE[agents], strict=True):
        assert tuple(Attack(kind, rate).count(agents) for kind in ("random", "fixed")) == wanted
    assert Attack("none", 0.9).count(agents) == 0


@pytest.mark.parametrize(("kind", "rounds"), [("random", {2, 3}), ("fixed", {2})])
def test_each_turns_once_in_a_round_from_the_third_on(kind, rounds):
    flips = Attack(kind, 0.4).flips(10_000, 6, 4, np.random.default_rng(1))
    turned = flips < NEVER
    assert (turned.sum(1) == 2).all()
    assert set(flips[turned]) == rounds
    assert np.abs(turned.mean(0) - 1 / 3).max() < 0.02  # each agent as likely
    if kind == "random":
        assert abs((flips[turned] == 2).mean() - 0.5) < 0.02
        first, second = np.sort(flips, axis=1)[:, :2].T
        assert abs((first == second).mean() - 0.5) < 0.02  # each in a round of its own draw


def test_none_turn_where_none_should_and_too_few_rounds_are_refused():
    assert (Attack().flips(5, 4, 2, np.random.default_rng(0)) == NEVER).all()
    with pytest.raises(UsageError, match="rounds=2; take -M rounds=3"):
        Attack("random").flips(5, 4, 2, np.random.default_rng(0))
