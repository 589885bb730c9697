"""The simulated agents against their closed forms, and against what each setting promises."""

from itertools import product
from math import factorial

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.model.agents.closed_forms import plurality
from harness.model.agents.law import Agents
from harness.model.agents.settings import Settings


@pytest.mark.parametrize(
    ("benign", "adversaries", "options", "p", "known"),
    [
        (6, 0, 4, 0.7, 0.93688),
        (5, 1, 4, 0.7, 0.85897),
        (4, 2, 4, 0.7, 0.63210),
        (3, 3, 4, 0.7, 0.17150),
        (4, 0, 4, 0.7, 0.87640),
        (5, 0, 2, 0.6, 0.68256),
        (3, 2, 2, 0.6, 0.21600),
        (3, 0, 2, 0.6, 0.64800),
    ],
)
def test_accuracies_of_a_plurality_are_those_of_the_notes(benign, adversaries, options, p, known):
    assert plurality(p, benign, adversaries, options) == pytest.approx(known, abs=1e-5)


@pytest.mark.parametrize(("benign", "adversaries", "options"), [(1, 0, 2), (5, 2, 3), (7, 3, 5), (4, 4, 4)])
def test_they_are_the_sum_over_all_counts(benign, adversaries, options):
    p, total = 0.55, 0.0
    for counts in product(range(benign + 1), repeat=options):
        if sum(counts) != benign:
            continue
        ways = factorial(benign) / np.prod([factorial(c) for c in counts])
        votes = [counts[0], counts[1] + adversaries, *counts[2:]]
        share = (votes[0] == max(votes)) / votes.count(max(votes))
        total += ways * p ** counts[0] * ((1 - p) / (options - 1)) ** (benign - counts[0]) * share
    assert plurality(p, benign, adversaries, options) == pytest.approx(total, abs=1e-12)


def test_many_agents_and_options_stay_exact():
    assert plurality(0.5, 64, 0, 10) == pytest.approx(1.0, abs=1e-6)
    assert plurality(0.1, 64, 0, 10) == pytest.approx(0.1, abs=1e-12)  # p = 1/K: no answer is better


def alone(batch, agents):
    return np.zeros((batch, agents, agents), dtype=bool)


def plural(answers, options, rng):
    counts = (answers[..., None] == np.arange(options)).sum(1)
    return (counts + rng.random(counts.shape) * 0.5).argmax(1)


@pytest.mark.parametrize("turned", [0, 2, 3])
def test_agents_that_hear_nobody_reach_the_closed_forms(turned):
    rng, batch = np.random.default_rng(5), 20_000
    agents = Agents(Settings(), 6)
    asked = agents.questions(batch, rng)
    adversaries = np.zeros((batch, 6), dtype=bool)
    adversaries[:, :turned] = True
    said = agents.answers(asked, alone(batch, 6), alone(batch, 6), None, adversaries, rng)
    right = (plural(said, 4, rng) == asked.gold).mean()
    exact = plurality(0.7, 6 - turned, turned)
    assert abs(right - exact) < 4 * (exact * (1 - exact) / batch) ** 0.5


def test_the_wrong_answer_is_one_for_all_adversaries_and_never_gold():
    rng = np.random.default_rng(0)
    agents = Agents(Settings(), 4)
    asked = agents.questions(10_000, rng)
    assert (asked.wrong != asked.gold).all()
    assert np.allclose(np.bincount((asked.wrong - asked.gold) % 4)[1:] / 10_000, 1 / 3, atol=0.02)
    everyone = np.ones((10_000, 4), dtype=bool)
    all_heard = np.broadcast_to(np.tri(4, k=-1, dtype=bool), (10_000, 4, 4))
    said = agents.answers(asked, all_heard, alone(10_000, 4), None, everyone, rng)
    assert (said == asked.wrong[:, None]).all()


def test_an_agent_adopts_the_majority_with_kappa_times_its_share():
    """Two senders of three say the same: share 2/3; the receiver else says what it would say alone."""
    batch, rng = 30_000, np.random.default_rng(3)
    agents = Agents(Settings(h=1.0), 4)
    asked = agents.questions(batch, rng)
    before = np.tile(np.array([0, 0, 1, 2]), (batch, 1))
    asked.known[:] = 3
    heard = alone(batch, 4)
    heard[:, 3, :3] = True
    nobody = np.zeros((batch, 4), dtype=bool)
    said = agents.answers(asked, alone(batch, 4), heard, before, nobody, rng)
    share = (said[:, 3] == 0).mean()
    assert abs(share - 0.6 * 2 / 3) < 4 * (0.4 * 0.6 / batch) ** 0.5
    assert set(np.unique(said[:, 3])) == {0, 3} and (said[:, :3] == 3).all()


