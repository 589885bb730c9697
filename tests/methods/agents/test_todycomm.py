"""TodyComm and the weighted vote as wholes: decision, loss, learning, what is kept and what is refused."""

import asyncio
import json

import numpy as np
import pytest

from benchmarks.simulations import agents_loop
from harness.base.errors import UsageError
from harness.methods.agents.catalogue import topology
from harness.methods.agents.engine import play, taken
from harness.methods.agents.todycomm import deciding
from harness.methods.agents.todycomm.todycomm import loss
from harness.methods.agents.topologies.votes import voters
from harness.methods.agents.topology import NEVER, Decision, Said, Setting, Space

torch = pytest.importorskip("torch")
CHOICE = Space("choice", 4)
C = np.array([[0.9, 0.2, 0.7, 0.5, 0.3, 0.8]])
M = np.array([[1, 0, 1, 0, 0, 1]], bool)


class Stub:
    """Agents that say anything; or, with `liar`, the right answer or a wrong one in a text that tells it."""

    def __init__(self, setting, seed=0, liar=False):
        self.setting, self.rng, self.liar = setting, np.random.default_rng(seed), liar
        self.gold = self.rng.integers(0, 4, setting.batch)

    async def speak(self, r, graph, said):
        s, rng = self.setting, self.rng
        answers = rng.integers(-1, 4, (s.batch, s.agents))
        vectors = rng.normal(size=(s.batch, s.agents, s.width))
        if self.liar:
            answers = np.tile(self.gold[:, None], (1, s.agents))
            wrong = rng.random((s.batch, s.agents)) < 0.6
            answers = (answers + wrong) % 4
            vectors[wrong, 0] += 3
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        spoke = np.ones(answers.shape, bool)
        return Said(answers, vectors.astype(np.float32), spoke, rng.normal(size=answers.shape) * 50)


def a_setting(batch=8, agents=6, rounds=4, seed=0, **more):
    given = {"space": CHOICE, "width": 16, "outs": 1, "ins": 1} | more
    return Setting(batch, agents, rounds, rng=np.random.default_rng(seed), **given)


def made(name="todycomm", space=CHOICE, width=16, seed=0, **args):
    found = topology(name, args)
    found.build(a_setting(space=space, width=width), seed)
    return found


def played(found, setting, seed=0, liar=False):
    return asyncio.run(play(found, Stub(setting, seed, liar), setting))


def said(answers, spoke=None):
    answers = np.array(answers)
    spoke = np.ones(answers.shape, bool) if spoke is None else np.array(spoke)
    return Said(answers, np.zeros((*answers.shape, 16), np.float32), spoke)


# decision


def test_the_vote_weighs_by_the_softmax_over_all_agents():
    last = said([[1, 0, 2, 0, 0, 2]])
    votes, fallback = voters(M, last, CHOICE)
    weights = deciding.vote_weights(C, votes)
    assert weights[0] == pytest.approx([0.2253, 0, 0.1844, 0, 0, 0.2038], abs=1e-4)
    assert not fallback[0] and taken(last, Decision(M, weights, fallback), CHOICE)[0] == 2
    everyone = deciding.vote_weights(C, np.ones_like(M))[0]
    assert everyone[[2, 5]].sum() == pytest.approx(0.3883, abs=1e-4)
    assert everyone[[1, 3, 4]].sum() == pytest.approx(0.3865, abs=1e-4)
    assert taken(last, Decision(M, everyone[None], fallback), CHOICE)[0] == 2


@pytest.mark.parametrize("selected", [np.zeros((1, 6), bool), np.array([[0, 0, 0, 0, 0, 1]], bool)])
def test_where_nobody_who_answered_is_selected_all_vote_and_the_decision_says_so(selected):
    last = said([[1, 3, 2, 3, 3, -1]])
    votes, fallback = voters(selected, last, CHOICE)
    assert fallback.tolist() == [True] and votes.all()
    # three of low credit outvote one of high credit, and option A is not what comes out of nothing
    assert taken(last, Decision(selected, deciding.vote_weights(C, votes), fallback), CHOICE)[0] == 3


