"""Which runs are compared: filters keep the baseline, the newest version counts; names show arguments."""

import json
import sys

import pytest

from harness.base.errors import UsageError
from harness.cli import main
from harness.comparison.arms import arms_of
from harness.comparison.select import Selection, newest_versions
from harness.results.index import in_force, read_index
from harness.results.labels import field_label, method_label, short
from harness.testing import seal_scores


@pytest.fixture
def store(tmp_path):
    for task in ("a", "b"):
        for method, arguments in (("direct", {}), ("vote", {"samples": 2}), ("vote", {"samples": 16})):
            for model in ("sim/one", "sim/two"):
                seal_scores(
                    tmp_path, [1, 0, 1, 1], task=task, method=method, method_args=arguments, model=model
                )
    return tmp_path


def rows(store):
    return in_force(read_index(store).rows)


def subjects(rows):
    return sorted((r["task"], r["method"], r["model"]) for r in rows)


@pytest.fixture
def compare(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["harness", "compare", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    "selection, baseline, kept",
    [
        (Selection(method="vote"), "direct", {"direct", "vote"}),
        (Selection(method_args={"samples": "16"}), "direct", {"direct", "vote"}),
        (Selection(model="sim/one"), "direct@sim/two", {"direct", "vote"}),
        (Selection(method="vote"), None, {"vote"}),
    ],
)
def test_filters_never_take_the_baseline_away(store, selection, baseline, kept):
    found = selection.beside(rows(store), baseline)
    assert {row["method"] for row in found} == kept
    if baseline:
        named = [row for row in found if row["method"] == "direct"]
        assert {row["task"] for row in named} == {"a", "b"}
        assert all(
            row["model"] == "sim/two" for row in named if "@" in baseline and row["model"] != "sim/one"
        )


def test_a_baseline_that_is_chosen_already_brings_no_others(store):
    found = Selection(model="sim/one", task="a").beside(rows(store), "direct")
    assert {row["model"] for row in found} == {"sim/one"} and {row["task"] for row in found} == {"a"}


def test_a_baseline_named_by_a_run_brings_all_its_seeds(store):
    seal_scores(store, [1, 0, 1, 0], task="a", method="direct", model="sim/one", seed=1)
    first = next(r for r in rows(store) if (r["task"], r["method"], r["model"]) == ("a", "direct", "sim/one"))
    found = Selection(method="vote", task="a").beside(rows(store), first["run_id"][:12])
    assert sorted(row["seed"] for row in found if row["method"] == "direct") == [0, 1]


def test_the_command_compares_with_the_baseline_that_the_filter_left_out(store, compare):
    code, out, err = compare(
        "--method", "vote", "-M", "samples=16", "--baseline", "direct", "--store", store, "--json"
    )
    made = json.loads(out)["comparisons"]
    assert code == 0 and len(made) == 4
    assert {(c["candidate"]["method"], c["baseline"]["method"]) for c in made} == {("vote", "direct")}
    assert all(c["candidate"]["model"] == c["baseline"]["model"] for c in made)


def test_a_filter_that_fits_nothing_is_still_an_error(store):
    with pytest.raises(UsageError, match="did you mean 'vote'"):
        Selection(method="vota").beside(rows(store), "direct")


def older(row, **versions):
    comparability, subject = dict(row["comparability"]), dict(row["subject"])
    for key, value in versions.items():
        (comparability if key == "task_version" else subject)[key] = value
    key = row["comparability_key"] + ("-older" if "task_version" in versions else "")
    return {**row, "comparability": comparability, "subject": subject, "comparability_key": key}


def same(a, b):
    """Whether two lists hold the same rows, in whatever order."""
    return len(a) == len(b) and {id(row) for row in a} == {id(row) for row in b}


def test_the_newest_version_is_taken_and_the_others_are_named(store):
    now = [older(r, task_version=2, method_version=3) for r in rows(store)]
    before = [older(r, task_version=1, method_version=3) for r in rows(store) if r["task"] == "a"]
    kept, said = newest_versions([*before, *now])
    assert same(kept, now)
    assert said == "older versions left out: task a version 1 (the newest is 2)"
    vote = [older(r, task_version=2, method_version=1) for r in rows(store) if r["method"] == "vote"]
    kept, said = newest_versions([*vote, *now])
    assert same(kept, now) and said == "older versions left out: method vote version 1 (the newest is 3)"
    assert newest_versions(now)[1] == "" and newest_versions([]) == ([], "")


def test_in_development_the_version_that_was_run_last_is_the_newest(store):
    direct = [r for r in rows(store) if (r["task"], r["method"], r["model"]) == ("a", "direct", "sim/one")]
    first = [{**older(r, method_version="f" * 64), "created_at": "2026-01-01T00:00:00"} for r in direct]
    second = [{**older(r, method_version="a" * 64), "created_at": "2026-01-02T00:00:00"} for r in direct]
    released = [{**older(r, method_version=3), "created_at": "2026-01-01T12:00:00"} for r in direct]
    kept, said = newest_versions([*second, *released, *first])
    assert kept == second
    assert f"method direct code {'f' * 12} (the newest is code {'a' * 12})" in said and "version 3" in said
    assert newest_versions(first) == (first, "")


def test_a_version_that_only_one_model_has_stays(store):
    """The newest of a method is that with its model: other models' runs don't vanish."""
    mixed = [older(r, method_version=2 if r["model"] == "sim/two" else 1) for r in rows(store)]
    kept, said = newest_versions(mixed)
    assert same(kept, mixed) and said == ""


def test_arguments_off_their_default_stand_beside_the_name(tmp_path):
    assert method_label("self-consistency", {"samples": 8}) == "self-consistency"
    assert method_label("self-consistency", {"samples": 16}) == "self-consistency (samples=16)"
    assert method_label("of-nobody", {"samples": 16}) == "of-nobody", "its defaults are unknown"
    seal_scores(tmp_path, [1, 0], method="self-consistency", method_args={"samples": 16})
    seal_scores(tmp_path, [1, 0], method="direct")
    direct, vote = arms_of(rows(tmp_path))
    assert vote.label([direct, vote]) == "self-consistency (samples=16)"
    assert vote.title() == "self-consistency (samples=16) x sim/model" and direct.label() == "direct"


def test_arms_of_one_name_are_distinguished_by_what_differs(store):
    arms = [arm for arm in arms_of(rows(store)) if arm.task == "a"]
    assert {arm.label(arms) for arm in arms} == {"direct", "vote (samples=2)", "vote (samples=16)"}


def test_the_models_of_agents_stand_beside_the_name():
    name = "openai-api/here/a-model-with-a-long-name"
    roles = {"agent2": {"model": name, "revision": "", "args": {}}, "judge": {"model": "sim/judge"}}
    told = {"decoding": {}, "roles": roles}
    assert method_label("debate", {"agents": 3}, told) == f"debate (agents=3, agent2={name})"
    values = {"roles.agent2.model": name, "roles.agent2.revision": "", "roles.judge.revision": "a1"}
    assert field_label("roles.agent2.model", values) == "agent2"
    assert field_label("roles.judge.revision", values) == "judge revision"
    assert field_label("roles.agent2.revision", values) == field_label("roles.agent3.model", values) == ""
    assert field_label("method_args.samples", values) == "samples"


def test_long_and_odd_values_are_short():
    assert (
        short("a b") == "a b"
        and short(["x", 1]) == "x,1"
        and short(1e-5) == "1e-05"
        and short(True) == "true"
    )
    assert len(short("x" * 100)) == 24


def test_texts_that_begin_alike_are_told_apart():
    """Two prompts differ in their last word, or in white space alone."""
    head = "Choose the label that fits the text best. "
    assert short(head + "{input}") != short(head + "{question}") and len(short(head + "{input}")) == 24
    assert short("a\nb").startswith("a b#") and short("a\nb") != short("a b")
    assert short(head, 60) == short(head.strip() + " ", 60) != short(head.strip(), 60)


def test_released_code_that_changed_under_one_version_is_said(store):
    from harness.comparison.paired import compare

    def with_code(row, task, method):
        parts = {"task": task, "method": method}
        return {**row, "code": {part: {"digest": d * 64, "development": False} for part, d in parts.items()}}

    found = [r for r in rows(store) if (r["task"], r["model"]) == ("a", "sim/one")]
    direct = [with_code(r, "1", "a") for r in found if r["method"] == "direct"]
    vote = [
        with_code(r, "2", "b")
        for r in found
        if r["method"] == "vote" and r["subject"]["method_args"]["samples"] == 2
    ]
    baseline, candidate = arms_of([*direct, *vote])
    said = "; ".join(compare(candidate, baseline).warnings)
    assert f"other code of the same task version scored a part: {'2' * 12}, {'1' * 12}" in said
    same = [with_code(r, "1", "b") for r in vote]
    assert "other code" not in "; ".join(compare(arms_of(same)[0], baseline).warnings)
