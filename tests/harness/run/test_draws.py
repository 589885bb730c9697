"""What a record says of the draws that all items of its run share, whatever happens to the run."""

import multiprocessing

import pytest

from harness.comparison.arms import arms_of
from harness.registry import registry
from harness.results.index import read_index
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.testing import seal_scores

METHOD = '''
import os, signal
from pathlib import Path
from harness import Method

PLACE = Path(__file__).parent

def die(when):
    """Once, as kill -9 does it."""
    if (PLACE / "die").exists() and (PLACE / "die").read_text() == when:
        (PLACE / "die").unlink()
        os.kill(os.getpid(), signal.SIGKILL)

class Late(Method):
    draws = "none"
    told = ()

    async def fit(self, job):
        if self.told:
            job.drew(*self.told)

    async def answer_all(self, questions, job):
        for n, question in enumerate(questions):
            if question.id == self.late(job):
                job.rng("late")
            yield job.outcome(question, await job.model.generate(question, job.ask(question)))
            die("answering")
        die("sealing")

    def late(self, job):
        return ""

class First(Late):
    """Draws for all where it answers the first question, and never after."""

    def late(self, job):
        return job._splits.test[0].id

class Told(Late):
    told = ("a", ["b"])

class Odd(Late):
    def drawing(self):
        return "some"

class Broken(Late):
    def drawing(self):
        return 1 / 0
'''


@pytest.fixture
def methods(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "late.py").write_text(METHOD)
    registry.cache_clear()
    yield tmp_path
    registry.cache_clear()


def go(place, method, out="out", model="echo/red", **more):
    request = Request(
        "countdown", f"{place}/late.py:{method}", model, task_args={"level": 1}, limit=3, **more
    )
    return run_grid(plan(request), Session(Store(place / out)))


def record_of(grid):
    (result,) = grid.results
    assert result.record, result.error
    return result.record


@pytest.mark.parametrize(
    ("method", "draws", "told"), [("Late", "none", False), ("First", "run", False), ("Told", "run", True)]
)
def test_a_declared_none_is_overruled_by_what_the_run_does(methods, method, draws, told):
    spec = registry().method(f"{methods}/late.py:{method}")
    assert spec.draws == "none" and spec.fits
    record = record_of(go(methods, method))
    assert (record["draws"], bool(record["draw_digest"])) == (draws, told)


@pytest.mark.parametrize("when", ["answering", "sealing"])
@pytest.mark.parametrize("method", ["First", "Told"])
def test_a_killed_run_records_the_same(methods, method, when):
    whole = record_of(go(methods, method, "whole"))
    (methods / "die").write_text(when)
    victim = multiprocessing.get_context("spawn").Process(target=go, args=(methods, method, "killed"))
    victim.start()
    victim.join(120)
    assert victim.exitcode == -9 and list(methods.glob("killed/.running/*/samples.jsonl"))
    resumed = record_of(go(methods, method, "killed"))
    for key in ("draws", "draw_digest", "result_digest"):
        assert resumed[key] == whole[key]


@pytest.mark.parametrize(
    ("method", "says"),
    [("Odd", "drawing() gives 'some', not one of"), ("Broken", "ZeroDivisionError: division by zero")],
)
def test_a_method_that_says_nonsense_is_named_before_it_asks(methods, method, says):
    (result,) = go(methods, method).results
    assert says in str(result.error) and not list(methods.glob("out/v1"))


def test_of_recorded_answers_nobody_knows_but_the_user(methods):
    answers = methods / "answers.jsonl"
    answers.write_text("".join(f'{{"index": {n}, "completion": "1 + 1"}}\n' for n in range(3)))
    model = f"recorded/{answers}"
    assert record_of(go(methods, "Late", model=model))["draws"] is None
    for said in ("none", "run"):
        assert record_of(go(methods, "Late", said, model=model, draws=said))["draws"] == said
    assert record_of(go(methods, "First", "first", model=model, draws="none"))["draws"] == "run"


def test_arms_say_what_is_drawn_and_whether_it_is_told(tmp_path):
    def arm(name, *said):
        for seed, (draws, told) in enumerate(said):
            seal_scores(tmp_path / name, [0, 1], seed=seed, draws=draws, draw_digest=told)
        (found,) = arms_of(read_index(tmp_path / name).rows)
        return found.draws, found.draw_digests

    assert arm("none", ("none", None), ("none", None)) == (False, None)
    assert arm("told", ("run", "a"), ("run", "b")) == (True, ["a", "b"])
    assert arm("in part", ("run", "a"), ("run", None)) == (True, None)
    assert arm("unknown", ("none", None), (None, None)) == (None, None)
    assert arm("once", ("none", None), ("run", None)) == (True, None)