def test_ties_are_broken_at_random():
    batch, rng = 40_000, np.random.default_rng(4)
    agents = Agents(Settings(kappa=1.0), 3)
    asked = agents.questions(batch, rng)
    heard = alone(batch, 3)
    heard[:, 2, :2] = True
    before = np.tile(np.array([1, 3, 0]), (batch, 1))
    asked.known[:] = 0
    said = agents.answers(asked, alone(batch, 3), heard, before, np.zeros((batch, 3), dtype=bool), rng)
    adopted = said[:, 2][said[:, 2] != 0]
    assert abs((adopted == 1).mean() - 0.5) < 0.02 and set(np.unique(adopted)) <= {1, 2, 3}


def test_what_is_heard_in_a_round_was_said_in_it():
    """A chain with full conformity: everyone says what the first said."""
    batch, rng = 500, np.random.default_rng(1)
    agents = Agents(Settings(kappa=1.0), 8)
    asked = agents.questions(batch, rng)
    chain = np.broadcast_to(np.eye(8, k=-1, dtype=bool), (batch, 8, 8))
    said = agents.answers(asked, chain, alone(batch, 8), None, np.zeros((batch, 8), dtype=bool), rng)
    assert (said == said[:, :1]).all()


def test_a_cycle_is_refused():
    agents = Agents(Settings(), 2)
    rng = np.random.default_rng(0)
    both = np.broadcast_to(~np.eye(2, dtype=bool), (3, 2, 2))
    with pytest.raises(ValueError, match="cycle"):
        agents.answers(agents.questions(3, rng), both, alone(3, 2), None, np.zeros((3, 2), dtype=bool), rng)


def test_difficulty_is_the_variance_between_questions():
    agents = Agents(Settings(difficulty=0.25), 64)
    asked = agents.questions(4000, np.random.default_rng(2))
    p = asked.ability[:, 0]
    assert p.mean() == pytest.approx(0.7, abs=0.02)
    assert p.var() == pytest.approx(0.25 * 0.7 * 0.3, rel=0.1)
    assert (asked.ability == p[:, None]).all()


def test_abilities_differ_by_agent_and_keep_their_mean():
    settings = Settings(abilities=0.1)
    offsets = settings.offsets(6)
    assert offsets.mean() == pytest.approx(0, abs=1e-12) and offsets.std() == pytest.approx(0.1)
    assert sorted(offsets) == pytest.approx(sorted(Settings(abilities=0.1, seed=1).offsets(6)))
    assert list(offsets) != list(Settings(abilities=0.1, seed=1).offsets(6))
    asked = Agents(settings, 6).questions(20_000, np.random.default_rng(2))
    right = (asked.known == asked.gold[:, None]).mean(0)
    assert np.allclose(right, 0.7 + offsets, atol=0.015)


def test_the_flaw_is_in_texts_of_adversaries_as_far_as_honesty_says():
    def pull(honesty):
        agents = Agents(Settings(honesty=honesty), 2)
        turned = np.tile(np.array([True, False]), (3000, 1))
        made = agents.vectors(np.ones((3000, 2), dtype=np.int64), turned, np.random.default_rng(1))
        assert np.allclose(np.linalg.norm(made, axis=2), 1, atol=1e-6) and made.dtype == np.float32
        return (made[:, 0] - made[:, 1]).mean(0) @ Settings().direction("flaw")

    assert abs(pull(0.0)) < 0.01 < 0.2 < pull(0.5)


def test_a_message_costs_what_it_is_read_by():
    agents = Agents(Settings(base=100, message=30), 3)
    heard = alone(1, 3)
    heard[0, 2, :2] = True
    read, written = agents.tokens(heard, np.eye(3, dtype=bool)[None])
    assert read.tolist() == [[130, 130, 190]] and written.tolist() == [[30, 30, 30]]


def test_draws_are_the_same_whatever_the_edges():
    agents = Agents(Settings(kappa=0.0), 5)
    asked = agents.questions(50, np.random.default_rng(0))
    nobody = np.zeros((50, 5), dtype=bool)
    full = np.broadcast_to(np.tri(5, k=-1, dtype=bool), (50, 5, 5))
    said = [
        agents.answers(asked, edges, alone(50, 5), None, nobody, np.random.default_rng(7))
        for edges in (alone(50, 5), full)
    ]
    assert (said[0] == said[1]).all()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"kapa": 0.5}, "no argument 'kapa'; did you mean 'kappa'"),
        ({"p": "high"}, "p='high' is not a number from 0 to 1"),
        ({"p": 1.2}, "p=1.2 is not a number from 0 to 1"),
        ({"width": 2.5}, "width=2.5 is not a whole number"),
        ({"options": 1}, "options=1 is not a whole number from 2"),
        ({"noise": float("nan")}, "noise=nan is not a number"),
    ],
)
def test_settings_are_checked(args, message):
    with pytest.raises(UsageError, match=message):
        Settings.of(args)
    assert Settings.of({"p": "0.8", "width": "8"}) == Settings(p=0.8, width=8)
