"""`harness results diff`: rows added, removed, changed, each with its reason."""

import json
import sys

import pytest

from harness.cli import main
from harness.results.diff import diff_stores, diff_tables, independent
from harness.results.index import Index, in_force, read_index
from harness.results.record import retract
from harness.results.store import Store
from harness.testing import seal_scores


@pytest.fixture
def stores(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for root in (old, new):
        seal_scores(root, [1, 0, 1, 0], task="a", method="direct")
    return old, new


def only(difference):
    (change,) = difference.changes
    return change.kind, "; ".join(reason.words for reason in change.reasons)


def with_fields(rows, **fields):
    """The rows with fields of comparability or subject set."""
    made = []
    for row in rows:
        row = {**row, "comparability": dict(row["comparability"]), "subject": dict(row["subject"])}
        for name, value in fields.items():
            part = row["comparability"] if name in row["comparability"] else row["subject"]
            part[name] = value
        made.append({**row, "result_digest": "other"})
    return made


def test_equal_stores_differ_in_nothing(stores):
    found = diff_stores(*stores)
    assert (found.same, found.changes, found.faults) == (1, [], [])


@pytest.mark.parametrize(
    "before, after, says",
    [
        (("run", "a" * 64), ("run", "b" * 64), "the same run, made again, which drew something else"),
        ((None, None), ("run", None), "the same attempts; draws were unknown, are run"),
        ((None, None), ("none", None), "the same attempts; draws were unknown, are none"),
    ],
)
def test_a_row_whose_draws_changed_says_so(tmp_path, before, after, says):
    for root, (draws, told) in ((tmp_path / "old", before), (tmp_path / "new", after)):
        seal_scores(root, [1, 0, 1, 0], task="a", draws=draws, draw_digest=told)
    assert only(diff_stores(tmp_path / "old", tmp_path / "new")) == ("changed", says)


@pytest.mark.parametrize(
    "field, value, says",
    [
        ("task_version", 2, "other task version (1 -> 2)"),
        ("data_digest", "f" * 64, "other data ("),
        ("scorer", "2", "other scorer (1 -> 2)"),
        ("prompt_digest", "e" * 64, "other prompts ("),
        ("limit", 3, "other limit (None -> 3)"),
        ("method_version", 7, "other method version ("),
        ("model_revision", "abc", "other model revision ("),
        ("decoding", {"temperature": 0.5}, "other generation setting temperature (None -> 0.5)"),
    ],
)
def test_a_changed_row_names_the_identity_field(stores, field, value, says):
    rows = read_index(stores[0]).rows
    kind, words = only(diff_tables(Index(rows, []), Index(with_fields(rows, **{field: value}), [])))
    assert kind == "changed" and words.startswith(says)


def test_the_weightiest_fields_come_first_and_code_counts(stores):
    rows = read_index(stores[0]).rows
    new = [{**row, "code": "b" * 64} for row in with_fields(rows, model_revision="x", task_version=2)]
    (change,) = diff_tables(Index([{**r, "code": "a" * 64} for r in rows], []), Index(new, [])).changes
    assert [reason.field.rpartition(".")[2] for reason in change.reasons] == [
        "task_version",
        "model_revision",
        "code",
    ]
    assert change.reasons[-1].words == f"other code ({'a' * 12} -> {'b' * 12})"


def test_the_same_run_with_other_attempts(stores):
    old, new = stores
    seal_scores(new, [1, 1, 1, 0], task="a", method="direct")
    (change,) = diff_stores(old, new).changes
    assert change.difference == pytest.approx(0.25) and "made again" in change.reasons[0].words
    low, high = change.interval
    assert low < 0.25 < high and change.interval == independent(change.old, change.new)


def test_another_seed_other_arguments_another_method(stores):
    old, new = stores
    seal_scores(new, [1, 0, 1, 0], task="a", method="direct", seed=1)
    assert only(diff_stores(old, new)) == ("added", "other seeds: the old store has 0")
    assert only(diff_stores(new, old)) == ("removed", "other seeds: the new store has 0")
    seal_scores(old, [1, 0, 1, 0], task="a", method="direct", seed=1)
    for root, samples in ((old, 2), (new, 4)):
        seal_scores(root, [1, 0, 1, 0], task="a", method="vote", method_args={"samples": samples})
    gone, come = diff_stores(old, new).changes
    assert (gone.kind, gone.reasons[0].words) == ("removed", "other arguments: the new store has samples=4")
    assert (come.kind, come.reasons[0].words) == ("added", "other arguments: the old store has samples=2")
    seal_scores(new, [1], task="z", method="direct")
    assert diff_stores(old, new).changes[-1].reasons[0].words == "the old store has no run of task z"


def test_a_retracted_run_is_removed_with_its_reason(stores):
    old, new = stores
    store = Store(new)
    retract(store, store.find(in_force(read_index(new).rows)[0]["run_id"]), "wrong server", "test")
    assert only(diff_stores(old, new)) == ("removed", "retracted: wrong server")


def test_a_correction_is_named_with_its_reason(stores, tmp_path):
    old, new = stores
    rows = read_index(old).rows
    record = tmp_path / "run.json"
    record.write_text(json.dumps({"reason": "thousands commas"}))
    corrected = {**rows[0], "run_id": "c" * 64, "supersedes": rows[0]["run_id"], "result_digest": "other"}
    after = [*rows, {**corrected, "record": str(record)}]
    assert only(diff_tables(Index(rows, []), Index(after, []))) == ("changed", "corrected: thousands commas")


def test_what_cannot_be_trusted_is_named(stores):
    old, new = stores
    path = next(new.rglob("run.json"))
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 5'))
    found = diff_stores(old, new)
    assert len(found.faults) == 1 and found.changes[0].kind == "removed"


def test_the_command_pairs_items_and_prints_json(stores, monkeypatch, capsys):
    old, new = stores
    seal_scores(new, [1, 1, 1, 0], task="a", method="direct")
    seal_scores(new, [1, 1, 1, 0], task="b", method="direct")

    def run(*more):
        monkeypatch.setattr(sys, "argv", ["harness", "results", "diff", str(old), str(new), *more])
        main()
        return capsys.readouterr().out

    found = json.loads(run("--json"))
    (changed,), (added,) = found["changed"], found["added"]
    assert (found["same"], found["removed"]) == (0, []) and added["task"] == "b" and added["old"] is None
    assert (changed["old"]["value"], changed["new"]["value"], changed["difference"]) == (0.5, 0.75, 0.25)
    assert changed["reasons"][0]["field"] == "samples_digest"
    text = run()
    assert "changed: a x direct x sim/model seed 0: accuracy 0.500 -> 0.750 (+0.250 [" in text
    assert "0 rows are the same, 1 changed, 0 removed, 1 added" in text


def test_a_store_that_is_none_is_one_line(stores, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["harness", "results", "diff", str(stores[0]), "nowhere"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and "error: no result store at nowhere" in capsys.readouterr().err


def test_fewer_runs_of_one_seed_differ_in_their_settings(stores):
    old, new = stores
    rows = read_index(old).rows
    (hotter,) = with_fields(rows, decoding={"temperature": 2.0})
    found = diff_tables(Index([*rows, {**hotter, "run_id": "d" * 64}], []), Index(rows, []))
    assert found.same == 1 and only(found)[1] == "other settings: the new store has temperature=None"
