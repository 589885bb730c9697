"""Plugins that give what nobody can keep, and the one line that each of them gets: its cell ends, the grid
goes on, and the exit code says so."""

from itertools import count

import numpy as np
import pytest

from harness import Method, Outcome, Question, Score, Splits
from harness.model.ledger import Usage
from harness.sample import LazySamples
from harness.stats import Estimate
from tests.one_cell import (
    HUGE,
    INF,
    NAN,
    Same,
    cell_of,
    deep,
    fails,
    fits,
    gives,
    has,
    item,
    loads,
    of_the_set,
    run,
    says,
    scores,
    streams,
)


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


async def twice(questions):
    for question in questions:
        yield Outcome(question.id, question.epoch, "red")
        yield Outcome(question.id, question.epoch, "blue")


async def silent(questions):
    for question in list(questions)[1:]:
        yield Outcome(question.id, question.epoch, "red")


def more(**splits):
    """A test item, and other splits."""
    return Splits(item().test, **splits)


def asks():
    """A method that asks for the prompt."""

    class Asks(Method):
        async def answer(self, question, job):
            return Outcome(question.id, question.epoch, job.ask(question)[0].text)

    return {"method": Asks}


def forgetful():
    """A rendering that is text as long as prompts are hashed, and none once a method asks for it."""
    times = count()
    return lambda self, question: None if next(times) >= 6 else "which colour?"


def generator(_):
    yield Outcome("test0", 0, "red")


BESIDE = Estimate(0.5, 0.1, (0.6, 0.7), "bca", None, None, 6, None)
BELOW = Estimate(0.5, -0.1, None, "none", None, None, 6, None)
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
    (gives(fails), "answer of 'strange' failed at one_cell.py:"),
    (streams(twice), "of epoch 0, which was not asked or is answered already"),
    (streams(silent), LEFT + " 1 of 6 questions unanswered"),
    (streams(lambda questions: None), "answer of 'strange' failed"),
    (streams(generator), "answer of 'strange' failed"),
    (streams(fails), "LookupError: gone"),
]

JOBS = [
    (fits(lambda job: job.access.clear()), "fit of 'strange' failed"),
    (fits(lambda job: job.access.pop("labels_seen")), "fit of 'strange' failed"),
    (fits(lambda job: setattr(job, "access", {})), "fit of 'strange' failed"),
    (fits(lambda job: job.access.update({"steps": -1})), "job.access['steps'] is a count, not -1"),
    (fits(lambda job: job.access.update({"steps": NAN})), "job.access['steps'] is a count, not nan"),
    (fits(lambda job: job.access.update({"steps": HUGE})), "job.access['steps'] is a count, not 1000"),
    (fits(lambda job: job.access.update({5: 1})), "job.access takes short names, not 5"),
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
    (fits(fails), "fit of 'strange' failed at one_cell.py:"),
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
    (
        has(parse=lambda self, text, question: {1: 2}),
        SCORE + " an answer that can't be kept: it holds the key 1",
    ),
    (
        has(canonical=lambda self, answer, question: None),
        SCORE + " an answer that can't be counted: its canonical",
    ),
    (of_the_set({"spread": NAN}), SET + " spread is nan, not a finite number"),
    (of_the_set({"spread": 2}), SET + " spread = 2, outside of 0 to 1"),
    (of_the_set({"spread": ESTIMATE}), SET + " the estimate of 'spread': it holds nan"),
    (of_the_set({"spread": BESIDE}), SET + " the interval of spread, 0.6 to 0.7, doesn't hold its value 0.5"),
    (of_the_set({"spread": BELOW}), SET + " the estimate of 'spread': stderr: Input should be greater"),
    (of_the_set({"width": 0.5}), SET + " a value of 'width', which is none of spread"),
    (of_the_set(0.5), SET + " 0.5, not values by metric"),
    (
        {**has(measure_set=fails), "set_metrics": {"spread": 1.0}},
        "measure_set of 'strange-task' (distribution",
    ),
    (loads(None), TASK + " NoneType, not Splits"),
    (loads([1]), TASK + " list, not Splits"),
    (loads(lambda: Splits(each for each in ())), TASK + " test that is a generator, not a list of samples"),
    (loads(item(metadata=5)), TASK + " the metadata of test item 'q0' is 5, not a dict"),
    (loads(item(metadata=None)), TASK + " the metadata of test item 'q0' is None, not a dict"),
    (loads(more(interactions=5)), TASK + " interactions that are 5, not Interactions or None"),
    (loads(more(interactions=[])), TASK + " interactions that are a list, not Interactions or None"),
    (loads(more(train=[5])), TASK + " a train item that is 5, not a Sample"),
    (loads(more(dev=["x"])), TASK + " a dev item that is 'x', not a Sample"),
    (loads(more(pool=item().test)), TASK + " a pool item whose question is a Sample, not a Question"),
    (loads(more(pool=[Question("p0", None)])), TASK + " the input of pool item 'p0' is None, not text"),
    (loads(more(train=LazySamples(range(3), fails))), "load of 'strange-task' (distribution"),
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
    (loads(fails), "load of 'strange-task' (distribution method-harness) failed at one_cell.py:"),
    (has(render=lambda self, question: None), SCORE + " None as render, not text"),
    (has(render=lambda self, question: ["x"]), SCORE + " a list as render, not text"),
    ({**has(render=forgetful()), **asks()}, SCORE + " None as render, not text"),
    (has(turn=lambda self, question: 5), SCORE + " 5 as turn, not text"),
    (has(ask=lambda self, question, shots=(): "say"), SCORE + " 'say' as ask, not a list of messages"),
    (has(ask=lambda self, question, shots=(): [None]), SCORE + " None in ask, not a message"),
    (has(turn=fails), "of 'strange-task' (distribution method-harness) failed at one_cell.py:"),
    (has(roles=property(fails)), "of 'strange-task' (distribution method-harness) failed"),
    (has(classes="colours"), TASK + " classes that are 'colours', not Classes or None"),
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
