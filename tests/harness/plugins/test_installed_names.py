"""Installed packages that share a name, or that can't be read: each is named, and all others work."""

import pytest

from harness.base.errors import UsageError
from harness.plugins import installed
from harness.registry import registry
from harness.run import keys
from harness.run.code import Code
from harness.run.plan import Request, plan
from harness.spec import MethodSpec

SPEC = "[method.{name}]\nversion = '1-A'\nsummary = 's'\nentry = '{package}.code:Odd'\n"
CODE = """
import harness

class Odd(harness.Method):
    async def answer(self, question, job):
        return harness.Outcome(question.id, question.epoch, text={text!r})
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages, found by this process: `add(distribution, package, *names)` installs
    one with methods of these names."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "site"
    place.mkdir()
    monkeypatch.syspath_prepend(str(place))

    def add(distribution, package, *names, entry="", about=None):
        folder = place / package.replace(".", "/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
        (folder / "code.py").write_text(CODE.format(text=package))
        (folder / "method.toml").write_text(
            "\n".join(SPEC.format(name=name, package=package) for name in names)
        )
        info = place / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        about = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n" if about is None else about
        (info / "METADATA").write_text(about)
        (info / "entry_points.txt").write_text(f"[harness.plugins]\nx = {entry or package}\n")
        registry.cache_clear()
        return folder

    registry.cache_clear()
    yield add
    registry.cache_clear()


def test_a_name_that_two_packages_share_stands_for_neither(site):
    site("direct-again", "again", "direct", "own")
    with pytest.raises(UsageError) as error:
        registry().method("direct")
    owners = "direct-again (package again) and method-harness (package harness.methods) both have it"
    assert str(error.value) == f"method 'direct': {owners}; uninstall one: pip uninstall direct-again"
    assert registry().faults == [str(error.value).replace("'direct'", "direct")]
    assert "own" in registry().methods and "direct" not in registry().methods
    assert "self-consistency" in registry().match("method", "self*")
    (cell,) = plan(Request("countdown", "own", "echo/x", task_args={"level": 1}))
    assert cell.method.distribution == "direct-again"


def test_two_packages_of_others_and_one_package_twice(site):
    site("one", "one_package", "mine", "only-one")
    site("two", "two_package", "mine")
    folder = site("three", "three_package", "twice", "third")
    (folder / "more").mkdir()
    (folder / "more" / "method.toml").write_text(SPEC.format(name="twice", package="three_package"))
    registry.cache_clear()
    with pytest.raises(
        UsageError, match="'mine': one .* and two .* both have it; .* pip uninstall one or two"
    ):
        registry().method("mine")
    with pytest.raises(
        UsageError, match=f"'twice': three declares it more than once, in {folder} and {folder}/more"
    ):
        registry().method("twice")
    assert {"only-one", "third"} <= {*registry().methods} and len(registry().faults) == 2


def test_many_shared_names_are_one_line(site):
    names = [f"m{n}" for n in range(9)]
    site("one", "one_package", *names)
    site("two", "two_package", *names)
    (line,) = registry().faults
    assert line.startswith("method m0, m1, m2, m3 and 5 more: one (package one_package) and two (")


def test_a_class_of_ones_own_takes_no_shared_name(site, tmp_path):
    site("direct-again", "again", "direct")
    (tmp_path / "direct.py").write_text(CODE.format(text="x").replace("Odd", "Direct"))
    with pytest.raises(UsageError, match="both have it"):
        registry().method("direct.py")


@pytest.mark.parametrize(
    ("distribution", "owner"),
    [
        ("method-harness", ""),
        ("harness", ""),
        ("", ""),
        ("Foo_Bar.x", "foo-bar-x"),
        ("harness-x", "harness-x"),
    ],
)
def test_whose_it_is_is_part_of_what_is_measured_where_it_is_not_ours(distribution, owner):
    class Model:
        name, revision, remote, arguments = "m", "", False, {}

    (cell,) = plan(Request("countdown", "direct", "echo/x", task_args={"level": 1}))
    method = MethodSpec("direct", "1-A", "s", "a:B", distribution=distribution)
    cell = type(cell)(cell.task, cell.task_args, method, {}, cell.model, 0, cell.request)
    found = keys.subject(cell, Model, {}, None, Code("", False))
    assert found.get("method_distribution", "") == owner == method.owner
    assert ("method_distribution" in found) == bool(owner)


def test_the_same_name_and_version_of_another_distribution_is_another_subject(site):
    import harness

    site("first", "first_package", "mine")
    (one,) = harness.evaluate("countdown", "mine", "echo/x", limit=2, task_args={"level": 1}, progress=False)
    for path in sorted((installed.paths.cache_dir().parent / "site").glob("first*")):
        path.rename(path.with_name(f"gone-{path.name}"))
    site("second", "second_package", "mine")
    (two,) = harness.evaluate("countdown", "mine", "echo/x", limit=2, task_args={"level": 1}, progress=False)
    assert not two.record.get("reused") and one.record["subject_key"] != two.record["subject_key"]
    assert two.record["subject"]["method_distribution"] == "second"
    assert one.record["comparability_key"] == two.record["comparability_key"]
    assert "task_distribution" not in two.record["comparability"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "odd_package.code:Odd",
            "distribution odd names 'odd_package.code:Odd', which is no package; an entry point",
        ),
        ("nothing.there", "distribution odd names the package 'nothing.there', which isn't there"),
        ("odd_package.none", "distribution odd names the package 'odd_package.none', which"),
    ],
)
def test_an_entry_point_that_names_no_package(site, entry, said):
    site("odd", "odd_package", "mine", entry=entry)
    (line,) = registry().faults
    assert line.startswith(said) and "mine" not in registry().methods and "direct" in registry().methods


def test_an_installation_that_can_not_be_read_stops_no_other(site, tmp_path):
    site("sound", "sound_package", "mine")
    site("odd", "odd_package", "other")
    (tmp_path / "site/odd-1.0.dist-info/entry_points.txt").write_bytes(b"[harness.plugins]\nx = \xff\xfe\n")
    registry.cache_clear()
    (line,) = registry().faults
    assert "odd-1.0.dist-info is damaged (UnicodeDecodeError: " in line
    assert {"mine", "direct"} <= {*registry().methods} and "other" not in registry().methods


def test_a_distribution_without_a_name(site):
    site("odd", "odd_package", "mine", about="Metadata-Version: 2.1\n")
    assert registry().method("mine").distribution == "" and registry().faults == []


def test_a_finder_that_fails(site, monkeypatch):
    site("odd", "odd_package", "mine")
    find = installed.importlib.util.find_spec

    def broken(name, package=None):
        if name == "odd_package":
            raise AttributeError("no loader")
        return find(name, package)

    monkeypatch.setattr(installed.importlib.util, "find_spec", broken)
    (line,) = registry().faults
    assert (
        line == "distribution odd names 'odd_package', which can't be looked for: AttributeError: no loader"
    )
    assert "direct" in registry().methods


def test_a_plugin_whose_import_fails_stops_no_other_cell(site):
    import harness
    from harness.base.errors import HarnessWarning

    (site("odd", "odd_package", "mine") / "code.py").write_text("import sys\nsys.exit(0)")
    site("sound", "sound_package", "other")
    with pytest.warns(
        HarnessWarning, match="'mine' .distribution odd. can't load odd_package.code:Odd: it called"
    ):
        odd, sound = harness.evaluate(
            "countdown", ["mine", "other"], "echo/x", limit=2, task_args={"level": 1}, progress=False
        )
    assert (odd.status, sound.status) == ("failed", "complete")
