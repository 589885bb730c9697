"""Rollouts by vLLM: TRL's trainer with an engine that stands in for vLLM's, which isn't installed here."""

import copy
import importlib.machinery
import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip("trl", reason="the extra `train` is not installed")

from harness.base.errors import UsageError
from harness.engine import vllm as drawing
from harness.engine.rollouts import Decoder
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session

TINY = {
    "fit": "train",
    "levels": "1",
    "steps": 3,
    "prompts": 4,
    "rollouts": 4,
    "candidates": 16,
    "micro_batch": 8,
    "minibatches": 2,
    "dormant": 1,
    "warm_up": 1,
    "max_tokens": 14,
    "measure_every": 2,
}
#: how far the stand-in's own log-probabilities are off, as another kernel's are
OFF = 1e-3


class Generation:
    """What TRL calls and the method asks: weights of its own, which only `sync_weights` renews."""

    def __init__(self, *, model, max_model_length, mode, **_):
        assert mode == "colocate"
        # not a deep copy: TRL has wrapped the policy's methods, and a copy of those would call the policy
        self.policy, self.own = model, type(model)(copy.deepcopy(model.config)).eval()
        self.longest = max_model_length
        self.syncs, self.stale, self.greedy, self.closed = 0, [], [], False
        self.llm = SimpleNamespace(
            generate=self.generate,
            llm_engine=SimpleNamespace(
                engine_core=SimpleNamespace(shutdown=lambda: setattr(self, "closed", True))
            ),
        )
        MADE.append(self)

    def sync_weights(self):
        self.syncs += 1
        self.own.load_state_dict(self.policy.state_dict())

    def generate(self, prompts, sampling_params, use_tqdm):
        mine, given = self.own.state_dict(), self.policy.state_dict()
        self.stale.append(any((mine[name] != given[name]).any() for name in given))
        answers = []
        for prompt, how in zip(prompts, sampling_params, strict=True):
            assert len(prompt["prompt_token_ids"]) + how.max_tokens <= self.longest
            self.greedy.append(how.temperature == 0)
            decoder = Decoder(
                self.own,
                end=how.stop_token_ids,
                pad=0,
                max_tokens=how.max_tokens,
                temperature=how.temperature or 1.0,
            )
            (drawn,) = decoder.draw([prompt["prompt_token_ids"]], how.n, how.seed, greedy=not how.temperature)
            outputs = [
                SimpleNamespace(
                    token_ids=said.ids, logprobs=self.logprobs(prompt["prompt_token_ids"], said.ids)
                )
                for said in drawn
            ]
            answers.append(SimpleNamespace(outputs=outputs))
        return answers

    def logprobs(self, prompt, said):
        import torch

        with torch.no_grad():
            table = self.own(torch.tensor([prompt + said])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        return [
            {token: SimpleNamespace(logprob=float(row[token]) - OFF)}
            for token, row in zip(said, table, strict=True)
        ]


MADE = []


@pytest.fixture
def vllm(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    import trl.trainer.grpo_trainer  # before it could take the stand-in for an installed vLLM

    MADE.clear()
    for name in ("vllm", "vllm.distributed"):
        module = ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["vllm"].SamplingParams = lambda **given: SimpleNamespace(**given)
    sys.modules["vllm.distributed"].cleanup_dist_env_and_memory = lambda: None
    monkeypatch.setattr(trl.trainer.grpo_trainer, "VLLMGeneration", Generation)
    return tmp_path


def go(folder, **args):
    request = Request(
        task="arc1d",
        method="curator",
        model="pocket/grid",
        limit=2,
        task_args={"level": "1"},
        method_args={**TINY, **args},
    )
    (result,) = run_grid(plan(request), Session(Store(folder / "results"))).results
    return result


def test_rollouts_come_from_the_engine_with_the_weights_of_the_moment(vllm):
    record = go(vllm, generation="vllm").record
    (made,) = MADE
    # three generation batches, dev after steps 2 and 3, six updates: never a stale draw
    assert made.stale == [False] * 5
    assert made.syncs == 5
    assert made.greedy.count(True) == 2 * 25 and made.greedy.count(False) == 3 * 4
    assert made.closed and not hasattr(made, "llm")
    assert record["usage"]["by_purpose"]["train"]["calls"] == 48

    (folder,) = (path.parent for path in (vllm / "cache" / "artifacts").glob("*/curve.jsonl"))
    rows = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    # TRL was given the engine's log-probabilities, and leaves such small disagreements in the loss
    assert any(row["mixed"] and row["loss"] for row in rows)
    policies = {path.name for path in (vllm / "cache" / "artifacts").iterdir()}

    go(vllm, generation="torch")  # another policy: what drew the rollouts is part of what it was made from
    assert len({path.name for path in (vllm / "cache" / "artifacts").iterdir()} - policies) == 1
    assert len(MADE) == 1


def test_utilities_are_made_by_the_policys_own_kernel(vllm):
    """One update, at a rate of 0: nothing has moved, so every ratio is exactly 1, whatever the engine says of
    its tokens."""
    go(vllm, generation="vllm", minibatches=1, steps=1)
    (path,) = (vllm / "cache" / "artifacts").glob("*/curve.jsonl")
    assert json.loads(path.read_text())["ratio_spread"] == 0


def test_what_draws_where(vllm, monkeypatch):
    assert drawing.chosen("vllm") == "vllm" and drawing.chosen("torch") == "torch"
    for device, drawn in ((True, "vllm"), (False, "torch")):
        monkeypatch.setattr("torch.cuda.is_available", lambda device=device: device)
        assert drawing.chosen("auto") == drawn
        assert drawing.chosen("auto", "plain") == "torch"
    monkeypatch.delitem(sys.modules, "vllm")
    monkeypatch.setattr(drawing, "find_spec", lambda name: None)
    assert drawing.chosen("auto") == "torch"
    with pytest.raises(UsageError, match="needs vLLM, which is not installed"):
        drawing.chosen("vllm")


def test_an_engine_that_does_not_start_or_breaks_down(vllm, monkeypatch):
    def refuse(**_):
        raise ValueError("No available memory for the cache blocks.")

    monkeypatch.setattr("trl.trainer.grpo_trainer.VLLMGeneration", refuse)
    error = str(go(vllm, generation="vllm").error)
    assert "can't draw from this policy here: No available memory" in error
    assert "-M generation=torch draws without it" in error

    monkeypatch.setattr("trl.trainer.grpo_trainer.VLLMGeneration", Generation)
    monkeypatch.setattr(sys.modules[__name__], "OFF", float("nan"))
    assert "the policy's probabilities are not finite" in str(go(vllm, generation="vllm").error)
    assert MADE[-1].closed
