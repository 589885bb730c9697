"""Training pocket policies: through the command's own path, on the CPU, in seconds."""

import json
import multiprocessing
import signal
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("trl", reason="the extra `train` is not installed")

from harness.engine.rollouts import Decoder
from harness.job.files import MANIFEST
from harness.model.factory import POCKET
from harness.model.pocket.decoder import PocketModel
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
    "micro_batch": 16,
    "dormant": 1,
    "warm_up": 1,
    "max_tokens": 14,
    "measure_every": 2,
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def go(tmp_path, task="arc1d", method="curator", limit=4, level="1", **args):
    request = Request(
        task=task,
        method=method,
        model="pocket/grid",
        limit=limit,
        task_args={"level": level},
        method_args={**TINY, **args},
    )
    (result,) = run_grid(plan(request), Session(Store(tmp_path / "results"))).results
    return result


def trained(cache):
    (folder,) = [path for path in (cache / "artifacts").iterdir() if (path / "training.json").exists()]
    return folder


def curve(folder):
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]


def lasting(rows):
    """A learning curve without its seconds."""
    return [{**row, "cost": {k: v for k, v in row["cost"].items() if not k.endswith("_s")}} for row in rows]


def weights(folder):
    from safetensors.numpy import load_file

    return load_file(folder / "model.safetensors")


@pytest.fixture(scope="module")
def model():
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    folder = POCKET / "grid"
    return (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(),
        AutoTokenizer.from_pretrained(folder),
        PocketModel.load(folder),
    )


PROMPTS = ["A001>100|011>110|101>", "A10>01|20>02|30>", "C25,3,7=46:"]


def test_batched_decoding_agrees_with_the_embedded_decoder(model):
    torch_model, tokenizer, embedded = model
    decoder = Decoder(torch_model, end=[2], pad=0, max_tokens=12, temperature=1.0)
    ids = [tokenizer(prompt)["input_ids"] for prompt in PROMPTS]
    found = decoder.draw(ids, 1, 0, greedy=True)
    wanted = embedded.generate(PROMPTS, max_new_tokens=12)
    assert [answer[0].ids for answer in found] == [generation.token_ids for generation in wanted]
    drawn = decoder.draw(ids, 5, 3)
    assert drawn == decoder.draw(ids, 5, 3) != decoder.draw(ids, 5, 4)
    said = [[response.ids for response in answers] for answers in drawn]
    sums = decoder.logprobs(ids, said)
    assert (sums == decoder.logprobs(ids, said)).all()
    for prompt, answers, row in zip(PROMPTS, said, sums, strict=True):
        for answer, value in zip(answers, row, strict=True):
            ended = answer[-1] == 2
            text = tokenizer.decode(answer, skip_special_tokens=True)
            assert value == pytest.approx(sum(embedded.logprobs(prompt, text, end=ended)), abs=1e-3)


def test_trains_books_caches_and_answers_with_the_trained_weights(tmp_path, cache):
    from transformers import AutoModelForCausalLM

    record = go(tmp_path).record
    folder = trained(cache)
    rows = curve(folder)
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert [row.get("dev") is not None for row in rows] == [False, True, True]
    # the first step has a rate of 0: the policy doesn't move, and every ratio is exactly 1
    assert rows[0]["ratio_spread"] == 0 < rows[1]["ratio_spread"]
    assert [row["leads"] for row in rows] == [0, 0, 1]
    assert rows[0]["chosen 1"] == 4
    by_purpose = record["usage"]["by_purpose"]
    assert by_purpose["train"]["calls"] == 3 * 4 * 4
    assert by_purpose["train"]["input_tokens"] == sum(row["cost"]["prompt_tokens"] for row in rows) > 0
    assert (
        by_purpose["train-curriculum"]["input_tokens"] == sum(row["cost"]["extra_tokens"] for row in rows) > 0
    )
    assert by_purpose["train-dev"]["calls"] == 2 * 25
    assert by_purpose["answer"]["calls"] == 4
    assert record["data_access"]["labels_seen"] == 200
    assert record["data_access"]["train_rollouts"] == 48
    moved = weights(folder)
    assert any(not np.array_equal(old, moved[name]) for name, old in weights(POCKET / "grid").items())
    AutoModelForCausalLM.from_pretrained(folder)
    PocketModel.load(folder)
    assert not list((cache / "workspaces").glob("*/checkpoint-*"))

    # another evaluation finds the policy, and is charged for it as if it had trained it
    before = (folder / "curve.jsonl").stat().st_mtime_ns
    again = go(tmp_path, limit=5).record
    assert (trained(cache) / "curve.jsonl").stat().st_mtime_ns == before
    for purpose in ("train", "train-curriculum", "train-dev"):
        assert again["usage"]["by_purpose"][purpose] == by_purpose[purpose]
    assert again["volatile"]["cache_hits"] == 48 + 50 + 4
    assert again["data_access"] == record["data_access"]

    # and the folder can be evaluated as it is
    given = go(tmp_path, fit="auto", policy=str(folder)).record
    assert given["metrics"] == record["metrics"]
    assert "train" not in given["usage"]["by_purpose"]

    # a policy that was found is what a seed made of it; one that was given is the same for every seed
    assert (record["draws"], again["draws"], given["draws"]) == ("run", "run", "none")
    assert record["draw_digest"] == again["draw_digest"] is not None and given["draw_digest"] is None


