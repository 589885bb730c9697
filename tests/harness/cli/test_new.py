"""`harness new`: what it writes works as it stands, as a package and as a file, and is well formed."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from harness.registry import registry
from harness.testing import check_method, check_task


@pytest.mark.parametrize("kind", ["task", "method"])
def test_a_package_installs_and_passes_its_test(command, warm, tmp_path, kind):
    done = command("new", kind, "my-own")
    assert done.code == 0 and "pip install -e my-own" in done.out
    root = tmp_path / "my-own"
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == ["method-harness"] and project["name"] == "harness-my-own"
    place = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
        + ["--disable-pip-version-check", "--target", str(place), str(root)],
        check=True,
    )
    others = [str(place), str(Path(__file__).parents[3])]
    there = {**os.environ, "PYTHONPATH": os.pathsep.join(others), "HARNESS_CACHE": str(tmp_path / "cache")}
    ran = warm.run(["-m", "pytest", "-q", "-p", "no:cacheprovider", root / "tests"], tmp_path, there)
    assert ran.returncode == 0 and "1 passed" in ran.stdout, ran.stdout
    listed = json.loads(warm.run(["-m", "harness", "list", f"{kind}s", "--json"], tmp_path, there).stdout)
    assert {row["name"]: row["distribution"] for row in listed[f"{kind}s"]}["my-own"] == "harness-my-own"


def test_a_file_runs_as_it_stands(command, tmp_path):
    done = command("new", "method", "my-vote", "--file")
    assert done.code == 0 and "harness eval --task arc1d --method my_vote.py --limit 20" in done.out
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".py"] == ["my_vote.py"]
    check_method("my_vote.py:MyVote", tries=3)
    assert command("new", "task", "my-sums", "--file").code == 0
    check_task("my_sums.py", items=20)
    ran = command(
        *"eval --task my_sums.py -T items=9 --method my_vote.py -M tries=3 --model echo/3".split(), "--json"
    )
    assert ran.code == 0 and '"my-vote"' in ran.out and '"my-sums"' in ran.out
    again = command("new", "method", "my-vote", "--file")
    assert again.code == 2 and "my_vote.py exists; choose another name or --dir" in again.err


def test_the_class_has_the_name_that_was_asked_for(command):
    command("new", "method", "my-vote", "--file", "--dir", "deep/er")
    spec = registry().method("deep/er/my_vote.py")
    assert spec.name == "my-vote" and spec.summary == "Asks, and asks again until a reply holds an answer"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("method", "My_Vote"), "is named with small letters, digits and '-', not 'My_Vote'"),
        (("method", "class", "--file"), "'class' is a word of Python"),
        (("method", "direct"), "there is a method 'direct' already"),
        (("task", "arc1d", "--file"), "there is a task 'arc1d' already"),
        (("method",), "Missing argument 'NAME'"),
        ((), "Missing argument '{task|method}'. Choose from: task, method"),
        (("method", "full"), "full exists and isn't empty; choose another --dir"),
    ],
)
def test_what_cannot_be_made_is_one_line(command, tmp_path, arguments, said):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    done = command("new", *arguments)
    assert done.code == 2 and said in done.err and len(done.errors) == 1


def test_what_is_written_is_formatted(command, tmp_path):
    pytest.importorskip("ruff")
    for kind in ("task", "method"):
        command("new", kind, f"own-{kind}")
        command("new", kind, f"one-{kind}", "--file")
    settings = Path(__file__).parents[3] / "pyproject.toml"
    ruff = [sys.executable, "-m", "ruff"]
    files = [str(path) for path in tmp_path.rglob("*.py")]
    assert len(files) == 2 + 2 * 3
    for how in (["check"], ["format", "--check"]):
        ran = subprocess.run([*ruff, *how, "--config", str(settings), *files], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