def test_open_answers_count_where_an_agent_spoke():
    last = said([[-1, -1]], [[True, False]])
    votes, fallback = voters(np.array([[1, 0]], bool), last, Space("open", 0))
    assert votes.tolist() == [[True, False]] and not fallback[0]


def test_the_vote_equals_the_plain_loop():
    rng = np.random.default_rng(0)
    credits, selected = rng.random((300, 5)), rng.random((300, 5)) < 0.4
    last = said(rng.integers(-1, 5, (300, 5)))
    votes, fallback = voters(selected, last, Space("choice", 5))
    found = taken(
        last, Decision(selected, deciding.vote_weights(credits, votes), fallback), Space("choice", 5)
    )
    for b in range(300):
        assert found[b] == agents_loop.vote(last.answers[b], credits[b], selected[b])[0]


def test_of_equal_sums_an_answer_that_came_up_late_is_as_good_as_an_early_one():
    last = said([[2, 0, 0, 2], [2, 2, 0, 0], [-1, 1, 0, -1]])
    alike = Decision(np.ones((3, 4), bool), np.ones((3, 4)), np.zeros(3, bool))
    assert taken(last, alike, Space("choice", 4)).tolist() == [0, 0, 0]
    assert taken(last, alike, Space("number", 1)).tolist() == [2, 2, 1]
    # whoever has no weight decides nothing
    weighed = Decision(alike.selected, np.array([[0, 1, 1, 2]] * 3, float), alike.fallback)
    assert taken(last, weighed, Space("text", 4)).tolist() == [0, 0, 1]


def test_the_categorical_decision_takes_what_somebody_voted_for():
    last = said([[1, 0, 2, 0, 0, 2], [-1] * 6, [-1, -1, 3, -1, -1, -1]])
    credits = torch.tensor(np.tile(C, (3, 1)), requires_grad=True)
    votes = np.tile(M, (3, 1))
    found, logp = deciding.categorical(credits, votes, last, None)
    assert found.tolist() == [2, -1, 3]
    logits = np.array([0.9, 1.5]) / 0.5  # options 1 and 2; nobody selected says 0 or 3
    expected = logits - np.log(np.exp(logits).sum())
    assert logp.tolist() == pytest.approx([expected[1], 0, 0], abs=1e-6)
    logp.sum().backward()
    assert torch.isfinite(credits.grad).all() and credits.grad[0].abs().sum() > 0


def test_the_categorical_decision_is_drawn_while_learning():
    draws = 100_000
    last, credits = said(np.tile([[1, 0, 2, 0, 0, 2]], (draws, 1))), torch.tensor(np.tile(C, (draws, 1)))
    found, logp = deciding.categorical(credits, np.tile(M, (draws, 1)), last, np.random.default_rng(0))
    chances = np.bincount(found, minlength=3) / draws
    share = np.exp([1.8, 3.0]) / np.exp([1.8, 3.0]).sum()
    assert chances == pytest.approx([0, *share], abs=0.005)
    assert logp.exp().numpy() == pytest.approx(np.where(found == 1, *share), abs=1e-6)


@pytest.mark.parametrize("decision", deciding.DECISIONS)
def test_decisions_of_a_whole_conversation(decision):
    found = made(decision=decision, flip=0.5)
    for learning in (True, False):
        done = played(found, a_setting(batch=200, learning=learning), seed=3)
        answered = (done.said[-1].answers >= 0).any(1)
        assert ((done.answers >= 0) == answered).all()
        drawn = learning and decision != "majority"
        assert (done.decision.logp is not None) == drawn
        if decision == "majority":
            assert (done.decision.weights == 1).all() and done.decision.selected.all()
        elif learning:
            assert (
                done.decision.fallback == ~(done.decision.selected & (done.said[-1].answers >= 0)).any(1)
            ).all()


# rounds


