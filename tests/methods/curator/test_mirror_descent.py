"""Mirror descent and the curator's losses, with the numbers of the implementers' notes (section 6)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.methods.curator import mirror_descent

logits = arrays(np.float64, 6, elements=st.floats(-3, 3))


def test_mirror_step():
    flat = np.full(4, 0.25)
    found = mirror_descent.mirror_step(flat, np.array([1.0, 0, 0, 0]), 1.0)
    np.testing.assert_allclose(found, [0.47537, 0.17488, 0.17488, 0.17488], atol=1e-5)
    found = mirror_descent.mirror_step(flat, np.array([0.2 / 0.25, 0, 0, 0]), 0.5)
    np.testing.assert_allclose(found, [0.33212, 0.22263, 0.22263, 0.22263], atol=1e-5)


@pytest.mark.parametrize(
    "given_p, projected",
    [
        ((0.01, 0.09, 0.30, 0.60), (0.1, 0.1, 0.26667, 0.53333)),
        ((0.25, 0.25, 0.25, 0.25), (0.25, 0.25, 0.25, 0.25)),
        ((0.97, 0.01, 0.01, 0.01), (0.7, 0.1, 0.1, 0.1)),
    ],
)
def test_projection(given_p, projected):
    np.testing.assert_allclose(mirror_descent.project(np.array(given_p), 0.4), projected, atol=1e-5)


@given(arrays(np.float64, 9, elements=st.floats(-20, 20)), st.floats(0, 1))
def test_projection_lies_on_the_truncated_simplex_and_is_nearest(scores, alpha):
    p = mirror_descent.softmax(scores)
    found = mirror_descent.project(p, alpha)
    assert found.sum() == pytest.approx(1)
    assert found.min() >= alpha / 9 * (1 - 1e-9)
    # nearest in KL: no other point that keeps the floor is nearer
    other = 0.9 * found + 0.1 * np.roll(found, 1)

    def divergence(q):
        kept = q > 0
        return float((q[kept] * np.log(q[kept] / p[kept])).sum())

    assert divergence(found) <= divergence(other) + 1e-9


def test_second_hand_defaults():
    assert mirror_descent.default_rate(100, 10, 200) == pytest.approx(0.06786, abs=1e-5)
    assert mirror_descent.default_floor(100, 10, 200) == pytest.approx(0.47985, abs=1e-5)


@pytest.mark.parametrize(
    "utility, ratio, loss, slope",
    [
        (2, 0.7, -1.4, -2),
        (2, 1.0, -2.0, -2),
        (2, 1.3, -2.4, 0),
        (-2, 0.7, 1.6, 0),
        (-2, 1.0, 2.0, 2),
        (-2, 1.3, 2.6, 2),
    ],
)
def test_proximal_loss_and_its_slope(utility, ratio, loss, slope):
    found, slopes = mirror_descent.proximal_loss(np.array([ratio]), np.array([float(utility)]))
    assert found[0] == pytest.approx(loss)
    assert slopes[0] == slope


def numeric(function, point, step=1e-6):
    slopes = np.zeros_like(point)
    for place in range(len(point)):
        up, down = point.copy(), point.copy()
        up[place] += step
        down[place] -= step
        slopes[place] = (function(up) - function(down)) / (2 * step)
    return slopes


@given(logits, logits, arrays(np.float64, 3, elements=st.floats(-2, 2)))
def test_gradient_of_the_proximal_loss_by_finite_differences(now, then, utility):
    frozen, chosen = mirror_descent.softmax(then), np.array([1, 4, 4])
    weight = np.array([1.0, 0.5, 2.0])
    ratio = mirror_descent.softmax(now)[chosen] / frozen[chosen]
    if np.abs(np.abs(ratio - 1) - 0.2).min() < 1e-3:
        return  # the clip has a corner there

    def loss(z):
        return mirror_descent.proximal_gradient(z, frozen, chosen, utility, weight)[0]

    _, gradient = mirror_descent.proximal_gradient(now, frozen, chosen, utility, weight)
    np.testing.assert_allclose(gradient, numeric(loss, now), atol=1e-5, rtol=1e-4)
    assert gradient.sum() == pytest.approx(0, abs=1e-9)


def test_released_loss_never_clips_and_ignores_negative_utilities():
    lp, q = np.array([-5.0]), np.array([1 / 2048])
    assert mirror_descent.released_loss(lp, q, np.array([1.0]))[0] == pytest.approx(10240)
    assert mirror_descent.released_loss(lp, q, np.array([-1.0]))[0] == pytest.approx(0.8)

    def slope(u):
        up, down = (mirror_descent.released_loss(lp + d, q, np.array([u]))[0] for d in (1e-6, -1e-6))
        return (up - down) / 2e-6

    assert slope(1.0) == pytest.approx(-2048, rel=1e-6)
    assert slope(-1.0) == 0


@given(logits, arrays(np.float64, 6, elements=st.sampled_from([-1.0, 0.0, 2.0])))
def test_gradient_of_the_released_loss_by_finite_differences(now, utility):
    q = np.full(6, 0.1)
    _, gradient = mirror_descent.released_gradient(now, q, utility)
    wanted = numeric(lambda z: mirror_descent.released_gradient(z, q, utility)[0], now)
    np.testing.assert_allclose(gradient, wanted, atol=1e-4, rtol=1e-4)


def test_the_released_loss_depends_on_how_the_batch_is_cut():
    now, q = np.array([0.0, 1.0, 2.0, 3.0]), np.full(4, 0.25)
    whole = mirror_descent.released_gradient(now, q, np.ones(4))[0]
    cut = np.mean(
        [
            mirror_descent.released_gradient(now[part], q[part], np.ones(2))[0]
            for part in (slice(0, 2), slice(2, 4))
        ]
    )
    assert abs(whole - cut) > 1


class Bandit:
    """10 arms that pay 1 or 0; one pays with probability 0.9, the others with 0.3; this moves 7 times."""

    arms, rounds, moves = 10, 4000, 7

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        phases = [self.rng.integers(self.arms)]
        for _ in range(self.moves):
            phases.append((phases[-1] + self.rng.integers(1, self.arms)) % self.arms)
        self.best = np.repeat(phases, self.rounds // (self.moves + 1))

    def play(self, t, arm):
        self.lost += 0.6 * (arm != self.best[t])
        return float(self.rng.random() < (0.9 if arm == self.best[t] else 0.3))

    def regret(self, learner):
        """The mean loss a round against the best arm of each round."""
        self.lost = 0.0
        learner(self)
        return self.lost / self.rounds


def uniform(world):
    for t in range(world.rounds):
        world.play(t, world.rng.integers(world.arms))


ETA, ALPHA = 0.04, 0.1


def osmd(world):
    """On gains less one half: utilities are signed."""
    p = np.full(world.arms, 1 / world.arms)
    for t in range(world.rounds):
        arm = world.rng.choice(world.arms, p=p)
        estimate = np.zeros(world.arms)
        estimate[arm] = (world.play(t, arm) - 0.5) / p[arm]
        p = mirror_descent.project(mirror_descent.mirror_step(p, estimate, ETA), ALPHA)


def sec(world):
    values = np.zeros(world.arms)
    for t in range(world.rounds):
        arm = world.rng.choice(world.arms, p=mirror_descent.softmax(values, 0.2))
        gain = np.zeros(world.arms)
        gain[arm] = world.play(t, arm)
        values = 0.5 * values + 0.5 * gain


def thompson(world):
    right, wrong = np.ones(world.arms), np.ones(world.arms)
    for t in range(world.rounds):
        arm = int(world.rng.beta(right, wrong).argmax())
        gain = world.play(t, arm)
        right[arm] += gain
        wrong[arm] += 1 - gain


def test_dynamic_regret_on_a_drifting_bandit():
    """Measured over these seeds: uniform 0.54, SEC's bandit 0.39, stationary Thompson sampling 0.34, OSMD
    0.26. With a single move Thompson sampling (0.11) does better than OSMD (0.13): it is drift that it
    can't follow."""
    found = {
        learner.__name__: np.mean([Bandit(seed).regret(learner) for seed in range(5)])
        for learner in (uniform, osmd, sec, thompson)
    }
    assert found["uniform"] == pytest.approx(0.54, abs=0.01)
    assert found["osmd"] < 0.6 * found["uniform"]
    assert found["osmd"] < found["sec"]
    assert found["osmd"] < found["thompson"]
    # the textbook bound of the tabular scheme, a round; gains are at most one half in size
    arms, rounds = Bandit.arms, Bandit.rounds
    start, path = math.log(arms), 2 * Bandit.moves * math.log(arms / ALPHA)
    bound = (start + path) / (ETA * rounds) + ETA / 2 * arms / 4 + ALPHA
    assert found["osmd"] < bound < 0.6


