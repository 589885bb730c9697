"""Who is selected and who hears whom, beside plain implementations that look for cycles."""

import numpy as np
import pytest

from benchmarks.simulations import agents_loop
from harness.methods.agents.todycomm import selection

C = np.array([[0.9, 0.2, 0.7, 0.5, 0.3, 0.8]])
THREE = (1, 0, 1, 0, 0, 1)
FOUR = (1, 0, 1, 1, 0, 1)


def chosen(selected, outs, ins):
    """Edges as (sender, receiver)."""
    found = selection.edges(np.array([selected], bool), selection.by_credit(C), outs, ins)[0]
    return {(int(s), int(r)) for r, s in zip(*np.nonzero(found), strict=True)}


def test_agents_above_the_mean_are_selected():
    assert selection.above_mean(C)[0].astype(int).tolist() == list(THREE)
    assert not selection.above_mean(np.full((1, 4), 0.5)).any()
    # the mean 0.50004 is rounded to 0.5, which lets both agents just above 0.5 in
    assert selection.above_mean(np.array([[0.50001, 0.50002, 0.50009]])).all()


@pytest.mark.parametrize(
    ("selected", "outs", "ins", "expected"),
    [
        (THREE, 1, 1, {(0, 5), (5, 2)}),
        (THREE, None, None, {(0, 5), (0, 2), (5, 2)}),
        (THREE, 1, None, {(0, 5), (5, 2)}),
        (THREE, None, 1, {(0, 5), (0, 2)}),
        (FOUR, 1, 1, {(0, 5), (5, 2), (2, 3)}),
        (FOUR, 2, 2, {(0, 5), (0, 2), (5, 2), (5, 3), (2, 3)}),
        (FOUR, None, None, {(0, 5), (0, 2), (0, 3), (5, 2), (5, 3), (2, 3)}),
        (FOUR, 0, None, set()),
        (FOUR, None, 0, set()),
        ((0,) * 6, None, None, set()),
        ((0, 0, 1, 0, 0, 0), None, None, set()),
    ],
)
def test_edges(selected, outs, ins, expected):
    assert chosen(selected, outs, ins) == expected


def cases(rng, how_many):
    """Random credits, some of them equal, selections and budgets, in batches with one budget each."""
    for _ in range(how_many // 50):
        agents = int(rng.integers(2, 9))
        credits = rng.random((50, agents))
        credits = np.where(rng.random((50, 1)) < 0.3, np.round(credits, 1), credits)
        outs, ins = (None if (d := int(rng.integers(0, agents + 1))) == agents else d for _ in range(2))
        yield credits, rng.random((50, agents)) < rng.random((50, 1)), outs, ins


def violations(found, selected, outs, ins):
    """What is wrong with edges (B, N, N) ``[receiver, sender]``; empty if nothing."""
    wrong = []
    if found[:, np.arange(found.shape[1]), np.arange(found.shape[1])].any():
        wrong.append("self-loop")
    if outs is not None and (found.sum(1) > outs).any():
        wrong.append("sender's budget")
    if ins is not None and (found.sum(2) > ins).any():
        wrong.append("receiver's budget")
    if (found & ~(selected[:, None, :] & selected[:, :, None])).any():
        wrong.append("unselected")
    if any(agents_loop.cyclic(each) for each in found):
        wrong.append("cycle")
    return wrong


def test_properties_of_10_000_graphs_by_credit_and_in_random_order():
    rng = np.random.default_rng(0)
    for credits, selected, outs, ins in cases(rng, 10_000):
        for order in (selection.by_credit(credits), selection.at_random(*credits.shape, rng)):
            found = selection.edges(selected, order, outs, ins)
            assert not violations(found, selected, outs, ins)
            place = np.argsort(order, axis=1)
            for b, receiver, sender in zip(*np.nonzero(found), strict=True):
                assert place[b, sender] < place[b, receiver]


def test_a_swapped_orientation_breaks_budgets_and_the_order_of_credit():
    rng = np.random.default_rng(1)
    broken = against = 0
    for credits, selected, outs, ins in cases(rng, 2_000):
        swapped = selection.edges(selected, selection.by_credit(credits), outs, ins).swapaxes(1, 2)
        broken += bool(violations(swapped, selected, outs, ins))
        against += any(credits[b, s] < credits[b, r] for b, r, s in zip(*np.nonzero(swapped), strict=True))
    assert broken > 10 and against > 30


@pytest.mark.parametrize("agents", [2, 3, 4])
def test_all_scores_and_the_code_s_order_choose_the_same_edges_in_every_small_case(agents):
    rng = np.random.default_rng(agents)
    budgets = [None, *range(1, agents)]
    for bits in range(2**agents):
        selected = np.array([[bits >> i & 1 for i in range(agents)]], bool)
        for outs in budgets:
            for ins in budgets:
                same_graph(rng.random((1, agents)), selected, outs, ins)


def test_all_scores_and_the_code_s_order_choose_the_same_edges():
    for credits, selected, outs, ins in cases(np.random.default_rng(2), 10_000):
        # plain loops are slow: a fifth of every batch
        same_graph(credits[::5], selected[::5], outs, ins)


def same_graph(credits, selected, outs, ins):
    found = selection.edges(selected, selection.by_credit(credits), outs, ins)
    for b, (c, m) in enumerate(zip(credits.tolist(), selected.tolist(), strict=True)):
        assert (found[b] == agents_loop.edges_jan26(m, c, outs, ins)).all()
        assert (found[b] == agents_loop.edges_by_score(m, c, outs, ins, min)).all()
        assert (found[b] == agents_loop.edges_by_score(m, c, outs, ins, lambda x, y: x * y)).all()


def test_without_budgets_all_pairs_of_the_selected_are_joined_and_with_1_1_they_form_a_chain():
    rng = np.random.default_rng(4)
    credits, selected = rng.random((100, 64)), rng.random((100, 64)) < 0.5
    k, order = selected.sum(1), selection.by_credit(credits)
    assert (selection.edges(selected, order, None, None).sum((1, 2)) == k * (k - 1) // 2).all()
    assert (selection.edges(selected, order, 1, 1).sum((1, 2)) == np.maximum(k - 1, 0)).all()


def test_log_probability_of_the_bits_carried_out():
    import torch

    credits = torch.tensor([[0.9, 0.2, 0.7], [0.0, 1.0, 0.5]], requires_grad=True)
    found = selection.log_prob(credits, np.array([[1, 1, 0], [0, 1, 1]], bool))
    assert found[0].item() == pytest.approx(-2.91877, abs=1e-4)
    # credits of 0 and 1 are kept off the edge
    assert found[1].item() == pytest.approx(np.log(0.5), abs=1e-4)
    found.sum().backward()
    assert torch.isfinite(credits.grad).all()


def test_flipped_bits_are_the_ones_carried_out():
    credits = np.tile([0.9, 0.5, 0.1], (200_000, 1))
    found = selection.drawn(credits, 0.1, np.random.default_rng(0)).mean(0)
    assert found == pytest.approx([0.82, 0.5, 0.18], abs=0.005)
    assert selection.drawn(credits, 0.0, np.random.default_rng(0)).mean(0) == pytest.approx(
        [0.9, 0.5, 0.1], abs=0.005
    )