@pytest.mark.parametrize("space", [CHOICE, Space("choice", 5), Space("number", 1), Space("text", 8)])
@pytest.mark.parametrize("cell", ["gru", "linear"])
def test_rounds_of_a_conversation(space, cell):
    found = made(space=space, cell=cell)
    done = played(found, a_setting(space=space, outs=2, ins=1))
    first, *later = done.graphs
    assert not first.spatial.any() and first.selected.all() and (first.credits == 0.5).all()
    assert first.logp is None
    for graph in later:
        assert not graph.temporal.any() and graph.logp is None
        assert graph.credits.mean(1) == pytest.approx(0.5, abs=0.15)
        assert (graph.selected == (graph.credits > np.round(graph.credits.mean(1, keepdims=True), 4))).all()
        assert graph.spatial.any() and graph.spatial.sum(1).max() <= 2 and graph.spatial.sum(2).max() <= 1
    assert done.decision.credits.shape == (8, 6) and done.decision.selected.any(1).all()


def test_a_batch_equals_its_questions_one_by_one():
    found, setting = made(), a_setting(batch=12)
    together = played(found, setting)

    class Alone:
        def __init__(self, b):
            self.b = b

        async def speak(self, r, graph, said):
            one, b = together.said[r], slice(self.b, self.b + 1)
            return Said(one.answers[b], one.vectors[b], one.spoke[b])

    for b in range(12):
        done = asyncio.run(play(found, Alone(b), a_setting(batch=1)))
        for one, all_ in zip(done.graphs, together.graphs, strict=True):
            assert (one.spatial[0] == all_.spatial[b]).all()
            assert one.credits[0] == pytest.approx(all_.credits[b], abs=1e-5)
        assert done.answers[0] == together.answers[b]


def test_several_conversations_may_be_under_way():
    found = made()
    alone = played(found, a_setting(), seed=1)
    settings = [a_setting(), a_setting()]
    panels = [Stub(settings[0], 1), Stub(settings[1], 2)]

    async def both():
        return await asyncio.gather(*(play(found, p, s) for p, s in zip(panels, settings, strict=True)))

    beside = asyncio.run(both())[0]
    assert (beside.decision.credits == alone.decision.credits).all()


def test_random_order_is_another_graph_with_the_same_selection():
    by_credit, at_random = (
        played(made(edges=edges), a_setting(outs=None, ins=None)) for edges in ("min", "random")
    )
    one, other = by_credit.graphs[1], at_random.graphs[1]
    assert (one.selected == other.selected).all() and (one.spatial != other.spatial).any()
    assert one.spatial.sum() == other.spatial.sum()


def test_scores_by_name_give_one_graph():
    graphs = [
        played(made(edges=edges), a_setting(outs=2, ins=2)).graphs for edges in ("min", "product", "jan26")
    ]
    for one, two, three in zip(*graphs, strict=True):
        assert (one.spatial == two.spatial).all() and (two.spatial == three.spatial).all()


def test_the_weighted_vote_has_no_edges_and_draws_the_decision_alone():
    found = made("weighted-vote")
    done = played(found, a_setting(batch=32, learning=True))
    assert not any(graph.spatial.any() or graph.temporal.any() for graph in done.graphs)
    assert all(graph.logp is None for graph in done.graphs) and done.decision.logp.shape == (32,)
    assert (done.graphs[2].credits != done.graphs[1].credits).any()
    figures = found.learn(np.where(np.arange(32) % 2, 1.0, -1.0), done.graphs, done.decision)
    assert figures["loss"] != 0


def test_true_labels_select_who_is_no_adversary_at_the_time():
    found = topology("todycomm", {"labels": True})
    assert found.sees_adversaries and not found.learns
    assert not topology("todycomm", {}).sees_adversaries
    flips = np.full((2, 6), NEVER)
    flips[0, [1, 4]] = 2, 3
    found.build(a_setting(), 0)
    done = played(found, a_setting(batch=2, flips=flips, outs=None, ins=None))
    assert [graph.selected[0].sum() for graph in done.graphs] == [6, 6, 5, 4]
    assert done.decision.selected[0].tolist() == [True, False, True, True, False, True]
    assert done.graphs[3].spatial[0].sum() == 4 * 3 // 2
    assert done.decision.selected[1].all() and not done.decision.fallback.any()
    assert found.learn(np.ones(2), done.graphs, done.decision) == {}


