"""What a method that trains is given: weights, answers from others, a grader, a ledger, a workspace."""

import asyncio
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from safetensors.numpy import load_file, save_file

from harness.base.errors import AccessError, BudgetSpent, UsageError
from harness.base.messages import user
from harness.data.hub import Data
from harness.job import Job, Models
from harness.model.budget import Budget
from harness.model.echo import Echo
from harness.model.embedded import Embedded
from harness.model.factory import POCKET
from harness.model.gateway import Model
from harness.model.ledger import Ledger, Usage
from harness.registry import registry
from harness.sample import Question, Score
from harness.spec import MetricRange
from harness.testing import TINY, TinyTask

HELD = """
import sys
sys.path.insert(0, sys.argv[1])
from test_training import job
with job().files.workspace("key") as place:
    (place / "checkpoint").write_text("half")
    print("in", flush=True)
    sys.stdin.readline()
"""


def job(method="curriculum-uniform", provider=None, budget=None):
    provider = provider or Embedded("pocket/grid", POCKET / "grid")
    task, ledger, budget = TinyTask(TINY, {}), Ledger(), budget or Budget()

    def handle(source):
        return Model(source, ledger=ledger, budget=budget)

    return Job(
        task=task,
        method=registry().method(method),
        splits=task.load(Data()),
        models=Models(
            model=handle(provider),
            budget=budget,
            ledger=ledger,
            with_weights=lambda folder: handle(provider.with_weights(folder)),
        ),
    )


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


def test_reward_is_the_tasks_own():
    held = job()
    sample = held.data.train[0]
    assert sample.target == "red"
    assert held.training.reward(sample, "It is Red.") == 1
    assert held.training.reward(sample, "blue") == held.training.reward(sample, "") == 0


def test_reward_is_the_share_of_the_way_to_the_best_value():
    class Distance(TinyTask):
        def score(self, sample, outcome):
            return Score({"mae": {"red": 0.0, "green": 1.0, "blue": 4.0}[outcome.answer]})

    held = job()
    limits = {"mae": MetricRange(0, 4, lower_is_better=True)}
    spec = replace(TINY, primary="mae", metrics={"mae": 4.0}, ranges=limits)
    held.training._task = Distance(spec, {})
    sample = held.data.train[0]
    assert [held.training.reward(sample, text) for text in ("red", "green", "blue")] == [1.0, 0.75, 0.0]


def test_other_weights_answer_under_their_own_digest(tmp_path):
    held = job()
    assert held.training.policy == POCKET / "grid"
    copy = tmp_path / "copy"
    shutil.copytree(held.training.policy, copy)
    same = held.training.with_policy(copy)
    assert same.provider.revision == held.model.provider.revision
    question = Question("q", "A10>01|20>02|30>")
    messages = [user(question.input)]
    first = asyncio.run(held.model.generate(question, messages))
    assert asyncio.run(same.generate(question, messages)).completion == first.completion

    weights = load_file(copy / "model.safetensors")
    save_file({name: -value for name, value in weights.items()}, copy / "model.safetensors")
    other = held.training.with_policy(copy)
    assert other.provider.revision != same.provider.revision
    assert asyncio.run(other.generate(question, messages)).completion != first.completion
    (copy / "config.json").write_text("{")
    with pytest.raises(UsageError, match="holds no policy that stands in for pocket/grid"):
        held.training.with_policy(copy)


def test_training_is_for_methods_that_declare_it():
    with pytest.raises(AccessError, match="'trainable' without declaring"):
        _ = job("direct").training.policy
    with pytest.raises(AccessError, match="'trainable' without declaring"):
        job("direct").training.with_policy(POCKET / "grid")
    with pytest.raises(UsageError, match="echo/red is none"):
        _ = job(provider=Echo("red")).training.policy


def test_charged_cost_counts_against_the_budget():
    held = job(budget=Budget(calls=10))
    held.training.charge("train", Usage(calls=6, output_tokens=5))
    with pytest.raises(BudgetSpent, match="--budget-calls of 10 is spent"):
        held.training.charge("train", Usage(calls=6))
    assert held._models.ledger.by_purpose["train"].calls == 12


def test_a_workspace_outlives_a_kill_and_is_held_by_one_process():
    folder = __file__.rpartition("/")[0]
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "in\n"
    with pytest.raises(UsageError, match="another process fits"), job().files.workspace("key"):
        pass
    process.kill()
    process.communicate()
    with pytest.raises(ZeroDivisionError), job().files.workspace("key") as place:
        assert (place / "checkpoint").read_text() == "half"
        _ = 1 / 0
    with job().files.workspace("key") as place:
        assert (place / "checkpoint").exists()
    with job().files.workspace("key") as place:
        assert not list(place.iterdir())
