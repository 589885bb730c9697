"""Plugins that give what nobody can keep, and the one line that each of them gets: its cell ends, the grid
goes on, and the exit code says so."""

import asyncio
import enum
import types

import numpy as np
import pytest

from harness import Method, Outcome, Question, Sample, Score, Splits
from harness.model.ledger import Usage
from harness.results.verify import verify_samples
from harness.run import execute
from harness.run.journal import ATTEMPTS
from harness.sample import LazySamples
from harness.stats import Estimate
from harness.testing import TinyTask
from tests.one_cell import cell_of, rows, run

NAN, INF, HUGE = float("nan"), float("inf"), 10**400


class Same(str):
    """A text that is equal to everything."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


class Sly(Outcome):
    """An outcome whose text can't be looked at."""

    __slots__ = ()

    @property
    def text(self):
        raise LookupError("no text today")

    @text.setter
    def text(self, value):
        pass


def itself():
    found = []
    found.append(found)
    return found


def deep(levels):
    found = 0
    for _ in range(levels):
        found = [found]
    return found


def laughs():
    """Ten lists of ten lists, and so on: 10^30 values in a few objects."""
    found = ["ha"] * 10
    for _ in range(30):
        found = [found] * 10
    return found


def says(**fields):
    """A method whose outcomes have these fields."""

    class Says(Method):
        async def answer(self, question, job):
            return Outcome(**{"question_id": question.id, "epoch": question.epoch, "text": "red", **fields})

    return {"method": Says}


def gives(make):
    """A method that returns what `make` makes of a question."""

    class Gives(Method):
        async def answer(self, question, job):
            return make(question)

    return {"method": Gives}


def streams(make):
    """A method that answers all at once."""

    class Streams(Method):
        def answer_all(self, questions, job):
            return make(questions)

    return {"method": Streams}


async def twice(questions):
    for question in questions:
        yield Outcome(question.id, question.epoch, "red")
        yield Outcome(question.id, question.epoch, "blue")


async def silent(questions):
    for question in list(questions)[1:]:
        yield Outcome(question.id, question.epoch, "red")


def fits(do):
    """A method that does something with its job before it answers."""

    class Fits(Method):
        needs = ("labelled",)

        async def fit(self, job):
            assert len(job.data.train) == 9
            do(job)

        async def answer(self, question, job):
            return Outcome(question.id, question.epoch, "red")

    return {"method": Fits}


def has(**members):
    """A method or a task with these members, by which of the two has them."""
    base = Method if hasattr(Method, next(iter(members))) else TinyTask
    if base is Method:

        async def answer(self, question, job):
            return Outcome(question.id, question.epoch, "red")

        members.setdefault("answer", answer)
    return {"method" if base is Method else "task": type("Has", (base,), members)}


def scores(value, **spec):
    """A task that gives every outcome this score."""
    return {**has(score=lambda self, sample, outcome: value), **spec}


def of_the_set(value):
    return {**has(measure_set=lambda self, splits, samples, outcomes: value), "set_metrics": {"spread": 1.0}}


def loads(made):
    """A task that loads this; samples are made of keywords."""
    return has(load=lambda self, data: made() if callable(made) else made)


def item(id="q0", input="the red thing", target="red", **more):
    choices = more.pop("choices", ())
    return Splits([Sample(Question(id, input, choices=choices), target, **more)])


def fails(*_):
    raise LookupError("gone")


def generator(_):
    yield Outcome("test0", 0, "red")


ESTIMATE = Estimate(0.5, NAN, None, "none", None, None, 6, None)
LEFT = "method 'strange' left"
KEPT = "method 'strange' gave for question 'test0' an outcome that can't be kept: "
SCORE = "task 'strange-task' (distribution method-harness) gave for question 'test0'"
SET = "task 'strange-task' (distribution method-harness) gave for the whole set"
TASK = "task 'strange-task' (distribution method-harness) gave"

