"""GPTSwarm and AgentPrune: draws, log-probabilities, gradients, pruning, and what is kept."""

import json

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.methods.agents.catalogue import topology
from harness.methods.agents.topologies.edge_logits import prune
from harness.methods.agents.topology import Setting, Space

torch = pytest.importorskip("torch")


def setting(agents=6, batch=4, rounds=3, seed=0, **changed):
    return Setting(batch, agents, rounds, Space("choice", 4), 0, np.random.default_rng(seed), **changed)


def made(name, **args):
    found = topology(name, args)
    found.build(setting(args.get("agents", 6)), 0)
    return found


def play(method, told):
    episode = method.start(told)
    return [episode.graph(r, []) for r in range(told.rounds)], episode.decide([])


def trained(name, updates=10, agents=6):
    """After so many updates on rewards that favour edges from agent 0."""
    method, rng = made(name, agents=agents), np.random.default_rng(3)
    for update in range(1, updates + 1):
        graphs, decision = play(method, setting(agents, seed=int(rng.integers(1e9)), learning=True))
        share = np.mean([graph.spatial[:, :, 0].mean(1) for graph in graphs], axis=0)
        method.learn(np.where(share > np.median(share), 1.0, -1.0), graphs, decision)
        method.after(update)
    return method


@pytest.mark.parametrize("name", ["gptswarm", "agentprune"])
def test_edges_are_drawn_by_half_and_without_cycles(name):
    method = made(name)
    graphs, decision = play(method, setting(batch=2000, learning=True))
    first = graphs[0]
    assert not first.temporal.any() and first.selected.all() and decision.weights.min() == 1
    pairs = first.spatial[:, 1, 0]  # the first edge whose turn comes: never closed
    assert abs(pairs.mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)
    assert not (first.spatial & first.spatial.transpose(0, 2, 1)).any()
    power = np.linalg.matrix_power(first.spatial.astype(int), 6)
    assert not power.any()  # no path of six steps among six agents
    assert (graphs[1].spatial != graphs[2].spatial).any()  # drawn anew in each round
    temporal = graphs[1].temporal.mean()
    assert temporal == 1 if name == "gptswarm" else abs(temporal - 0.5) < 4 * 0.5 / np.sqrt(2000 * 36)


def test_the_log_probability_of_two_agents_by_hand():
    method = made("agentprune", agents=2)
    with torch.no_grad():
        method.network["spatial"][1, 0], method.network["spatial"][0, 1] = 0.4, -1.1
        method.network["temporal"].copy_(torch.tensor([[0.1, 0.2], [0.3, 0.5]]))
    told = setting(2, batch=64, rounds=2, learning=True)
    graphs, _ = play(method, told)

    def log(logit, taken):
        return np.log(1 / (1 + np.exp(-logit if taken else logit)))

    for b in range(64):
        spatial = [graph.spatial[b] for graph in graphs]
        forward = [log(0.4, each[1, 0]) for each in spatial]
        # the way back is no draw where the way there is an edge
        back = [0 if each[1, 0] else log(-1.1, each[0, 1]) for each in spatial]
        assert graphs[0].logp[b].item() == pytest.approx(forward[0] + back[0], abs=1e-6)
        temporal = [[log(0.1 * x, t) for x, t in zip(xs, ts, strict=True)]
                    for xs, ts in zip([[1, 2], [3, 5]], graphs[1].temporal[b], strict=True)]  # fmt: skip
        assert graphs[1].logp[b].item() == pytest.approx(forward[1] + back[1] + np.sum(temporal), abs=1e-6)


def test_loss_and_gradient_by_hand():
    """-log P * utility without a baseline: a wrong answer, rewarded -1 elsewhere, moves nothing."""
    method = made("agentprune")
    graphs, decision = play(method, setting(learning=True))
    rewards, right = np.array([1.0, -1, 1, -1]), np.array([1, 0, 1, 0])
    before = method.network["temporal"].detach().clone()
    logp = sum(graph.logp.detach().numpy() for graph in graphs)
    figures = method.learn(rewards, graphs, decision)
    assert figures["loss"] == pytest.approx(-(logp * right).mean(), abs=1e-5)
    # temporal edges: all drawn in rounds 1 and 2, each with probability one half at first
    taken = sum(graph.temporal.astype(float) - 0.5 for graph in graphs[1:])
    wanted = -(taken * right[:, None, None]).mean(0)
    gradient = method.network["temporal"].grad.numpy()
    assert gradient == pytest.approx(wanted, abs=1e-6) and abs(gradient).max() > 0
    # Adam's first step is lr times the sign of the gradient
    step = (method.network["temporal"].detach() - before).numpy()
    assert step == pytest.approx(-0.1 * np.sign(wanted), abs=1e-4)
    assert method.network["spatial"].grad.diagonal().tolist() == [0] * 6


def test_the_gradient_of_edges_without_cycles_against_differences():
    method = made("gptswarm", agents=4)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        method.network["spatial"].copy_(torch.from_numpy(rng.normal(size=(4, 4))))
    told = setting(4, learning=True, rounds=2)

    def loss():
        graphs, _ = play(method, setting(4, learning=True, rounds=2, seed=1))
        return -(sum(graph.logp for graph in graphs) * torch.tensor([1.0, 0, 1, 1])).mean(), graphs

    value, graphs = loss()
    drawn = [graph.spatial for graph in graphs]
    value.backward()
    gradient = method.network["spatial"].grad.numpy()
    from harness.methods.agents.topologies.edges import acyclic, log_prob

    def again(logits):
        live = np.broadcast_to(method.live("spatial"), drawn[0].shape)
        logps = [log_prob(logits, each, acyclic(each, live)[1]) for each in drawn]
        return float(-(sum(logps) * torch.tensor([1.0, 0, 1, 1])).mean())

    base = method.network["spatial"].detach().double()
    for i, j in ((0, 1), (1, 0), (3, 2), (2, 0)):
        step = torch.zeros(4, 4, dtype=torch.float64)
        step[i, j] = 1e-5
        assert (again(base + step) - again(base - step)) / 2e-5 == pytest.approx(gradient[i, j], abs=1e-4)
    assert told.learning


