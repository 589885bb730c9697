"""The installed command, driven as a user drives it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HARNESS = Path(sys.executable).with_name("harness")


@pytest.fixture
def place(tmp_path):
    """A folder to stand in, with a cache of its own."""
    return tmp_path


def environment(place):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_")}
    return {**kept, "HARNESS_CACHE": str(place / "cache"), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def run(warm):
    def run(place, *arguments, code=0):
        done = warm.run([HARNESS, *arguments], place, environment(place))
        assert done.returncode == code, done.stderr[-2000:]
        return done

    return run


def alone(place, *arguments, **more):
    """The same in a process that imports everything itself."""
    return subprocess.run(
        [HARNESS, *arguments],
        cwd=place,
        env={**environment(place), **more},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )


def test_json_is_one_object_and_nothing_else(place):
    done = alone(place, "eval", "--task", "arc1d", "-T", "level=1", "--limit", "12", "--json")
    (only,) = done.stdout.splitlines()
    (row,) = json.loads(only)["runs"]
    assert row["status"] == "complete" and row["n_items"] == 12
    assert row["counts"]["ok"] == 12 and row["usage"]["calls"] == 12
    assert 0 <= row["metrics"]["accuracy"]["ci"][0] <= row["metrics"]["accuracy"]["value"]
    assert (place / row["record"]).exists() and (place / row["samples"]).exists()
    again = alone(place, "eval", "--task", "arc1d", "-T", "level=1", "--limit", "12", "--json").stdout
    assert json.loads(again)["runs"][0]["reused"] and row["run_id"] in again


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["eval", "--task", "arc1f"], "'arc1d'"),
        (["eval", "--task", "arc1d", "--method", "derect"], "'direct'"),
        (["eval", "--task", "arc1d", "--model", "pocket/gird"], "'pocket/grid'"),
        (["eval", "--task", "arc1d", "-T", "levle=1"], "'level'"),
        (["eval", "--task", "arc1d", "-T", "level=9"], "all, 1, 2, 3, 4"),
        (["eval", "--task", "arc1d", "-T", "level"], "key=value"),
        (["eval", "--task", "arc1d", "--epochs", "0"], "at least 1"),
        (["eval"], "--task NAME"),
        (["evaluate"], "'eval'"),
        (["score", "--task", "arc1d", "--responses", "none.jsonl"], "none.jsonl"),
        (["show", "arc1z"], "'arc1d'"),
    ],
)
def test_a_mistake_is_one_line_with_its_cure(run, place, arguments, says):
    done = run(place, *arguments, code=2)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and says in errors[0]
    assert "Traceback" not in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list", "models"], 0),
        (["list", "tasks", "--json"], 0),
        (["--help"], 0),
        (["results", "list"], 0),
        (["results", "rebuild", "--check"], 1),
    ],
)
def test_a_reader_that_leaves_changes_no_exit_code(warm, place, arguments, code):
    (place / "results").mkdir()
    reader, writer = os.pipe()
    os.close(reader)
    done = warm.run([HARNESS, *arguments], place, environment(place), stdout=writer)
    os.close(writer)
    assert done.returncode == code and "rror" not in done.stderr


def test_killed_run_goes_on_where_it_stopped(warm, run, place):
    arguments = ["eval", "--task", "arc1d", "-T", "level=2", "--json", "--store", "killed"]
    victim = warm.start([HARNESS, *arguments], place, environment(place))
    deadline = time.monotonic() + 120
    journal: list[Path] = []
    while time.monotonic() < deadline:
        journal = list(place.glob("killed/.running/*/samples.jsonl"))
        if journal and journal[0].read_bytes().count(b"\n") >= 20:
            break
        time.sleep(0.01)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    if not journal or not journal[0].exists():
        pytest.fail("the run was over before it could be killed")
    with open(journal[0], "ab") as file:
        file.write(b'{"n": 199, "epoch": 0, "half')  # what a power cut leaves
    before = [json.loads(line) for line in journal[0].read_bytes().splitlines()[:-1]]
    resumed = json.loads(run(place, *arguments).stdout)["runs"][0]
    fresh = json.loads(run(place, *arguments[:-1], "whole").stdout)["runs"][0]
    assert 20 <= len(before) < 200 and resumed["counts"]["ok"] == 200
    records = [json.loads((place / r["record"]).read_text()) for r in (resumed, fresh)]
    for key in ("run_id", "metrics", "counts", "usage"):
        assert records[0][key] == records[1][key], key
    assert not list(place.glob("killed/.running/*/samples.jsonl"))


def test_same_digest_whatever_the_concurrency_and_the_cache(place):
    made = []
    for out, connections in (("a", "1"), ("b", "7")):
        alone(
            place,
            "eval",
            "--task",
            "countdown",
            "-T",
            "level=1",
            "--limit",
            "30",
            "--temperature",
            "0.9",
            "--epochs",
            "2",
            "--max-connections",
            connections,
            "--store",
            out,
            PYTHONHASHSEED=connections,
        )
        (record,) = place.glob(f"{out}/v1/**/run.json")
        made.append(json.loads(record.read_text()))
    assert made[0]["run_id"] == made[1]["run_id"]
    assert made[0]["samples"]["digest"] == made[1]["samples"]["digest"]
    assert made[0]["result_digest"] == made[1]["result_digest"]
    assert {"pass@2", "pass^2"} <= set(made[0]["metrics"])


def test_a_budget_stops_cleanly_and_a_higher_one_goes_on(run, place):
    common = ["eval", "--task", "countdown", "-T", "level=1", "--json"]
    stopped = json.loads(run(place, *common, "--budget-calls", "10", code=3).stdout)["runs"][0]
    assert stopped["status"] == "stopped" and stopped["usage"]["calls"] == 10
    done = json.loads(run(place, *common).stdout)["runs"][0]
    assert done["status"] == "complete" and done["counts"]["ok"] == 200
    assert done["run_id"] == stopped["run_id"] and done["record"] != stopped["record"]


def test_verify_finds_what_was_changed(run, place):
    run(place, "eval", "--task", "countdown", "-T", "level=1", "--limit", "5")
    assert "1 sound, 0 broken" in run(place, "results", "verify").stdout
    (record,) = place.glob("results/v1/**/run.json")
    sealed = record.read_text()
    record.write_text(sealed.replace('"seed": 0', '"seed": 1'))
    assert "was changed after it was sealed" in run(place, "results", "verify", code=1).stdout
    record.write_text(sealed[:100])
    assert "can't be read" in run(place, "results", "verify", code=1).stdout
    record.write_text(sealed.replace('"schema": 4', '"schema": 5'))
    assert "upgrade" in run(place, "results", "verify", code=1).stdout
    record.write_text(sealed)
    samples = record.with_name("samples.parquet")
    samples.write_bytes(samples.read_bytes()[:-10])
    assert "samples.parquet" in run(place, "results", "verify", code=1).stdout


def test_exports_speak_of_the_same_row(run, place):
    run(place, "eval", "--task", "countdown", "-T", "level=1", "--limit", "5")
    for form in ("csv", "markdown", "latex", "json", "eee"):
        assert "countdown" in run(place, "results", "export", "--format", form).stdout
    run(place, "results", "rebuild")
    run(place, "results", "rebuild", "--check")
    table = place / "results/tables/results.md"
    table.write_text(table.read_text() + "edited\n")
    assert "differs" in run(place, "results", "rebuild", "--check", code=1).stdout


def test_a_run_that_measured_nothing_says_so(run, place):
    (place / "none.jsonl").write_text('{"sample_id": "countdown-test-1-0", "completion": "1+1"}\n')
    done = run(
        place,
        "eval",
        "--task",
        "countdown",
        "--limit",
        "3",
        "-T",
        "level=2",
        "--model",
        "recorded/none.jsonl",
        "--model-arg",
        "strict=false",
        "--method",
        "cot",
        code=1,
    )
    assert "nothing was measured" in done.stderr and "3 ended in errors" in done.stderr
