"""What `harness setup` takes from a repository, by git, from a real one; and what pip says of an index."""

import json
import os
import shutil
import socket
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from harness.base.errors import HarnessError, UsageError
from harness.cli.setup import command
from harness.external import setup


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
    made = {
        "name": "made-up",
        "requirements": ["none"],
        "verify": "tests.harness.test_setup:verify",
        "checkout": {
            "url": url,
            "revision": revision,
            "take": {"src/package": "package", "data": "package/data"},
        },
    }
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(setup, "recipes", lambda: {"made-up": made})
    monkeypatch.setattr(setup, "_pip", lambda recipe, target: None)
    monkeypatch.setattr(
        setup.importlib,
        "import_module",
        lambda name: type("fixture", (), {"verify": staticmethod(lambda place: None)}),
    )
    return made


def test_the_wanted_folders_come_at_the_wanted_revision(recipe):
    place = setup.install("made-up")
    assert (place / "package" / "__init__.py").read_text() == "version = 1\n"
    assert (place / "package" / "data" / "rows.json").exists()
    assert sorted(path.name for path in place.iterdir()) == ["package"]
    assert setup.install("made-up") == place == setup.installed(recipe)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"url": "file:///nowhere/at/all"}, "does not appear to be a git repository|does not exist"),
        ({"url": "https://127.0.0.1:1/a/b"}, "unable to access|Failed to connect"),
        ({"revision": "0" * 40}, "0{40}"),
        ({"take": {"no/such": "package"}}, "has no folder no/such"),
    ],
)
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


def test_a_wrong_checkout_is_refused_before_pip_runs(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "_pip", lambda recipe, target: pytest.fail("pip was run"))
    with pytest.raises(HarnessError, match=f"{tmp_path} has no folder src/package"):
        setup.install("made-up", source=tmp_path)


def test_a_checkout_is_refused_where_nothing_is_taken_from_one(recipe, tmp_path):
    del recipe["checkout"]
    with pytest.raises(UsageError, match="setup of made-up takes nothing from a checkout"):
        setup.install("made-up", source=tmp_path)


def said(source):
    done = CliRunner().invoke(command, ["made-up", "--source", str(source), "--json"], catch_exceptions=False)
    assert done.exit_code == 0 and json.loads(done.stdout)["setups"][0]["ready"]
    return done.stderr


def test_a_checkout_at_another_revision_or_with_changes_is_taken_with_a_warning(recipe, tmp_path):
    work, first = tmp_path / "work", recipe["checkout"]["revision"]
    second = git(work, "rev-parse", "HEAD")
    (line,) = said(work).splitlines()
    assert line.startswith(f"warning: {work} is at {second[:12]}, not at {first[:12]} ")
    git(work, "checkout", "-q", first)
    assert said(work) == ""
    recipe["checkout"]["revision"] = first[:10]
    assert said(work) == ""
    git(work, "tag", "v1")
    recipe["checkout"]["revision"] = "v1"
    assert said(work) == ""
    (work / "large.bin").unlink()  # is not taken
    assert said(work) == ""
    (work / "data" / "rows.json").write_text("[1]")
    assert "changes of its own" in said(work)


def test_a_source_archive_is_taken_as_it_is_also_within_another_repository(recipe, tmp_path):
    work = tmp_path / "work"
    (work / "inner").mkdir()
    for name in ("src", "data"):
        shutil.copytree(work / name, work / "inner" / name)
        shutil.copytree(work / name, tmp_path / "archive" / name)
    assert said(tmp_path / "archive") == said(work / "inner") == ""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        return None


@pytest.fixture
def index(tmp_path):
    """The address of a package index that holds one file of `held`, on a host that is down."""
    held = tmp_path / "index" / "held"
    held.mkdir(parents=True)
    (held / "index.html").write_text(
        '<a href="http://127.0.0.1:9/held-1.0-py3-none-any.whl">held-1.0-py3-none-any.whl</a>'
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "index"))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """What a failing `pip install` of a requirement comes to, with an index and other settings of pip."""
    for name in os.environ:
        if name.startswith("PIP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    def failure(requirement, index, **settings):
        monkeypatch.setenv("PIP_INDEX_URL", index)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(HarnessError) as failed:
            setup._pip({"name": "made-up", "requirements": [requirement]}, tmp_path / "target")
        assert "\n" not in str(failed.value)
        return str(failed.value)

    return failure


@pytest.mark.parametrize(
    ("address", "settings", "why"),
    [
        ("http://127.0.0.1:9/simple", {}, "Connection refused"),
        ("http://127.0.0.1:9/simple", {"PIP_RETRIES": "0"}, "Connection refused"),
        ("https://no-such-host.invalid/simple", {}, "no-such-host.invalid"),
        ("https://no-such-host.invalid/simple", {"PIP_PROXY": "http://127.0.0.1:9"}, "roxy"),
        ("http://no-such-host.invalid/simple", {}, "not a trusted or secure host"),
    ],
)
def test_an_index_that_is_not_reached_is_no_missing_package(pip, address, settings, why):
    said = pip("held==1.0", address, **settings)
    assert said.startswith("setup of made-up: pip can't get ") and why in said and "PIP_INDEX_URL" in said
    assert "from versions" not in said


def test_an_index_that_does_not_answer_in_time(pip):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        said = pip("held==1.0", address, PIP_DEFAULT_TIMEOUT="1", PIP_RETRIES="0")
    assert f"can't get {address}" in said and ("respond" in said or "timed out" in said)


def test_the_password_of_an_index_is_not_shown(pip):
    assert "secret" not in pip("held==1.0", "http://me:secret@127.0.0.1:9/simple")


def test_what_a_reachable_index_does_not_have_is_said_to_be_missing(pip, index):
    for requirement, versions in (("held==2.0", "1.0"), ("not-held==1.0", "none")):
        said = pip(requirement, index)
        assert f"{requirement} (from versions: {versions}); no package index" in said
        assert "can't get" not in said and "PIP_INDEX_URL" not in said


def test_a_file_that_can_not_be_fetched_is_named(pip, index):
    said = pip("held==1.0", index)
    assert "127.0.0.1" in said and "held-1.0-py3-none-any.whl" in said and "refused" in said.lower()
