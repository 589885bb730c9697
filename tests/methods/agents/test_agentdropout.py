"""AgentDropout: muting and dropping agents, then edges."""

import json

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.methods.agents.catalogue import topology
from harness.methods.agents.topologies.agentdropout import muting
from harness.methods.agents.topology import Said, Setting, Space

torch = pytest.importorskip("torch")


def setting(agents=5, batch=10, rounds=2, seed=0, **changed):
    return Setting(batch, agents, rounds, Space("choice", 4), 0, np.random.default_rng(seed), **changed)


def said(told, answers=0):
    shape = (told.batch, told.agents)
    answers = np.broadcast_to(answers, shape)
    return [Said(answers, np.zeros((*shape, 0), np.float32), np.ones(shape, bool))] * told.rounds


def play(method, told):
    method.build(told, 0)  # nothing where it is built
    episode = method.start(told)
    return [episode.graph(r, []) for r in range(told.rounds)], episode.decide(said(told))


def trained(updates, stop=None, bad=2, **args):
    """After `stop` of `updates`; answers are right where agent `bad` has no edges in some round."""
    method = topology("agentdropout", {"updates": updates, **args})
    method.build(setting(), 0)
    go_on(method, 1, stop or updates, bad)
    return method


def go_on(method, first, last, bad=2):
    for update in range(first, last + 1):
        graphs, decision = play(method, setting(batch=60, seed=update, learning=True))
        right = sum(~graph.spatial[:, :, bad].any(1) & ~graph.spatial[:, bad].any(1) for graph in graphs) > 0
        method.learn(np.where(right, 1.0, -1.0), graphs, decision)
        method.after(update)


def test_stage_one_mutes_one_agent_of_a_complete_graph_in_each_round():
    method = topology("agentdropout", {})
    (first, second), decision = play(method, setting(batch=500, learning=True))
    for graph in (first, second):
        assert (graph.selected.sum(1) == 4).all() and (graph.spatial.sum((1, 2)) == 6).all()
        off = ~graph.selected
        assert not (graph.spatial & (off[:, :, None] | off[:, None])).any()
        assert np.ptp(off.sum(0)) < 5 * np.sqrt(500 * 0.2 * 0.8)
    assert not first.temporal.any()
    assert (second.temporal == second.selected[:, :, None] & first.selected[:, None]).all()
    assert (decision.weights == second.selected).all() and not decision.fallback.any()


def test_what_counts_as_the_log_probability_of_a_muted_agent_by_hand():
    degree = torch.tensor([[9.0, 9, 9], [0.3, 9, 9], [-0.2, 0.7, 9]], requires_grad=True)
    order = np.tri(3, k=-1, dtype=bool)
    muted, logp = muting(degree, order, 4000, np.random.default_rng(0))
    of = {0: (0.3, -0.2), 1: (0.3, 0.7), 2: (-0.2, 0.7)}  # the edges of each agent

    def log(x):
        return np.log(1 / (1 + np.exp(-x)))

    for agent in range(3):
        others = sum(log(edge) for other in of if other != agent for edge in of[other])
        wanted = 2 * sum(log(-edge) for edge in of[agent]) + others
        assert logp.detach().numpy()[muted == agent] == pytest.approx(wanted, abs=1e-5)
    chance = np.exp([sum(of[agent]) for agent in range(3)])
    share = np.bincount(muted, minlength=3) / 4000
    assert share == pytest.approx(chance / chance.sum(), abs=4 * 0.5 / np.sqrt(4000))


def test_the_agent_whose_muting_pays_is_dropped_in_every_round():
    method = trained(8, stop=4)
    assert method.dropped == [2, 2]
    assert not method.live("spatial")[:, 2].any() and not method.live("spatial")[:, :, 2].any()
    assert method.live("spatial").sum((1, 2)).tolist() == [12, 12]
    assert method.live("temporal").sum((1, 2)).tolist() == [16]  # neither heard nor hearing
    graphs, decision = play(method, setting(batch=200))
    for graph in graphs:
        assert (graph.selected == (np.arange(5) != 2)).all() and graph.logp is None
        assert not graph.spatial[:, 2].any() and not graph.temporal[:, :, 2].any()
    assert (decision.weights == (np.arange(5) != 2)).all()