OUTCOMES = [
    (says(answer=NAN), KEPT + "its answer: it holds nan, which is no number of JSON"),
    (says(answer={"a": [1, -INF]}), KEPT + "its answer: it holds -inf, which is no number of JSON"),
    (says(answer=HUGE), KEPT + "its answer: it holds a whole number of more than 300 digits"),
    (says(answer="\ud800"), KEPT + "its answer: it holds half a character (a lone surrogate)"),
    (says(answer={"\udfff": 1}), KEPT + "its answer: it holds half a character (a lone surrogate)"),
    (says(answer={1: "a"}), KEPT + "its answer: it holds the key 1, which is no text"),
    (says(answer={(1, 2): "a"}), KEPT + "its answer: it holds the key a tuple, which is no text"),
    (says(answer={"red"}), KEPT + "its answer: it holds a set, which JSON doesn't know"),
    (says(answer=b"red"), KEPT + "its answer: it holds a bytes, which JSON doesn't know"),
    (says(answer=[object()]), KEPT + "its answer: it holds a object, which JSON doesn't know"),
    (says(answer=np.float32(1)), KEPT + "its answer: it holds a float32, which JSON doesn't know"),
    (says(answer=np.array([1.0])), KEPT + "its answer: it holds a ndarray, which JSON doesn't know"),
    (says(answer=itself()), KEPT + "its answer: it is nested in more than 64 levels"),
    (says(answer=deep(100)), KEPT + "its answer: it is nested in more than 64 levels"),
    (says(confidence=NAN), KEPT + "its confidence is nan, not a finite number"),
    (says(confidence=INF), KEPT + "its confidence is inf, not a finite number"),
    (says(confidence=HUGE), KEPT + "its confidence is a whole number of more than 300 digits"),
    (says(confidence=1e300), KEPT + "its confidence is 1e+300, which is beyond 1e+100"),
    (says(confidence="high"), KEPT + "its confidence is 'high', not a number"),
    (says(confidence=True), KEPT + "its confidence is True, not a number"),
    (says(text=None), KEPT + "its text is None, not text"),
    (says(text=b"red"), KEPT + "its text is a bytes, not text"),
    (says(stop_reason=None), KEPT + "its stop_reason is None, not text"),
    (says(error=5), KEPT + "its error is 5, not text"),
    (says(unscored=["x"]), KEPT + "its unscored is a list, not text"),
    (says(error="x", declined="maybe"), KEPT + "its declined is 'maybe', not one of refused, filtered"),
    (says(error="x", declined=Same("maybe")), KEPT + "its declined is 'maybe', not one of"),
    (says(thought_alone="no"), KEPT + "its thought_alone is 'no', neither true nor false"),
    (says(trace=["said"]), KEPT + "its trace is a list, not a dict"),
    (says(trace={"a": {"b": NAN}}), KEPT + "its trace: it holds nan"),
    (says(trace={1: 2}), KEPT + "its trace: it holds the key 1, which is no text"),
    (says(trace={"user_retries": "many"}), KEPT + "user_retries of its trace is 'many', not a whole number"),
    (
        says(trace={"judge_errors": -1}),
        KEPT + "judge_errors of its trace is -1, not a number from 0 to 2**53",
    ),
    (says(trace={"judge_errors": 1.5}), KEPT + "judge_errors of its trace is 1.5, not a whole number"),
    (says(trace={"measures": 1}, measures={"a": 1.0}), KEPT + "its trace has the key 'measures'"),
    (says(measures={"a": NAN}), KEPT + "measure 'a' is nan, not a finite number"),
    (says(measures={"a": HUGE}), KEPT + "measure 'a' is a whole number of more than 300 digits"),
    (says(measures={"a": 1e200}), KEPT + "measure 'a' is 1e+200, which is beyond 1e+100"),
    (says(measures={"a": True}), KEPT + "measure 'a' is True, not a number"),
    (says(measures={"A b": 1.0}), KEPT + "measure 'A b'; a name has small letters"),
    (says(measures={3: 1.0}), KEPT + "measure 3; a name has small letters"),
    (says(measures=[1.0]), KEPT + "measures is list, not numbers by name"),
    (says(measures={f"m{n}": 1.0 for n in range(33)}), KEPT + "33 measures; an outcome may have 32"),
    (
        says(question_id="nobody"),
        "method 'strange' answered question 'nobody' of epoch 0, which was not asked",
    ),
    (says(question_id=Same("x")), "method 'strange' answered question 'x' of epoch 0, which was not asked"),
    (says(question_id=7), "an outcome that can't be kept: its question_id is 7, not text"),
    (says(question_id=None), "method 'strange' gave its question_id is None"),
    (says(question_id=["x"]), "its question_id is a list, not text"),
    (says(question_id="\ud800"), "its question_id: it holds half a character"),
    (says(epoch=1), "answered question 'test0' of epoch 1, which was not asked or is answered already"),
    (says(epoch=-1), "answered question 'test0' of epoch -1, which was not asked"),
    (
        says(epoch=10**30),
        "answered question 'test0' of epoch 1000000000000000000000000000000, which was not asked",
    ),
    (says(epoch=False), KEPT + "its epoch is False, not a whole number"),
    (says(epoch=0.0), KEPT + "its epoch is 0.0, not a whole number"),
    (says(epoch="0"), KEPT + "its epoch is '0', not a whole number"),
    (gives(lambda question: None), "gave NoneType, not an Outcome; return job.outcome(question, output)"),
    (gives(lambda question: {"text": "red"}), "gave dict, not an Outcome"),
    (gives(lambda question: Outcome), "gave type, not an Outcome"),
    (gives(lambda question: KeyboardInterrupt()), "gave KeyboardInterrupt, not an Outcome"),
    (gives(lambda question: Sly(question.id)), "answer of 'strange' failed at test_misbehaving.py:"),
    (gives(fails), "answer of 'strange' failed at test_misbehaving.py:"),
    (streams(twice), "of epoch 0, which was not asked or is answered already"),
    (streams(silent), LEFT + " 1 of 6 questions unanswered"),
    (streams(lambda questions: None), "answer of 'strange' failed"),
    (streams(generator), "answer of 'strange' failed"),
    (streams(fails), "LookupError: gone"),
]

