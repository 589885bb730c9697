"""The curricula behind verl's sampler, on batches of its shape, and the files of a launch."""

import json
import re
from importlib import import_module
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest

from harness.cli import main
from harness.methods.curator import verl
from harness.methods.curator.sampling import Selection
from harness.methods.curator.signals import utility


def source(size=64):
    rows = [
        {
            "prompt": [{"role": "user", "content": f"problem {n} {'x' * (n % 7)}"}],
            "extra_info": {"index": n, "category": n % 4, "difficulty": float(n % 4)},
        }
        for n in range(size)
    ]

    class Table:
        dataframe = rows

        def __len__(self):
            return size

    return Table()


def batch(indices, rng, n=4, tokens=5):
    """A batch as verl's trainer leaves it: groups shuffled, scores on the last token."""
    index = np.repeat(indices, n)
    uid = np.repeat([f"u{place}" for place in range(len(indices))], n)
    order = rng.permutation(len(index))
    scores = np.zeros((len(index), tokens))
    scores[:, -1] = rng.integers(0, 2, len(index))
    mask = np.ones((len(index), tokens))
    mask[::3, 3:] = 0
    old = rng.normal(-1, 0.1, (len(index), tokens))
    tensors = {
        "token_level_scores": scores,
        "response_mask": mask,
        "old_log_probs": old,
        verl.AFTER: old + rng.normal(0, 0.01, old.shape),
    }
    return SimpleNamespace(
        batch={name: value[order] for name, value in tensors.items()},
        non_tensor_batch={"index": index[order].astype(object), "uid": uid[order].astype(object)},
    )


def test_a_batch_becomes_a_round_whatever_its_order():
    chosen = Selection(np.array([7, 3, 7]))  # one problem twice
    made = batch(chosen.indices, np.random.default_rng(0))
    seen = verl.round_of(made, chosen, chosen.indices, extra_pass=True)
    assert seen.rewards.shape == (3, 4)
    flat = made.batch["token_level_scores"].sum(-1)
    three = flat[made.non_tensor_batch["index"] == 3]
    assert sorted(seen.rewards[1]) == sorted(three)
    assert seen.rewards.sum() == flat.sum()
    rows = np.flatnonzero(made.non_tensor_batch["index"] == 3)
    gain = (made.batch[verl.AFTER] - made.batch["old_log_probs"]) * made.batch["response_mask"]
    ratio = np.exp(gain.sum(-1) / made.batch["response_mask"].sum(-1))[rows]
    assert utility(seen.rewards, seen.ratios)[1] == pytest.approx(utility(flat[rows][None], ratio[None])[0])


@pytest.mark.parametrize("name", ["sec", "osmd", "mopps"])
def test_the_sampler_chooses_after_the_update_and_goes_on_from_its_state(name, monkeypatch):
    monkeypatch.setattr(verl, "_teach_extra_pass", lambda: None)
    config = {"train_batch_size": 8, "curriculum": {"name": name, "seed": 1, "candidates": 32}}

    def steps(sampler, first, last, taken=None):
        chosen, rows = [], iter(sampler)
        for step in range(first, last):
            chosen.append(list(islice(rows, 8)))
            sampler.update(batch(np.array(chosen[-1]), np.random.default_rng(step)))
        return chosen

    sampler = verl.CurriculumSampler(source(), config)
    assert len(sampler) == 64
    whole = steps(sampler, 0, 6)
    half = verl.CurriculumSampler(source(), config)
    assert steps(half, 0, 3) == whole[:3]
    again = verl.CurriculumSampler(source(), config)
    again.load_state_dict(json.loads(json.dumps(half.state_dict())))
    assert steps(again, 3, 6) == whole[3:]


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["harness", "train", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
        raise SystemExit(0)
    output = capsys.readouterr()
    return stop.value.code, output.out, output.err


def test_a_launch_holds_problems_settings_and_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    common = (
        "--task",
        "countdown",
        "--method",
        "curator",
        "--model",
        "hf/Qwen/Qwen2.5-3B",
        "-M",
        "preset=paper",
        "--backend",
        "verl",
    )
    code, out, error = run(monkeypatch, capsys, *common, "--print")
    assert code == 0, error
    assert "python -m verl.trainer.main_ppo" in out
    assert "actor_rollout_ref.model.path=Qwen/Qwen2.5-3B" in out
    assert "ppo_mini_batch_size=64" in out
    assert "+data.curriculum.name=curator" in out
    named = dict(
        re.findall(r"^ *(data\.sampler|custom_reward_function)\.\w*path=pkg://(\S+)", out, re.MULTILINE)
    )
    assert {key: import_module(module) for key, module in named.items()} == {
        "data.sampler": verl,
        "custom_reward_function": verl,
    }
    code, _, error = run(monkeypatch, capsys, *common, "--to", "launch")
    assert code == 0, error
    rows = [json.loads(line) for line in (tmp_path / "launch" / "train.json").read_text().splitlines()]
    assert len(rows) == 600
    assert rows[0]["prompt"][-1]["role"] == "user"
    truth = rows[0]["reward_model"]["ground_truth"]
    kept = json.loads(truth)["target"]
    solution = next(sample.demonstration for sample in countdown() if sample.target == kept)
    assert verl.compute_score("harness/countdown", solution, truth, {}) == 1
    assert verl.compute_score("harness/countdown", "Answer: 1", truth, {}) == 0
    code, _, error = run(monkeypatch, capsys, *common[:3], "curriculum-dapo", *common[4:], "--print")
    assert code == 2
    assert "algorithm.filter_groups" in error


def countdown():
    from harness.data.hub import Data
    from harness.registry import load_task, registry

    spec = registry().task("countdown")
    return load_task(spec, spec.arguments({})).load(Data()).train


def test_train_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # it would be asked again and again
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for arguments, message in (
        (("--task", "arc1d", "--method", "curator"), "--to DIR names the folder"),
        (("--task", "arc1d", "--method", "curator", "--print"), "add --backend verl"),
        (("--task", "arc1d", "--method", "direct", "--to", "p"), "trains no policy"),
        (("--task", "arc1d", "--method", "curator", "--model", "echo/a", "--to", "p"), "needs trainable"),
        (("--task", "arc1d", "--method", "cur*", "--to", "p"), "one task, method and model"),
        (("--task", "aime24", "--method", "curator", "--to", "p"), ""),
    ):
        code, _, error = run(monkeypatch, capsys, *arguments)
        assert code == 2
        assert message in error and "Traceback" not in error
