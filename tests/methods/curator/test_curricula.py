"""Each curriculum by the rules of its own paper, with the numbers of the implementers' notes (section 8)."""

import json

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.methods.curator.curricula import CURRICULA, make
from harness.methods.curator.curricula.filters import normalised_variance
from harness.methods.curator.curricula.plain import Oracle
from harness.methods.curator.curriculum import Round
from harness.methods.curator.sampling import Selection
from harness.methods.curator.scorers import LightScorer
from harness.methods.curator.training_tasks import ProblemSet

RNG = np.random.default_rng(0)
BINS = 20


def bank(size=400):
    difficulty = np.linspace(0, 1, size)
    bins = np.minimum((difficulty * BINS).astype(int), BINS - 1)
    quartiles = np.minimum((difficulty * 4).astype(int), 3)
    return ProblemSet(
        [],
        [""] * size,
        quartiles,
        ["q1", "q2", "q3", "q4"],
        100 * difficulty,
        "the simulator",
        np.eye(BINS)[bins],
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Learner:
    """A simulated policy (implementers' notes, section 6, item 15).

    One scalar skill; problem b is solved with probability sigmoid(12 (skill - b)).
    """

    def __init__(self, bank, seed):
        self.hardness, self.skill = bank.difficulty / 100, -0.1
        self.rng = np.random.default_rng([seed, 1])
        self.rolled = 0

    def rate(self, rows=slice(None)):
        return sigmoid(12 * (self.skill - self.hardness[rows]))

    def probe(self, rows):
        self.rolled += 8 * len(rows)
        return (self.rng.random((len(rows), 8)) < self.rate(rows)[:, None]).astype(float)

    def train(self, selection, rewards=None):
        rows = selection.indices
        rewards = self.probe(rows) if rewards is None else rewards
        old = self.rate(rows)[:, None]
        self.skill += 0.006 * (4 * old * (1 - old)).mean()
        new = self.rate(rows)[:, None]
        before = np.where(rewards > 0, np.log(old), np.log1p(-old))
        after = np.where(rewards > 0, np.log(new), np.log1p(-new))
        return Round(selection, rewards, before, after, np.ones_like(rewards))


def curriculum(name, problems, seed, **settings):
    if name in ("curator", "pcl"):
        settings["scorer"] = LightScorer(problems.vectors, hidden=0, rate=0.5, adam=False)
    if name == "curator":
        settings = {"dormant": 5, "warm_up": 0, "with_repeats": True, **settings}
    return make(name, problems, seed=seed, candidates=128, **settings)


def simulate(chooser, problems, seed, rounds=150, k=16):
    """The mean success rate over the problems after training."""
    learner, rng = Learner(problems, seed), np.random.default_rng([seed, 2])
    if callable(getattr(chooser, "bind", None)):
        chooser.bind(learner)
    for _ in range(rounds):
        selection = chooser.select(k, rng, learner.probe)
        chooser.observe(learner.train(selection))
        chooser.update()
    return float(learner.rate().mean())


def groups(*right, n=8):
    return np.array([[1.0] * k + [0.0] * (n - k) for k in right])


def never(rows):
    raise AssertionError("this curriculum rolls nothing out before it selects")


def seen(indices, rewards):
    return Round(Selection(np.array(indices)), np.asarray(rewards, float))


@pytest.fixture(scope="module")
def problems():
    return bank()


def test_sec_moves_by_td0_and_decays_what_was_not_drawn(problems):
    sec = make("sec", problems, std="population")
    half = int(np.flatnonzero(problems.categories == 1)[0])
    sec.observe(seen([half], groups(4)))  # mean |A| = 1
    sec.update()
    assert sec.values.tolist() == [0, 0.5, 0, 0]
    sec._rewards = np.array([0.8, 0, 0, 0])
    sec.values[:] = 0
    sec.update()
    assert sec.values[0] == pytest.approx(0.4)
    sec._rewards[:] = 0
    sec.update()
    assert sec.values[0] == pytest.approx(0.2)


@pytest.mark.parametrize("temperature, chance", [(0.2, 0.73106), (0.4, 0.62246), (1.0, 0.54983)])
def test_sec_draws_every_slot_by_softmax(temperature, chance):
    two = ProblemSet([], [""] * 40, np.repeat([0, 1], 20), ["easy", "hard"])
    sec = make("sec", two, temperature=temperature)
    sec.values = np.array([0.4, 0.2])
    rng = np.random.default_rng(1)
    drawn = np.concatenate([sec.select(256, rng, never).indices for _ in range(40)])
    assert (drawn < 20).mean() == pytest.approx(chance, abs=0.015)
    one = sec.select(1, rng, never)
    assert one.probability[0] == pytest.approx((chance if one.indices[0] < 20 else 1 - chance) / 20, abs=1e-6)


def test_pcl_takes_the_values_nearest_to_one_half():
    five = ProblemSet([], [""] * 5, np.zeros(5, int), ["all"], vectors=np.eye(5))
    wanted = np.array([0.10, 0.45, 0.60, 0.90, 0.52])
    scorer = LightScorer(five.vectors, hidden=0, rate=1.0, adam=False)
    pcl = make("pcl", five, scorer=scorer, passes=2000)
    rewards = (np.arange(100) < 100 * wanted[:, None]).astype(float)
    pcl.observe(seen(range(5), rewards))
    assert pcl.update()["value_error"] == pytest.approx(((wanted - 0.5) ** 2).mean())
    np.testing.assert_allclose(pcl.predict(np.arange(5)), wanted, atol=0.01)
    assert sorted(pcl.select(2, RNG, never).indices.tolist()) == [1, 4]


def test_learnability_trains_on_the_largest_variance_of_its_pool(problems):
    chooser = make("learnability", problems, uniform_share=0.25)
    rolled = []

    def probe(rows):
        rolled.extend(rows.tolist())
        return groups(*(rows % 9))

    chosen = chooser.select(8, np.random.default_rng(0), probe).indices
    assert len(rolled) == len(set(rolled)) == 32
    right = np.array(rolled) % 9
    best = np.sort(right * (8 - right))[::-1][:6]
    found = chosen[:6] % 9
    assert sorted(found * (8 - found)) == sorted(best)
    assert set(chosen.tolist()) <= set(rolled)


def test_dapo_drops_groups_without_variance_and_charges_them():
    """Kept share 0.30, 512 wanted of 1,536 a batch: two batches, 3,072 problems rolled out."""
    many = ProblemSet([], [""] * 30_000, np.zeros(30_000, int), ["all"])
    rng, batches = np.random.default_rng(0), []

    def probe(rows):
        batches.append(len(rows))
        return groups(*np.where(rng.random(len(rows)) < 0.3, 3, 16), n=16)

    chosen = make("dapo", many).select(512, rng, probe)
    assert batches == [1536, 1536]
    assert len(chosen.indices) == 512


@pytest.mark.parametrize(
    "n, rate, survives",
    [
        (16, 0.01, 0.1485),
        (16, 0.05, 0.5599),
        (16, 0.1, 0.8147),
        (16, 0.3, 0.9967),
        (8, 0.01, 0.0773),
        (8, 0.05, 0.3366),
        (8, 0.1, 0.5695),
        (8, 0.3, 0.9423),
    ],
)
def test_dapo_keeps_as_many_as_the_binomial_says(n, rate, survives):
    rng = np.random.default_rng(0)
    many = ProblemSet([], [""] * 20_000, np.zeros(20_000, int), ["all"])
    kept = []

    def probe(rows):
        rewards = (rng.random((len(rows), n)) < rate).astype(float)
        kept.append((np.ptp(rewards, axis=-1) > 0).mean())
        return rewards

    make("dapo", many, factor=20_000).select(1, rng, probe)
    assert kept[0] == pytest.approx(survives, abs=0.01)


def test_dapo_stops_with_one_line_where_nothing_can_be_learned(problems):
    with pytest.raises(UsageError, match="kept 0 of 480 problems in 10 generation batches"):
        make("dapo", problems).select(16, RNG, lambda rows: groups(*[0] * len(rows)))


def test_adarft_follows_the_mean_reward(problems):
    for right, target in ((8, 38.0797), (6, 23.1059), (4, 0), (0, 0)):
        chooser = make("adarft", problems)
        chooser.observe(seen([0], groups(right)))
        assert chooser.update()["target_difficulty"] == pytest.approx(target, abs=1e-4)
    chooser.target = 38.0797
    chooser.observe(seen([0], groups(0)))
    assert chooser.update()["target_difficulty"] == 0
    chooser.target = 50.0
    found = problems.difficulty[chooser.select(8, RNG, never).indices]
    assert np.abs(found - 50).max() < 1.1


def test_adarft_takes_equal_difficulties_at_random_and_needs_some():
    flat = ProblemSet([], [""] * 100, np.zeros(100, int), ["all"], np.repeat([0.0, 100.0], 50))
    chooser = make("adarft", flat)
    drawn = {int(i) for _ in range(30) for i in chooser.select(8, RNG, never).indices}
    assert len(drawn) > 40
    assert max(drawn) < 50
    with pytest.raises(UsageError, match="no levels"):
        make("adarft", ProblemSet([], [""] * 3, np.zeros(3, int), ["all"]))


def test_vcrl_variance_and_memory(problems):
    np.testing.assert_allclose(normalised_variance(groups(0, 1, 2, 3, 4)), [0, 0.4375, 0.75, 0.9375, 1])
    chooser = make("vcrl", problems, rising_steps=10)
    good, rng = [3, 5, 7], np.random.default_rng(0)
    chooser.select(4, rng, lambda rows: groups(*[0] * len(rows)))
    chooser.observe(seen(good, groups(4, 3, 4)))
    chooser.update()
    chosen = chooser.select(4, rng, lambda rows: groups(*[0] * len(rows))).indices
    assert chosen[:3].tolist() == [3, 7, 5]  # by priority, then one that was rolled out
    chooser.observe(seen([3], groups(0)))
    assert chooser.priority[3] == pytest.approx(0.9)


def test_mopps_posterior(problems):
    chooser = make("mopps", problems)
    chooser.observe(seen([2], groups(6)))
    assert (chooser.right[2], chooser.wrong[2]) == (7, 3)
    assert chooser.score(np.array([2]))[0] == pytest.approx(-0.2)


def test_the_curator_counts_steps_as_released(problems):
    """Dormant 20 and warm-up 5: trained from step 20 on, choosing from step 26 on, scoring at every step."""
    calls = {"score": 0, "learn": []}
    chooser = make("curator", problems, candidates=64, scorer=LightScorer(problems.vectors, rate=5.0))
    score, learn = chooser.score, chooser.learn
    chooser.score = lambda rows: calls.__setitem__("score", calls["score"] + 1) or score(rows)
    chooser.learn = lambda selection: calls["learn"].append(chooser.step) or learn(selection)
    learner, rng = Learner(problems, 0), np.random.default_rng(0)
    learner.skill = 0.5
    for step in range(1, 31):
        selection = chooser.select(16, rng, never)
        assert calls["score"] == step
        assert chooser.leads == (step >= 26)
        flat = np.allclose(selection.probability, 1 / 64)
        assert flat == (step < 26)
        chooser.observe(learner.train(selection))
        chooser.update()
    assert calls["learn"] == list(range(20, 31))


def test_the_curator_learns_what_helps(problems):
    """Bins where the policy improved get the mass; the utilities of others are zero."""
    chooser = curriculum("curator", problems, 0, dormant=0)
    rng = np.random.default_rng(0)
    for _ in range(60):
        selection = chooser.select(32, rng, never)
        helps = problems.difficulty[selection.indices] > 75
        shift = np.where(helps, 0.1, 0.0)[:, None] * (2 * groups(*[4] * 32) - 1)
        chooser.observe(Round(selection, groups(*[4] * 32), np.zeros((32, 8)), shift, np.ones((32, 8))))
        chooser.update()
    scores = chooser.score(np.arange(400))
    assert scores[problems.difficulty > 76].min() > scores[problems.difficulty < 74].max()


def test_a_costly_scorer_is_read_once_and_learns_from_the_drawn_problems(problems):
    class Costly(LightScorer):
        passes, through = 1, "drawn"
        read, learned = 0, 0

        def logits(self, rows):
            self.read += len(rows)
            return super().logits(rows)

        def descend(self, rows, gradient):
            self.learned += len(rows)
            super().descend(rows, gradient)

    def costly():
        return Costly(problems.vectors, hidden=0, rate=0.5, adam=False)

    scorer = costly()
    chooser = make("curator", problems, candidates=128, dormant=0, warm_up=0, scorer=scorer)
    simulate(chooser, problems, 0, rounds=10)
    assert (scorer.read, scorer.learned) == (10 * 128, 10 * 16)
    # measured over 5 seeds: 0.258, where four passes through all candidates reach 0.302
    how = {"candidates": 128, "dormant": 5, "warm_up": 0, "with_repeats": True}
    found = [
        simulate(make("curator", problems, seed=seed, scorer=costly(), **how), problems, seed)
        for seed in range(3)
    ]
    assert np.mean(found) > 0.20
    with pytest.raises(ValueError, match="drawn with one pass"):
        make("curator", problems, scorer=scorer, passes=4)


def test_the_released_curator_learns_pass_rates_near_one_half(problems):
    """As released the target is min(c, n - c), whatever the update did; no extra pass is asked for."""
    chooser = make(
        "curator-released",
        problems,
        scorer=LightScorer(problems.vectors, hidden=0, rate=0.02),
        dormant=0,
        warm_up=0,
        candidates=128,
        with_repeats=True,
    )
    assert not chooser.extra_pass
    rng = np.random.default_rng(0)
    for _ in range(150):
        selection = chooser.select(32, rng, never)
        right = np.where(problems.difficulty[selection.indices] < 25, 4, 8)
        chooser.observe(Round(selection, groups(*right)))
        chooser.update()
    scores = chooser.score(np.arange(400))
    assert scores[problems.difficulty < 24].mean() > scores[problems.difficulty > 26].mean() + 1


@pytest.mark.parametrize("name", sorted(CURRICULA))
def test_a_restored_curriculum_goes_on_as_before(name, problems):
    """State travels through JSON, as in a checkpoint."""

    def fresh():
        return curriculum(name, problems, 3, dormant=2, warm_up=1)

    def steps(chooser, learner, first, last):
        chosen = []
        for step in range(first, last):
            rng = np.random.default_rng([7, step])
            learner.rng = np.random.default_rng([8, step])
            selection = chooser.select(8, rng, learner.probe)
            chosen.append(selection.indices.tolist())
            chooser.observe(learner.train(selection))
            chooser.update()
        return chosen

    learner, other = Learner(problems, 0), Learner(problems, 0)
    learner.skill = other.skill = 0.4
    whole = steps(fresh(), learner, 0, 12)
    half = fresh()
    assert steps(half, other, 0, 6) == whole[:6]
    again = fresh()
    again.restore(json.loads(json.dumps(half.state())))
    assert steps(again, other, 6, 12) == whole[6:]


def test_the_simulated_learner(problems):
    """Wiring, end to end; these numbers say nothing about language models. Measured over 10 seeds: uniform
    0.060, curator 0.305, SEC (temperature 0.2) 0.376, oracle 0.696."""

    def mean(make_one):
        return np.mean([simulate(make_one(seed), problems, seed) for seed in range(3)])

    assert mean(lambda seed: curriculum("uniform", problems, seed)) < 0.10
    assert mean(lambda seed: curriculum("curator", problems, seed)) > 0.25
    assert mean(lambda seed: curriculum("sec", problems, seed, temperature=0.2)) > 0.25

    class Knowing(Oracle):
        def bind(self, learner):
            self.rate = learner.rate

    assert mean(lambda seed: Knowing(problems, None, candidates=128, seed=seed)) > 0.60
    # the scale of utilities matters under plain gradient steps
    assert mean(lambda seed: curriculum("curator", problems, seed, scale=20.0)) < 0.20
