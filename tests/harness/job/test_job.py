"""Artefacts of `fit`: finished or absent, whatever happens to the process that makes them."""

import signal
import subprocess
import sys
import threading

import pytest

from harness.data.hub import Data
from harness.job import Job, Models
from harness.job.files import MANIFEST
from harness.model.budget import Budget
from harness.model.echo import Echo
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.registry import registry
from harness.testing import TINY, TinyTask
from tests.holder import holder

__all__ = ["holder"]

HALF = """
import sys, time
from test_job import job
with job().files.artifact("key") as made:
    assert not made.exists
    (made.path / "weights").write_text("ha")
    print("half", flush=True)
    time.sleep(60)
"""


def job(**more):
    task = TinyTask(TINY, {})
    return Job(
        task=task,
        method=registry().method("direct"),
        splits=task.load(Data()),
        **more,
        models=Models(
            model=Model(Echo("red"), ledger=Ledger(), budget=Budget()),
        ),
    )


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    return tmp_path / "artifacts"


def fill(text="whole"):
    with job().files.artifact("key") as made:
        if not made.exists:
            assert not list(made.path.iterdir())
            (made.path / "weights").write_text(text)
    return (made.path / "weights").read_text()


def test_a_killed_fit_leaves_no_artifact(cache):
    code = f"import sys; sys.path.insert(0, {str(__file__).rpartition('/')[0]!r})\n{HALF}"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [path.read_text() for path in cache.glob("*/weights")] == ["ha"]  # the kill came half-way
    with job().files.artifact("key") as made:
        assert not made.exists and not list(made.path.iterdir())
        (made.path / "weights").write_text("whole")
    assert made.path.name.isalnum() and (made.path / "weights").read_text() == "whole"
    with job().files.artifact("key") as again:
        assert again.exists and again.path == made.path
    with job().files.artifact("other") as other:
        assert not other.exists


def test_a_failed_fit_leaves_nothing(cache):
    with pytest.raises(ZeroDivisionError), job().files.artifact("key") as made:
        (made.path / "weights").write_text("ha")
        raise ZeroDivisionError
    assert not list(cache.iterdir())
    assert fill() == "whole"


def test_the_faster_of_two_stays(cache):
    with job().files.artifact("key") as slow:
        assert fill("first") == "first"
        (slow.path / "weights").write_text("second")
    assert (slow.path / "weights").read_text() == "first"
    assert len(list(cache.iterdir())) == 1


def test_questions_of_the_run():
    assert job().data.n_questions == 6 and job(n_questions=30).data.n_questions == 30
    with pytest.raises(AttributeError):
        job().data.n_questions = 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "weights").write_text("whale"),
        lambda folder: (folder / "weights").write_text(""),
        lambda folder: (folder / "weights").unlink(),
        lambda folder: (folder / "more").write_text("x"),
        lambda folder: (folder / "weights").rename(folder / "other"),
        lambda folder: (folder / MANIFEST).write_text("{"),
        lambda folder: (folder / MANIFEST).write_text("[]"),
        lambda folder: (folder / MANIFEST).write_text('{"digest": "x"}'),
    ],
)
def test_a_damaged_artifact_is_a_miss_with_a_notice(cache, damage):
    fill()
    (made,) = cache.iterdir()
    held = job()
    notices = []
    held.files.notice = notices.append
    assert held.files.find("key") == made and not notices
    damage(made)
    assert held.files.find("key") is None and not held.files.has("key")
    assert len(notices) == 1 and "is damaged, and made again" in notices[0]
    assert fill("again") == "again" and len(list(cache.iterdir())) == 1


def test_an_artifact_of_an_earlier_version_is_found(cache):
    fill()
    (made,) = cache.iterdir()
    (made / MANIFEST).unlink()
    assert job().files.find("key") == made


def test_of_two_processes_one_makes_the_artifact_and_the_other_waits(cache, holder):
    assert fill("theirs") == "theirs"
    (made,) = cache.iterdir()
    made.rename(cache / "theirs.part")  # it isn't there yet
    process = holder(made.with_suffix(".lock"))

    def finish():
        (cache / "theirs.part").rename(made)
        process.kill()

    held, notices = job(), []
    held.files.notice = notices.append
    threading.Timer(0.4, finish).start()
    with held.files.artifact("key") as found:
        assert found.exists and found.path == made and (made / "weights").read_text() == "theirs"
    assert len(notices) == 1 and "process 4711 on elsewhere makes what" in notices[0]
    assert list(cache.iterdir()) == [made]
