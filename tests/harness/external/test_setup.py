"""What `harness setup` takes from a repository, by git, from a real one; and what pip says of an index."""

import json
import os
import shutil
import socket
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.base.errors import HarnessError, UsageError
from harness.cli.setup import command
from harness.external import manifest, setup


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
    assert sorted(path.name for path in place.iterdir()) == [manifest.FILE, "package"]
    assert setup.install("made-up") == place == setup.installed(recipe)
    told = json.loads((place / manifest.FILE).read_text())
    assert told["checkout"] == {
        "url": recipe["checkout"]["url"],
        "wanted": recipe["checkout"]["revision"],
        "revision": recipe["checkout"]["revision"],
        "as_wanted": True,
        "changed": False,
    }
    assert told["files"]["count"] == 2 and told["files"]["bytes"] == len("version = 1\n") + len("[]")
    assert setup.source(recipe) == {"revision": recipe["checkout"]["revision"], "pinned": True}
    assert setup.installed_otherwise(recipe) == ""


def pips(target, name, version, **files):
    """What pip makes of a distribution."""
    about = target / f"{name}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    for file, text in files.items():
        (target / f"{file}.py").write_text(text)
    listed = [*(f"{file}.py" for file in files), f"{about.name}/METADATA", f"{about.name}/RECORD"]
    (about / "RECORD").write_text("".join(f"{file},,\n" for file in listed))


def test_the_manifest_tells_what_was_installed_and_another_content_is_another(recipe, monkeypatch):
    """Two checkouts, an archive of one of them, and other libraries below."""
    library = ["2.1"]
    monkeypatch.setattr(
        setup, "_pip", lambda recipe, target: pips(target, "some-library", library[0], library="x = 1")
    )
    work = Path(recipe["checkout"]["url"].removeprefix("file://"))

    def installed(source=None):
        setup.install("made-up", overwrite=True, source=source)
        found = setup.present(recipe)
        return found["files"]["digest"], found["checkout"], found["distributions"]

    cloned, _, libraries = installed()
    assert libraries == {"some-library": "2.1"}
    newer, checkout, _ = installed(work)
    assert newer != cloned and checkout["revision"] == git(work, "rev-parse", "HEAD")
    assert (checkout["as_wanted"], checkout["changed"]) == (False, False)
    assert setup.source(recipe) == {"revision": checkout["revision"], "pinned": False}
    (work / "data" / "rows.json").write_text("[1]")
    changed, checkout, _ = installed(work)
    assert changed not in (cloned, newer) and checkout["changed"] is True
    assert "with changes" in setup.installed_otherwise(recipe)
    git(work, "checkout", "-q", "-f", recipe["checkout"]["revision"])
    archive = work.parent / "archive"
    for name in ("src", "data"):
        shutil.copytree(work / name, archive / name)
    library[0] = "2.2"
    unknown, checkout, libraries = installed(archive)
    assert unknown == cloned and libraries == {"some-library": "2.2"}, "one content, wherever it is from"
    assert (checkout["revision"], checkout["as_wanted"], checkout["changed"]) == ("unknown", None, None)
    assert setup.source(recipe) == {"revision": "unknown", "pinned": False}


def test_of_a_package_of_an_index_the_version_that_came_is_told(recipe, monkeypatch):
    del recipe["checkout"]
    recipe["requirements"], came = ["Made_Up==1.0", "other"], ["1.0"]

    def pip(recipe, target):
        pips(target, "made-up", came[0], mine="x = 1")
        pips(target, "other", "3", theirs="y = 1")

    monkeypatch.setattr(setup, "_pip", pip)
    setup.install("made-up")
    found = setup.present(recipe)
    assert found["distributions"] == {"made-up": came[0], "other": "3"} and found["files"]["count"] == 1
    assert setup.source(recipe) == {"revision": "Made_Up==1.0", "pinned": True}
    came[0] = "1.1"
    setup.install("made-up", overwrite=True)
    assert setup.source(recipe) == {"revision": "Made_Up==1.1", "pinned": False}
    assert "Made_Up==1.1, not Made_Up==1.0" in setup.installed_otherwise(recipe)


def test_files_that_are_altered_after_the_setup_are_told_and_another_content(recipe):
    place = setup.install("made-up")
    before = setup.present(recipe)
    (place / "package" / "__pycache__").mkdir()
    (place / "package" / "__pycache__" / "a.pyc").write_bytes(b"made by Python")
    setup._present.cache_clear()
    assert setup.present(recipe) == before and not before["altered"]
    (place / "package" / "__init__.py").write_text("version = 3\n")
    setup._present.cache_clear()
    after = setup.present(recipe)
    assert after["altered"] and after["files"]["digest"] != before["files"]["digest"]
    assert "harness setup made-up --overwrite" in setup.installed_otherwise(recipe)
    assert not setup.source(recipe)["pinned"]


def test_an_installation_that_says_nothing_of_itself_is_set_up_again(recipe):
    place = setup.install("made-up")
    for damage in (manifest.FILE, None):
        if damage:
            (place / damage).unlink()
        else:
            (place / manifest.FILE).write_text("{")
        assert setup.needed(recipe)
        with pytest.raises(UsageError, match="harness setup made-up"):
            setup.installed(recipe)
        assert setup.install("made-up") == place and not setup.needed(recipe)


def test_git_comes_before_pip(recipe, monkeypatch):
    monkeypatch.setattr(setup, "_pip", lambda recipe, target: pytest.fail("pip was run"))
    recipe["checkout"]["url"] = "file:///nowhere/at/all"
    with pytest.raises(HarnessError, match="git can't get"):
        setup.install("made-up")


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n"


