"""What plugins give that can be kept is sealed plain, and what was answered before what can't be stays."""

import asyncio
import enum
import types

import numpy as np
import pytest
from scipy.sparse import csr_array

from harness import Method, Outcome, Score
from harness.model.embed import Embedder
from harness.model.ledger import Usage
from harness.results.verify import verify_samples
from harness.run import execute, prepare
from harness.run.journal import ATTEMPTS
from harness.testing import TinyTask
from tests.one_cell import (
    HUGE,
    INF,
    NAN,
    Same,
    cell_of,
    deep,
    fails,
    fits,
    has,
    item,
    laughs,
    loads,
    of_the_set,
    rows,
    run,
    says,
    scores,
)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


class Colour(enum.IntEnum):
    RED = 1


class Slow(Method):
    """Takes long enough for calls of a cell before to end, were they not stopped."""

    async def answer(self, question, job):
        await asyncio.sleep(0.1)
        return Outcome(question.id, question.epoch, "red")


def value(name):
    """What is sealed in a column of the first attempt."""
    return lambda row, record: row[name]


def given(row, record):
    return row["given_answer"]


def score(row, record):
    return row["accuracy"]


def seen(name):
    """What the record says was read."""
    return lambda row, record: record["data_access"][name]


SEALED = [
    (says(answer=Same("blue")), score, 0.0),  # the target is red, and equal to it
    (says(answer=Same("blue")), given, '"blue"'),
    (has(parse=lambda self, text, question: Same("blue")), score, 0.0),
    (says(answer=("a", ["b"])), given, '["a",["b"]]'),
    (says(answer=Colour.RED), given, "1"),
    (says(answer=np.float64(0.5)), given, "0.5"),
    (says(answer={Same("a"): 1}), given, '{"a":1}'),
    (says(answer=10**299), given, str(10**299)),
    (says(answer=-0.0), given, "-0.0"),
    (says(answer="\x00\u2028"), given, '"\\u0000\u2028"'),
    (says(answer=deep(60)), lambda row, record: len(row["given_answer"]), 121),
    (says(text="half \ud800"), value("completion"), "half \ufffd"),
    (has(parse=lambda self, text, question: ["\ud800"]), value("answer"), '["\ufffd"]'),
    (has(parse=lambda self, text, question: [NAN]), value("answer"), None),  # a model may write it
    (has(parse=lambda self, text, question: HUGE), value("reason"), "no statement"),
    (has(parse=lambda self, text, question: laughs()), value("status"), "ok"),
    (says(error="\udfff said the server"), value("reason"), "\ufffd said the server"),
    (says(unscored="\udfff said the user"), value("reason"), "\ufffd said the user"),
    (says(stop_reason=Same("stop")), value("stop_reason"), "stop"),
    (says(confidence=1), value("confidence"), 1.0),
    (says(confidence=np.float64(0.25)), value("confidence"), 0.25),
    (says(trace=types.MappingProxyType({"a": (1, 2)})), value("trace"), '{"a":[1,2]}'),
    (says(trace={"said": "\ud800"}), value("trace"), '{"said":"\ufffd"}'),
    (says(trace={}), value("trace"), None),
    (says(measures={"b": 2, "a": 1}), value("trace"), '{"measures":{"a":1.0,"b":2.0}}'),
    (scores(Score({"accuracy": True})), score, 1.0),
    (scores(Score({"accuracy": 1})), score, 1.0),
    (scores(Score({"accuracy": np.float64(1)})), score, 1.0),
    (scores(Score({"accuracy": 1 + 1e-12})), score, 1 + 1e-12),
    (scores(Score(types.MappingProxyType({"accuracy": 0}))), score, 0.0),
    (scores(Score({}, "unscored", "\ud800")), value("reason"), "\ufffd"),
    (has(score=fails), value("reason"), "LookupError: gone"),
    (has(score_all=lambda self, samples, outcomes: [Score({})]), value("status"), "unscored"),
    (of_the_set({"spread": 1}), lambda row, record: record["metrics"]["spread"]["value"], 1.0),
    (of_the_set({"spread": None}), lambda row, record: "spread" in record["metrics"], False),
    (loads(item(target=("red", 1))), value("target"), '["red",1]'),
    (fits(lambda job: job.access.update({"steps": 3})), seen("steps"), 3),
    (fits(lambda job: job.access.update({"labels_seen": 0})), seen("labels_seen"), 9),
    (says(trace={"said": 1}), score, 1.0),  # the answer that was read is scored beside a trace too
    (fits(lambda job: job.training.charge("t", Usage(seconds=-1e-15))), value("status"), "ok"),
]