def test_agents_dropped_in_different_rounds():
    method = topology("agentdropout", {"updates": 8})
    method.build(setting(4, rounds=3), 0)
    with torch.no_grad():
        for r, agent in enumerate((1, 3, 0)):
            method.network["degree"][r, agent] = -1
    method.after(4)
    assert method.dropped == [1, 3, 0]
    first, second = method.live("temporal")
    assert not first[:, 1].any() and not first[3].any() and first.sum() == 9
    assert not second[:, 3].any() and not second[0].any() and second.sum() == 9


def test_stage_two_adds_the_regulariser():
    method = trained(8, stop=4)
    logits = {kind: torch.randn(shape) for kind, shape in (("spatial", (2, 5, 5)), ("temporal", (1, 5, 5)))}
    with torch.no_grad():
        for kind, values in logits.items():
            method.network[kind].copy_(values)
    wanted = 0.0
    for kind, values in logits.items():
        full = np.ones((5, 5)) - (np.eye(5) if kind == "spatial" else 0)
        each = [np.linalg.svd(x, compute_uv=False).sum() for x in values.numpy()]
        far = np.mean([np.linalg.norm(full - x) for x in values.numpy()])
        wanted += np.mean(each) + max(far - 0.1, 0)
    assert float(method.regulariser().detach()) == pytest.approx(wanted, rel=1e-5)
    graphs, decision = play(method, setting(learning=True))
    figures = method.learn(-np.ones(10), graphs, decision)
    assert figures["loss"] == pytest.approx(wanted, rel=1e-5)  # wrong answers add nothing
    assert all(bool(method.network[kind].isfinite().all()) for kind in logits)


def test_a_tenth_of_the_edges_is_pruned_twice():
    told = topology("agentdropout", {"updates": 0})  # one pass over the train split: known when it begins
    told.expect(8)
    told.build(setting(), 0)
    go_on(told, 1, 8)
    for method in (trained(8), told):
        assert method.live("spatial").sum((1, 2)).tolist() == [10, 10]  # 12, less 1 (1.2), less 1 (1.1)
        assert method.live("temporal").sum((1, 2)).tolist() == [13]  # 16, less 2 (1.6), less 1 (1.4)


@pytest.mark.parametrize("stop", [3, 5])  # in the first stage, and in the second
def test_it_goes_on_from_a_folder_as_if_it_had_never_stopped(stop, tmp_path):
    straight = trained(8, stop=stop + 2)
    trained(8, stop=stop).save(tmp_path)
    second = topology("agentdropout", {"updates": 8, "agents": 5, "rounds": 2})
    second.load(tmp_path)
    go_on(second, stop + 1, stop + 2)
    assert second.dropped == straight.dropped
    for name, numbers in straight.network.items():
        assert torch.equal(numbers, second.network[name]), name


def test_another_number_of_agents_or_rounds_is_refused(tmp_path):
    trained(8).save(tmp_path)
    with pytest.raises(UsageError, match="agentdropout has learned nothing yet"):
        topology("agentdropout", {}).start(setting())
    for args, named in (({"agents": 6}, "agents=5"), ({"rounds": 4}, "rounds=2")):
        with pytest.raises(UsageError, match=f"{named}, and there are .*another number; take -M {named}"):
            topology("agentdropout", args).load(tmp_path)
    facts = tmp_path / "topology.json"
    for dropped in (None, [1], ["x", 1], [1, 5], [-1, 0]):
        facts.write_text(json.dumps({**json.loads(facts.read_text()), "dropped": dropped}))
        with pytest.raises(UsageError, match="doesn't describe agentdropout"):
            topology("agentdropout", {}).load(tmp_path)


def test_budgets_and_one_round():
    method = trained(8)
    for graph in play(method, setting(batch=50, outs=1, ins=1))[0]:
        both = graph.spatial | (graph.temporal & ~np.eye(5, dtype=bool))
        assert both.sum(1).max() <= 1 and both.sum(2).max() <= 1
    alone = topology("agentdropout", {"updates": 2})
    graphs, decision = play(alone, setting(rounds=1, learning=True))
    assert "loss" in alone.learn(np.ones(10), graphs, decision)
    alone.after(1)
    graphs, decision = play(alone, setting(rounds=1, learning=True))
    assert alone.learn(np.ones(10), graphs, decision)["loss"] > 0


def test_where_only_the_dropped_agent_answered_all_vote():
    method, told = trained(8), setting()
    heard = np.full((10, 5), -1)
    heard[:, method.dropped[1]] = 3
    decision = method.start(told).decide(said(told, heard))
    assert decision.fallback.all() and (decision.weights == 1).all()
