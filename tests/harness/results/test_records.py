"""Records: the golden files of every schema, the published JSON Schema, what is refused."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from harness.base.digest import digest
from harness.base.errors import RecordError
from harness.comparison.arms import arms_of
from harness.results import load, load_samples
from harness.results.index import read_index, row
from harness.results.migrations import MIGRATIONS, without_paths
from harness.results.schema import check, invariants, json_schema, result_digest
from harness.results.store import Store
from harness.results.verify import verify_store
from harness.testing import seal_scores

GOLDEN = Path(__file__).with_name("golden")
#: the same of schemas 2 to 4, sealed by version 0.1.0 of the harness
GOLDEN_2, GOLDEN_3, GOLDEN_4 = (Path(__file__).with_name(f"golden_{version}") for version in (2, 3, 4))
SCHEMAS = Path(__file__).parents[3] / "harness/results"


@pytest.fixture
def record():
    return newest()


def newest():
    return sealed(GOLDEN_4)


def oldest():
    return sealed(GOLDEN)


def sealed(golden):
    (path,) = golden.glob("v1/**/run.json")
    return json.loads(path.read_text())


def test_golden_record_still_loads():
    assert verify_store(GOLDEN) == ([], 1)
    table = load(str(GOLDEN))
    assert {"accuracy", "pass@2", "pass^2"} == set(table["metric"])
    (run,) = set(table["run_id"])
    samples = load_samples(run[:8], str(GOLDEN))
    assert len(samples) == 8 and set(samples["status"]) == {"ok"}
    mean = samples.groupby("sample_id")["accuracy"].mean().mean()
    assert mean == pytest.approx(table.set_index("metric")["value"]["accuracy"])


@pytest.mark.parametrize("golden", [GOLDEN_2, GOLDEN_3, GOLDEN_4])
def test_golden_records_of_later_schemas_load(golden):
    assert verify_store(golden) == ([], 1)
    (run,) = set(load(str(golden))["run_id"])
    samples = load_samples(run[:8], str(golden))
    assert set(samples["target"]) and not samples["target"].isna().any()


@pytest.mark.parametrize(
    ("golden", "draws"), [(GOLDEN, None), (GOLDEN_2, None), (GOLDEN_3, "none"), (GOLDEN_4, "none")]
)
def test_draws_are_unknown_before_they_were_declared(golden, draws):
    """Before version 3 every record that had the field said none, whatever its method drew."""
    assert sealed(golden).get("draws", "none") == "none"
    assert check(sealed(golden), "it")["draws"] == draws
    (row,) = read_index(golden).rows
    assert (row["draws"], row["draw_digest"]) == (draws, None)


def test_a_new_record_says_its_draws(record):
    del record["draws"]
    record["result_digest"] = result_digest(record)
    with pytest.raises(RecordError, match="broken"):
        check(record, "it")


def test_an_older_record_is_migrated_and_keeps_its_run_id_and_digest():
    old = oldest()
    old["subject"]["roles"] = {"judge": ["openai/a", "1"], "user": ["openai/b", ""]}
    old["subject"]["role_args"] = {"wait": 1}
    for key in ("subject", "comparability"):
        old[f"{key}_key"] = digest(old[key])
    old["result_digest"] = result_digest(old)
    new = check(old, "it")
    assert new["schema"] == 4 and invariants(new) == []
    assert (new["run_id"], new["result_digest"]) == (old["run_id"], old["result_digest"])
    assert new["comparability"]["roles"] == {
        "judge": {"model": "openai/a", "revision": "1", "args": {"wait": 1}},
        "user": {"model": "openai/b", "revision": "", "args": {"wait": 1}},
    }
    assert new["subject"]["roles"] == {} and new["comparability_key"] != old["comparability_key"]
    assert new["metric_ranges"]["accuracy"] == {"low": 0.0, "high": 1.0, "lower_is_better": False}
    old["subject"]["data_access"] = ["judge"]  # a judge that the method asks
    old["subject_key"] = digest(old["subject"])
    old["result_digest"] = result_digest(old)
    assert set(check(old, "it")["subject"]["roles"]) == {"judge"}


PUBLISHED = SCHEMAS.parents[1] / "results/published"


def test_published_records_keep_what_they_are_known_by():
    """No model of theirs was served, so that version 4 moves none of their keys."""
    folders = [*Store(PUBLISHED).folders()]
    assert len(folders) > 100
    for folder in folders:
        sealed = json.loads((folder / "run.json").read_text())
        before = sealed
        while before["schema"] < 3:
            before = MIGRATIONS[before["schema"]](before)
        now = check(sealed, str(folder))
        for key in ("run_id", "result_digest"):
            assert now[key] == sealed[key]
        for key in ("comparability_key", "subject_key"):
            assert now[key] == without_paths(before)[key]


def served_at(port, name="openai-api/local/big", **args):
    """A record of version 3 of a model that was reached by an argument and played the task's judge too."""
    old = sealed(GOLDEN_3)
    given = {"base_url": f"http://127.0.0.1:{port}/v1", **args}
    old["model"], old["subject"] = name, {**old["subject"], "model": name, "model_args": given}
    judge = {"model": name, "revision": "", "args": {}}
    old["comparability"] = {**old["comparability"], "roles": {"judge": judge}}
    old["run_id"] = f"{port:012}{old['run_id'][12:]}"
    for key in ("subject", "comparability"):
        old[f"{key}_key"] = digest(old[key])
    return {**old, "result_digest": result_digest(old)}


