"""The methods in real runs: roles, controls, and what the gate learns in `fit`."""

import json

import pytest
from pyarrow import parquet

from harness.base.errors import UsageError
from harness.job import Job
from harness.methods.team import training
from harness.registry import load_method, registry
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.isolation.opening import check_isolable
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.sample import SplitSizes

TASK = {"items": 4, "train": 6, "constraints": 2}
RATED = {"measure": "self-rating"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a method: `run(method, ...)` gives its record and its attempts."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))

    def play(method, human=True, task=None, store="store", role_args=None, **args):
        request = Request(
            "team/hidden-constraints",
            method,
            "sim/clerk",
            task_args=TASK | (task or {}),
            method_args=args,
            roles={"human": "sim/human"} if human else {},
            role_args=role_args or {},
        )
        (result,) = run_grid(plan(request), Session(Store(tmp_path / store))).results
        assert result.record, result.error
        rows = parquet.read_table(result.record["samples_path"]).to_pylist()
        return result.record, rows

    return play


def measures(rows):
    return [json.loads(row["trace"])["measures"] for row in rows]


def test_a_method_that_needs_a_person_is_refused_at_the_door_without_one(run):
    with pytest.raises(UsageError, match="needs --role human=MODEL"):
        run("ask-when-uncertain", human=False)
    record, _ = run("autonomous", human=False)
    assert record["metrics"]["effort"]["value"] == 0


def test_a_person_who_answers_nothing_is_refused_requests_and_no_failure(run):
    record, rows = run("ask-when-uncertain", task={"human_budget": 0}, **RATED)
    assert record["counts"]["ok"] == 4 and record["metrics"]["turns"]["value"] == 0
    assert {each["requests_refused"] for each in measures(rows)} == {1.0}


@pytest.mark.parametrize(
    ("of", "more"),
    [
        ("ask-when-uncertain", {}),
        ("ask-when-uncertain", {"human_budget": 1}),
        ("confirm-irreversible", {}),
        ("suggest-then-execute", {}),
        ("plan-approval", {}),
        ("human-driven", {}),
    ],
)
def test_the_random_gate_asks_as_often_as_the_tested_policy_in_every_episode(run, of, more):
    _, rows = run("random-gate", task=more, of=of, **RATED)
    found = measures(rows)
    assert [each["interventions"] for each in found] == [each["interventions_tested"] for each in found]
    assert all(each["interventions"] for each in found)
    assert [row["turns"] for row in rows] == [each["interventions"] for each in found]


def test_more_tokens_are_at_least_those_of_the_tested_policy_and_ask_nobody(run):
    record, rows = run("more-tokens")
    for each in measures(rows):
        assert each["agent_tokens"] >= 0.9 * each["tokens_tested"] > 0
        assert each["interventions"] == 0
    assert record["usage"]["by_purpose"]["human"]["calls"] > 0  # of the rehearsal


def test_the_oracle_is_labelled_a_ceiling(run):
    record, rows = run("oracle-gate")
    assert record["data_access"]["targets_seen"] == 4
    assert record["metrics"]["success"]["value"] == 1.0
    assert {each["interventions"] for each in measures(rows)} == {2.0}


def test_they_may_run_isolated_as_the_person_is_on_the_worlds_side():
    check_isolable(registry().method("ask-when-uncertain"))


LEARNS = {"updates": 4, "batch": 6, **RATED}


def test_the_gate_learns_in_fit_and_is_an_artefact(run):
    record, rows = run("learned-gate", **{"lambda": 0.05}, **LEARNS)
    assert record["metrics"]["success"]["value"] == 1.0
    assert {each["interventions"] for each in measures(rows)} == {2.0}
    assert record["curve"]["dev_last"]["value"] == pytest.approx(1 - 0.05 * 2)
    again, _ = run("learned-gate", store="again", **{"lambda": 0.05}, **LEARNS)
    assert again["samples"]["digest"] == record["samples"]["digest"]
    usage, kept = record["usage"]["by_purpose"], again["usage"]["by_purpose"]
    assert usage == kept and usage["train"]["calls"] > 100


def test_what_was_learned_with_one_person_is_not_taken_for_another(run):
    record, _ = run("learned-gate", **{"lambda": 0.05}, **LEARNS)
    other, _ = run("learned-gate", role_args={"error": 1}, **{"lambda": 0.05}, **LEARNS)
    curves = [each["curve"]["dev_last"]["value"] for each in (record, other)]
    assert curves[0] == pytest.approx(0.9) and curves[1] <= 0.5


def test_a_dear_person_is_left_alone(run):
    record, rows = run("learned-gate", **{"lambda": 1.0}, **LEARNS)
    assert {each["interventions"] for each in measures(rows)} == {0.0}


@pytest.mark.parametrize(
    ("method", "args", "least"),
    [("autonomous", {}, 10), ("random-gate", {}, 20), ("learned-gate", {"updates": 3, "batch": 5}, 40)],
)
def test_what_is_planned_counts_trainings_and_rehearsals(method, args, least):
    spec = registry().method(method)
    assert load_method(spec, spec.arguments(args)).calls(10, SplitSizes()) == least


@pytest.mark.parametrize(
    ("method", "args", "said"),
    [
        ("ask-when-uncertain", {"samples": 0}, "samples=0 is not at least 1"),
        ("ask-when-uncertain", {"samples": 1}, "measure=disagreement takes at least 2 samples, not 1"),
        ("learned-gate", {"updates": 0}, "updates=0 is not at least 1"),
        ("learned-gate", {"lambda": -1}, "lambda=-1 not below 0"),
    ],
)
def test_bad_arguments_are_said_in_a_line(run, method, args, said):
    with pytest.raises((UsageError, AssertionError), match=said):
        run(method, **args)


def test_what_training_drew_is_the_order_in_which_it_meets_the_worlds(run, monkeypatch):
    drawn, met, batch = [], [], training._Training._batch
    monkeypatch.setattr(Job, "drew", lambda job, *what: drawn.extend(what))

    def noted(self, update):
        met.append(list(batch(self, update)))
        return iter(met[-1])

    monkeypatch.setattr(training._Training, "_batch", noted)
    run("learned-gate", **{"lambda": 0.05}, **LEARNS)
    first = [sample.id for sample in met[0]]
    assert drawn[0] == first and len(set(first)) == TASK["train"]