def test_pruned_edges_half_to_even():
    method, left = made("agentprune"), []
    for update in range(1, 11):
        method.after(update)
        left.append((int(method.live("spatial").sum()), int(method.live("temporal").sum())))
    assert left == [(30, 36)] * 4 + [(22, 27)] * 5 + [(16, 20)]  # 8 then 6, 9 then 7


def test_the_lowest_logits_are_pruned_and_at_least_one():
    logits = np.arange(9.0).reshape(3, 3)
    live = ~np.eye(3, dtype=bool)
    assert np.argwhere(live & ~prune(logits, live, 0.34)).tolist() == [[0, 1], [0, 2]]
    assert np.argwhere(live & ~prune(-logits, live, 0.01)).tolist() == [[2, 1]]
    equal = np.zeros((3, 3))
    assert np.argwhere(live & ~prune(equal, live, 0.5)).tolist() == [
        [0, 1],
        [1, 0],
        [2, 0],
    ]  # in order of draws
    assert not prune(equal, np.zeros((3, 3), bool), 0.25).any()


def test_pruned_edges_are_never_drawn_again():
    method = trained("agentprune")
    graphs, _ = play(method, setting(batch=300, rounds=4))
    for graph in graphs:
        assert not (graph.spatial & ~method.live("spatial")).any() and graph.logp is None
        assert not (graph.temporal & ~method.live("temporal")).any()
    assert (graphs[1].temporal[0] != graphs[1].temporal[1]).any()  # live ones are drawn for each question


def test_learning_raises_the_edges_that_paid():
    logits = trained("gptswarm").network["spatial"].detach().numpy()
    others = ~np.eye(6, dtype=bool)
    others[:, 0] = others[0] = False
    assert logits[1:, 0].mean() > 0.2 > logits[others].mean() + 0.1


def test_gptswarm_takes_likely_edges_at_test_time_alike_for_all():
    method = made("gptswarm")
    with torch.no_grad():
        method.network["spatial"].fill_(-1)
        method.network["spatial"][2, 0] = method.network["spatial"][0, 2] = method.network["spatial"][
            5, 3
        ] = 0.1
    for graph in play(method, setting(rounds=2))[0]:
        assert [np.argwhere(each).tolist() for each in graph.spatial] == [[[2, 0], [5, 3]]] * 4


def test_budgets_cut_what_was_drawn():
    for name in ("gptswarm", "agentprune"):
        for graph in play(trained(name), setting(batch=50, outs=1, ins=1))[0]:
            both = graph.spatial | (graph.temporal & ~np.eye(6, dtype=bool))
            assert both.sum(1).max() <= 1 and both.sum(2).max() <= 1


@pytest.mark.parametrize("name", ["gptswarm", "agentprune"])
def test_it_goes_on_from_a_folder_as_if_it_had_never_stopped(name, tmp_path):
    straight, first = trained(name, 7), trained(name, 6)
    first.save(tmp_path)
    second = topology(name, {"agents": 6})
    second.load(tmp_path)
    rng = np.random.default_rng(3)
    seeds = [int(rng.integers(1e9)) for _ in range(7)]
    graphs, decision = play(second, setting(seed=seeds[6], learning=True))
    share = np.mean([graph.spatial[:, :, 0].mean(1) for graph in graphs], axis=0)
    second.learn(np.where(share > np.median(share), 1.0, -1.0), graphs, decision)
    for kind in straight.learned:
        assert torch.equal(straight.network[kind], second.network[kind])
        assert (straight.live(kind) == second.live(kind)).all()


def test_what_is_kept_for_pairs_of_agents_is_refused_for_another_number(tmp_path):
    method = trained("agentprune", 2)
    method.save(tmp_path)
    with pytest.raises(
        UsageError, match="agents=6, and there are agents=5.*another number; take -M agents=6"
    ):
        topology("agentprune", {"agents": 5}).load(tmp_path)
    with pytest.raises(UsageError, match="by agentprune, and this is gptswarm"):
        topology("gptswarm", {"agents": 6}).load(tmp_path)
    unnamed = topology("agentprune", {})
    with pytest.raises(UsageError, match="agentprune has learned nothing yet"):
        unnamed.start(setting())
    unnamed.load(tmp_path)
    with pytest.raises(UsageError, match="agents=6, and there are agents=7"):
        unnamed.start(setting(7))


def test_folders_that_are_damaged(tmp_path):
    trained("agentprune", 1).save(tmp_path)
    facts = tmp_path / "topology.json"
    kept = facts.read_text()

    def refused(match):
        with pytest.raises(UsageError, match=match):
            topology("agentprune", {}).load(tmp_path)

    for text in ("", "[]", "{"):
        facts.write_text(text)
        refused("topology.json|agentprune")
    for agents in (0, "6", None, True, 65):
        facts.write_text(json.dumps({**json.loads(kept), "agents": agents}))
        refused("doesn't describe agentprune; train again")
    facts.write_text(json.dumps({**json.loads(kept), "agents": 4}))
    refused("right shape for (live_)?(spatial|temporal)")
    facts.write_text(kept)
    (tmp_path / "credits.safetensors").write_bytes(b"x" * 40)
    refused("can't be read")
