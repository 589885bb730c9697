"""Corrections and retractions: what is sealed stays as it is, and tables show what is in force."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from harness.base.errors import DataError, RecordError, UsageError
from harness.cli import cli
from harness.registry import registry
from harness.results import load, load_samples
from harness.results.record import retract
from harness.results.schema import json_schema
from harness.results.store import Store, standing
from harness.results.verify import verify_store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.rescore import rescore
from harness.run.session import Session


@pytest.fixture
def store(plugin, tmp_path):
    return Store(tmp_path / "results")


def go(store, task="colours", method="direct", model="echo/red", **more):
    session = Session(store)
    (result,) = run_grid(plan(Request(task=task, method=method, model=model, **more)), session).results
    assert result.record, result.error
    return {**result.record, "notices": session.notices}


def patch(monkeypatch, name, function, owner="Colours"):
    import thirdparty.task

    monkeypatch.setattr(getattr(thirdparty.task, owner), name, function)


def bytes_of(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def accuracy(store):
    return load(str(store.root), metric="accuracy")["value"].tolist()


@pytest.mark.parametrize(("draws", "told"), [("run", "a" * 64), (None, None)])
def test_a_correction_keeps_what_the_run_drew(store, monkeypatch, draws, told):
    record = store.find(go(store)["run_id"]) | {"draws": draws, "draw_digest": told}
    patch(monkeypatch, "correct", lambda self, answer, sample: sample.target != "blue")
    new, _ = rescore(store, record, "green is right too")
    assert (new["draws"], new["draw_digest"]) == (draws, told)
    shown = CliRunner().invoke(cli, ["show", new["run_id"][:8], "--store", str(store.root)]).output
    assert f"draws for all items of the run: {draws or 'unknown'}" in shown
    assert ("draw_digest: aaaa" in shown) == bool(told)


def test_a_correction_supersedes_and_touches_nothing(store, monkeypatch):
    old = go(store)
    before = bytes_of(store.root)
    patch(monkeypatch, "correct", lambda self, answer, sample: sample.target != "blue")
    new, changed = rescore(store, store.find(old["run_id"]), "green is right too", command="harness x")
    assert changed == 4 and (new["attempt"], new["supersedes"]) == (2, old["run_id"])
    assert new["reason"] == "green is right too" and new["run_id"] == old["run_id"]
    assert (old["metrics"]["accuracy"]["value"], new["metrics"]["accuracy"]["value"]) == (
        pytest.approx(1 / 3),
        pytest.approx(2 / 3),
    )
    for same in ("usage", "subject", "data_access", "seed", "epochs", "n_items", "comparability_key"):
        assert new[same] == old[same], same
    assert new["volatile"]["paid_usd"] == old["volatile"]["paid_usd"]
    after = bytes_of(store.root)
    assert {path: after[path] for path in before} == before
    jsonschema.validate(json.loads(Path(new["record"]).read_text()), json_schema())
    assert accuracy(store) == [pytest.approx(2 / 3)] and verify_store(store.root) == ([], 2)
    assert store.standing()[1:] == (1, 0)
    shown = go(store)  # the command of the run shows the correction
    assert shown["reused"] and shown["record"] == new["record"]


def test_a_new_version_is_another_run_that_supersedes(store, monkeypatch):
    old = go(store)
    spec = registry().task("colours")
    monkeypatch.setitem(registry().tasks._built, "colours", replace(spec, version="2-A"))
    new, changed = rescore(store, store.find(old["run_id"]), "version 2")
    assert changed == 0 and new["run_id"] != old["run_id"] and new["task"]["version"] == "2-A"
    assert new["comparability_key"] != old["comparability_key"] and new["subject_key"] == old["subject_key"]
    assert [record["run_id"] for record in store.records()] == [new["run_id"]]
    assert go(store)["record"] == new["record"]
    retract(store, store.find(new["run_id"]), "not yet", "")
    assert [record["run_id"] for record in store.records()] == [old["run_id"]]  # in force again


def test_a_grader_that_is_repaired_scores_what_was_unscored(store, monkeypatch):
    from harness.sample import Score

    for task, owner in (("colours-broken-grader", "BrokenGrader"), ("colours-broken-whole", "BrokenWhole")):
        old = go(store, task)
        assert old["counts"]["unscored"] == 12
        patch(monkeypatch, "score", lambda self, sample, outcome: Score({"accuracy": 1.0}), owner)
        patch(
            monkeypatch, "score_all", lambda self, samples, outcomes: [Score({"accuracy": 1.0})] * 12, owner
        ) if owner == "BrokenWhole" else None
        new, changed = rescore(store, store.find(old["run_id"]), "grader repaired")
        assert changed == 12 and new["counts"]["ok"] == 12
        assert new["metrics"]["accuracy"]["value"] == 1.0


def test_what_failed_still_failed(store, monkeypatch):
    old = go(store, method="unreachable")
    patch(monkeypatch, "correct", lambda self, answer, sample: True)
    new, changed = rescore(store, store.find(old["run_id"]), "all right")
    assert (new["counts"]["ok"], new["counts"]["error"]) == (6, 6) and 0 < changed <= 6
    reasons = load_samples(new["run_id"], str(store.root)).set_index("status")["reason"]
    assert set(reasons["error"]) == {"gone"}


def test_answers_are_parsed_again_but_votes_stay(store, monkeypatch):
    runs = [go(store, method=method) for method in ("direct", "self-consistency")]
    patch(monkeypatch, "parse", lambda self, text, question: "green")
    parsed, _ = rescore(store, store.find(runs[0]["run_id"]), "another parser")
    assert set(load_samples(parsed["run_id"], str(store.root))["answer"]) == {"green"}
    with pytest.raises(UsageError, match="changes nothing"):
        rescore(store, store.find(runs[1]["run_id"]), "another parser")


def test_a_file_of_responses_keeps_its_run(store, monkeypatch, tmp_path):
    responses = tmp_path / "answers.jsonl"
    rows = [{"sample_id": str(n), "epoch": epoch, "completion": "red"} for n in (3, 1) for epoch in (0, 1)]
    responses.write_text("".join(json.dumps(row) + "\n" for row in rows))
    old = go(store, model=f"recorded/{responses}")
    patch(monkeypatch, "correct", lambda self, answer, sample: True)
    new, changed = rescore(store, store.find(old["run_id"]), "all right")
    assert (new["run_id"], new["n_items"], new["epochs"], changed) == (old["run_id"], 2, 2, 2)
    assert new["usage"] == old["usage"] and new["prices"] == old["prices"]
    assert old["usage"]["unreported"] == 4 and old["usage"]["input_tokens"] is None  # the file says no tokens
    rows = load_samples(new["run_id"], str(store.root))
    assert rows["input_tokens"].isna().all() and list(rows["calls"]) == [1] * 4


@pytest.mark.parametrize(
    "fault, error, says",
    [
        ("nothing", UsageError, "changes nothing"),
        ("items", DataError, "isn't the one that run"),
        ("samples", RecordError, "samples.parquet"),
        ("stopped", UsageError, "only a complete one"),
    ],
)
def test_what_cannot_be_corrected_is_one_line_and_writes_nothing(store, monkeypatch, fault, error, says):
    old = go(store, **({"budget_calls": 3, "max_connections": 1} if fault == "stopped" else {}))
    if fault == "items":
        monkeypatch.setattr("thirdparty.task.NAMES", ("red", "green", "violet"))
    if fault == "samples":
        path = Path(old["samples_path"])
        path.write_bytes(path.read_bytes()[:-9])
    before = bytes_of(store.root)
    with pytest.raises(error, match=says) as caught:
        rescore(store, store.find(old["run_id"]), "why not")
    assert "\n" not in str(caught.value) and bytes_of(store.root) == before


def test_scores_without_transcripts_are_not_taken_for_wrong_answers(store):
    bare = go(store, transcripts=False)
    with pytest.raises(UsageError, match="--no-transcripts"):
        rescore(store, store.find(bare["run_id"]), "why not")


def test_a_retraction_is_a_tombstone(store):
    old = go(store)
    other = go(store, method="cot")
    before = bytes_of(store.root)
    tomb = retract(store, store.find(old["run_id"]), "wrong server", "harness results retract")
    after = bytes_of(store.root)
    assert {path: after[path] for path in before} == before
    assert (tomb["status"], tomb["metrics"], tomb["supersedes"]) == ("retracted", {}, old["run_id"])
    jsonschema.validate(json.loads(Path(tomb["record"]).read_text()), json_schema())
    assert verify_store(store.root) == ([], 3) and len(load_samples(old["run_id"], str(store.root))) == 12
    assert [record["run_id"] for record in store.records()] == [other["run_id"]]
    assert store.standing()[1:] == (0, 1)
    with pytest.raises(UsageError, match="retracted already: wrong server"):
        retract(store, store.find(old["run_id"]), "again", "")
    again = go(store)  # the same command measures it again, and says why
    assert again["attempt"] == 3 and "wrong server" in again["notices"][0]
    assert len(list(store.records())) == 2 and store.find(old["run_id"])["attempt"] == 3


def test_commands(store, monkeypatch):
    old = go(store)
    out = ["--store", str(store.root)]

    def call(*arguments):
        done = CliRunner().invoke(cli, ["results", *arguments, *out], catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    patch(monkeypatch, "correct", lambda self, answer, sample: True)
    made = json.loads(call("correct", old["run_id"][:8], "--reason", "r", "--json"))
    assert made["supersedes"] == old["run_id"] and made["changed_attempts"] == 8
    assert made["runs"][0]["metrics"]["accuracy"]["value"] == 1.0
    assert "1 superseded records, 0 retracted runs" in call("list")
    assert "retracted: " + old["run_id"][:12] in call("retract", old["run_id"], "--reason", "r")
    listed = json.loads(call("list", "--json"))
    assert (listed["runs"], listed["superseded"], listed["retracted"]) == ([], 0, 1)
    assert "reason: r" in call("show", old["run_id"][:12])


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.none() | st.integers(0, 5)), max_size=14))
def test_standing(history):
    """Every record is in force, superseded or a tombstone; a run in force has no live correction."""
    attempts = {}
    records = []
    for run, buried, supersedes in history:
        attempts[run] = attempts.get(run, 0) + 1
        records.append(
            {
                "run_id": str(run),
                "attempt": attempts[run],
                "status": "retracted" if buried else "complete",
                "supersedes": None if supersedes is None else str(supersedes),
            }
        )
    shown, superseded, retracted = standing(records)
    newest = {record["run_id"]: record for record in records}
    assert standing(reversed(records))[1:] == (superseded, retracted)
    assert all(newest[record["run_id"]] is record and record["status"] == "complete" for record in shown)
    assert retracted == sum(record["status"] == "retracted" for record in newest.values())
    assert superseded >= 0 and len(shown) + superseded + retracted <= len(records)
    names = {record["run_id"] for record in shown}
    for record in shown:
        assert record["supersedes"] in (None, record["run_id"]) or record["supersedes"] not in names


def test_a_chain_of_corrections_shows_its_end():
    def record(run, supersedes, status="complete", attempt=1):
        return {"run_id": run, "supersedes": supersedes, "status": status, "attempt": attempt}

    chain = [record("a", None), record("b", "a"), record("c", "b")]
    assert [r["run_id"] for r in standing(chain).in_force] == ["c"]
    middle = [*chain, record("b", "b", "retracted", 2)]
    assert [r["run_id"] for r in standing(middle).in_force] == ["c"]
    end = [*chain, record("c", "c", "retracted", 2)]
    assert [r["run_id"] for r in standing(end).in_force] == ["b"]