@pytest.mark.parametrize("method", ["curriculum-learnability", "curriculum-osmd"])
def test_other_curricula_and_what_they_discard(tmp_path, cache, method):
    record = go(tmp_path, method=method, steps=2, minibatches=2, micro_batch=4, loss="grpo").record
    by_purpose = record["usage"]["by_purpose"]
    assert by_purpose["train"]["calls"] == 2 * 16
    discarded = by_purpose.get("train-discarded", {}).get("calls", 0)
    assert discarded == (2 * 3 * 16 if method == "curriculum-learnability" else 0)
    assert ("train-curriculum" in by_purpose and by_purpose["train-curriculum"]["input_tokens"] > 0) == (
        method == "curriculum-osmd"
    )


def test_equal_rollouts_end_a_wasteful_run_early(tmp_path, cache):
    """Learnability rolls out four times what it trains on: 4 steps' rollouts are spent after one."""
    record = go(tmp_path, method="curriculum-learnability", steps=4, match="rollouts").record
    assert len(curve(trained(cache))) == 1
    assert record["data_access"]["train_rollouts"] == 64
    assert "dev" in curve(trained(cache))[-1]  # the last step is measured, whatever made it the last


def test_a_wasteful_run_is_measured_as_often_for_what_it_spends(tmp_path, cache):
    go(tmp_path, method="curriculum-learnability", steps=24, match="rollouts", measure_every=8)
    rows = curve(trained(cache))
    assert len(rows) == 6  # four steps' rollouts each
    assert [row["step"] for row in rows if "dev" in row] == [2, 4, 6]


@pytest.mark.parametrize("engine", ["auto", pytest.param("trl", marks=pytest.mark.faults)])
def test_a_killed_training_goes_on_with_the_same_curve(tmp_path, cache, monkeypatch, engine):
    arguments = {"steps": 5, "save_every": 2, "candidates": 40, "limit": 2, "engine": engine}
    child = multiprocessing.get_context("spawn").Process(
        target=go, args=(tmp_path / "first",), kwargs=arguments
    )
    child.start()
    end = time.monotonic() + 120
    while not list(cache.glob("workspaces/*/checkpoint-2/course.json")):
        assert time.monotonic() < end and child.is_alive()
        time.sleep(0.005)
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert not list(cache.glob("artifacts/*/training.json"))
    assert go(tmp_path / "second", **arguments).record["usage"]["by_purpose"]["train"]["calls"] == 5 * 16
    resumed = trained(cache)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "other"))
    go(tmp_path / "whole", **arguments)
    whole = trained(tmp_path / "other")
    assert lasting(curve(resumed)) == lasting(curve(whole))
    for name, value in weights(whole).items():
        np.testing.assert_array_equal(value, weights(resumed)[name])


