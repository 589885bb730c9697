"""One cell of a task and a method that a test writes, run in this process against an echo."""

from dataclasses import replace

import pytest

from harness import Method, Outcome
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