JOBS = [
    (fits(lambda job: job.access.clear()), "lowers what it read (labels_seen), which stays in the record"),
    (fits(lambda job: job.access.pop("labels_seen")), "lowers what it read (labels_seen)"),
    (fits(lambda job: job.access.update(labels_seen=0)), "lowers what it read (labels_seen)"),
    (fits(lambda job: setattr(job, "access", {})), "fit of 'strange' failed"),
    (
        fits(lambda job: job.access.update(steps=-1)),
        "job.access['steps'] is -1, not a number from 0 to 2**53",
    ),
    (fits(lambda job: job.access.update(steps=NAN)), "job.access['steps'] is nan, not a whole number"),
    (
        fits(lambda job: job.access.update(steps=HUGE)),
        "is a number of more than 20 digits, not a number from",
    ),
    (fits(lambda job: job.access.update({5: 1})), "a name is 5, not text"),
    (fits(lambda job: job.training.charge("train", Usage(calls=-3))), "calls is -3, not a number from 0"),
    (fits(lambda job: job.training.charge("train", Usage(cost_usd=NAN))), "cost_usd is nan, not a finite"),
    (fits(lambda job: job.training.charge("train", Usage(paid_usd=-1.0))), "paid_usd is -1.0, below 0"),
    (
        fits(lambda job: job.training.charge("train", Usage(input_tokens=1.5))),
        "input_tokens is 1.5, not a whole",
    ),
    (
        fits(lambda job: job.training.charge("train", Usage(seconds="long"))),
        "seconds is 'long', not a number",
    ),
    (fits(lambda job: job.training.charge("train", Usage(calls=None))), "calls is None, not a whole number"),
    (fits(lambda job: job.training.charge(None, Usage(calls=1))), "its purpose is None, not text"),
    (
        fits(lambda job: job.training.curve([{"step": 0, "reward": NAN}])),
        "the learning curve of method 'strange'",
    ),
    (
        fits(lambda job: job.training.curve([{"step": HUGE}])),
        "the learning curve of method 'strange': row 0: step",
    ),
    (fits(lambda job: job.training.curve([5])), "failed"),
    (fits(lambda job: job.drew(object())), "tells job.drew a object"),
    (fits(fails), "fit of 'strange' failed at test_misbehaving.py:"),
    (has(announce=lambda self, job: "soon"), "method 'strange' gave to announce 'soon', not a list of lines"),
    (has(announce=lambda self, job: None), "method 'strange' gave to announce None, not a list of lines"),
    (has(announce=lambda self, job: [1]), "method 'strange' gave to announce a line is 1, not text"),
    (has(announce=fails), "announce of 'strange' failed"),
    (has(drawing=lambda self: "often"), "drawing() gives 'often', not one of ['none', 'run']"),
]