def test_a_spent_budget_stops_with_a_checkpoint_and_a_larger_one_goes_on(tmp_path, cache):
    def run(limit):
        request = Request(
            task="arc1d",
            method="curator",
            model="pocket/grid",
            limit=2,
            budget_calls=limit,
            task_args={"level": "1"},
            method_args={**TINY, "measure_every": 9},
        )
        (result,) = run_grid(plan(request), Session(Store(tmp_path / "results"))).results
        return result.record

    stopped = run(20)
    assert stopped["status"] == "stopped"
    assert stopped["usage"]["by_purpose"]["train"]["calls"] == 16  # a step more would pass it
    assert list(cache.glob("workspaces/*/checkpoint-1/course.json"))
    whole = run(500)
    assert whole["status"] == "complete"
    assert whole["usage"]["by_purpose"]["train"]["calls"] == 48
    assert [row["step"] for row in curve(trained(cache))] == [1, 2, 3]


def test_a_training_that_diverges_stops_and_keeps_the_last_good_checkpoint(tmp_path, cache):
    error = str(go(tmp_path, rate=1e30, save_every=1, steps=6).error)
    assert "training stopped at step" in error and "not finite" in error and "lower -M rate" in error
    kept = Path(error.partition("kept in ")[2].partition(";")[0])
    assert all(np.isfinite(value).all() for value in weights(kept).values())
    assert not list(cache.glob("artifacts/*/training.json"))


@pytest.mark.parametrize("engine", ["plain", "trl"])
def test_a_loss_that_is_not_a_number_stops_before_it_reaches_the_weights(
    tmp_path, cache, monkeypatch, engine
):
    with monkeypatch.context() as patched:
        if engine == "trl":
            from trl import GRPOTrainer

            sound = GRPOTrainer._compute_loss

            def broken(self, *given):
                return sound(self, *given) * (float("nan") if self.state.global_step == 2 else 1)

            patched.setattr(GRPOTrainer, "_compute_loss", broken)
        else:
            from harness.engine.plain import Mover

            right = Mover._step

            def wrong(self, rate):
                next(self.model.parameters()).grad *= float("nan") if self._updates == 2 else 1
                return right(self, rate)

            patched.setattr(Mover, "_step", wrong)
        error = str(go(tmp_path, save_every=1, engine=engine).error)
    assert "training stopped at step 3: the loss or its gradient is not finite" in error
    kept = Path(error.partition("kept in ")[2].partition(";")[0])
    assert kept.name == "checkpoint-2" and all(np.isfinite(value).all() for value in weights(kept).values())
    # what broke it mended, the same command goes on from there
    record = go(tmp_path, save_every=1, engine=engine).record
    assert record["usage"]["by_purpose"]["train"]["calls"] == 48
    assert [row["step"] for row in curve(trained(cache))] == [1, 2, 3]


def test_a_verifier_that_breaks_before_or_during_training(tmp_path, cache, monkeypatch):
    from harness.job.training import Training

    sound, asked = Training.reward, []

    def breaks(after):
        def reward(self, sample, text):
            asked.append(text)
            if len(asked) > after:
                raise KeyError("solution")
            return sound(self, sample, text)

        return reward

    monkeypatch.setattr(Training, "reward", breaks(0))
    error = str(go(tmp_path).error)
    assert "the task's verifier fails on 'arc1d-train-1-0': KeyError: 'solution'" in error
    assert "nothing was trained" in error
    asked.clear()
    monkeypatch.setattr(Training, "reward", breaks(100))  # some 50 are tried first, and a step has 16
    error = str(go(tmp_path, save_every=1, measure_every=9, steps=9).error)
    assert "the task's verifier fails on 'arc1d-train-1-" in error and "the last checkpoint is kept" in error
    assert list(cache.glob("workspaces/*/checkpoint-*/course.json"))
    assert not list(cache.glob("artifacts/*/training.json"))


def test_a_run_without_any_reward_says_so(tmp_path, cache, caplog):
    result = go(tmp_path, task="countdown", method="curriculum-uniform", level="3", levels="3", steps=2)
    assert result.record
    assert "none of the rollouts of 2 steps earned a reward" in caplog.text
    assert "none of the rollouts" in json.loads((trained(cache) / "training.json").read_text())["remark"]
    go(tmp_path, task="countdown", level="3", levels="3")  # no utility, nothing for the curator to learn
    curves = [curve(path.parent) for path in cache.glob("artifacts/*/curve.jsonl")]
    (rows,) = (rows for rows in curves if "leads" in rows[0])
    assert rows[-1]["leads"] and rows[-1]["curator_loss"] == 0
    error = str(go(tmp_path, task="countdown", method="curriculum-dapo", level="3", levels="3").error)
    assert "kept 0 of 120 problems" in error


