"""Tasks and methods that a test writes in a word, and one cell of them, run in this process."""

from dataclasses import replace

import pytest

from harness import Method, Outcome, Question, Sample, Splits
from harness.registry import registry
from harness.results.store import Store
from harness.results.stored import attempt_batches
from harness.run import cell, prepare
from harness.run.code import BUILT_IN, Code
from harness.run.execute import run_grid
from harness.run.plan import Cell, Request
from harness.run.session import Session
from harness.spec import MethodSpec
from harness.testing import TINY, TinyTask

NAN, INF, HUGE = float("nan"), float("inf"), 10**400


class Same(str):
    """A text that is equal to everything."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


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
    asked = {name: more.pop(name) for name in ("choices", "metadata") if name in more}
    return Splits([Sample(Question(id, input, **asked), target, **more)])


def fails(*_):
    raise LookupError("gone")


class Right(Method):
    """Answers everything in the same words."""

    async def answer(self, question, job):
        return Outcome(question.id, question.epoch, "red")


def cell_of(method=Right, task=TinyTask, *, epochs=1, limit=None, seed=0, **spec):
    """A cell of two classes; `spec` changes fields of the task's spec (by default that of `TinyTask`)."""
    names = {"entry": f"{task.__module__}:{task.__qualname__}", "implementation": task}
    told = replace(TINY, **{"name": "strange-task", "distribution": BUILT_IN, **names, **spec})
    how = MethodSpec(
        "strange",
        "1-A",
        "",
        f"{method.__module__}:{method.__qualname__}",
        needs=getattr(method, "needs", ()),
        may_use=getattr(method, "may_use", ()),
        implementation=method,
    )
    request = Request("strange-task", model="echo/x", epochs=epochs, limit=limit, offline=True)
    return Cell(told, {}, how, {}, "echo/x", seed, request)


def run(folder, *cells):
    """The results of cells, in a store of their own. Their code, which is that of the tests, isn't hashed."""
    registry()
    with pytest.MonkeyPatch.context() as patch:
        for module in (prepare, cell):
            patch.setattr(module, "code_of", lambda spec: Code("0" * 64, False), raising=False)
            patch.setattr(module, "check_unchanged", lambda *args, **named: None)
        return run_grid(cells, Session(Store(folder / "store")))


def rows(record):
    """The sealed attempts of a record."""
    return [row for batch in attempt_batches(record) for row in batch]
