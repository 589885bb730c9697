"""Five spies and the ways out of a process: what the default mode stops, and what --isolate does."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from harness.plugins import files
from harness.results.store import Store
from harness.run import scoring
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.task import Task

HERE = Path(__file__).parent


def run(folder: Path, cls: str, isolate: bool, **more: object):
    """The result of one cell, and its session."""
    request = Request(
        f"{HERE}/words.py:Words", f"{HERE}/spies.py:{cls}", "echo/words", isolate=isolate, **more
    )
    (cell,) = plan(request)
    session = Session(Store(folder / "store"))
    return run_grid([cell], session).results[0], session


@pytest.fixture
def graders(monkeypatch):
    """The graders as they are, after a spy has changed them."""
    monkeypatch.setattr(Task, "score", Task.score)
    monkeypatch.setattr(scoring, "_score", scoring._score)


def found(result, session) -> list[list[str]]:
    assert result.record is not None, result.error
    rows = pyarrow.parquet.read_table(session.store.find(result.record["run_id"])["samples_path"]).to_pylist()
    return [json.loads(row["completion"]) for row in sorted(rows, key=lambda row: row["sample_id"])]


def given(tmp_path: Path, spies: str = "five") -> dict[str, str]:
    return {"task": f"{HERE}/words.py", "store": str(tmp_path / "store"), "spies": spies}


FIVE = ("attributes", "loading", "frames", "journal", "patching")


def test_what_the_default_mode_stops(tmp_path, graders):
    result, session = run(tmp_path, "Spy", False, method_args=given(tmp_path))
    spied = dict(zip(FIVE, found(result, session), strict=False))
    assert spied["attributes"] == [] and spied["journal"] == []
    # code in one process with the runner finds what it looks for
    assert "countdown" in spied["loading"] and len(spied["loading"]) == 9 and len(spied["frames"]) == 8
    assert result.record["metrics"]["accuracy"]["value"] > 0 and "isolated" not in result.record


def test_isolated_spies_find_nothing_and_no_way_out(tmp_path, graders, monkeypatch):
    loaded, load = [], files.load_module
    monkeypatch.setattr(files, "load_module", lambda path: loaded.append(path.name) or load(path))
    result, session = run(tmp_path, "Spy", True, method_args=given(tmp_path, "all"))
    assert found(result, session) == [[]] * 8
    assert result.record["metrics"]["accuracy"]["value"] == 0 and result.record["isolated"] is True
    assert set(loaded) == {"words.py"}