def test_a_language_model_as_curator(tmp_path, cache, monkeypatch):
    """The pocket policy itself with a scalar head; it learns to prefer the problems that get the utility, and
    goes on from its file."""
    from harness.engine.course import Diverged
    from harness.methods.curator.language_model_scorer import LanguageScorer
    from harness.methods.curator.mirror_descent import proximal_gradient, softmax

    prompts = ["A001>100|", "C1,2=3:", "A0>1|", "C7,8=15:"]
    scorer = LanguageScorer(str(POCKET / "grid"), prompts, rate=1e-3, batch=3)
    rows = np.arange(4)
    assert (scorer.logits(rows) == 0).all()
    frozen, one = softmax(np.zeros(4)), np.ones(2)
    for _ in range(8):
        chosen, utility = np.array([0, 1]), np.array([1.0, -1.0])
        _, gradient = proximal_gradient(scorer.logits(rows), frozen, chosen, utility, one, rho=2.0)
        scorer.descend(rows, gradient)
    found = scorer.logits(rows)
    assert found[0] > found[1] + 0.5
    assert found[2] > found[3]  # and what it learned holds for problems like them
    scorer.save(tmp_path)
    other = LanguageScorer(str(POCKET / "grid"), prompts)
    other.load(tmp_path)
    np.testing.assert_allclose(other.logits(rows), found, atol=1e-6)

    with pytest.raises(Diverged, match="the curator's weights have grown") as told:
        LanguageScorer(str(POCKET / "grid"), prompts, rate=1e9).descend(rows, np.array([1.0, -1.0, 0.0, 0.0]))
    assert told.value.setting == "curator_rate"

    record = go(tmp_path, curator=str(POCKET / "grid"), curator_rate=1e-3, save_every=2).record
    assert record["status"] == "complete"
    for row in curve(trained(cache)):  # groups of equal rewards have no utility, and aren't read for one
        cost = row["cost"]
        whole = 2 * (cost["prompt_tokens"] + cost["response_tokens"])
        assert (cost["extra_tokens"] > 0) == (row["mixed"] > 0) and cost["extra_tokens"] <= whole
        assert (cost["extra_tokens"] == whole) == (row["mixed"] == 1)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # it would be asked again and again
    assert "can't load the curator 'absent'" in str(go(tmp_path, curator="absent").error)


def test_a_task_without_train_split_takes_problems_of_another(tmp_path, cache):
    from harness.registry import registry

    spec = registry().task("countdown")
    assert "labelled" in spec.offers
    record = go(tmp_path, task="arc1d", bank="countdown", steps=1).record
    assert record["data_access"]["labels_seen"] == 600  # countdown's train split
    assert record["comparability"]["task"] == "arc1d"
    facts = json.loads((trained(cache) / "training.json").read_text())
    assert facts["problems"] == 200
    assert "unknown task 'nothing'" in str(go(tmp_path, bank="nothing").error)


def test_a_pocket_policy_learns_on_arc1d_where_there_is_no_train_split(tmp_path, cache, caplog):
    (tmp_path / "q.jsonl").write_text(json.dumps({"q": "1+1?", "a": 2}) + "\n")
    data = {"data": str(tmp_path / "q.jsonl"), "question": "q", "answer": "a"}
    request = Request(
        task="qa/custom",
        method="curator",
        model="pocket/grid",
        task_args=data,
        method_args={**TINY, "steps": 1},
    )
    (result,) = run_grid(plan(request), Session(Store(tmp_path / "results"))).results
    assert result.record, result.error
    assert "the policy learns on arc1d; -M bank=TASK names another" in caplog.text
    assert result.record["comparability"]["task"] == "qa/custom"