# learning


def test_rounds_are_discounted_from_the_last():
    for r, weight in enumerate((0.729, 0.81, 0.9, 1.0)):
        logps = [torch.zeros(2, requires_grad=True) for _ in range(4)]
        loss(np.array([1.0, -1.0]), logps, 0.9).backward()
        assert logps[r].grad.tolist() == pytest.approx([-weight / 2, weight / 2])


def test_loss():
    logps = [torch.tensor([-1.0, -0.5]), torch.tensor([-2.0, -1.5])]
    assert loss(np.array([1.0, -1.0]), logps, 0.9).item() == pytest.approx(0.475)
    assert loss(np.array([1.0, 1.0]), logps, 0.9).item() == 0
    # a round in which nothing was drawn keeps its place in the discount
    assert loss(np.array([1.0, -1.0]), [logps[0], None], 0.9).item() == pytest.approx(0.225)


def test_all_parameters_learn_and_the_seed_decides_all():
    weights = []
    for _ in range(2):
        found = made(seed=4)
        before = [each.clone() for each in found.model.network.parameters()]
        done = played(found, a_setting(batch=32, learning=True))
        assert [graph.logp is None for graph in done.graphs] == [True, False, False, False]
        found.learn(np.where(np.arange(32) % 2, 1.0, -1.0), done.graphs, done.decision)
        after = list(found.model.network.parameters())
        moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
        # a constant added to all scores changes no credit, so the last bias has no gradient but rounding
        assert all(moved[:-1])
        weights.append(after)
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))


@pytest.mark.parametrize(("name", "cell"), [("todycomm", "gru"), ("weighted-vote", "rnn")])
def test_credits_learn_to_tell_liars(name, cell):
    found = made(name, cell=cell, lr=0.003)

    def accuracy(seed):
        setting = a_setting(batch=300, rounds=2, seed=seed)
        panel = Stub(setting, seed, liar=True)
        done = asyncio.run(play(found, panel, setting))
        return (done.answers == panel.gold).mean()

    before = accuracy(99)
    for update in range(40):
        setting = a_setting(batch=32, rounds=2, seed=update, learning=True)
        panel = Stub(setting, update, liar=True)
        done = asyncio.run(play(found, panel, setting))
        found.learn(np.where(done.answers == panel.gold, 1.0, -1.0), done.graphs, done.decision)
    assert accuracy(99) > 0.7 > 0.5 > before


# what is kept


@pytest.mark.parametrize("cell", ["gru", "linear"])
def test_training_goes_on_from_what_was_kept(tmp_path, cell):
    def update(found, number):
        done = played(found, a_setting(batch=16, seed=number, learning=True), seed=number)
        return found.learn(np.where(np.arange(16) % 3, 1.0, -1.0), done.graphs, done.decision)["loss"]

    whole, first = made(cell=cell, lr=0.01), made(cell=cell, lr=0.01)
    expected = [update(whole, number) for number in range(6)]
    assert [update(first, number) for number in range(3)] == expected[:3]
    first.save(tmp_path)
    for build_first in (True, False):
        other = topology("todycomm", {"cell": cell, "lr": 0.01})
        if build_first:
            other.build(a_setting(), 77)
        other.load(tmp_path)
        other.build(a_setting(), 78)
        assert [update(other, number) for number in range(3, 6)] == expected[3:]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["credits.safetensors", "topology.json"]


def test_credits_move_to_another_number_of_agents_rounds_and_budget(tmp_path):
    made().save(tmp_path)
    found = topology("todycomm", {})
    found.load(tmp_path)
    done = played(found, a_setting(agents=9, rounds=6, outs=None, ins=2))
    assert len(done.graphs) == 6 and done.decision.credits.shape == (8, 9)


