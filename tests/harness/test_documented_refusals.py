"""Errors that docstrings promise and that no other test raises: the call, the error, its words."""

import errno
import gzip
import importlib.util
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace as Some

import numpy as np
import pytest

import harness
from harness.api import checklist_files, planning, recorded, requests, sweep_cells, training
from harness.api.one_model import opened
from harness.base.documents import load_yaml
from harness.base.env_file import load_env_file
from harness.base.errors import DataError, PluginError, RecordError, UsageError
from harness.base.locks import MOST_TRIES, Lock
from harness.checklist import files as sample_files
from harness.checklist.rule import RewardRule
from harness.cli.options import write_out
from harness.cli.reference import filled
from harness.cli.sweep import _setting
from harness.data import responses
from harness.data.cells import as_text
from harness.data.content import Form, decode
from harness.data.responses import Shape
from harness.data.table import TextTable
from harness.data.tables import read_table
from harness.engine.loading import load_policy
from harness.engine.sizes import check_counts, check_positive
from harness.gate.baseline import Baseline, find_baseline, read_baseline, set_baseline
from harness.gate.baseline_file import SCHEMA, read_document
from harness.gate.checks import read_rules
from harness.gate.confirm import run_again
from harness.gate.pairing import targets
from harness.job.access import Access
from harness.job.data import JobData
from harness.method import Method
from harness.model.provider import Provider
from harness.model.simulated_annotator import SimulatedAnnotator
from harness.plots import check_plot
from harness.plugins.classes import given_arguments, params_class, params_of
from harness.plugins.fields import checked_spec
from harness.registry import registry
from harness.results.index import in_force, read_index
from harness.results.store import Store
from harness.run import journal
from harness.run.plan import Request, plan
from harness.sample import Question, Splits
from harness.spec import MethodSpec
from harness.testing import TINY, TinyTask, seal_scores

DEEP = "[" * 100_000


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_MODEL", raising=False)
    monkeypatch.chdir(tmp_path)
    registry.cache_clear()
    yield tmp_path
    registry.cache_clear()


def written(text, name="file"):
    """The path of a file with this text, these bytes, or these rows."""
    if isinstance(text, list):
        text = "".join(json.dumps(row) + "\n" for row in text)
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Path(name)


def failing(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def rows_of(root):
    return in_force(read_index(Path(root)).rows)


def baseline(root="store", **changed):
    """A baseline's file of three runs."""
    for seed in range(3):
        seal_scores(Path(root), [1, 0, 1], seed=seed)
    path = set_baseline(Path(root), "main", rows_of(root))
    document = json.loads(path.read_text()) | changed
    path.write_text(json.dumps(document))
    return path


def another_run():
    path = baseline()
    document = json.loads(path.read_text())
    document["arms"][0]["runs"][0]["result_digest"] = "0" * 64
    path.write_text(json.dumps(document))
    read_baseline(path)


def checked_beyond():
    found = read_baseline(baseline())
    targets(found, read_rules(None, margin="1%", checks=[{"task": "simulatde"}]))


def arm_of(model):
    return Some(model=model, subject={"decoding": {}})


class Dense:
    """An embedder that gives what it is told."""

    def __init__(self, rows):
        self.by_row, self.rows, self.name = False, rows, "dense"

    def embed(self, texts):
        return self.rows


def vectors(rows):
    spec = MethodSpec(name="m", version="1-A", summary="s", entry="a:b", needs=("interactions", "item_texts"))
    seen = Access(spec)
    held = JobData(TinyTask(TINY, {}).load(None), seen, 1, None if rows is None else Dense(rows))
    return held.item_vectors()


class Twice(Method):
    @dataclass
    class Params:
        n: int = 1

    def __init__(self, k: int = 1):
        pass


class Broken(Method):
    class Params:
        n: int = 1
        k: int  # without a default after one that has


class Named(Method):
    @dataclass
    class Params:
        n: int = 1


class Signed(Method):
    def __init__(self, n: int):
        pass


def unsigned():
    """An object whose arguments were not given as its class wants them."""
    made = Signed(1)
    made._given = ((), {})
    return made


def trajectories(*rows):
    return checklist_files.read_trajectories(written(list(rows), "t.jsonl"))


SAID = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]
SPEC = {"version": "1-A", "summary": "s", "entry": "a:b"}
PLAN = {"task": "arc1d", "method": "direct", "model": "echo/x"}

