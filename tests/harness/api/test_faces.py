"""What a function returns is what the command of the same name prints, as JSON and as a table."""

import json
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

import harness
from harness.base.errors import UsageError
from harness.cli import cli

EVAL = ("eval", "--task", "arc1d", "--method", "direct,self-consistency", "--limit", "12", "--seeds", "3")
ASKED = {"task": "arc1d", "method": "direct,self-consistency", "limit": 12, "seeds": 3, "progress": False}


def said(*arguments, code=0):
    done = CliRunner().invoke(cli, [*arguments])
    assert done.exit_code == code, done.output
    return done.stdout


def printed(*arguments, code=0):
    return json.loads(said(*arguments, "--json", code=code))


def timeless(value):
    """Without what differs from one look to the next."""
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in ("wall_s", "created_at")}
    return [timeless(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """A cache with what the models answer to these runs."""
    place = tmp_path_factory.mktemp("answered")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(place / "cache"))
        harness.evaluate(**ASKED, store=str(place / "results"))
    return place / "cache"


@pytest.fixture
def runs(place, answered):
    shutil.copytree(answered, place / "cache", dirs_exist_ok=True)
    return harness.evaluate(**ASKED)


def test_evaluate(runs):
    again = harness.evaluate(**ASKED)
    assert json.loads(json.dumps(again.to_json())) == printed(*EVAL)
    assert repr(again) + "\n" == said(*EVAL).lstrip("\n")
    assert not runs[0].record.get("reused") and again[0].record["reused"]


def test_runs_are_a_sequence_of_runs(runs):
    assert [run.seed for run in runs] == [0, 1, 2] * 2 and len(runs[1:3]) == 2
    run = runs[3]
    assert (run.task, run.method, run.model, run.status) == (
        "arc1d",
        "self-consistency",
        "pocket/grid",
        "complete",
    )
    low, high = run.interval
    assert 0 <= low <= run.value <= high <= 1 and run.metrics["accuracy"]["value"] == run.value
    assert run.usage["calls"] == 12 * 8 and run.record["run_id"] == run.id
    samples = run.samples
    assert len(samples) == 12 and {"sample_id", "status", "answer", "completion"} <= set(samples.columns)
    assert samples["accuracy"].mean() == pytest.approx(run.value)
    table = runs.to_pandas()
    assert set(table["run_id"]) == {run.id for run in runs}
    kept = harness.load(task="arc1d")
    assert list(table.columns) == list(kept.columns) and len(table) == len(kept)
    with pytest.raises(UsageError, match="no column"):
        harness.load(tusk="arc1d")


def test_compare(runs):
    made = harness.compare(baseline="direct")
    assert json.loads(json.dumps(made.to_json())) == printed("compare", "--baseline", "direct")
    assert repr(made) + "\n" == said("compare", "--baseline", "direct").lstrip("\n")
    for form in ("markdown", "latex", "csv"):
        assert getattr(made, f"to_{form}")() == said("compare", "--baseline", "direct", "--format", form)
    (row,) = made.to_pandas().to_dict("records")
    assert row["method"] == "self-consistency" and row["baseline_method"] == "direct"
    assert row["difference"] == pytest.approx(row["value"] - row["baseline_value"])
    assert made[0].matched == 12 and len(made.flips(2)) == 1


def test_runs_compare_over_these_runs_and_the_baseline_of_the_store(runs, place):
    within = runs.compare(baseline="direct")
    assert within.to_json()["comparisons"] == harness.compare(baseline="direct").to_json()["comparisons"]
    alone = harness.evaluate("arc1d", "self-consistency", limit=12, progress=False)
    made = alone.compare(baseline="direct")
    (one,) = made
    assert one.candidate.run_ids == [alone[0].id]  # one run, not the three of the store
    assert sorted(one.baseline.run_ids) == sorted(run.id for run in runs if run.method == "direct")
    assert harness.compare(alone[0].id, runs[0].id, baseline=runs[0].id[:12])[0].matched == 12
    with pytest.raises(UsageError, match="no stored run is the baseline 'dirct'; did you mean 'direct'"):
        alone.compare(baseline="dirct")
    with pytest.raises(UsageError, match="correction is one of"):
        alone.compare(baseline="direct", correction="bonferroni")
    with pytest.raises(UsageError, match="only subject"):
        harness.evaluate("arc1d", "direct", limit=12, progress=False).compare(baseline="direct")


def test_a_baseline_on_other_items_is_refused_by_what_differs(runs):
    other = harness.evaluate("arc1d", "self-consistency", limit=5, progress=False)
    with pytest.raises(UsageError, match="not comparable: .*limit"):
        other.compare(baseline="direct")


def test_a_comparison_is_drawn(runs, place):
    made = runs.compare(baseline="direct")
    assert made.plot("cost.pdf").read_bytes().startswith(b"%PDF")
    assert b"<svg" in made.plot(place / "difference.svg", kind="difference").read_bytes()
    for wrong, says in (("cost.txt", "ends in"), ("nowhere/cost.svg", "no folder")):
        with pytest.raises(UsageError, match=says):
            made.plot(wrong)
    with pytest.raises(UsageError, match="one of cost"):
        made.plot("cost.svg", kind="pie")


def test_html_is_a_table_and_escapes_what_names_hold(runs):
    from harness.display.layout import Line, Table, as_html, as_text

    html = runs.compare(baseline="direct")._repr_html_()
    assert html.count("<table>") == 1 and "self-consistency" in html and "not shown" in html
    assert "<table>" in runs._repr_html_() and "<table>" in runs[0]._repr_html_()
    blocks = [Table(["<b>"], [["<script>\x1b[31m"]], styles={}), Line("a < b", "bold")]
    assert "<script>" not in as_html(blocks) and "\x1b" not in as_html(blocks) + as_text(blocks)
    assert "a &lt; b" in as_html(blocks)


def test_rich_prints_colours(runs):
    import io

    from rich.console import Console

    out = Console(file=io.StringIO(), force_terminal=True, width=200)
    out.print(runs)
    assert "self-consistency" in out.file.getvalue() and "\x1b[" in out.file.getvalue()
    assert "\x1b[" not in repr(runs)


def test_power(runs):
    asked = ("power", "--task", "arc1d", "--effect", "0.1", "--checks", "2")
    table = harness.power("arc1d", effect=0.1, checks=2)
    assert json.loads(json.dumps(table.to_json())) == printed(*asked)
    assert repr(table) + "\n" == said(*asked)
    rows = table.to_pandas()
    assert set(rows["items"]) == {12} and list(rows["difference"]) == [d.difference for d in table.designs]
    with pytest.raises(UsageError, match="at most 0.25, not 3"):
        harness.power("arc1d", variance=3)
    with pytest.raises(UsageError, match="how many items"):
        harness.power(store="nowhere")


def test_check(runs, place):
    done = harness.set_baseline("main", method="direct")
    assert done.path.is_file() and not done.declared and "a margin of 5%" in repr(done)
    assert done.to_json()["margins"][0]["baseline_runs"] == 3
    asked = ("check", "--baseline", "main", "--margin", "0.3")
    first = harness.check("main", margin=0.3)
    checked = harness.check("main", margin=0.3)  # the same runs again are the same look
    assert checked.verdict == first.verdict and checked.verdicts[0].look == first.verdicts[0].look
    assert str(checked.ledger) == "results/baselines/main.looks" and not checked.notes
    assert json.loads(json.dumps(checked.to_json())) == printed(*asked, code=checked.exit_code)
    assert repr(checked) + "\n" == said(*asked, code=checked.exit_code).lstrip("\n")
    assert checked.ok == (checked.exit_code == 0) and checked.verdict in repr(checked)
    assert "harness check" in checked.to_markdown() and "<testsuite" in checked.to_junit()
    assert list(checked.to_pandas()["task"]) == ["arc1d"]
    with pytest.raises(UsageError, match="exists"):
        harness.set_baseline("main", method="direct")
    with pytest.raises(UsageError):
        harness.check("nobody")


def test_sweep(place):
    asked = ("sweep", "--task", "arc1d", "--method", "self-consistency", "--set", "samples=1,2,4")
    asked += ("--limit", "8", "--seeds", "2")
    given = {"task": "arc1d", "method": "self-consistency", "limit": 8, "seeds": 2, "progress": False}
    harness.sweep("samples", [4, 1, 2], **given)
    curves = harness.sweep("samples", [4, 1, 2], **given)
    assert json.loads(json.dumps(curves.to_json())) == printed(*asked)
    assert list(curves.to_pandas()["value"]) == [1.0, 2.0, 4.0] and len(curves.runs) == 6
    assert curves[0].parameter == "samples" and "verdict: " in repr(curves)
    lines = {line.rstrip() for line in said(*asked).splitlines()}
    assert {line for line in repr(curves).splitlines() if line} <= lines
    assert b"<svg" in curves.plot("curve.svg").read_bytes()
    for parameter, values, says in (
        ("sampels", [1, 2], "did you mean 'samples'"),
        ("samples", [1], "two values or more"),
        ("samples", [1, "x"], "a swept value is a number"),
    ):
        with pytest.raises(UsageError, match=says):
            harness.sweep(parameter, values, **given)


def test_a_sweep_over_two(place):
    asked = ("sweep", "--task", "arc1d", "--method", "self-consistency", "--set", "samples=1,2,4")
    asked += ("--set", "level=1,2", "--limit", "8", "--iso-budget", "4")
    given = {"task": "arc1d", "method": "self-consistency", "limit": 8, "progress": False, "iso_budget": 4.0}
    harness.sweep(["samples", "level"], [[4, 1, 2], [1, 2]], **given)
    surfaces = harness.sweep(("samples", "level"), ([4, 1, 2], [1, 2]), **given)
    assert json.loads(json.dumps(surfaces.to_json())) == printed(*asked)
    table = surfaces.to_pandas()
    assert list(table["samples"]) == [1, 1, 2, 2, 4, 4] and list(table["level"]) == [1, 2] * 3
    assert surfaces[0].parameters == ("samples", "level") and "linear reading: " in repr(surfaces)
    lines = {line.rstrip() for line in said(*asked).splitlines()}
    assert {line for line in repr(surfaces).splitlines() if line} <= lines
    assert b"<svg" in surfaces.plot("surface.svg").read_bytes()


def test_score(place):
    rows = [{"index": n, "output": "1"} for n in range(4)]
    (place / "answers.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    asked = ("score", "--task", "arc1d", "--responses", "answers.jsonl", "--column", "completion=output")
    given = {"columns": {"completion": "output"}, "progress": False}
    harness.score("arc1d", "answers.jsonl", **given)
    runs = harness.score("arc1d", "answers.jsonl", **given)
    assert timeless(json.loads(json.dumps(runs.to_json()))) == timeless(printed(*asked))
    assert runs[0].record["n_items"] == 4
    with pytest.raises(harness.HarnessError, match="no responses file"):
        harness.score("arc1d", "nowhere.jsonl")


def test_train(place):
    policy = harness.train("arc1d", "curator", to="policy", method_args={"preset": "small"}, progress=False)
    assert policy.path.is_dir() and any(policy.path.iterdir()) and "trained by curator" in repr(policy)
    made = printed("train", "--task", "arc1d", "--method", "curator", "--preset", "small", "--to", "again")
    assert {**policy.to_json(), "policy": "again"}.keys() == made.keys()
    assert (made["task"], made["method"], made["seed"]) == ("arc1d", "curator", 0)
    (run,) = harness.evaluate(
        "arc1d", "curator", method_args={"policy": str(policy.path)}, limit=5, progress=False
    )
    assert run.status == "complete"
    with pytest.raises(UsageError, match="not empty"):
        harness.train("arc1d", "curator", to="policy")
    with pytest.raises(UsageError, match="trains no policy"):
        harness.train("arc1d", "direct", to="other", progress=False)


def test_leaderboard_is_a_function_and_a_package(runs):
    assert harness.leaderboard("results", out="site").read_text().startswith("<!")
    from harness.leaderboard import site

    assert harness.leaderboard("results", out="tables", tables=True).is_dir() and callable(site.build)
    code = (
        "import harness.leaderboard.site as s, harness\n"
        "assert harness.leaderboard('results', out='other').is_file()\n"
        "from harness import leaderboard\n"
        "assert leaderboard.site is s and callable(leaderboard)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
