"""The plain engine against TRL's: the same losses, gradients and weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("trl", reason="the extra `train` is not installed")

from harness.engine import train
from harness.engine.course import Update
from tests.harness.engine.courses import Dialogues

SIZES = Update(steps=2, rollouts=16, rate=2e-3, micro_batch=4, clip=1e9, weight_decay=0.1, temperature=0.8)


def trained(folder, engine, monkeypatch, update, **how):
    """The course after a training, and the gradient of every update."""
    import torch

    gradients = []
    step = torch.optim.AdamW.step

    def watched(self, *given, **named):
        parts = [p.grad.flatten().clone() for group in self.param_groups for p in group["params"]]
        gradients.append(torch.cat(parts).numpy())
        return step(self, *given, **named)

    course = Dialogues(update, **how)
    with monkeypatch.context() as patched:
        patched.setattr(torch.optim.AdamW, "step", watched)
        assert train(course, Path(folder) / engine, engine=engine) == engine
    return course, gradients


def weights(course):
    return {name: value.detach().numpy() for name, value in course.model.state_dict().items()}


@pytest.mark.parametrize(
    ("level", "aggregate", "minibatches", "how"),
    [
        ("token", "sequence", 2, {}),
        ("token", "token", 2, {"missing": 3}),
        ("sequence", "sequence", 2, {"flat": True}),
        ("sequence", "sequence", 4, {"missing": 1}),
        ("sequence", "token", 1, {"warm_up": 3}),
        ("token", "token", 1, {"flat": True}),
    ],
)
def test_losses_gradients_and_weights_are_those_of_trl(
    tmp_path, monkeypatch, level, aggregate, minibatches, how
):
    how = dict(how)
    clip = {"low": 3e-3, "high": 4e-3} if level == "sequence" else {"low": 0.01, "high": 0.02}
    update = replace(
        SIZES,
        warm_up=how.pop("warm_up", 0),
        level=level,
        aggregate=aggregate,
        minibatches=minibatches,
        **clip,
    )
    plain, own = trained(tmp_path, "plain", monkeypatch, update, **how)
    other, theirs = trained(tmp_path, "trl", monkeypatch, update, **how)
    assert len(own) == len(theirs) == 2 * minibatches
    for mine, given in zip(own, theirs, strict=True):
        assert np.abs(given).max() > 1e-2
        np.testing.assert_allclose(mine, given, atol=1e-5)
    for mine, given in zip(plain.curve, other.curve, strict=True):
        assert mine["loss"] == pytest.approx(given["loss"], abs=1e-5) and mine["loss"] != 0
        assert mine["grad_norm"] == pytest.approx(given["grad_norm"], rel=1e-4)
        assert mine["rate"] == pytest.approx(given["rate"])
        # TRL's is a mean over forward passes, ours over tokens
        assert mine["policy_entropy"] == pytest.approx(given["policy_entropy"], rel=0.02)
    given = weights(other)
    for name, value in weights(plain).items():
        # Adam makes steps of the rate's size of gradients near zero, where a last bit decides the sign
        np.testing.assert_allclose(value, given[name], atol=2e-4, err_msg=name)
