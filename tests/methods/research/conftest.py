"""Runs of the methods with the simulated reader, or with a scripted model."""

import json

import pytest
from inspect_ai.model import ModelOutput
from pyarrow import parquet

from harness.model.provider import Provider
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session

ALL = "no-search,rag,react-search,ircot,plan-search-write,parallel-verify,oracle-documents".split(",")


class Scripted(Provider):
    """Says what `say(call)` gives; remembers every call."""

    abilities, cacheable = frozenset({"tools"}), False
    name = "scripted/model"

    def __init__(self, say):
        self.say, self.calls = say, []

    async def generate(self, call):
        self.calls.append(call)
        said = self.say(call)
        return said if isinstance(said, ModelOutput) else ModelOutput.from_content(self.name, said)


class Ran:
    """A sealed record, and its attempts with their traces and answers."""

    def __init__(self, record):
        self.record = record
        self.rows = parquet.read_table(record["samples_path"]).to_pylist()
        for row in self.rows:
            for name in ("trace", "answer"):
                row[name] = json.loads(row[name]) if row[name] else {}

    def __getitem__(self, metric):
        return self.record["metrics"][metric]["value"]

    def measure(self, name):
        return self.record["measures"][name]["mean"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run(method, model, task_args, **method_args)`; `model` is a Scripted, or arguments of `sim/reader`."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))

    def ran(method, model=None, task_args=None, request=None, **args):
        session = Session(Store(tmp_path / "out"))
        scripted = isinstance(model, Scripted)
        if scripted:
            session.use(model)
        made = Request(
            task="research/synthetic",
            task_args={"items": 6, "distractors": 4, **(task_args or {})},
            method=method,
            method_args=args,
            model="scripted/model" if scripted else "sim/reader",
            model_args={} if scripted else {**(model or {})},
            **(request or {}),
        )
        (result,) = run_grid(plan(made), session).results
        assert result.record, result.error
        return Ran(result.record)

    return ran
