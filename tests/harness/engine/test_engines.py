"""The plain engine against TRL's: the same losses, gradients and weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("trl", reason="the extra `train` is not installed")

from harness.base.errors import UsageError
from harness.engine import chosen, train
from harness.engine.course import Diverged, Rollout, Update
from harness.engine.divergence import collapse
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
        ("token", "sequence", 2, {"group": 4}),
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


def test_the_engine_is_chosen_by_the_size_of_the_policy():
    assert chosen("auto", 165_000) == "plain" and chosen("auto", 5_000_000) == "trl"
    assert chosen("auto", 165_000, "vllm") == "trl" and chosen("trl", 1) == "trl"
    with pytest.raises(UsageError, match="vLLM draws through TRL"):
        chosen("plain", 1, "vllm")


@pytest.mark.parametrize("engine", ["plain", "trl"])
def test_a_course_that_ends_early_leaves_whole_checkpoints_and_its_peak(tmp_path, engine):
    update = replace(SIZES, steps=9, save_every=1)
    course = Dialogues(update)
    course.ends_at = 4
    train(course, tmp_path, engine=engine, keep_peak=True)
    assert course.step == 4
    names = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert names == ["checkpoint-3", "checkpoint-4", "peak-2"]
    other = "trl" if engine == "plain" else "plain"
    with pytest.raises(UsageError, match=f"is of the engine {engine}, and this is {other}"):
        train(Dialogues(update), tmp_path, engine=other)
    (tmp_path / "checkpoint-4" / "course.json").unlink()  # as a kill in the middle of writing leaves it
    again = Dialogues(update)
    again.ends_at = 4
    resumed = []
    train(again, tmp_path, engine=engine, resumed=lambda: resumed.append(again.step))
    assert resumed == [3] and again.curve == course.curve
    for name, value in weights(again).items():
        np.testing.assert_array_equal(value, weights(course)[name])


@pytest.mark.parametrize("engine", ["plain", "trl"])
def test_weights_that_explode_end_the_training_before_its_next_checkpoint(tmp_path, engine):
    course = Dialogues(replace(SIZES, steps=4, rate=1e9, warm_up=2, clip=1.0, save_every=1))
    with pytest.raises(Diverged, match="weights have grown to .* times") as told:
        train(course, tmp_path, engine=engine)
    assert told.value.setting == "rate"
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-1"]  # its rate was still 0


def test_a_reward_that_falls_is_told_and_one_that_wavers_is_not():
    def rows(*rewards):
        return [{"reward": each} for each in rewards]

    fallen = collapse(rows(*[0.6] * 5, *[0.02] * 5), 12)
    assert "fell from 0.600 in the first 2 of 10 steps to 0.020 in the last 2" in fallen
    assert not collapse(rows(0.6, 0.02), 1) and not collapse(rows(*[0.05, 0.02] * 10), 12)
    assert not collapse(rows(*[0.6] * 5, *[0.5] * 5), 10_000) and not collapse(rows(None, 0.5), 12)
    assert not collapse(rows(*[0.1] * 5, *[0.9] * 5), 12)


@pytest.mark.parametrize("engine", ["plain", "trl"])
def test_bad_sizes(tmp_path, engine):
    for sizes in ({"minibatches": 3}, {"rollouts": 8}):
        course = Dialogues(replace(SIZES, **sizes))
        if "rollouts" in sizes:
            course.update, course.missing = replace(course.update, rollouts=8), -8
        with pytest.raises(UsageError, match="rollouts"):
            train(course, tmp_path, engine=engine)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prompt": []}, "a prompt of at least one token"),
        ({"own": [True]}, "own: 1 values for the 2 tokens"),
        ({"own": [True] * 3}, "own: 3 values"),
        ({"advantage": [1.0]}, "advantage: 1 values"),
        ({"logprobs": [-1.0] * 3}, "logprobs: 3 values"),
    ],
)
def test_a_rollout_whose_parts_do_not_fit_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Rollout(**{"prompt": [1], "ids": [5, 6], "advantage": 1.0} | given)


def test_what_a_training_will_take_is_said_before_it(tmp_path):
    from harness.engine.forecast import forecast, parameters_of

    course = Dialogues(SIZES)
    course.model.save_pretrained(tmp_path)
    count = course.model.num_parameters()
    assert parameters_of(tmp_path) == count
    said = "\n".join(forecast(SIZES, tokens=100, weights=tmp_path, device="cpu"))
    assert "2 steps of 16 rollouts: 32 rollouts, at most about 3,200 tokens" in said
    assert (
        "engine: plain" in said and f"{count:,} parameters" in said and "needs: torch, transformers (" in said
    )
    said = "\n".join(forecast(SIZES, tokens=1e6, weights=None, drawn="2 worlds x 8 rollouts"))
    assert "2 steps of 2 worlds x 8 rollouts" in said and "not known before the weights are fetched" in said
    assert "or plain if it is below 5 million" in said and "trl (installed); the weights, fetched" in said
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 20)
    assert parameters_of(tmp_path) is None
