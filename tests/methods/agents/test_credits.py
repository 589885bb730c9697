"""The credit model: sizes, relative credits, gradients, memory and seeds."""

import numpy as np
import pytest

from harness.methods.agents.todycomm import selection
from harness.methods.agents.todycomm.credits import CELLS, CreditModel, relative
from harness.methods.agents.todycomm.features import count
from harness.methods.agents.topology import Space

torch = pytest.importorskip("torch")
CHOICE = Space("choice", 4)
Z = (1.0, 0, 0, -1, 2, -2)


def seen(rng, batch=3, agents=6, width=16):
    return rng.normal(size=(batch, agents, count(CHOICE, width))).astype(np.float32)


@pytest.mark.parametrize(
    ("cell", "width", "expected"),
    [("rnn", 384, 276_225), ("gru", 384, 342_273), ("none", 384, 276_225 - 33_024), ("linear", 16, 26)],
)
def test_parameters(cell, width, expected):
    assert CreditModel(cell, CHOICE, width, 0).parameters() == expected


def test_credits_are_relative_to_the_sample_deviation():
    found = relative(torch.tensor(Z, dtype=torch.float64))
    assert found.tolist() == pytest.approx([0.8044, 0.5, 0.5, 0.1956, 0.9442, 0.0558], abs=1e-4)
    assert found.mean().item() == pytest.approx(0.5)


@pytest.mark.parametrize(("scale", "shift"), [(1, 100), (50, 0), (0.02, -3)])
def test_shift_and_scale_change_nothing(scale, shift):
    z = torch.tensor([Z, Z[::-1]], dtype=torch.float64)
    assert relative(scale * z + shift) == pytest.approx(relative(z), abs=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, -37.3])
def test_equal_scores_give_a_half_and_no_gradient(value):
    z = torch.full((2, 7), value, requires_grad=True)
    found = relative(z)
    assert (found == 0.5).all()
    selection.log_prob(found, np.ones((2, 7), bool)).sum().backward()
    assert (z.grad == 0).all()


def test_gradient_of_the_log_probability():
    rng = np.random.default_rng(0)
    z, m = rng.normal(size=(4, 6)), rng.random((4, 6)) < 0.5

    def log_p(scores):
        return selection.log_prob(relative(scores), m)

    scores = torch.tensor(z, requires_grad=True)
    log_p(scores).sum().backward()
    credits = relative(torch.tensor(z)).numpy()
    g = (m - credits) / 0.5
    std = z.std(1, ddof=1, keepdims=True)
    zn = (z - z.mean(1, keepdims=True)) / (std + 1e-6)
    closed = ((g - g.mean(1, keepdims=True)) - zn * (g * zn).sum(1, keepdims=True) / 5) / (std + 1e-6)
    assert scores.grad.numpy() == pytest.approx(closed, abs=1e-4)
    for i in range(6):
        step = np.zeros((4, 6))
        step[:, i] = 1e-6
        differences = (log_p(torch.tensor(z + step)) - log_p(torch.tensor(z - step))).numpy() / 2e-6
        assert differences == pytest.approx(closed[:, i], abs=1e-4)


def test_gradient_of_a_linear_model_s_weights():
    rng = np.random.default_rng(1)
    model = CreditModel("linear", CHOICE, 16, 0)
    model.network.double()
    x, m = seen(rng).astype(np.float64), rng.random((3, 6)) < 0.5
    weight = model.network["head"].weight

    def log_p():
        return selection.log_prob(model(x)[0], m).sum()

    log_p().backward()
    for column in range(26):
        with torch.no_grad():
            weight[0, column] += 1e-6
            up = log_p()
            weight[0, column] -= 2e-6
            down = log_p()
            weight[0, column] += 1e-6
        assert weight.grad[0, column].item() == pytest.approx((up - down).item() / 2e-6, abs=1e-4)


@pytest.mark.parametrize("cell", CELLS)
def test_only_recurrent_cells_remember_and_questions_do_not_mix(cell):
    rng = np.random.default_rng(2)
    model, one, two = CreditModel(cell, CHOICE, 16, 3), seen(rng), seen(rng)
    _, hidden = model(one)
    after, fresh = model(two, hidden)[0], model(two)[0]
    assert torch.allclose(after, fresh) == (cell in ("none", "linear"))
    # each question alone gives the same as the batch
    alone = [model(two[b : b + 1], model(one[b : b + 1])[1])[0] for b in range(3)]
    assert torch.allclose(torch.cat(alone), after, atol=1e-6)
    # agents share one model: in another order they get the same credits
    turned = model(two[:, ::-1].copy(), model(one[:, ::-1].copy())[1])[0]
    assert torch.allclose(turned.flip(1), after, atol=1e-6)


def test_the_seed_draws_the_weights_and_leaves_torch_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    one, same, other = (CreditModel("gru", CHOICE, 16, seed) for seed in (1, 1, 2))
    assert torch.rand(1) == expected
    x = seen(np.random.default_rng(0))
    assert torch.equal(one(x)[0], same(x)[0]) and not torch.equal(one(x)[0], other(x)[0])


def test_memory_carries_gradients_from_round_to_round():
    model, rng = CreditModel("gru", CHOICE, 16, 0), np.random.default_rng(0)
    first = torch.from_numpy(seen(rng)).requires_grad_()
    rows = model.network["projector"](first.flatten(0, 1))
    hidden = model.network["cell"](rows)
    credits, _ = model(seen(rng), hidden)
    (credits**2).sum().backward()
    assert first.grad.abs().sum() > 0