def test_every_missing_file_of_a_checkout_is_named_with_the_cure_before_pip_runs(
    recipe, tmp_path, monkeypatch
):
    monkeypatch.setattr(setup, "_pip", lambda recipe, target: pytest.fail("pip was run"))
    recipe["checkout"]["needs"] = ["data/rows.json", "data/db.json", "data/documents", "src/package/empty.md"]
    work = tmp_path / "work"
    (work / "data" / "documents").mkdir()
    (work / "src" / "package" / "empty.md").touch()
    (work / "data" / "large.json").write_text(POINTER)
    (work / "src" / "package" / "__init__.py").unlink()
    with pytest.raises(HarnessError) as failure:
        setup.install("made-up", source=work)
    said = str(failure.value)
    assert "\n" not in said and "lacks 5 files: " in said
    for named in ("data/db.json", "data/documents", "src/package/empty.md", "src/package/__init__.py"):
        assert f"{named}, " in said or f"{named};" in said, named
    assert "data/large.json (a pointer of Git LFS)" in said and "data/rows.json" not in said
    assert f"git -C {work} lfs pull" in said and recipe["checkout"]["revision"] in said
    with pytest.raises(HarnessError, match="lacks 5 files"):
        setup.check("made-up", work)


def test_files_that_came_in_part_and_links_to_nothing_are_named_too(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "_pip", lambda recipe, target: pytest.fail("pip was run"))
    needs = ["rows.json", "half.json", "half.toml", "words.md", "documents"]
    recipe["checkout"]["needs"] = [f"data/{name}" for name in needs]
    data = tmp_path / "work" / "data"
    (data / "documents").mkdir()
    texts = {"half.json": '{"a": [1, ', "half.toml": 'a = "x', "words.md": "{", "documents/d.json": ""}
    for name, text in texts.items():
        (data / name).write_text(text)
    (data / "link.json").symlink_to(tmp_path / "nothing")
    with pytest.raises(HarnessError) as failure:
        setup.install("made-up", source=tmp_path / "work")
    damaged = ("data/documents/d.json", "data/half.json", "data/half.toml")
    told = f"lacks 4 files: data/link.json, {', '.join(f'{each} (damaged)' for each in damaged)}; a whole"
    assert told in str(failure.value) and "\n" not in str(failure.value)


def test_a_clone_that_lacks_what_git_lfs_holds_is_refused_too(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "_pip", lambda recipe, target: pytest.fail("pip was run"))
    work = tmp_path / "work"
    (work / "data" / "rows.json").write_text(POINTER)
    git(work, "commit", "-q", "-a", "-m", "third")
    recipe["checkout"]["revision"] = git(work, "rev-parse", "HEAD")
    with pytest.raises(HarnessError, match=r"lacks 1 files: data/rows.json \(a pointer.*install git-lfs"):
        setup.install("made-up")
    assert not list((tmp_path / "cache" / "setup").iterdir())


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


def said(source, *more):
    told = ["made-up", "--source", str(source), "--json", *more]
    done = CliRunner().invoke(command, told, catch_exceptions=False)
    assert done.exit_code == 0 and json.loads(done.stdout)["setups"][0]["ready"]
    return done.stderr


def test_a_checkout_at_another_revision_or_with_changes_is_taken_with_a_warning(recipe, tmp_path):
    work, first = tmp_path / "work", recipe["checkout"]["revision"]
    second = git(work, "rev-parse", "HEAD")
    (line,) = said(work).splitlines()
    assert line.startswith(f"warning: {work} is at {second[:12]}, not at {first[:12]} ")
    git(work, "checkout", "-q", first)
    assert said(work, "--overwrite") == ""
    recipe["checkout"]["revision"] = first[:10]
    assert said(work) == ""
    git(work, "tag", "v1")
    recipe["checkout"]["revision"] = "v1"
    assert said(work) == ""
    (work / "large.bin").unlink()  # is not taken
    assert said(work, "--overwrite") == ""
    (work / "data" / "rows.json").write_text("[1]")
    assert "changes of its own" in said(work, "--overwrite")


def test_that_nothing_is_taken_from_a_checkout_where_all_is_set_up_is_said(recipe, tmp_path):
    said(tmp_path / "work")
    (line,) = said(tmp_path / "work").splitlines()
    assert line.startswith("warning: made-up is set up already, so nothing is taken from ")
    assert line.endswith("--overwrite takes it")


@pytest.mark.parametrize("option", [["--source", "."], ["--overwrite"]])
def test_an_option_that_is_for_no_package_is_refused(recipe, option):
    done = CliRunner().invoke(command, option)
    assert isinstance(done.exception, UsageError)
    assert str(done.exception).startswith(f"{option[0]} is for a package that is named")


def test_a_source_archive_is_taken_as_it_is_also_within_another_repository(recipe, tmp_path):
    work = tmp_path / "work"
    (work / "inner").mkdir()
    for name in ("src", "data"):
        shutil.copytree(work / name, work / "inner" / name)
        shutil.copytree(work / name, tmp_path / "archive" / name)
    for place in (tmp_path / "archive", work / "inner"):
        (line,) = said(place).splitlines()
        assert line.startswith(f"warning: git knows no revision of {place}") and "'unknown'" in line
        shutil.rmtree(setup.folder(recipe))


def test_without_git_a_checkout_at_hand_is_taken_and_its_revision_is_unknown(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "git knows no revision" in said(tmp_path / "work")
    assert setup.present(recipe)["checkout"]["revision"] == "unknown"


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
