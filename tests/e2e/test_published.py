"""The project's own gate: its published results are sound, rebuild byte by byte, and still hold."""

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results/published"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the published store, so that no test leaves an index behind."""
    folder = tmp_path_factory.mktemp("published")
    unneeded = shutil.ignore_patterns(".index", ".running")
    shutil.copytree(PUBLISHED, folder / "results/published", ignore=unneeded)
    return folder


def test_every_digest_holds(checkout, harness):
    found = json.loads(
        harness(checkout, "results", "verify", "--store", "results/published", "--json").stdout
    )
    assert found["broken"] == [] and found["sound"] == len(list(PUBLISHED.glob("v1/**/run.json"))) > 30


def test_the_committed_tables_are_what_the_records_make(checkout, harness):
    harness(
        checkout,
        "leaderboard",
        "build",
        "--tables",
        "--check",
        "--store",
        "results/published",
        "--out",
        "results/published/tables",
    )
    table = checkout / "results/published/tables/leaderboard.csv"
    table.write_text(table.read_text().replace("0.4", "0.5", 1))
    done = harness(
        checkout,
        "leaderboard",
        "build",
        "--tables",
        "--check",
        "--store",
        "results/published",
        "--out",
        "results/published/tables",
        code=1,
    )
    assert "leaderboard.csv" in done.stdout + done.stderr


def test_no_transcript_of_recorded_models_is_published(checkout):
    from pyarrow import parquet

    for path in (checkout / "results/published/v1/aime24").rglob("samples.parquet"):
        assert parquet.read_table(path)["completion"].null_count == 30


def test_this_commit_is_no_worse_than_the_published_baseline(checkout, harness):
    for task, methods in (("arc1d", "direct"), ("countdown", "direct,self-consistency")):
        harness(checkout, "eval", "--task", task, "--method", methods, "--offline", "--store", "results/now")
    done = harness(
        checkout,
        "check",
        "--config",
        "results/published/checks.yaml",
        "--offline",
        "--store",
        "results/now",
        "--junit",
        "check.xml",
        "--json",
    )
    found = json.loads(done.stdout)
    assert found["verdict"] == "ok" and len(found["checks"]) == 3
