"""The steps of action.yml, run as a GitHub runner runs them: bash, with the inputs in the environment."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.dependencies import closure

RUN = "task: countdown\nmethod: self-consistency\nT: {level: 1}\nlimit: 40\n"
ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


@pytest.fixture(scope="module")
def committed(tmp_path_factory, harness):
    """A user's repository with a committed baseline of three seeds."""
    place = tmp_path_factory.mktemp("committed")
    (place / "run.yaml").write_text(RUN)
    (place / "checks.yaml").write_text("baseline: main\nmargin: 0.15\nruns_most: 1\nconfirm: false\n")
    harness(place, "eval", "--config", "run.yaml", "--seeds", "3", "--store", "results/published")
    harness(place, "baseline", "set", "main", "--store", "results/published")
    return place


@pytest.fixture
def repository(committed, tmp_path):
    """A copy of it."""
    return shutil.copytree(committed, tmp_path / "repository")


def act(folder, **inputs):
    """Runs every step but the installation; the exit code, the outputs and the job's summary."""
    given = {name: spec["default"] for name, spec in ACTION["inputs"].items()} | inputs
    files = {"GITHUB_STEP_SUMMARY": folder / "summary.md", "GITHUB_OUTPUT": folder / "output.txt"}
    for step in (each for each in ACTION["runs"]["steps"] if each["name"] not in ("Python", "Install")):
        own = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], value)
            for name, value in step["env"].items()
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HARNESS_", "GITHUB_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=folder,
            env={**kept, **own, **{k: str(v) for k, v in files.items()}, "PATH": path},
            capture_output=True,
            text=True,
            timeout=240,
        )
        if done.returncode:
            break
    texts = [path.read_text() if path.exists() else "" for path in files.values()]
    return done.returncode, *texts


def test_an_unchanged_method_passes_and_a_live_rerun_is_the_same_look(repository):
    code, summary, output = act(repository, ledger="looks")
    assert (code, output) == (0, "verdict=ok\n")
    assert "harness check: ok" in summary and (repository / "harness-check.xml").exists()
    (look,) = (repository / "looks").iterdir()
    assert act(repository, ledger="looks", live="true")[0] == 0
    assert list((repository / "looks").iterdir()) == [look]
    steps = {step["name"]: step.get("run", "") for step in ACTION["runs"]["steps"]}
    assert all("--offline" in steps[name] and "LIVE" in steps[name] for name in ("Evaluate", "Check"))


def test_a_worse_method_fails_the_job(repository):
    (repository / "run.yaml").write_text(RUN + "seeds: 3\nepochs: 8\nM: {samples: 1, temperature: 9.0}\n")
    code, summary, output = act(repository)
    assert (code, output) == (1, "verdict=regressed\n") and "harness check: regressed" in summary


def test_a_mistake_in_the_rules_is_a_usage_error(repository):
    (repository / "checks.yaml").write_text("baseline: main\nmargn: 0.1\n")
    assert act(repository)[0] == 2


def test_python_constraints_and_what_is_used_of_others_are_pinned():
    python, install = ACTION["runs"]["steps"][:2]
    assert re.fullmatch(r"\d+\.\d+\.\d+", ACTION["inputs"]["python"]["default"])
    assert python["with"] == {"python-version": "${{ inputs.python }}"}
    used = [step["uses"] for step in ACTION["runs"]["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", each) for each in used)
    for given, kept in (
        ("", ["--constraint", "/action/constraints-core.txt"]),
        ("own.txt", ["--constraint", "own.txt"]),
        ("none", []),
    ):
        script = 'python() { printf "%s\\n" "$@"; }\n' + install["run"]
        environment = {"INSTALL": "", "CONSTRAINTS": given, "GITHUB_ACTION_PATH": "/action"}
        done = subprocess.run(["bash", "-eo", "pipefail", "-c", script], env=environment, capture_output=True)
        assert done.stdout.decode().split() == ["-m", "pip", "install", *kept, "/action"], done.stderr


def test_every_dependency_of_the_core_has_its_version():
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints-core.txt").read_text().split() if "==" in line
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in project["dependencies"]:
        needed = Requirement(line)
        assert needed.specifier.contains(pinned[canonicalize_name(needed.name)]), line
    lacking = set(closure()) - set(pinned)
    assert lacking == set(), "make constraints writes the file again"
