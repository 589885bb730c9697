"""Real runs of a method: data in files, a scripted model, a store and a cache of their own."""

import csv
import json
from dataclasses import dataclass
from inspect import isawaitable

import numpy as np
import pytest
from inspect_ai.model import ModelOutput
from pyarrow import parquet

from harness.data.hub import Data
from harness.model.provider import Provider
from harness.registry import load_task, registry
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session


class Scripted(Provider):
    """Says what `say(call)` gives, a text, a ModelOutput or something to wait for; remembers every call."""

    abilities = frozenset({"logprobs"})

    def __init__(self, name, say, cacheable):
        self.name, self.say, self.cacheable, self.calls = name, say, cacheable, []

    async def generate(self, call):
        self.calls.append(call)
        said = self.say(call)
        said = await said if isawaitable(said) else said
        return said if isinstance(said, ModelOutput) else ModelOutput.from_content(self.name, said)


@dataclass
class Ran:
    """A sealed record, its attempts in order with their traces, and what was asked."""

    record: dict
    rows: list
    calls: list
    judge: list

    @property
    def accuracy(self):
        return self.record["metrics"]["accuracy"]["value"]

    @property
    def usage(self):
        return {purpose: use["calls"] for purpose, use in self.record["usage"]["by_purpose"].items()}


class Lab:
    """`classify/custom` on the files that `data` writes."""

    def __init__(self, folder):
        self.folder, self.task_args, self.embedder = folder, {}, "tfidf"

    def data(self, test, train=(), pool=(), vectors=None):
        """`test` and `train` are pairs (text, label), `pool` texts alone, `vectors` a row for each text."""
        for name, rows in (("test", test), ("train", train), ("pool", [(text,) for text in pool])):
            if rows:
                file = self.folder / f"{name}.csv"
                with open(file, "w", newline="") as sink:
                    csv.writer(sink).writerows([("text", "label")[: len(rows[0])], *rows])
                self.task_args["data" if name == "test" else name] = str(file)
        if vectors:
            np.save(self.folder / "vectors.npy", np.array(list(vectors.values()), dtype=np.float32))
            (self.folder / "texts.jsonl").write_text(
                "".join(json.dumps({"text": text}) + "\n" for text in vectors)
            )
            self.embedder = f"file:{self.folder}/vectors.npy?texts={self.folder}/texts.jsonl"
        return self

    @property
    def splits(self):
        spec = registry().task("classify/custom")
        return load_task(spec, spec.arguments(self.task_args)).load(Data())

    def grid(self, method, say, judge=None, cacheable=False, out="out", request=None, **args):
        session = Session(Store(self.folder / out))
        made = [Scripted("scripted/model", say, cacheable), Scripted("scripted/judge", judge, cacheable)]
        for provider in made:
            session.use(provider)
        cells = plan(
            Request(
                task="classify/custom",
                task_args=self.task_args,
                method=method,
                method_args=args,
                model="scripted/model",
                **{
                    "roles": {"judge": "scripted/judge"} if judge else {},
                    "embedder": self.embedder,
                    **(request or {}),
                },
            )
        )
        return run_grid(cells, session), *made

    def run(self, method, say, **how):
        """The one run of the method; asserts that it has a record."""
        grid, model, judge = self.grid(method, say, **how)
        (result,) = grid.results
        assert result.record, result.error
        rows = parquet.read_table(result.record["samples_path"]).to_pylist()
        for row in rows:
            row["trace"] = json.loads(row["trace"]) if row["trace"] else {}
        return Ran(result.record, rows, model.calls, judge.calls)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return Lab(tmp_path)