def test_bad_input(tmp_path, cache):
    other = tmp_path / "gpt"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"model_type": "gpt2", "num_attention_heads": 2}))
    (other / "model.safetensors").write_bytes((POCKET / "grid" / "model.safetensors").read_bytes())
    for arguments, message in (
        ({"policy": str(other)}, "plain Llama"),
        ({"policy": str(tmp_path / "absent")}, "holds no policy"),
        ({"fit": "shipped"}, "no shipped policy was trained"),
        ({"prompts": 700}, "there are 200 training problems, and a step takes 700"),
        ({"minibatches": 3}, "doesn't divide the 16 rollouts"),
    ):
        assert message in str(go(tmp_path, **arguments).error)
    request = Request(task="arc1d", method="curator", model="echo/input")
    (result,) = run_grid(plan(request), Session(Store(tmp_path / "results"))).results
    assert "needs trainable, which echo/input doesn't give" in str(result.error)


def test_harness_train_writes_a_policy_that_can_be_evaluated(tmp_path, cache, monkeypatch, capsys):
    from harness.cli import main

    monkeypatch.chdir(tmp_path)
    options = [part for name, value in TINY.items() for part in ("-M", f"{name}={value}")]
    monkeypatch.setattr(
        "sys.argv",
        [
            "harness",
            "train",
            "--task",
            "arc1d",
            "-T",
            "level=1",
            "--method",
            "curriculum-uniform",
            "--to",
            "policy",
            "--json",
            *options,
        ],
    )
    main()
    said = json.loads(capsys.readouterr().out)
    assert said["usage"]["train"]["calls"] == 48
    PocketModel.load(tmp_path / "policy")
    record = go(tmp_path, policy=str(tmp_path / "policy")).record
    assert record["counts"]["ok"] == 4


def test_the_run_keeps_the_learning_curve_whether_it_trained_or_found_the_policy(tmp_path, cache):
    from harness.results.curve import read_curve

    record = go(tmp_path, method="curriculum-learnability").record
    rows, raw = read_curve(record), curve(trained(cache))
    assert [row["step"] for row in rows] == [1, 2, 3] and all("cost" not in row for row in rows)
    assert [row["rollouts"] for row in rows] == [64, 128, 192]  # 4 of 16 problems are trained on
    assert record["data_access"]["train_rollouts"] == rows[-1]["rollouts"]
    by_purpose = record["usage"]["by_purpose"]
    spent = [
        by_purpose[name] for name in ("train", "train-discarded", "train-curriculum") if name in by_purpose
    ]
    assert rows[-1]["tokens"] == sum(usage["input_tokens"] + usage["output_tokens"] for usage in spent)
    facts = json.loads((trained(cache) / "training.json").read_text())
    assert rows[-1]["flops"] == facts["flops"]
    assert [row.get("dev") for row in rows] == [row.get("dev") for row in raw]
    assert [row["reward"] for row in rows] == [row["reward"] for row in raw]
    assert record["curve"]["dev_last"]["value"] == facts["dev_last"]
    assert record["curve"]["dev_peak"]["value"] == facts["dev_peak"]
    found = go(tmp_path, method="curriculum-learnability", limit=5).record
    assert found["curve"] == record["curve"] and read_curve(found) == rows
    given = go(tmp_path, method="curriculum-learnability", policy=str(trained(cache))).record
    assert read_curve(given) == rows
    for name in ("curve.jsonl", MANIFEST):  # an artefact of before there were any is no error
        (trained(cache) / name).unlink()
    assert "curve" not in go(tmp_path, method="curriculum-learnability", limit=3).record


def test_a_run_that_its_budget_stops_keeps_the_curve_so_far(tmp_path, cache):
    from harness.results.curve import read_curve

    request = Request(
        task="arc1d",
        method="curator",
        model="pocket/grid",
        limit=2,
        budget_calls=20,
        task_args={"level": "1"},
        method_args={**TINY, "measure_every": 9},
    )
    (result,) = run_grid(plan(request), Session(Store(tmp_path / "results"))).results
    assert result.record["status"] == "stopped"
    assert [row["step"] for row in read_curve(result.record)] == [1]


