"""Records: the golden file of schema 1, the published JSON Schema, what is refused."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from harness.base.errors import RecordError
from harness.results import load, load_samples
from harness.results.schema import check, invariants, json_schema, result_digest
from harness.results.store import Store
from harness.results.verify import verify_store

GOLDEN = Path(__file__).with_name("golden")
SCHEMA = Path(__file__).parents[3] / "harness/results/run.v1.schema.json"


@pytest.fixture
def record():
    (path,) = GOLDEN.glob("v1/**/run.json")
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


def test_published_schema_is_that_of_the_code_and_fits(record):
    published = json.loads(SCHEMA.read_text())
    assert published == json_schema()
    jsonschema.validate(record, published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "surprise": 1}, published)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("seed",), 7, "changed after it was sealed"),
        (("metrics", "accuracy", "value"), 0.99, "changed after it was sealed"),
        (("schema",), 2, "upgrade"),
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
        (lambda r: r["metrics"]["accuracy"].update(value=1.5), "outside 0 to 1"),
        (lambda r: r["counts"].update(error=3), "number of attempts"),
        (
            lambda r: (
                r["metrics"]["pass@2"].update(value=0.0)
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
    assert invariants(record) == []
    change(record)
    record["result_digest"] = result_digest(record)
    with pytest.raises(RecordError, match=says):
        check(record, "it")


def test_volatile_fields_are_not_part_of_the_digest(record):
    assert (
        result_digest({**record, "created_at": "x", "environment": {}, "volatile": {}})
        == (record["result_digest"])
    )
    assert result_digest({**record, "model": "x"}) != record["result_digest"]


def test_a_store_with_nothing_in_it(tmp_path):
    assert list(Store(tmp_path).records()) == [] and load(str(tmp_path)).empty