CASES = {
    # the Python API
    "source": (
        lambda: harness.annotate_checklists("d", "m", "o", source="x"),
        UsageError,
        "source is one of",
    ),
    "swept over a method that hasn't the parameter": (
        lambda: harness.sweep("samples", [1, 2], "arc1d", ["direct", "self-consistency"], "echo/x"),
        UsageError,
        "'direct' has no such parameter",
    ),
    "variants": (
        lambda: harness.annotate_checklists("d", "m", "o", variants=0),
        UsageError,
        "at least 1, not 0",
    ),
    "a trace whose calls are none": (
        lambda: trajectories({"uuid": "u", "messages": [{**SAID[0]}, {**SAID[1], "calls": 3}]}),
        DataError,
        "line 1: a message with 'calls' or 'of' is not as a run's trace has it",
    ),
    "a trace whose calls are of numbers": (
        lambda: trajectories({"uuid": "u", "messages": [*SAID, {"role": "assistant", "calls": [{}]}]}),
        DataError,
        "line 1: a message with 'calls'",
    ),
    "rollout twice": (
        lambda: trajectories({"uuid": "u", "rollout": 1, "messages": SAID}, {"uuid": "u", "rollout": 1}),
        DataError,
        "line 2: rollout 1 of 'u' stands in line 1 too",
    ),
    "no trajectory": (lambda: trajectories({"uuid": "u", "messages": 3}), DataError, "t.jsonl, line 1: "),
    "nothing to judge": (
        lambda: trajectories({"uuid": "u", "messages": [{"role": "system", "content": "x"}]}),
        DataError,
        "line 1: no message of a user; a dialogue begins with one",
    ),
    "no baseline named": (lambda: harness.compare(store=sealed()), UsageError, "compare with what?"),
    "nothing sound": (
        lambda: harness.compare(baseline="direct", store=damaged()),
        RecordError,
        "no sound runs to compare; left out: ",
    ),
    "a grid of stores": (
        lambda: harness.grid(*map(os.fspath, (sealed("a"), sealed("b")))),
        UsageError,
        "a grid is made of the runs of one store",
    ),
    "a grid of nothing": (lambda: harness.grid(store="none"), UsageError, "no runs in none; 'harness eval'"),
    "no price": (
        lambda: opened("openai/gpt-none", {"budget_usd": 1.0}).__enter__(),
        UsageError,
        "openai/gpt-none",
    ),
    "draws": (lambda: planning.power(draws="some"), UsageError, "--draws is run or none, not some"),
    "a folder of answers": (
        lambda: recorded._rows_of(Path("."), "arc1d", Shape(), None, None),
        DataError,
        "is a folder; arc1d takes a file of responses",
    ),
    "a former keyword": (
        lambda: requests.check_options({next(iter(requests.FORMER)): 1}),
        UsageError,
        "is called",
    ),
    "a sweep of nothing": (
        lambda: sweep_cells.cells_of(Request(**PLAN), [("levle", [1, 2])]),
        UsageError,
        "--set levle: no method or task of this grid has it; did you mean 'level'",
    ),
    "a sweep of one": (
        lambda: sweep_cells.cells_of(Request(**PLAN), [("level", [1, 1])]),
        UsageError,
        "two values or more",
    ),
    "a sweep of texts": (
        lambda: sweep_cells.cells_of(Request(**PLAN), [("level", [1, "b"])]),
        UsageError,
        "is a number",
    ),
    "two trainings": (
        lambda: training.cell_of("arc1d", ["direct", "cot"], "echo/x", 0),
        UsageError,
        "one task, method and model are trained at a time; these are 2",
    ),
    # files
    "YAML too deep": (lambda: load_yaml(DEEP), Exception, "nested too deeply"),
    "an environment in Latin-1": (lambda: env(b"A=\xe9\n"), UsageError, ".env: not text in UTF-8"),
    "an environment's line": (lambda: env(b"A=1\nB\n"), UsageError, ".env, line 2: NAME=VALUE is wanted"),
    "an object too deep": (lambda: as_text(nested({}), True), DataError, "it is nested too deeply"),
    "an object": (lambda: as_text({"a": 1}), DataError, "it holds an object with a"),
    "lists of lists": (lambda: as_text([[1], [2]]), DataError, "it holds a list of lists"),
    "arrays of arrays": (lambda: as_text([np.ones(2)]), DataError, "it holds a list of lists"),
    "bytes": (lambda: as_text(b"\xff"), DataError, "it holds bytes that are no text"),
    "a zero byte": (lambda: decode(b"a\n\0", "f", Form()), DataError, "f is not text: a zero byte in line 2"),
    "a zero character": (
        lambda: decode("a\nb\0".encode("utf-16"), "f", Form()),
        DataError,
        "f is not text: a zero character in line 2; take it out",
    ),
    "an encoding": (
        lambda: decode(b"a", "f", Form(encoding="klingon")),
        DataError,
        "there is no encoding 'klingon'",
    ),
    "an empty file": (lambda: read_table(written(b" \n"), None), DataError, "file is empty"),
    "a file of a mark": (lambda: read_table(written("\ufeff \n"), None), DataError, "file is empty"),
    "an empty CSV": (lambda: read_table(written("\n\n", "a.csv"), None), DataError, "a.csv is empty"),
    "half a character": (
        lambda: TextTable(["a"], {"a": ["\ud800"]}, 1).arrow(["a"]),
        DataError,
        "the column 'a' can't be read: ",
    ),
    "lists beside texts": (
        lambda: TextTable(["a"], {"a": ["x", ["y"]]}, 2).arrow(["a"]),
        DataError,
        "the column 'a' holds lists in some rows and texts in others",
    ),
    "results too deep": (
        lambda: responses.results_names("tests.harness.test_documented_refusals", Path("f")),
        DataError,
        "can't read f: nested too deeply",
    ),
    "samples that can't be written": (
        lambda: sample_files.write(written(b"") / "under", []),
        DataError,
        "can't write file/under: ",
    ),
    # commands
    "a step's verdict": (
        lambda: RewardRule(level="step").check_mode("turn", "--mode"),
        UsageError,
        "level=step needs a verdict on every step; take --mode=step",
    ),
    "a folder for --out": (lambda: write_out("x", "."), UsageError, "--out . is a folder"),
    "no folder for --out": (lambda: write_out("x", "none/x"), UsageError, "--out none/x: No such file"),
    "no place for tables": (
        lambda: filled("# Commands"),
        ValueError,
        "the document has no place for the tables",
    ),
    **{
        f"--set {text}": (lambda text=text: _setting(text), UsageError, f"two values or more, not {text!r}")
        for text in ("n", "n=", "n=1", "=1,2", "n=1,1", "n=1,,")
    },
    # trainings
    "no steps": (lambda: check_counts(Some(steps=0), "steps"), UsageError, "-M steps=0 is below 1"),
    "one rollout": (
        lambda: check_counts(Some(rollouts=1), "rollouts"),
        UsageError,
        "-M rollouts=1 is below 2",
    ),
    **{
        f"a rate of {rate}": (
            lambda rate=rate: check_positive(Some(rate=rate), "rate"),
            UsageError,
            f"-M rate={rate} is no number above 0",
        )
        for rate in (0, -1.0, float("inf"), float("nan"))
    },
    # the gate
    "nothing to pool": (
        lambda: set_baseline(Path("s"), "main", []),
        UsageError,
        "no complete runs in s to make",
    ),
    "errors alone": (lambda: set_baseline(Path("s"), "m", errors()), UsageError, "measured nothing"),
    "too few runs": (lambda: set_baseline(Path("s"), "m", few(2)), UsageError, "run"),
    "a file that is not there": (lambda: find_baseline("x.json", []), UsageError, "no baseline file x.json"),
    "no baseline": (
        lambda: find_baseline("x", [Path("s")]),
        UsageError,
        "no baseline 'x'; there is none in s, .*'harness baseline set NAME' makes one",
    ),
    "another run": (another_run, RecordError, "is no longer the run that .*main.json names"),
    "a newer baseline": (
        lambda: read_document(baseline(schema=SCHEMA + 1)),
        RecordError,
        f"has schema {SCHEMA + 1}; this harness reads up to {SCHEMA}: upgrade it",
    ),
    "no baseline's file": (
        lambda: read_document(written("[]", "b.json")),
        RecordError,
        "b.json is not a baseline",
    ),
    "a check of nothing": (
        checked_beyond,
        UsageError,
        "simulatde is not in the baseline 'main'; did you mean",
    ),
    "answers once": (
        lambda: run_again([arm_of("recorded/x")], [1], None, False),
        UsageError,
        "recorded/x holds answers that were recorded once",
    ),
    # plugins and what they ask for
    "no embedder": (lambda: vectors(None), UsageError, "method 'm' needs --embedder NAME"),
    "sparse vectors": (lambda: vectors([[0.0]]), UsageError, "items need dense vectors"),
    "fewer vectors": (lambda: vectors(np.ones((2, 3))), DataError, "dense gave 2 vectors for 8 texts"),
    "vectors of NaN": (
        lambda: vectors(np.where(np.arange(8)[:, None] < 2, np.nan, np.ones((8, 3)))),
        DataError,
        "the vectors of 2 of 8 texts hold NaN or infinity",
    ),
    "a pool without gold": (
        lambda: SimulatedAnnotator({}).prepare(Splits([], [], [Question("p", "who?")])),
        UsageError,
        "1 of 1 pool inputs stand in no labelled split",
    ),
    "an annotator's argument": (
        lambda: SimulatedAnnotator({"sed": 1}),
        UsageError,
        "no argument 'sed'; did you",
    ),
    "an annotator's number": (
        lambda: SimulatedAnnotator({"seed": "x"}),
        UsageError,
        "seed='x' is not a number",
    ),
    "parameters twice": (lambda: params_of(Twice, "f.py"), PluginError, "f.py declares parameters twice"),
    "no dataclass": (lambda: params_class(Broken), PluginError, "Broken.Params: non-default argument 'k'"),
    "an argument too many": (
        lambda: given_arguments(unsigned()),
        UsageError,
        "Signed: missing a required argument",
    ),
    "an argument by place": (lambda: given_arguments(Named(1)), UsageError, "Named: give arguments by name"),
    "an entry": (
        lambda: checked_spec(MethodSpec, "m", SPEC | {"entry": "a"}, where="f", released=True),
        PluginError,
        "f: m has entry 'a', not module:Class",
    ),
    "a version": (
        lambda: checked_spec(MethodSpec, "m", SPEC | {"version": "1"}, where="f", released=True),
        PluginError,
        "f: m has version '1', not N-X as in 1-A",
    ),
    "a role": (
        lambda: checked_spec(MethodSpec, "m", SPEC | {"roles": ["a b"]}, where="f", released=True),
        PluginError,
        "f: m has a role 'a b'",
    ),
    "no method": (
        lambda: registry().match("method", " , "),
        UsageError,
        "no method given; 'harness list methods'",
    ),
    "no model": (
        lambda: plan(Request(**PLAN | {"model": " , "})),
        UsageError,
        "no model given; 'harness list models'",
    ),
    **{
        f"a timeout of {seconds}": (
            lambda seconds=seconds: plan(Request(**PLAN, timeout=seconds)),
            UsageError,
            f"--timeout must be above 0 seconds, not {seconds}",
        )
        for seconds in (0, -1.0, float("inf"), float("nan"))
    },
    "too many seeds": (
        lambda: plan(Request(**PLAN, seeds=100_001)),
        UsageError,
        "--seeds must be at most 100,000",
    ),
    "no seeds": (lambda: plan(Request(**PLAN, seeds=0)), UsageError, "--seeds must be at least 1, not 0"),
    "a picture's name": (lambda: check_plot("a.txt"), UsageError, "--plot a.txt: the name ends in"),
    "a picture's folder": (
        lambda: check_plot("no/a.svg"),
        UsageError,
        "--plot no/a.svg: there is no folder no",
    ),
    "records and no list of faults": (lambda: list(Store(damaged()).sound()), RecordError, "run.json"),
}