TASKS = [
    (scores(None), SCORE + " NoneType, not a Score"),
    (scores({"accuracy": 1.0}), SCORE + " dict, not a Score"),
    (scores(Score({"accuracy": NAN})), SCORE + " accuracy is nan, not a finite number"),
    (scores(Score({"accuracy": INF})), SCORE + " accuracy is inf, not a finite number"),
    (scores(Score({"accuracy": HUGE})), SCORE + " accuracy is a whole number of more than 300 digits"),
    (scores(Score({"accuracy": 1.5})), SCORE + " accuracy = 1.5, outside of 0 to 1"),
    (scores(Score({"accuracy": -0.1})), SCORE + " accuracy = -0.1, outside of 0 to 1"),
    (scores(Score({"accuracy": "1"})), SCORE + " accuracy is '1', not a number"),
    (scores(Score({"accuracy": np.float32(1)})), SCORE + " accuracy is a float32, not a number"),
    (scores(Score({"accuracy": None})), SCORE + " a score without a value of accuracy"),
    (scores(Score({})), SCORE + " a score without a value of accuracy"),
    (scores(Score({"accuracy": 1.0, "f1": 1.0})), SCORE + " a value of 'f1', which is none of accuracy"),
    (scores(Score({7: 1.0})), SCORE + " the name of a metric is 7, not text"),
    (scores(Score([1.0])), SCORE + " metrics that are a list, not a dict"),
    (scores(Score({"accuracy": 1.0}, "fine")), SCORE + " a score of the status 'fine', not ok or unscored"),
    (scores(Score({"accuracy": 1.0}, "error")), SCORE + " a score of the status 'error', not ok or unscored"),
    (scores(Score({"accuracy": 1.0}, reason=7)), SCORE + " the reason of a score is 7, not text"),
    (has(parse=lambda self, text, question: {1}), SCORE + " an answer that can't be kept: it holds a set"),
    (has(parse=lambda self, text, question: NAN), SCORE + " an answer that can't be kept: it holds nan"),
    (
        has(parse=lambda self, text, question: {1: 2}),
        SCORE + " an answer that can't be kept: it holds the key 1",
    ),
    (
        has(parse=lambda self, text, question: laughs()),
        SCORE + " an answer that can't be kept: it holds itself",
    ),
    (
        has(canonical=lambda self, answer, question: None),
        SCORE + " an answer that can't be counted: its canonical",
    ),
    (of_the_set({"spread": NAN}), SET + " spread is nan, not a finite number"),
    (of_the_set({"spread": 2}), SET + " spread = 2, outside of 0 to 1"),
    (of_the_set({"spread": ESTIMATE}), SET + " the estimate of 'spread': it holds nan"),
    (of_the_set({"width": 0.5}), SET + " a value of 'width', which is none of spread"),
    (of_the_set(0.5), SET + " 0.5, not values by metric"),
    (
        {**has(measure_set=fails), "set_metrics": {"spread": 1.0}},
        "measure_set of 'strange-task' (distribution",
    ),
    (loads(None), TASK + " NoneType, not Splits"),
    (loads([1]), TASK + " list, not Splits"),
    (loads(lambda: Splits(each for each in ())), TASK + " test that is a generator, not a list of samples"),
    (loads(Splits([])), "task 'strange-task' has no test items with these arguments"),
    (loads(Splits(["q"])), TASK + " a test item that is 'q', not a Sample"),
    (loads(item(id=5)), TASK + " the id of a test item is 5, not text"),
    (loads(item(id="\ud800")), TASK + " the id of a test item: it holds half a character"),
    (loads(item(id=Same("q"))), TASK + " the id of a test item is a Same, not text"),
    (loads(item(input=None)), TASK + " the input of test item 'q0' is None, not text"),
    (loads(item(group=3)), TASK + " the group of test item 'q0' is 3, not text"),
    (
        loads(item(categories="easy")),
        TASK + " the categories of test item 'q0' are 'easy', not a tuple of texts",
    ),
    (loads(item(categories=(1,))), TASK + " one of the categories of test item 'q0' is 1, not text"),
    (loads(item(choices="rgb")), TASK + " the choices of test item 'q0' are 'rgb', not a tuple of texts"),
    (loads(item(target={"red"})), "the target of item 'q0' has no JSON form"),
    (loads(item(target=NAN)), "the target of item 'q0' has no JSON form"),
    (loads(Splits(item().test * 2)), "strange-task: 2 items have the id 'q0'"),
    (loads(Splits(LazySamples(range(3), fails))), "LookupError: gone"),
    (loads(fails), "load of 'strange-task' (distribution method-harness) failed at test_misbehaving.py:"),
    (has(turn=fails), "of 'strange-task' (distribution method-harness) failed at test_misbehaving.py:"),
    (has(roles=property(fails)), "of 'strange-task' (distribution method-harness) failed"),
    (has(classes=property(fails)), "of 'strange-task' (distribution method-harness) failed"),
]


def named(rows):
    return [pytest.param(*row, id=f"{n}: {row[1][-60:]}") for n, row in enumerate(rows)]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(("plugin", "line"), named([*OUTCOMES, *JOBS, *TASKS]))
def test_one_line_ends_the_cell_and_the_grid_goes_on(plugin, line, tmp_path):
    grid = run(tmp_path, cell_of(**plugin), cell_of(name="sound-task"))
    bad, good = grid.results
    assert bad.error is not None, bad.record["metrics"]
    said = str(bad.error)
    assert line in said and "\n" not in said and "nobody foresaw" not in said
    assert grid.exit_code == 1 and not grid.interrupted
    assert good.status == "complete" and good.record["counts"]["ok"] == 6
    assert [path.parts[-6] for path in tmp_path.rglob("run.json")] == ["sound-task"]


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
    (fits(lambda job: job.access.update(steps=3)), lambda row, record: record["data_access"]["steps"], 3),
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
    assert str(bad.error).startswith("nobody foresaw at test_misbehaving.py:") and grid.exit_code == 1
    assert "ZeroDivisionError: division by zero" in str(bad.error) and good.status == "complete"
