"""A broken plugin beside sound ones: one line that names its distribution, and the others still work."""

import json
import shutil

import pytest

from harness.registry import registry


@pytest.fixture
def broken(command, installed, tmp_path, monkeypatch):
    """A copy of the third-party package to break, found by this process."""
    place = tmp_path / "site"
    shutil.copytree(installed, place)
    monkeypatch.syspath_prepend(str(place))
    registry.cache_clear()
    return place / "thirdparty"


SOUND = ["eval", "--task", "countdown", "-T", "level=1", "--limit", "2", "--model", "echo/1+1", "--json"]


@pytest.mark.parametrize(
    "text, says",
    [
        ("[task", "task.toml"),
        ("[task.x]\nversion = '1-A'\nsummary = 's'", "needs the text 'entry'"),
        ("[task.x]\nversion = '1'\nsummary = 's'\nentry = 'a:B'", "not N-X"),
        ("", "declares no [task.NAME]"),
        ("[task.x]\nversion = '1-A'\nsummary = 's'\nentry = 'a:B'\nofers = []", "did you mean 'offers'"),
        ("[task.x]\nversion = '1-A'\nsummary = 's'\nentry = 'a:B'\nparams.day = 2020-01-01", "JSON"),
        ("[task.x]\nversion = '1-A'\nsummary = 's'\nentry = 'a:B'\ndata.test = { name = 'x' }", "name"),
        ("task.x = 3", "x"),
    ],
)
def test_bad_toml(command, broken, text, says):
    (broken / "task.toml").write_text(text)
    done = command(*SOUND)
    assert done.code == 0 and json.loads(done.out)["runs"][0]["status"] == "complete"
    (line,) = done.errors
    assert "harness-thirdparty" in line and says in line
    assert "slow" in command("list", "methods").out, "its sound half is still there"
    listed = command("list", "tasks", "--json")
    assert "countdown" in listed.out and len(listed.errors) == 1
    unknown = command("eval", "--task", "colours")
    assert unknown.code == 2 and "harness-thirdparty" in unknown.errors[-1]


@pytest.mark.parametrize(
    "code, says",
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("1 / 0", "ZeroDivisionError"),
        ("def (", "SyntaxError"),
        ("class Colours: pass", "not a subclass of harness Task"),
        ("Colours = 3", "not a subclass of harness Task"),
        ("", "AttributeError"),
        ("from harness.task import Task\nclass Colours(Task): pass", "doesn't define load()"),
        ("from harness.method import Method as Colours", "not a subclass of harness Task"),
        (
            "from harness.task import Task\nclass Colours(Task):\n def __init__(self): pass\n"
            " def load(self, d): 1",
            "TypeError",
        ),
    ],
)
def test_code_that_does_not_load(command, broken, code, says):
    (broken / "task.py").write_text(code)
    done = command(
        "eval",
        "--task",
        "colours,countdown",
        "-T",
        "countdown.level=1",
        "--limit",
        "2",
        "--model",
        "echo/1+1",
        "--json",
    )
    failed, sound = json.loads(done.out)["runs"]
    assert done.code == 1 and (failed["status"], sound["status"]) == ("failed", "complete")
    (line,) = [line for line in done.errors if line.startswith("error")]
    assert "harness-thirdparty" in line and says in line and "Traceback" not in done.err


def test_a_method_of_the_wrong_type(command, broken):
    (broken / "method.py").write_text("class Slow: pass\nclass Raises: pass\nclass Unreachable: pass")
    done = command(
        "eval",
        "--task",
        "countdown",
        "--method",
        "slow,direct",
        "-T",
        "level=1",
        "--limit",
        "2",
        "--model",
        "echo/1+1",
        "--json",
    )
    assert [run["status"] for run in json.loads(done.out)["runs"]] == ["failed", "complete"]
    assert "harness-thirdparty" in done.errors[0] and "not a subclass of harness Method" in done.errors[0]


def test_a_package_that_is_gone(command, broken):
    shutil.rmtree(broken)
    done = command(*SOUND)
    assert done.code == 0 and "harness-thirdparty names the package 'thirdparty'" in done.errors[0]


def test_a_package_without_its_specs(command, broken):
    for name in ("task.toml", "method.toml"):
        (broken / name).unlink()
    (line,) = command("list").errors
    assert f"no task.toml or method.toml in {broken} (distribution harness-thirdparty)" in line


def test_a_package_that_a_module_hides(command, broken, tmp_path, monkeypatch):
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "thirdparty.py").write_text("raise ImportError('never imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "near"))
    registry.cache_clear()
    (line,) = command("list", "methods").errors
    assert "names the package 'thirdparty', which is hidden by" in line and "near/thirdparty.py" in line