def names(path):
    """As a module of results has it, of a file that is nested without end."""
    raise RecursionError


def nested(value):
    for _ in range(100_000):
        value = {"a": value}
    return value


def env(raw):
    written(raw, ".env")
    load_env_file()


def sealed(root="store"):
    seal_scores(Path(root), [1, 0, 1])
    return Path(root)


def damaged():
    root = sealed()
    next(root.rglob("run.json")).write_text("{")
    return root


def errors():
    for seed in range(3):
        seal_scores(Path("e"), [1, 0], seed=seed, status=lambda n, epoch: "error")
    return rows_of("e")


def few(runs):
    for seed in range(runs):
        seal_scores(Path("f"), [1, 0], seed=seed)
    return rows_of("f")


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(case):
    call, kind, words = CASES[case]
    with pytest.raises(kind) as caught:
        call()
    said = " ".join(str(caught.value).split())
    parts = words.split(".*")
    assert all(part in said for part in parts), said


def test_pictures_without_their_extra_name_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="--plot needs the extra: pip install"):
        check_plot("a.svg")


def test_a_training_without_its_extra_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        UsageError, match="curator trains with torch and transformers, which are not installed"
    ):
        load_policy(Path("."), "curator")


def test_a_workbook_without_its_extra_names_it(monkeypatch):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.save("a.xlsx")
    assert list(read_table(Path("a.xlsx"), None).names) == ["a"]
    empty = openpyxl.Workbook()
    empty.save("b.xlsx")
    with pytest.raises(DataError, match="b.xlsx is empty"):
        read_table(Path("b.xlsx"), None)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match="a.xlsx needs openpyxl: pip install 'method-harness"):
        read_table(Path("a.xlsx"), None)