def scores(monkeypatch, *values):
    """Makes the measurements on dev give these scores, one after the other."""
    from harness.methods.curator.training import Training

    left = list(values)

    def measure(self):
        self.cost.dev_calls += len(self.dev.prompts)
        return left[self.step // self.plan.measure_every]

    monkeypatch.setattr(Training, "measure", measure)


PEAK = {"method": "curriculum-uniform", "steps": 5, "measure_every": 1, "save_every": 2, "keep": "peak"}


def test_keep_peak_answers_with_the_weights_of_the_best_step_on_dev(tmp_path, cache, monkeypatch):
    """The same as the last weights of a training that ends there; ties go to the first."""
    scores(monkeypatch, 0.1, 0.2, 0.9, 0.9, 0.3)
    record = go(tmp_path, **PEAK).record
    folder = trained(cache)
    facts = json.loads((folder / "training.json").read_text())
    assert (facts["steps"], facts["kept_step"]) == (5, 3)
    assert record["curve"]["dev_peak"] == {"step": 3, "value": 0.9}
    assert record["curve"]["dev_last"] == {"step": 5, "value": 0.3}
    assert not list(cache.glob("workspaces/*/*"))
    PocketModel.load(folder)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "other"))
    go(tmp_path, **{**PEAK, "keep": "last", "steps": 3})
    last = trained(tmp_path / "other")
    # the last weights of a run of 3 steps: rates and draws don't depend on how many follow
    for name, value in weights(last).items():
        np.testing.assert_array_equal(value, weights(folder)[name])


def test_a_killed_training_still_has_its_peak(tmp_path, cache, monkeypatch):
    """Killed after the peak, before and after a checkpoint: both go on to the weights of a whole run."""
    from harness.methods.curator.training import Training

    scores(monkeypatch, 0.1, 0.8, 0.2, 0.3, 0.4)
    finish = Training.finish_step

    def dies(self):
        if self.step == at:
            raise OSError("the machine is gone")
        return finish(self)

    ended = {}
    for at in (2, 3):
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / f"killed-{at}"))
        with monkeypatch.context() as killed:
            killed.setattr(Training, "finish_step", dies)
            assert "the machine is gone" in str(go(tmp_path / f"first-{at}", **PEAK).error)
        kept = (tmp_path / f"killed-{at}").glob("workspaces/*/peak-*")
        assert [path.name for path in kept] == ["peak-2"]
        go(tmp_path / f"second-{at}", **PEAK)
        ended[at] = weights(trained(tmp_path / f"killed-{at}"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "other"))
    go(tmp_path / "whole", **PEAK)
    for name, value in weights(trained(tmp_path / "other")).items():
        np.testing.assert_array_equal(value, ended[2][name])
        np.testing.assert_array_equal(value, ended[3][name])


def test_a_default_that_was_added_later_leaves_the_keys_of_policies_alone():
    """Policies trained before there was `keep` are found by a key without it."""
    from harness.methods.curator.method import SETTINGS
    from harness.registry import load_method, registry

    class Held:
        seed, policy = 0, POCKET / "grid"

        class model:  # noqa: N801
            name = "pocket/grid"

            class provider:  # noqa: N801
                revision, arguments = "r", {}
                named_revision = "r"

    class ProblemSet:
        samples, prompts = (), ()

    from harness.methods.curator.plan import Plan

    spec = registry().method("curator")

    def settings(**given):
        method = load_method(spec, spec.arguments(given))
        return method.key(Held, Plan.of(method.args), ProblemSet)[2]

    assert tuple(settings()) == SETTINGS == ("loss", "bank", "curator", "curator_rate", "match", "max_flops")
    assert settings(keep="peak") == {**settings(), "keep": "peak"}
    assert settings(engine="trl") == {**settings(), "engine": "trl"}


def test_the_shipped_policy_answers_without_training(tmp_path, monkeypatch):
    """The command of the README with its defaults: found by what it was trained from, no torch."""
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    request = Request(
        task="arc1d", method="curator", model="pocket/grid", limit=4, method_args={"fit": "shipped"}
    )
    (result,) = run_grid(plan(request), Session(Store(tmp_path))).results
    assert result.record, result.error
    by_purpose = result.record["usage"]["by_purpose"]
    assert by_purpose["train"]["calls"] == 7680
    assert result.record["data_access"]["train_rollouts"] == 7680
    assert result.record["curve"]["rows"] == 60