def test_older_records_of_one_model_at_two_addresses_are_one_arm():
    a, b, bold = (check(old, "it") for old in (served_at(1), served_at(2), served_at(1, emulate_tools=True)))
    assert (a["subject_key"], a["comparability_key"]) == (b["subject_key"], b["comparability_key"])
    assert bold["subject_key"] != a["subject_key"]
    assert bold["comparability"]["roles"]["judge"]["args"] == {"emulate_tools": True}  # as the model
    assert a["served"]["models"][a["model"]]["addresses"] == ["http://127.0.0.1:1/v1"]
    assert "127.0.0.1" not in json.dumps([a["subject"], a["comparability"]])
    b["created_at"] = "2999" + b["created_at"][4:]
    (arm,) = arms_of([row(a), row(b)])
    assert arm.run_ids == [b["run_id"]] and len(arm.shorter) == 1  # one seed is one run


def test_an_older_path_of_weights_is_kept_apart_and_not_shown():
    one, two = (check(served_at(1, "hf/local", model_path=f"/home/me/{name}"), "it") for name in "ab")
    assert one["subject_key"] != two["subject_key"] and "/home/me" not in json.dumps(one["subject"])


def test_what_a_tasks_arguments_settle_is_said_of_such_tasks_alone(tmp_path):
    assert "settled" not in seal_scores(tmp_path, [1, 0])["task"]


@pytest.mark.parametrize("damage", ["metrics", "subject", "comparability", "metric_limits", "counts"])
def test_a_damaged_older_record_is_one_line(damage):
    old = oldest()
    del old[damage]
    old["result_digest"] = result_digest(old)
    with pytest.raises(RecordError, match="broken") as said:
        check(old, "it")
    assert len(str(said.value).splitlines()) == 1


def test_published_schema_is_that_of_the_code_and_fits(record):
    published = json.loads((SCHEMAS / "run.v4.schema.json").read_text())
    assert published == json_schema()
    jsonschema.validate(sealed(GOLDEN_2), json.loads((SCHEMAS / "run.v2.schema.json").read_text()))
    jsonschema.validate(sealed(GOLDEN_3), json.loads((SCHEMAS / "run.v3.schema.json").read_text()))
    jsonschema.validate(record, published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "surprise": 1}, published)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("seed",), 7, "changed after it was sealed"),
        (("metrics", "accuracy", "value"), 0.99, "changed after it was sealed"),
        (("schema",), 5, "upgrade"),
        (("schema",), "1", "not a run record"),
        (("counts", "ok"), -1, "broken"),
    ],
)
def test_an_edited_record_is_refused(record, path, value, says):
    edited = copy.deepcopy(record)
    place = edited
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(RecordError, match=says):
        check(edited, "it")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r["metrics"]["accuracy"].update(value=1.5), "outside 0.0 to 1"),
        (lambda r: r["counts"].update(error=3), "number of attempts"),
        (
            lambda r: (
                r["metrics"]["pass@2"].update(value=0.0, ci=None, ci_method="none")
                or r["metrics"].update({"pass@1": {**r["metrics"]["pass@2"], "value": 0.9}})
            ),
            "wrong order",
        ),
        (
            lambda r: r["metrics"].update(
                {
                    "hit@1": {**r["metrics"]["accuracy"], "value": 0.1},
                    "mrr@1": {**r["metrics"]["accuracy"], "value": 0.2},
                }
            ),
            "differ",
        ),
    ],
)
def test_broken_invariants_are_refused_even_with_a_right_digest(record, change, says):
    now = check(record, "it")
    assert invariants(now) == []
    change(now)
    now["result_digest"] = result_digest(now)
    with pytest.raises(RecordError, match=says):
        check(now, "it")


def test_volatile_fields_are_not_part_of_the_digest(record):
    assert (
        result_digest({**record, "created_at": "x", "environment": {}, "volatile": {}})
        == (record["result_digest"])
    )
    assert result_digest({**record, "model": "x"}) != record["result_digest"]


def test_a_store_with_nothing_in_it(tmp_path):
    assert list(Store(tmp_path).records()) == [] and load(str(tmp_path)).empty