def test_a_lock_that_is_removed_over_and_over_ends(monkeypatch, tmp_path):
    tries = []
    monkeypatch.setattr(
        os, "open", lambda *given: tries.append(given) or (_ for _ in ()).throw(FileNotFoundError())
    )
    with pytest.raises(OSError, match="is made and removed over and over"):
        Lock(tmp_path / "lock").take()
    assert len(tries) == MOST_TRIES


@pytest.mark.parametrize("short", [True, False])
def test_a_journal_that_is_full_keeps_what_it_has(monkeypatch, tmp_path, short):
    book = journal.Journal(tmp_path / "run")
    line = {"n": 0, "epoch": 0, "sample_id": "a"}
    book.append(line)
    whole, write = book.path.read_bytes(), os.pwrite
    with monkeypatch.context() as patch:
        half = lambda file, text, at: write(file, text[:-3], at)  # noqa: E731
        patch.setattr(os, "pwrite", half if short else failing)
        with pytest.raises(RecordError, match="No space left on device; nothing finished is lost"):
            book.append(line | {"n": 1})
    assert book.path.read_bytes() == whole
    book.append(line | {"n": 1})
    assert book.path.read_bytes()[: len(whole)] == whole and len(book.path.read_bytes()) == 2 * len(whole)


def test_a_run_whose_journal_cannot_be_locked_is_not_retracted(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr(Lock, "take", failing)
        with pytest.raises(RecordError, match="can't write to .*: No space left"), journal.held(tmp_path):
            pass
    with pytest.raises(RecordError, match="measures this run; wait for it"):
        monkeypatch.setattr(Lock, "take", lambda self: "process 1 on host")
        with journal.held(tmp_path):
            pass


def test_what_a_class_must_have_of_its_own():
    for made, call in (
        (Method(None, {}), lambda made: made.answer(None, None)),
        (object.__new__(Provider), lambda made: made.generate(None)),
    ):
        with pytest.raises((NotImplementedError, TypeError)):
            call(made).send(None)


def test_a_packed_file_of_checklists_is_the_same_every_time(tmp_path):
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        sample_files.write(tmp_path / name, [])
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == b""


def test_a_named_baseline_is_read():
    found = read_baseline(baseline())
    assert isinstance(found, Baseline) and [len(arm.runs) for arm in found.arms] == [3]
    assert find_baseline("main", [Path("store")]) == Path("store/baselines/main.json")
