"""Learning curves: sealed beside a record, verified with it, carried through corrections and exports."""

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from harness.base.errors import RecordError
from harness.cli import cli
from harness.learning_curve import Point, checked, json_schema
from harness.results import load, load_curves
from harness.results.curve import read_curve, sealed
from harness.results.record import retract
from harness.results.schema import json_schema as record_schema
from harness.results.store import Store
from harness.results.verify import verify_store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.rescore import rescore
from harness.run.session import Session

SCHEMA = Path(__file__).parents[3] / "harness/results/curve.v1.schema.json"
number = st.floats(0, 1e15, allow_nan=False)


@st.composite
def curve(draw):
    """Rows of a curve that could have been recorded."""
    rows, step, spent = [], draw(st.integers(0, 3)), 0
    for _ in range(draw(st.integers(1, 8))):
        row = {"step": step, "rollouts": spent, "wall_s": float(spent)}
        row |= {name: draw(number) for name in ("dev", "reward", "entropy") if draw(st.booleans())}
        rows.append(row)
        step += draw(st.integers(1, 20))
        spent += draw(st.integers(0, 500))
    return rows


@given(rows=curve(), slower=st.floats(1, 9))
def test_what_is_sealed_is_read_again_and_time_is_no_part_of_its_digest(tmp_path_factory, rows, slower):
    folder = tmp_path_factory.mktemp("run")
    named, content = sealed(rows)
    (folder / named["file"]).write_bytes(content)
    record = {"record": str(folder / "run.json"), "curve": named}
    assert read_curve(record) == checked(rows) == rows
    again, _ = sealed([{**row, "wall_s": row["wall_s"] * slower} for row in rows])
    assert again == named
    measured = [row for row in rows if "dev" in row]
    if measured:
        best = max(row["dev"] for row in measured)
        first = next(row["step"] for row in measured if row["dev"] == best)
        assert named["dev_peak"] == {"step": first, "value": best}
        assert named["dev_last"] == {"step": measured[-1]["step"], "value": measured[-1]["dev"]}
        edited = {**measured[0], "dev": measured[0]["dev"] + 0.25}
        changed, _ = sealed([edited if row is measured[0] else row for row in rows])
        assert measured[0]["dev"] + 0.25 == measured[0]["dev"] or changed["digest"] != named["digest"]
    else:
        assert named["dev_peak"] is named["dev_last"] is None


def test_the_published_schema_is_that_of_the_code_and_fits():
    published = json.loads(SCHEMA.read_text())
    assert published == json_schema()
    jsonschema.validate({"step": 1, "dev": 0.5}, published)
    for wrong in ({"dev": 0.5}, {"step": 1, "surprise": 1}, {"step": 1.5}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, published)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"dev": 0.1}], "row 0: step: field required"),
        ([{"step": 1, "dev": float("nan")}], "row 0: dev: input should be a finite number"),
        ([{"step": 1, "cost": {}}], "row 0: cost: extra inputs are not permitted"),
        ([{"step": 2}, {"step": 2}], "row 1: step 2 doesn't follow 2"),
        ([{"step": 1, "rollouts": 9}, {"step": 2, "rollouts": 8}], "row 1: rollouts falls from 9 to 8"),
        ([{"step": 1, "tokens": 9}, {"step": 2}], "row 1: tokens falls from 9 to None"),
    ],
)
def test_rows_that_are_no_curve(rows, says):
    with pytest.raises(ValueError) as caught:
        checked(rows)
    assert str(caught.value).startswith(says)


@pytest.fixture
def store(plugin, tmp_path):
    return Store(tmp_path / "results")


def go(store, method="learner", **more):
    request = Request(task="colours", method=method, model="echo/red", **more)
    (result,) = run_grid(plan(request), Session(store)).results
    return result


def test_a_run_that_learns_seals_its_curve(store, monkeypatch):
    record = go(store).record
    path = Path(record["record"]).parent / "curve.jsonl"
    assert record["curve"]["rows"] == len(path.read_text().splitlines()) == 3
    assert record["curve"]["dev_last"] == {"step": 2, "value": 0.4}
    assert record["curve"]["dev_peak"] == {"step": 1, "value": 0.5}
    jsonschema.validate(json.loads(Path(record["record"]).read_text()), record_schema())
    assert "curve" not in json.loads(Path(go(store, "direct").record["record"]).read_text())
    assert verify_store(store.root) == ([], 2)

    table = load(str(store.root), method="learner", metric="accuracy")
    beside = table[["validation_last", "validation_peak", "validation_peak_step"]]
    assert beside.values.tolist() == [[0.4, 0.5, 1]]
    steps = load_curves(str(store.root))
    assert steps["dev"].tolist() == [0.2, 0.5, 0.4] and steps["rollouts"].tolist() == [0, 8, 16]
    assert set(steps["method"]) == {"learner"} and set(Point.model_fields) < set(steps.columns)
    out = ["--store", str(store.root)]
    done = CliRunner().invoke(cli, ["results", "export", "--curves", *out])
    assert done.exit_code == 0 and done.stdout.count("\n") == 4 and ",0.5," in done.stdout
    shown = json.loads(CliRunner().invoke(cli, ["results", "list", "--json", *out]).stdout)["runs"]
    assert [run.get("curve", {}).get("rows") for run in shown] == [None, 3]
    listed = CliRunner().invoke(cli, ["results", "list", *out]).stdout
    assert "validation, not test" in listed and "0.400, 0.500 at step 1" in listed

    # a correction and a retraction keep what was learned
    import thirdparty.task

    monkeypatch.setattr(thirdparty.task.Colours, "correct", lambda *_: True)
    new, _ = rescore(store, store.find(record["run_id"]), "all right")
    assert new["curve"] == record["curve"] and read_curve(new) == read_curve(record)
    gone = retract(store, store.find(record["run_id"]), "wrong split", "")
    assert read_curve(gone) == read_curve(record)
    assert verify_store(store.root) == ([], 4)

    rows = path.read_text().replace("0.5", "0.6")
    path.write_text(rows)
    (fault,) = verify_store(store.root)[0]
    assert "curve.jsonl was changed after it was sealed" in fault
    for content in ("{", "[1]\n", "3\n"):
        path.write_text(content)
        with pytest.raises(RecordError, match="can't be read"):
            read_curve(record)
    path.unlink()
    with pytest.raises(RecordError, match="can't be read"):
        read_curve(record)


def test_a_run_killed_before_its_seal_keeps_its_curve(store, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "seal", full)
        assert "every attempt is kept" in str(go(store).error)
    with monkeypatch.context() as once:  # nothing is left to fit for
        once.setattr("thirdparty.method.Learner.fit", full)
        assert len(read_curve(go(store).record)) == 3


def test_a_curve_that_is_none_ends_the_cell_with_one_line(store):
    error = str(go(store, method_args={"dev": "0.1;nan"}).error)
    assert error.startswith("the learning curve of method 'learner': row 1: dev") and "\n" not in error
