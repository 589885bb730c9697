"""What `harness setup` takes from a repository: by git, from a real one."""

import shutil
import subprocess

import pytest

from harness import setup
from harness.errors import HarnessError


def git(place, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    done = subprocess.run(["git", "-C", place, *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository behind git's own protocol, and its first of two commits."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    work = tmp_path / "work"
    (work / "src" / "package").mkdir(parents=True)
    (work / "data").mkdir()
    (work / "src" / "package" / "__init__.py").write_text("version = 1\n")
    (work / "data" / "rows.json").write_text("[]")
    (work / "large.bin").write_bytes(b"x" * 1000)
    git(work, "init", "-q")
    git(work, "config", "uploadpack.allowFilter", "true")
    git(work, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(work, "add", ".")
    git(work, "commit", "-q", "-m", "first")
    first = git(work, "rev-parse", "HEAD")
    (work / "src" / "package" / "__init__.py").write_text("version = 2\n")
    git(work, "commit", "-q", "-a", "-m", "second")
    return f"file://{work}", first


@pytest.fixture
def recipe(repository, tmp_path, monkeypatch):
    """A recipe that wants the first commit, and nothing of a package index."""
    url, revision = repository
    made = {"name": "made-up", "requirements": ["none"], "verify": "tests.harness.test_setup:verify",
            "checkout": {"url": url, "revision": revision,
                         "take": {"src/package": "package", "data": "package/data"}}}  # fmt: skip
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(setup, "recipes", lambda: {"made-up": made})
    monkeypatch.setattr(setup, "_pip", lambda recipe, target: None)
    monkeypatch.setattr(setup.importlib, "import_module", lambda name: type("fixture", (), {
        "verify": staticmethod(lambda place: None)}))  # fmt: skip
    return made


def test_the_wanted_folders_come_at_the_wanted_revision(recipe):
    place = setup.install("made-up")
    assert (place / "package" / "__init__.py").read_text() == "version = 1\n"
    assert (place / "package" / "data" / "rows.json").exists()
    assert sorted(path.name for path in place.iterdir()) == ["package"]
    assert setup.install("made-up") == place == setup.installed(recipe)


@pytest.mark.parametrize(
    ("change", "why"),
    [({"url": "file:///nowhere/at/all"}, "does not appear to be a git repository|does not exist"),
     ({"url": "https://127.0.0.1:1/a/b"}, "unable to access|Failed to connect"),
     ({"revision": "0" * 40}, "0{40}"), ({"take": {"no/such": "package"}}, "has no folder no/such")],
)  # fmt: skip
def test_what_git_can_not_get_is_said_and_nothing_stays(recipe, tmp_path, change, why):
    recipe["checkout"].update(change)
    with pytest.raises(HarnessError, match=why) as failure:
        setup.install("made-up")
    assert "setup of made-up" in str(failure.value) and "\n" not in str(failure.value)
    assert not list((tmp_path / "cache" / "setup").iterdir())


def test_without_git_that_is_said(recipe, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HarnessError, match="git is not installed"):
        setup.install("made-up")
