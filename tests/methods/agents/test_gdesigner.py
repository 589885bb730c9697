"""G-Designer: graphs from vectors of roles and questions."""

import json

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.methods.agents.catalogue import topology
from harness.methods.agents.topologies.gdesigner import LEARNED, prior, scaled
from harness.methods.agents.topology import Setting, Space

torch = pytest.importorskip("torch")


def unit(rng, *shape):
    found = rng.normal(size=shape).astype("float32")
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def setting(agents=6, batch=4, rounds=3, width=12, seed=0, vectors=0, **changed):
    own = np.random.default_rng(vectors)
    roles, queries = unit(own, agents, width), unit(own, batch, width)
    made = {"queries": queries, "roles": roles, **changed}
    return Setting(batch, agents, rounds, Space("choice", 4), width, np.random.default_rng(seed), **made)


def made(seed=0, **args):
    method = topology("g-designer", args)
    method.build(setting(), seed)
    return method


def play(method, told):
    episode = method.start(told)
    return [episode.graph(r, []) for r in range(told.rounds)], episode.decide([])


def test_logits_fill_the_range_and_probabilities_lie_within_it():
    for seed in range(20):
        logits = made(seed).logits(setting(batch=8, vectors=seed)).detach()
        assert logits.shape == (8, 6, 6) and torch.allclose(logits, logits.transpose(1, 2), atol=1e-5)
        assert logits.amin((1, 2)).numpy() == pytest.approx(-1) and logits.amax(
            (1, 2)
        ).numpy() == pytest.approx(1)
        chance = logits.sigmoid()
        assert chance.min().item() == pytest.approx(0.2689, abs=1e-4)
        assert chance.max().item() == pytest.approx(0.7311, abs=1e-4)


def test_a_question_gets_its_graph_whatever_stands_beside_it():
    method, told = made(), setting(batch=4)
    alone = setting(batch=1, queries=told.queries[2:3], roles=told.roles)
    assert torch.allclose(method.logits(told)[2], method.logits(alone)[0], atol=1e-9)


def test_equal_logits_are_zero():
    assert scaled(torch.full((2, 3, 3), 5.0)).tolist() == torch.zeros(2, 3, 3).tolist()


def test_the_network_against_loops():
    """The same layers written with loops over agents and their neighbours."""
    method, told = made(), setting(agents=4, batch=2)
    of = {name: values.detach().numpy().astype(float) for name, values in method.network.items()}

    def around(rows):  # each agent hears itself and the one before it; two each, so the norm is one half
        return np.array([(rows[i] + rows[i - 1]) / 2 for i in range(len(rows))])

    for b in range(2):
        features = np.array([np.concatenate((role, told.queries[b])) for role in told.roles])
        hidden = np.maximum(around(features) @ of["convolution1_weight"] + of["convolution1_bias"], 0)
        nodes = around(hidden) @ of["convolution2_weight"] + of["convolution2_bias"]
        z = np.maximum(nodes @ of["layer1_weight"] + of["layer1_bias"], 0) @ of["layer2_weight"]
        logits = (z + of["layer2_bias"]) @ (z + of["layer2_bias"]).T
        wanted = 2 * (logits - logits.min()) / (logits.max() - logits.min()) - 1
        assert method.logits(told)[b].detach().numpy() == pytest.approx(wanted, abs=1e-6)
    assert {name: values.shape for name, values in of.items()}["convolution1_weight"] == (24, 16)


def test_the_prior_graph_is_normalised():
    for agents in (2, 3, 7):
        assert prior(agents).sum(1).numpy() == pytest.approx(1)
    assert prior(1).item() == 1


def test_one_matrix_of_a_question_serves_all_rounds():
    method, told = made(), setting(batch=1, rounds=600)
    chance = method.logits(told).sigmoid()[0].detach().numpy()
    graphs, decision = play(method, told)
    first = np.mean([graph.spatial[0, 1, 0] for graph in graphs])  # never closed by a cycle
    assert first == pytest.approx(chance[1, 0], abs=4 * 0.5 / np.sqrt(600))
    assert not graphs[0].temporal.any() and all(graph.temporal.all() for graph in graphs[1:])
    assert all(graph.logp is None and graph.selected.all() for graph in graphs)
    assert decision.weights.tolist() == [[1] * 6]


def test_only_the_convolutions_learn():
    method = made()
    before = {name: values.detach().clone() for name, values in method.network.items()}
    graphs, decision = play(method, setting(learning=True))
    logp = sum(graph.logp.detach().numpy() for graph in graphs)
    figures = method.learn(np.array([1.0, -1, -1, 1]), graphs, decision)
    assert figures["loss"] == pytest.approx(-(logp[0] + logp[3]) / 4, abs=1e-4)
    for name, values in method.network.items():
        assert torch.equal(values, before[name]) != (name in LEARNED), name


def test_half_of_the_hidden_numbers_are_left_out_while_learning():
    method, told = made(), setting()
    still = method.logits(told)
    assert torch.equal(still, method.logits(setting(seed=9)))
    assert not torch.equal(still, method.logits(setting(learning=True)))


def test_what_it_learned_serves_another_number_of_agents_and_rounds(tmp_path):
    method = made()
    for _ in range(2):
        graphs, decision = play(method, setting(learning=True))
        method.learn(np.ones(4), graphs, decision)
    method.save(tmp_path)
    moved = topology("g-designer", {"agents": 9, "rounds": 5})
    moved.load(tmp_path)
    told = setting(agents=9, rounds=2, outs=1, ins=1)
    assert torch.equal(moved.logits(told), method.logits(told))
    for graph in play(moved, told)[0]:
        both = graph.spatial | (graph.temporal & ~np.eye(9, dtype=bool))
        assert both.sum(1).max() <= 1 and both.sum(2).max() <= 1
    for each in (method, moved):  # and both go on alike
        graphs, decision = play(each, setting(learning=True, seed=4))
        each.learn(np.ones(4), graphs, decision)
    assert all(torch.equal(values, moved.network[name]) for name, values in method.network.items())


def test_the_embedder_must_be_that_of_the_training(tmp_path):
    made().save(tmp_path)
    method = topology("g-designer", {})
    method.load(tmp_path)
    with pytest.raises(UsageError, match="vectors of 12 numbers, and the embedder gives 7"):
        method.start(setting(width=7))
    with pytest.raises(UsageError, match="--embedder"):
        method.start(setting(queries=None))
    facts = tmp_path / "topology.json"
    facts.write_text(json.dumps({"topology": "g-designer"}))
    with pytest.raises(UsageError, match="doesn't describe g-designer"):
        topology("g-designer", {}).load(tmp_path)
