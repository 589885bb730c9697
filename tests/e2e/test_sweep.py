"""The sweep as a command."""

import json

import pytest

SWEEP = [
    "sweep",
    "--task",
    "countdown",
    "--method",
    "self-consistency",
    "--model",
    "echo/choice",
    "--limit",
    "6",
]


def test_a_sweep_is_ordinary_runs_and_a_curve(harness, tmp_path):
    pytest.importorskip("matplotlib")
    figure = tmp_path / "curve.svg"
    asked = [*SWEEP, "--set", "samples=4,1,2", "--seeds", "2"]
    found = json.loads(harness(tmp_path, *asked, "--json", "--plot", figure).stdout)
    assert len(found["runs"]) == 6 and not any(run["reused"] for run in found["runs"])
    (curve,) = found["sweeps"]
    assert [point["value"] for point in curve["points"]] == [1, 2, 4]
    assert curve["parameter"] == "samples" and curve["form"] == "inconclusive"
    assert curve["verdict"] == "not shown" and curve["trend"]["draws"] is False
    assert {run for point in curve["points"] for run in point["run_ids"]} == {
        run["run_id"] for run in found["runs"]
    }
    drawn = figure.read_text()
    assert "<svg" in drawn and "<dc:date>" not in drawn
    again = harness(tmp_path, *asked, "--plot", figure)
    lines = again.stdout.splitlines()
    first, last = (
        next(n for n, line in enumerate(lines) if start in line) for start in ("verdict: ", "form, ")
    )
    assert "verdict: not shown: " in lines[first] and first < last and "reused" in again.stdout
    assert figure.read_text() == drawn
    harness(tmp_path, *asked, "--plot", "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--set", "samples=4"], "--set takes NAME=V1,V2,..."),
        (["--set", "samples=1,many"], "a swept value is a number"),
        (["--set", "sample=1,2"], "did you mean 'samples'"),
        (["--set", "samples=1,2.5"], "samples='2.5' is not a whole number"),
        (["--set", "samples=1,2", "--margin", "0"], "--margin 0: a margin is above 0"),
        (["--set", "samples=1,2", "--margin", "2"], "--margin 2: accuracy lies between 0 and 1"),
        (["--set", "samples=1,2", "--plot", "curve.gif"], "the name ends in .svg, .png, .pdf"),
        (["--set", "samples=1,2", "--plot", "nowhere/curve.svg"], "there is no folder nowhere"),
        (["--set", "samples=1,2", "--method", "direct,self-consistency"], "'direct' has no such parameter"),
    ],
)
def test_mistakes_are_one_line_and_run_nothing(harness, tmp_path, arguments, line):
    done = harness(tmp_path, *SWEEP, *arguments, code=2)
    assert line in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_a_task_argument_is_swept_too(harness, tmp_path):
    done = harness(
        tmp_path,
        "sweep",
        "--task",
        "countdown",
        "--model",
        "echo/choice",
        "--limit",
        "4",
        "--set",
        "level=1,2,3",
        "--json",
    )
    (curve,) = json.loads(done.stdout)["sweeps"]
    assert [point["value"] for point in curve["points"]] == [1, 2, 3] and not curve["paired_items"]


def test_two_arguments_make_a_surface(harness, tmp_path):
    pytest.importorskip("matplotlib")
    asked = [*SWEEP, "--set", "samples=1,2,4", "--set", "level=2,1,3", "--plot", "surface.svg"]
    found = json.loads(harness(tmp_path, *asked, "--json").stdout)
    assert len(found["runs"]) == 9 and "sweeps" not in found
    (surface,) = found["surfaces"]
    assert surface["parameters"] == ["samples", "level"] and surface["axes"] == ["dials", "dials"]
    assert [tuple(cell["dials"].values()) for cell in surface["cells"]] == [
        (samples, level) for samples in (1, 2, 4) for level in (1, 2, 3)
    ]
    assert {run for cell in surface["cells"] for run in cell["run_ids"]} == {
        run["run_id"] for run in found["runs"]
    }
    assert not surface["paired_items"] and surface["hypothesis"]["linear"]["verdict"] == "cannot tell"
    assert surface["budget"] is None and "<svg" in (tmp_path / "surface.svg").read_text()
    again = harness(tmp_path, *asked, "--iso-budget", "5", "--axes", "dials").stdout
    assert "reused" in again and "linear reading: cannot tell 'better linearly with both': " in again
    assert "best split of 5" in again and "axes: samples (as set) and level (as set)" in again


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--set", "samples=1,2", "--set", "samples=1,4"], "over one argument, or over two of two names"),
        (["--set", "samples=1,2", "--set", "level=1"], "--set takes NAME=V1,V2,..."),
        (["--set", "samples=1,2", "--set", "levle=1,2"], "did you mean 'level'"),
        (["--set", "samples=1,2", "--axes", "dials"], "--axes is of a sweep over two arguments"),
        (["--set", "samples=1,2", "--set", "level=1,2", "--iso-budget", "-1"], "a budget is above 0"),
    ],
)
def test_mistakes_of_two_are_one_line_and_run_nothing(harness, tmp_path, arguments, line):
    done = harness(tmp_path, *SWEEP, *arguments, code=2)
    assert line in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()
