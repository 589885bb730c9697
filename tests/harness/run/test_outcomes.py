"""What a method may not do with its outcomes, and the one line that says so."""

import pytest

import harness
from harness import Outcome
from harness.base.errors import HarnessWarning
from harness.registry import registry


class Twice(harness.Method):
    async def answer_all(self, questions, job):
        for question in questions:
            yield Outcome(question.id, question.epoch, text="x")
            yield Outcome(question.id, question.epoch, text="y")


class Unasked(harness.Method):
    async def answer_all(self, questions, job):
        yield Outcome("nobody asked", text="x")


class Text(harness.Method):
    async def answer(self, question, job):
        return "x"


class WithoutEpoch(harness.Method):
    async def answer(self, question, job):
        return Outcome(question.id, text="x")


class Plain(harness.Method):
    def answer(self, question, job):
        return Outcome(question.id, question.epoch, text="x")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    registry.cache_clear()


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (Twice, "answered already; return job.outcome"),
        (Unasked, "'nobody asked' of epoch 0, which was not asked"),
        (Text, "gave str, not an Outcome; return job.outcome"),
        (WithoutEpoch, "which names question and epoch"),
        (Plain, "async def answer"),
    ],
)
def test_an_outcome_that_is_none_ends_the_run_in_one_line(method, said):
    with pytest.warns(HarnessWarning, match=said):
        (run,) = harness.evaluate("arc1d", method, "echo/x", limit=2, epochs=2, progress=False)
    assert run.status == "failed" and "\n" not in str(run.error)


def test_a_default_is_read_as_a_given_value_is():
    class Warm(harness.Method):
        def __init__(self, temperature: float = 1):
            pass

        async def answer(self, question, job):
            return Outcome(question.id, question.epoch, text="x")

    (first,) = harness.evaluate("arc1d", Warm, "echo/x", limit=2, progress=False)
    (again,) = harness.evaluate(
        "arc1d", Warm, "echo/x", limit=2, progress=False, method_args={"temperature": 1}
    )
    assert again.record.get("reused") and again.id == first.id