@pytest.mark.parametrize(
    ("space", "width", "args", "says"),
    [
        (Space("choice", 5), 16, {}, "for 4 options and text vectors of 16 numbers, and here are 5 options"),
        (Space("text", 4), 16, {}, "here are texts (4 places)"),
        (Space("number", 1), 16, {}, "here are numbers"),
        (CHOICE, 384, {}, "here are 4 options and text vectors of 384 numbers"),
        (CHOICE, 16, {"cell": "rnn"}, "trained with cell=gru, and this is cell=rnn; take -M cell=gru"),
        (CHOICE, 16, {"persistence": False}, "take -M persistence=true"),
    ],
)
def test_other_credits_are_refused(tmp_path, space, width, args, says):
    made().save(tmp_path)
    built, fresh = made(space=space, width=width, **args), topology("todycomm", args)
    with pytest.raises(UsageError) as refused:
        built.load(tmp_path)
    assert says in str(refused.value) and "\n" not in str(refused.value)
    with pytest.raises(UsageError) as refused:
        fresh.load(tmp_path)
        fresh.start(a_setting(space=space, width=width))
    assert says in str(refused.value)


def test_credits_beside_true_labels_or_of_a_rival_are_refused(tmp_path):
    with pytest.raises(UsageError, match="leave one of them out"):
        topology("todycomm", {"labels": True, "credits": "a folder"})
    rival = topology("gptswarm", {})
    rival.build(a_setting(), 0)
    rival.save(tmp_path)
    with pytest.raises(UsageError, match="was trained by gptswarm, and this is todycomm"):
        topology("todycomm", {}).load(tmp_path)
    made().save(tmp_path)
    topology("weighted-vote", {}).load(tmp_path)


def test_a_broken_folder_is_refused(tmp_path):
    found = made()
    with pytest.raises(UsageError, match="holds no credits"):
        found.load(tmp_path / "absent")
    found.save(tmp_path)
    numbers, told = tmp_path / "credits.safetensors", tmp_path / "topology.json"
    whole, facts = numbers.read_bytes(), json.loads(told.read_text())
    for broken in (b"", whole[:1000], b"pickle"):
        numbers.write_bytes(broken)
        with pytest.raises(UsageError, match="train again"):
            made().load(tmp_path)
    from safetensors.numpy import load, save

    held = load(whole)
    bias = held["network.head.2.bias"]
    for change in ({"network.head.2.bias": bias * np.nan}, {"network.head.2.bias": np.zeros(2, np.float32)}):
        numbers.write_bytes(save(held | change))
        with pytest.raises(UsageError, match="train again"):
            made().load(tmp_path)
    numbers.write_bytes(whole)
    for change in ({"width": "x"}, {"width": 10**12}, {"options": -1}, {"answers": "essay"}):
        told.write_text(json.dumps(facts | change))
        with pytest.raises(UsageError, match="train again"):
            topology("todycomm", {}).load(tmp_path)
    told.write_text("[1")
    with pytest.raises(UsageError, match="holds no credits"):
        made().load(tmp_path)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"cell": "lstm"}, "cell=lstm"),
        ({"edges": "max"}, "edges=max"),
        ({"decision": "judge"}, "decision=judge"),
        ({"flip": 1.5}, "flip=1.5"),
        ({"gamma": -0.1}, "gamma=-0.1"),
        ({"lr": 0.0}, "lr=0"),
        ({"lr": float("nan")}, "lr=nan"),
        ({"batch": 1}, "batch=1"),
    ],
)
def test_bad_arguments(args, says):
    with pytest.raises(UsageError, match=says):
        topology("todycomm", args)


def test_what_cannot_be_played():
    with pytest.raises(UsageError, match="agents=1; take"):
        made().start(a_setting(agents=1))
    with pytest.raises(UsageError, match="no credits yet"):
        topology("todycomm", {}).start(a_setting())
    with pytest.raises(UsageError, match="the method independent"):
        topology("weighted-vote", {"decision": "majority"})


def test_64_agents_8_rounds():
    done = played(made(width=384), a_setting(batch=4, agents=64, rounds=8, width=384, outs=None, ins=3))
    assert all(graph.spatial.sum(2).max() <= 3 for graph in done.graphs)
