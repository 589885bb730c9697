"""The learned gate against worlds in closed form: k binary constraints, a question tells one of them."""

import random

import pytest

from harness.methods.team import gate
from harness.methods.team.gate import Episode, Gate, Learner, mean_utility
from harness.methods.team.policy import Move, Spent, Step, View

CONSTRAINTS = 3


def episode(weights, rng, explore=True):
    """One episode of the notes' minimal environment: success 2^-(k - asked) once the agent acts."""
    own = Gate(list(weights), rng=rng if explore else None)
    spent = Spent()
    while True:
        open_ones = CONSTRAINTS - min(spent.asked, CONSTRAINTS)
        view = View((Step("hold", {}),), 1 - 2.0**-open_ones, spent, limit=10)
        if own.decide(view) is Move.ACT or spent.asked == 10:
            return Episode(own.seen, own.done, float(rng.random() < 2.0**-open_ones), spent.asked)
        spent = spent.after(Move.ASK, refused=False)


def trained(price, start, seed=0, updates=80):
    rng, learner = random.Random(seed), Learner(start, 0.1)
    for _ in range(updates):
        learner.learn([episode(learner.weights, rng) for _ in range(32)], price)
    return learner.weights


def utility(asked, price):
    return 2.0 ** (min(asked, CONSTRAINTS) - CONSTRAINTS) - price * asked


def test_the_gradient_is_that_of_the_expected_utility():
    """Against finite differences of U in closed form: with p = P(ask) at every point, three points."""
    learner, price = Learner([0.3, 0, 0, 0, 0], 0.1), 0.2
    rng = random.Random(1)
    chance = gate.probability(learner.weights, [1, 0, 0, 0, 0])

    def episode_of_bias():
        asked = 0
        while asked < 3 and rng.random() < chance:
            asked += 1
        seen = [[1.0, 0, 0, 0, 0]] * min(asked + 1, 3)
        done = [True] * asked + [False] * (asked < 3)
        return Episode(seen, done, 2.0 ** (asked - 3), asked)

    def expected(bias):
        p = gate.probability([bias, 0, 0, 0, 0], [1, 0, 0, 0, 0])
        chances = (1 - p, p * (1 - p), p * p * (1 - p), p**3)
        return sum(share * utility(asked, price) for asked, share in enumerate(chances))

    slope = (expected(0.3001) - expected(0.2999)) / 0.0002
    found = learner.gradient([episode_of_bias() for _ in range(8_000)], price)
    assert found[0] == pytest.approx(slope, abs=0.01)
    assert abs(slope) > 0.02


@pytest.mark.parametrize(("price", "asked"), [(0.1, 3), (0.2, 3), (0.6, 0)])
def test_it_finds_the_best_number_of_questions_where_one_more_does_not_pay(price, asked):
    """At lambda .2 the first question gains .125 and costs .2, and three of them are best."""
    weights = trained(price, gate.STARTS[0])
    played = episode(weights, random.Random(2), explore=False)
    assert played.interventions == asked


def test_of_two_starts_one_finds_what_the_other_misses():
    """At lambda .3, above break-even (.2917), silence is best; a gate that began by asking may not see it."""
    ends = [episode(trained(0.3, start), random.Random(3), explore=False) for start in gate.STARTS]
    assert min(end.interventions for end in ends) == 0


def test_a_gate_does_not_choose_where_there_is_nothing_to_choose():
    own = Gate([5.0, 0, 0, 0, 0])
    assert own.decide(View(())) is Move.ACT
    assert own.decide(View((Step("pay", {}),), spent=Spent(refused=1))) is Move.ACT
    assert own.seen == [] and own.done == []
    assert own.decide(View((Step("pay", {}),))) is Move.ASK
    assert Gate([5.0, 0, 0, 0, 0], "propose").decide(View((Step("pay", {}),))) is Move.PROPOSE


def test_what_is_kept_is_found(tmp_path):
    weights = [0.5, -1.0, 2.0, 0.0, 1e-9]
    gate.write(weights, tmp_path)
    assert gate.read(tmp_path) == weights
    (tmp_path / "gate.json").write_text('{"always": 1}')
    with pytest.raises(ValueError, match="no gate is in"):
        gate.read(tmp_path)


def test_utility_is_success_less_the_price_of_each_intervention():
    episodes = [Episode([], [], 1.0, 3), Episode([], [], 0.0, 0)]
    assert mean_utility(episodes, 0.2) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("actions", "limit", "progress"), [(0, 4, 0.0), (3, 4, 0.75), (4, 4, 1.0), (5, 4, 1.0), (3, 0, 0.0)]
)
def test_progress_is_the_share_of_the_actions_that_may_be_made(actions, limit, progress):
    assert gate.features(View(spent=Spent(actions=actions), limit=limit))[-1] == progress


def test_without_a_limit_nothing_is_said_of_progress():
    assert gate.features(View(spent=Spent(actions=3)))[-1] == 0.0
