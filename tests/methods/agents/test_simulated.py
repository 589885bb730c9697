"""Panels of simulated agents: what a topology and an adversary see of them, and the notes' figures."""

import asyncio

import numpy as np
import pytest

from harness.methods.agents.attack import Attack
from harness.methods.agents.catalogue import topology
from harness.methods.agents.engine import play
from harness.methods.agents.simulated import World
from harness.methods.agents.topology import Graph, Space
from harness.model.agents.closed_forms import plurality
from harness.model.agents.settings import Settings

RANDOM = Attack("random", 0.4)


def played(name, world, batch=2000, seed=0):
    panel = world.panel(batch, seed)
    return panel, asyncio.run(play(topology(name, {}), panel, world.setting(batch, seed)))


@pytest.mark.parametrize("attack", [RANDOM, Attack(), Attack("fixed", 0.5)], ids=lambda a: a.kind)
def test_a_majority_without_edges_reaches_its_closed_form(attack):
    world = World(attack=attack)
    panel, found = played("independent", world)
    turned = attack.count(6)
    exact = plurality(0.7, 6 - turned, turned)
    # the engine takes the first of equal sums, and gold stands at every place alike
    assert abs(panel.right(found.answers).mean() - exact) < 3 * (exact * (1 - exact) / 2000) ** 0.5
    assert (panel.messages == 0).all() and panel.calls == 2000 * 24


def test_what_agents_say_is_the_same_for_two_topologies_until_they_hear_something():
    world = World(attack=RANDOM)
    one, other = (played(name, world, 50)[1].said for name in ("independent", "chain"))
    assert (one[0].answers[:, 0] == other[0].answers[:, 0]).all()
    same = [(a.answers == b.answers).mean() for a, b in zip(one, other, strict=True)]
    assert 0.6 < min(same) < 1


def test_adversaries_say_one_answer_whatever_they_hear_and_stay_turned():
    world = World(agents=8, rounds=6, attack=Attack("random", 0.5))
    panel, found = played("fully-connected", world, 300)
    assert (panel.asked.wrong != panel.asked.gold).all()
    for r, said in enumerate(found.said):
        turned = panel.flips <= r
        assert turned.sum() == (panel.flips <= r).sum() and (r < 2) == (not turned.any())
        assert (said.answers == panel.asked.wrong[:, None])[turned].all()


def test_tokens_and_messages_are_counted_by_hand():
    world = World(Settings(base=100, message=10), agents=3, rounds=2)
    panel = world.panel(1, 0)
    chain = np.eye(3, k=-1, dtype=bool)[None]
    everyone = np.ones((1, 3), dtype=bool)

    async def both():
        first = await panel.speak(0, Graph(everyone, chain, np.zeros((1, 3, 3), dtype=bool)), [])
        await panel.speak(1, Graph(everyone, chain, np.ones((1, 3, 3), dtype=bool)), [first])

    asyncio.run(both())
    assert panel.messages.tolist() == [2 + 2 + 6]
    # own text of the round before is read, and is no message
    assert panel.read.tolist() == [6 * 100 + 10 * (2 + 2 + 9)] and panel.written.tolist() == [60]
    assert panel.usage().calls == 6


def test_numbers_have_values_of_which_one_is_right():
    world = World(space=Space("number", 1), attack=RANDOM)
    panel, found = played("independent", world, 200)
    last = found.said[-1]
    right = panel.right(last.answers[:, 0]).astype(bool)
    assert np.isfinite(last.values).all()
    for row, answers in zip(last.values, last.answers, strict=True):
        assert len(set(row)) == len(set(answers))
    assert 0.35 < right.mean() < 0.6  # .7 of two thirds


def test_a_seed_decides_everything():
    world = World(attack=RANDOM)
    one, again, other = (played("chain", world, 20, seed)[1].said[-1] for seed in (1, 1, 2))
    assert (one.vectors == again.vectors).all() and (one.vectors != other.vectors).any()


def test_the_largest_simulation_is_played():
    world = World(agents=64, rounds=8, outs=None, ins=None, attack=RANDOM)
    panel, found = played("fully-connected", world, 4)
    assert found.said[-1].answers.shape == (4, 64)
    assert (panel.messages == 8 * 64 * 63 // 2 + 7 * 64 * 63).all()
