"""tau2: recorded rewards again. The repository is no package: HARNESS_TAU2_SOURCE names a checkout."""

import gzip
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall
from pyarrow import parquet

from harness.cli import cli
from harness.data import Data
from harness.errors import DataError, HarnessError
from harness.model.provider import Provider
from harness.registry import load_task, registry
from harness.results import load_samples
from harness.results.store import Store
from harness.run.grid import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.setup import install
from harness.stats import mean_over_items, pass_hat_k
from tasks.tau2.results import names, tau_bench_rewards

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "recorded_agents" / "tau2"
RUNS = sorted(RECORDED.glob("trajectories/*.json.gz"))
SOURCE = os.environ.get("HARNESS_TAU2_SOURCE")


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded runs are not beside the checkout")
def test_pass_hat_k_of_the_published_tau_bench_run():
    rewards = tau_bench_rewards(RECORDED / "historic_tau1" / "gpt-4o-airline.json.gz")
    tried, right = [len(r) for r in rewards.values()], [sum(r) for r in rewards.values()]
    assert len(rewards) == 50 and set(tried) == {4}
    found = [mean_over_items(pass_hat_k(tried, right, k)).value for k in (1, 2, 3, 4)]
    assert [f"{value:.3f}" for value in found] == ["0.420", "0.273", "0.220", "0.200"]


@pytest.mark.skipif(not SOURCE, reason="needs a checkout of tau2-bench 1.0.1 in HARNESS_TAU2_SOURCE")
@pytest.mark.skipif(not RUNS, reason="the recorded runs are not beside the checkout")
def test_every_recorded_reward(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    install("tau2", source=Path(SOURCE))
    count = 0
    for path in RUNS:
        (task,) = names(path)
        done = CliRunner().invoke(cli, ["score", "--task", task, "--responses", str(path), "--out",
                                        str(tmp_path / "out"), "--json"])  # fmt: skip
        assert done.exit_code == 0, done.output
        (run,) = json.loads(next(x for x in done.output.splitlines() if x.startswith("{")))["runs"]
        mine = {row["sample_id"]: row["reward"] for row in parquet.read_table(run["samples"]).to_pylist()}
        simulations = json.loads(gzip.decompress(path.read_bytes()))["simulations"]
        assert mine == {s["task_id"]: s["reward_info"]["reward"] for s in simulations}, path.name
        count += len(mine)
    assert count == 190


def test_files_of_another_kind(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "b.json").write_text("{")
    assert names(tmp_path / "a.json") == [] and names(tmp_path / "c.jsonl") == []
    with pytest.raises(DataError, match="can't read"):
        names(tmp_path / "b.json")


def test_a_source_that_is_no_checkout_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("harness.setup._pip", lambda recipe, target: None)
    with pytest.raises(HarnessError, match="has no folder src/tau2"):
        install("tau2", source=tmp_path)
    assert not list((tmp_path / "cache" / "setup").iterdir())


class Gold(Provider):
    """Agent and user in one: the agent carries out the wanted actions one a step and then says what must
    be said, the user asks once and stops at the next word."""

    cacheable, abilities = False, frozenset({"tools"})

    def __init__(self, name, targets=None):
        self.name, self.targets = name, targets

    async def generate(self, call):
        if self.targets is None:
            spoken = sum(m.role == "assistant" for m in call.messages)
            return ModelOutput.from_content(self.name, "###STOP###" if spoken else "Please help me.")
        assert call.tools and call.messages[0].role == "system"
        criteria = self.targets[call.question.id]["evaluation_criteria"]
        done = sum(m.role == "tool" for m in call.messages)
        actions = criteria["actions"] or []
        if done < len(actions):
            made = [ToolCall(f"c{done}", actions[done]["name"], actions[done]["arguments"])]
            return ModelOutput.from_message(ChatMessageAssistant(content="", tool_calls=made))
        return ModelOutput.from_content(self.name, " ".join(["Done.", *(criteria["communicate_info"] or [])]))


@pytest.mark.skipif(not SOURCE, reason="needs a checkout of tau2-bench 1.0.1 in HARNESS_TAU2_SOURCE")
def test_an_agent_that_carries_out_the_wanted_actions(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    install("tau2", source=Path(SOURCE))
    spec = registry().task("tau2/airline")
    samples = load_task(spec, spec.arguments({})).load(Data()).test
    (cell,) = plan(Request("tau2/airline", "direct", "gold/agent", roles={"user": "gold/user"}, limit=6))
    session = Session(Store(tmp_path / "out"))
    session.use(Gold("gold/agent", {sample.id: sample.target for sample in samples}))
    session.use(Gold("gold/user"))
    (result,) = run_grid([cell], session).results
    assert result.record, result.error
    attempts = load_samples(result.record["run_id"], str(tmp_path / "out"))
    assert list(attempts["reward"]) == [1.0] * 6, list(attempts["reason"])
    assert set(result.record["usage"]["by_purpose"]) == {"answer", "user"}
