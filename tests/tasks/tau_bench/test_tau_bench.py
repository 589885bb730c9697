"""tau-bench's recorded results: the rewards that they state, as they stand."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.base.errors import HarnessError
from harness.cli import cli

RECORDED = (
    Path(__file__).parents[4]
    / "shared"
    / "data"
    / "recorded_agents"
    / "tau2"
    / "historic_tau1"
    / "gpt-4o-airline.json.gz"
)
recorded = pytest.mark.skipif(not RECORDED.exists(), reason="the recorded run is not beside the checkout")


def score(tmp_path, task, path, *more):
    return CliRunner().invoke(
        cli, ["score", "--task", task, "--responses", str(path), "--store", str(tmp_path / "out"), *more]
    )


def refused(done):
    """The one line that a command was refused with."""
    assert done.exit_code != 0
    if isinstance(done.exception, HarnessError):
        return str(done.exception)
    (line,) = [line for line in done.output.splitlines() if line.startswith("error: ")]
    return line


@pytest.fixture
def results(tmp_path):
    """A file of two attempts at one task, with changes to the second."""

    def write(**change):
        policy = [{"role": "system", "content": "# Retail agent policy\n..."}]
        row = {"task_id": 7, "trial": 0, "reward": 1.0, "info": {}, "traj": policy}
        path = tmp_path / "run.json"
        path.write_text(json.dumps([row, {**row, "trial": 1, "reward": 0.0, "traj": [], **change}]))
        return path

    return write


@recorded
@pytest.mark.parametrize("task", ["tau-bench", "tau-bench/airline"])
def test_pass_hat_k_of_the_published_run_without_any_setup(tmp_path, monkeypatch, task):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    done = score(tmp_path, task, RECORDED, "--json")
    assert done.exit_code == 0, done.output
    (run,) = json.loads(next(x for x in done.output.splitlines() if x.startswith("{")))["runs"]
    assert run["task"] == "tau-bench/airline" and (run["n_items"], run["epochs"]) == (50, 4)
    found = [f"{run['metrics'][f'pass^{k}']['value']:.3f}" for k in (1, 2, 3, 4)]
    assert found == ["0.420", "0.273", "0.220", "0.200"]
    assert "pass^1 0.420" in score(tmp_path, task, RECORDED).output


@recorded
@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("tau2", "--task tau-bench"),
        ("tau2/airline", "--task tau-bench"),
        ("tau-bench/retail", "holds results of tau-bench/airline"),
    ],
)
def test_the_file_of_another_benchmark_or_domain_is_recognized(tmp_path, task, says):
    line = refused(score(tmp_path, task, RECORDED))
    assert says in line and "broken JSON" not in line and "\n" not in line


def test_an_error_counts_0_as_recorded_and_says_why(tmp_path, results):
    done = score(tmp_path, "tau-bench", results(info={"error": "rate limit"}), "--json")
    (run,) = json.loads(next(x for x in done.output.splitlines() if x.startswith("{")))["runs"]
    assert run["task"] == "tau-bench/retail" and run["metrics"]["reward"]["value"] == 0.5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"task_id": "x"}, "row 2 has no 'task_id'"),
        ({"trial": None}, "row 2 has no 'trial'"),
        ({"reward": 2}, "row 2 has no 'reward' from 0 to 1"),
        ({"reward": float("nan")}, "row 2 has no 'reward'"),
        ({"trial": 0}, "epoch 0 stands already"),
        ({"task_id": 115}, "unknown sample_id '115'"),
    ],
)
def test_a_row_of_another_form_is_named(tmp_path, results, change, says):
    assert says in refused(score(tmp_path, "tau-bench", results(**change)))


def test_without_a_policy_the_domain_is_unknown(tmp_path, results):
    path = results()
    path.write_text(json.dumps([{**row, "traj": "lost"} for row in json.loads(path.read_text())]))
    assert "policy of one domain" in refused(score(tmp_path, "tau-bench", path))


def test_its_tasks_are_not_played(tmp_path):
    done = CliRunner().invoke(
        cli,
        [
            "eval",
            "--task",
            "tau-bench/retail",
            "--method",
            "react",
            "--model",
            "echo/no",
            "--limit",
            "1",
            "--store",
            str(tmp_path),
        ],
    )
    assert done.exit_code != 0 and "played live as tau2/retail" in done.output
