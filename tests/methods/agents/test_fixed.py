"""Graphs that don't depend on what is said: their edges, the check for cycles, and budgets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.base.errors import UsageError
from harness.methods.agents.catalogue import topology
from harness.methods.agents.topologies.budget import cut
from harness.methods.agents.topologies.edges import acyclic
from harness.methods.agents.topology import Graph, Setting, Space

ALL = "independent fully-connected chain star tree layered mesh random debate".split()


def setting(agents=6, batch=3, rounds=3, outs=None, ins=None, seed=0):
    rng = np.random.default_rng(seed)
    return Setting(batch, agents, rounds, Space("choice", 4), 0, rng, outs=outs, ins=ins)


def graphs(name, draw=0, **changed):
    made = setting(**changed)
    episode = topology(name, {"draw": draw}).start(made)
    return [episode.graph(r, []) for r in range(made.rounds)]


def sortable(edges):
    """Whether agents can be put in an order in which each hears earlier ones only; by taking sources away."""
    edges = edges.copy()
    left = list(range(len(edges)))
    while left:
        sources = [i for i in left if not edges[i, left].any()]
        if not sources:
            return False
        left = [i for i in left if i not in sources]
    return True


@pytest.mark.parametrize(
    ("name", "spatial", "temporal"),
    [
        ("independent", 0, 0),
        ("fully-connected", 15, 36),
        ("chain", 5, 1),
        ("star", 5, 36),
        ("tree", 5, 36),
        ("layered", 9, 36),
        ("mesh", 15, 36),
        ("debate", 0, 36),
    ],
)
def test_numbers_of_edges(name, spatial, temporal):
    first, *later = graphs(name)
    assert first.spatial.sum((1, 2)).tolist() == [spatial] * 3 and not first.temporal.any()
    for graph in later:
        assert (graph.spatial == first.spatial).all()
        assert graph.temporal.sum((1, 2)).tolist() == [temporal] * 3
        assert graph.selected.all() and graph.credits is None


@pytest.mark.parametrize("agents", [1, 2, 5, 8])
@pytest.mark.parametrize("name", ALL)
def test_texts_of_a_round_form_no_cycle(name, agents):
    for graph in graphs(name, agents=agents, batch=1):
        assert sortable(graph.spatial[0])


def test_who_hears_whom():
    def heard(name, agents=5):
        return [np.flatnonzero(row).tolist() for row in graphs(name, agents=agents)[1].spatial[0]]

    assert heard("chain") == [[], [0], [1], [2], [3]]
    assert heard("star") == [[], [0], [0], [0], [0]]
    assert heard("tree", 7) == [[], [0], [0], [1], [1], [2], [2]]
    assert heard("mesh") == heard("fully-connected") == [[], [0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]
    assert np.argwhere(graphs("chain", agents=5)[1].temporal[0]).tolist() == [
        [0, 4]
    ]  # the first hears the last


def test_layers_are_shuffled_once_a_run():
    def layers(draw, seed=0):
        return graphs("layered", draw, agents=5, seed=seed)[1].spatial

    seen = set()
    for draw in range(20):
        spatial = layers(draw)
        assert (spatial == spatial[0]).all() and (spatial == layers(draw, seed=9)).all()
        second = spatial[0].any(1)
        assert second.sum() == 2 and (spatial[0][second] == ~second).all()  # three agents, then two
        seen.add(tuple(second.tolist()))
    assert len(seen) > 5


def test_coins_are_tossed_once_a_run():
    found = [graphs("random", draw, batch=2, agents=8)[1] for draw in range(200)]
    assert all((graph.temporal == graph.temporal[:1]).all() for graph in found)
    share = np.mean([graph.temporal.mean() for graph in found])
    assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(200 * 64)
    assert len({graph.spatial.tobytes() for graph in found}) == 200
    again = graphs("random", 7, batch=2, agents=8, seed=5)[1]
    assert (again.spatial == found[7].spatial).all() and (again.temporal == found[7].temporal).all()


def plain(wanted, live):
    """The same with a search for a path at every edge."""
    agents = len(wanted)
    added, possible = np.zeros_like(wanted), np.zeros_like(wanted)

    def reaches(start, goal):
        return start == goal or any(reaches(i, goal) for i in np.flatnonzero(added[:, start]))

    for sender in range(agents):
        for receiver in range(agents):
            if live[receiver, sender] and not reaches(receiver, sender):
                possible[receiver, sender] = True
                added[receiver, sender] = wanted[receiver, sender]
    return added, possible


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_check_for_cycles_against_a_search_for_paths(agents, batch, seed):
    rng = np.random.default_rng(seed)
    wanted, live = rng.random((2, batch, agents, agents)) < rng.random((2, 1, 1, 1))
    added, possible = acyclic(wanted, live)
    for b in range(batch):
        assert sortable(added[b])
        slow = plain(wanted[b], live[b])
        assert (added[b] == slow[0]).all() and (possible[b] == slow[1]).all()


def test_sixty_four_agents_and_not_one_more():
    added, _ = acyclic(np.ones((2, 64, 64), bool))
    assert added.sum((1, 2)).tolist() == [64 * 63 // 2] * 2
    with pytest.raises(UsageError, match="at most 64 agents"):
        acyclic(np.ones((1, 65, 65), bool))


@given(
    st.integers(1, 8),
    st.one_of(st.none(), st.integers(0, 4)),
    st.one_of(st.none(), st.integers(0, 4)),
    st.integers(0, 2**32 - 1),
)
def test_a_budget_is_kept_and_used(agents, outs, ins, seed):
    rng = np.random.default_rng(seed)
    spatial, temporal = rng.random((2, 4, agents, agents)) < 0.6
    off = ~np.eye(agents, dtype=bool)
    spatial &= off
    graph = cut(Graph(np.ones((4, agents), bool), spatial, temporal), outs, ins)
    assert not (graph.spatial & ~spatial).any() and not (graph.temporal & ~temporal).any()
    assert (graph.temporal & ~off == temporal & ~off).all()  # an agent's own text is no message
    sent = graph.spatial.sum(1) + (graph.temporal & off).sum(1)
    got = graph.spatial.sum(2) + (graph.temporal & off).sum(2)
    full_out = sent == outs if outs is not None else np.zeros_like(sent, bool)
    full_in = got == ins if ins is not None else np.zeros_like(got, bool)
    assert (sent <= (outs if outs is not None else 99)).all() and (
        got <= (ins if ins is not None else 99)
    ).all()
    missed = (spatial & ~graph.spatial) | (temporal & off & ~graph.temporal)
    assert not (missed & ~full_in[:, :, None] & ~full_out[:, None]).any()  # nothing is cut without need


@pytest.mark.parametrize("name", ["fully-connected", "mesh"])
def test_one_message_each_makes_a_chain_of_a_total_order(name):
    graph = graphs(name, outs=1, ins=1)[1]
    chain = np.eye(6, k=-1, dtype=bool)
    assert (graph.spatial == chain).all()
    others = graph.temporal & ~np.eye(6, dtype=bool)
    assert np.argwhere(others[0]).tolist() == [
        [0, 5]
    ]  # the last has a message left, and the first hears none yet


def test_one_message_each_makes_a_ring_of_a_debate():
    graph = graphs("debate", outs=1, ins=1)[1]
    ring = np.roll(np.eye(6, dtype=bool), 1, axis=0)
    assert (graph.temporal == (ring | np.eye(6, dtype=bool))).all()


def test_all_agents_vote_alike():
    told = setting(2, batch=2)
    decision = topology("star", {}).start(told).decide([])
    assert decision.weights.tolist() == [[1, 1], [1, 1]] and not decision.fallback.any()
