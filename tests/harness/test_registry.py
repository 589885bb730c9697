"""A plugin that pip installed is found, listed, run and conforms; a broken one is named."""

import json
import shutil

import pytest
from click.testing import CliRunner

from harness.base.errors import PluginError
from harness.cli import cli
from harness.registry import load_method, load_task, registry
from harness.testing import check_method, check_task


def test_installed_plugin(plugin):
    assert registry().task("colours").distribution == "harness-thirdparty"
    assert "colours" in CliRunner().invoke(cli, ["list", "tasks"]).stdout
    check_task("colours")
    check_method("slow")


@pytest.fixture
def broken(installed, tmp_path, monkeypatch):
    place = tmp_path / "broken"
    shutil.copytree(installed, place)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(place))
    registry.cache_clear()
    yield place / "thirdparty"
    registry.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        "[task",
        "params = 3\n[task.x]\nversion='1-A'\nsummary='s'\nentry='a:B'",
        "[task.x]\nversion = '1-A'\nsummary = 's'",
    ],
)
def test_broken_toml_is_named_and_the_rest_lists(broken, text):
    (broken / "task.toml").write_text(text)
    assert "harness-thirdparty" in registry().faults[0]
    assert "slow" in registry().methods and "direct" in registry().methods


@pytest.mark.parametrize("entry", ["thirdparty.none:X", "thirdparty.task:None_", "thirdparty.method:Slow"])
def test_wrong_entry_names_the_distribution(broken, entry):
    (broken / "task.toml").write_text(f"[task.x]\nversion='1-A'\nsummary='s'\nentry='{entry}'")
    with pytest.raises(PluginError, match="harness-thirdparty"):
        load_task(registry().task("x"), {})
    load_method(registry().method("slow"), {})


def test_a_listing_builds_no_spec_and_the_index_gives_what_the_files_give(broken):
    cold = {**registry().tasks, **registry().methods}
    registry.cache_clear()
    known = registry()
    listed = [CliRunner().invoke(cli, ["list", what, "--json"]).stdout for what in ("tasks", "methods")]
    assert "colours" in listed[0] and "slow" in listed[1]
    assert "colours" in known.tasks and known.tasks._built == known.methods._built == {}
    assert {**known.tasks, **known.methods} == cold
    spec = known.task("colours")
    assert spec is known.task("colours") and hash(spec.offers) and spec.params["items"].read("7") == 7


def test_a_spec_that_changed_is_read_again(broken):
    path = broken / "task.toml"
    path.write_text(path.read_text().replace("Which colour.", "Which colour was it?"))
    registry.cache_clear()
    assert registry().task("colours").summary == "Which colour was it?"
    path.write_text(path.read_text().replace("Which colour was it?", "Which?"))
    registry.cache_clear()
    assert registry().task("colours").summary == "Which?"


def test_show_says_what_is_pinned():
    def show(*arguments):
        return CliRunner().invoke(cli, ["show", *arguments]).stdout

    assert "SetFit/20_newsgroups train, not pinned" in show("newsgroups")
    assert "openai/gsm8k main test at 740312add88f781978c0658806c59bc2815b9866" in show("gsm8k")
    pins = json.loads(show("newsgroups", "--json"))["data"]
    assert [pin["pinned"] for pin in pins.values()] == [False]


HARBOR = 'schema_version = "1.1"\n[task]\nname = "org/x"\n[verifier]\ntimeout_sec = 1.0\n'


def test_a_package_may_carry_harbors_tasks_too(broken):
    folder = broken / "harbor" / "hello"
    folder.mkdir(parents=True)
    (folder / "task.toml").write_text(HARBOR)
    known = registry()
    assert known.faults == [] and "colours" in known.tasks and "org/x" not in known.tasks


@pytest.mark.parametrize(
    ("distribution", "package", "cure"),
    [
        ("harness-thirdparty", "thirdparty", "pip install --force-reinstall harness-thirdparty"),
        ("method-harness", "harness.tasks", "in a clone harness/tasks is a link to a folder"),
        ("harness", "tasks", "an older installation under the name 'harness' is still there; remove it"),
    ],
)
def test_a_package_that_is_gone_is_named_with_its_cure(monkeypatch, tmp_path, distribution, package, cure):
    from harness.plugins import installed

    gone = [(package, distribution, str(tmp_path / "gone"))]
    monkeypatch.setattr(installed, "_found_packages", lambda faults: gone)
    specs, (fault,) = installed.installed_specs()
    assert specs == [] and cure in fault and "\n" not in fault