def test_the_gradient_through_the_drawn_problems_is_the_whole_one_on_average():
    """Draws from the softmax itself, and uniform ones that are weighed: 1 - 1/B times the whole gradient."""
    rng, size, k, draws = np.random.default_rng(0), 6, 4, 40_000
    scores, gains = rng.normal(size=size), rng.normal(size=size)
    mass = mirror_descent.softmax(scores, 0.7)
    whole = -(mass * (gains - mass @ gains)) / 0.7
    for drawn_from in (mass, np.full(size, 1 / size)):
        found = np.zeros((draws, size))
        for row in found:
            chosen = rng.choice(size, k, p=drawn_from)
            _, gradient = mirror_descent.drawn_gradient(gains[chosen], (mass / drawn_from)[chosen], 0.7)
            np.add.at(row, chosen, gradient)
        error = found.std(0) / np.sqrt(draws)
        if drawn_from is mass:
            assert (np.abs(found.mean(0) - (1 - 1 / k) * whole) < 4 * error).all()
        else:  # self-normalised weights: the bias is of the order 1/k, too
            assert np.corrcoef(found.mean(0), whole)[0, 1] > 0.97
    assert np.abs(found.sum(1)).max() < 1e-12  # shifting all scores changes nothing


def test_the_gradient_through_the_drawn_problems_pulls_as_the_whole_one():
    frozen = mirror_descent.softmax(np.array([0.3, -0.2, 0.1, 0.0]), 1.0)
    chosen, gains, weight = np.array([0, 2]), np.array([2.0, -1.0]), np.array([1.0, 0.5])
    loss, whole = mirror_descent.proximal_gradient(np.log(frozen), frozen, chosen, gains, weight)
    found, gradient = mirror_descent.drawn_gradient(gains, weight)
    assert found == pytest.approx(loss) == pytest.approx(-(2.0 - 0.5) / 2)
    # the pull on each is the same; the normaliser's part is -sum(pull) shared out by weight
    assert gradient == pytest.approx([-1.0 + 0.75 * 2 / 3, 0.25 + 0.75 / 3])
    assert whole[chosen] == pytest.approx([-1.0 + 0.75 * frozen[0], 0.25 + 0.75 * frozen[2]])