@pytest.mark.parametrize(("plugin", "look", "wanted"), SEALED)
def test_what_can_be_kept_is_sealed_plain_and_its_record_is_sound(plugin, look, wanted, tmp_path):
    (result,) = run(tmp_path, cell_of(**plugin)).results
    assert result.error is None
    found = look(rows(result.record)[0], result.record)
    assert (type(found), found) == (type(wanted), wanted)
    verify_samples(result.record)


def test_what_was_answered_before_is_kept_and_not_asked_again(tmp_path):
    asked = []

    class Late(Method):
        async def answer_all(self, questions, job):
            for question in questions:
                asked.append(question.id)
                bad = len(asked) == 4
                yield Outcome(question.id, question.epoch, "red", answer=NAN if bad else "red")

    (bad,) = run(tmp_path, cell_of(Late)).results
    assert "question 'test3'" in str(bad.error) and "it holds nan" in str(bad.error)
    (journal,) = tmp_path.rglob(ATTEMPTS)
    assert len(journal.read_text().splitlines()) == 3
    (good,) = run(tmp_path, cell_of(Late)).results
    assert good.status == "complete"
    assert asked == ["test0", "test1", "test2", "test3", "test3", "test4", "test5"]


def test_a_bad_outcome_ends_the_calls_that_are_under_way(tmp_path):
    calls = []

    class Paid(Method):
        async def answer(self, question, job):
            if question.id == "test0":
                return Outcome(question.id, question.epoch, None)
            calls.append("begun")
            await asyncio.sleep(0.05)
            calls.append("ended")
            return Outcome(question.id, question.epoch, "red")

    bad, good = run(tmp_path, cell_of(Paid), cell_of(Slow, name="sound-task")).results
    assert "its text is None" in str(bad.error) and good.status == "complete"
    assert calls and "ended" not in calls


def test_a_scorer_changes_nothing_of_what_is_kept(tmp_path):
    class Careless(TinyTask):
        def score(self, sample, outcome):
            outcome.answer.append("more")
            outcome.trace["messages"].clear()
            return Score({"accuracy": 1.0})

    plugin = says(answer=["red"], trace={"messages": ["hello"]})
    (result,) = run(tmp_path, cell_of(task=Careless, **plugin)).results
    first = rows(result.record)[0]
    assert (first["given_answer"], first["trace"]) == ('["red"]', '{"messages":["hello"]}')


def test_a_fault_of_the_harness_itself_is_a_line_of_its_cell_too(tmp_path, monkeypatch):
    broken, real = [], execute.run_cell

    async def once(cell, session):
        if not broken:
            broken.append(cell)
            raise ZeroDivisionError("division by zero")
        return await real(cell, session)

    monkeypatch.setattr(execute, "run_cell", once)
    grid = run(tmp_path, cell_of(), cell_of(name="sound-task"))
    bad, good = grid.results
    assert str(bad.error).startswith("nobody foresaw at test_sealed_plain.py:") and grid.exit_code == 1
    assert "ZeroDivisionError: division by zero" in str(bad.error) and good.status == "complete"


@pytest.mark.parametrize(
    ("vectors", "line"),
    [
        (np.ones((2, 3)), "embedder odd gave 2 vectors for 9 texts"),
        (
            np.full((9, 3), NAN),
            "embedder odd: the vectors of 9 of 9 texts hold NaN",
        ),
        (
            csr_array(np.full((9, 3), INF)),
            "embedder odd: the vectors of some of 9 texts hold NaN",
        ),
        (np.ones((9, 3)), None),
        (csr_array(np.ones((9, 3))), None),
    ],
)
def test_an_embedder_gives_a_finite_vector_for_every_text(vectors, line, tmp_path, monkeypatch):
    class Odd(Embedder):
        name = "odd"

        def embed(self, texts):
            return vectors

    class Embeds(Method):
        needs = ("labelled", "embedder")

        async def fit(self, job):
            job.embed([sample.question.input for sample in job.data.train])

        async def answer(self, question, job):
            return Outcome(question.id, question.epoch, "red")

    monkeypatch.setattr(prepare, "open_embedder", lambda cell, task: Odd())
    (result,) = run(tmp_path, cell_of(Embeds)).results
    assert (result.error is None) if line is None else (line in str(result.error))
