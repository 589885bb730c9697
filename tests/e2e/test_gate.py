"""compare, power, baseline and check, as a user and a CI job drive them."""

import json
import xml.etree.ElementTree as ET

import pytest

SMALL = ("-T", "level=1", "--limit", "60")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, harness):
    """A store with three seeds of two methods on two tasks, and a baseline of them."""
    folder = tmp_path_factory.mktemp("gate")
    harness(
        folder,
        "eval",
        "--task",
        "arc1d,countdown",
        "--method",
        "direct,self-consistency",
        *SMALL,
        "--seeds",
        "3",
    )
    harness(folder, "baseline", "set", "main")
    return folder


def test_compare_prints_a_table_and_one_json_object(folder, harness):
    done = harness(folder, "compare", "--baseline", "direct", "--flips", "2")
    assert "difference [95 %]" in done.stdout and "over 2 tasks" in done.stdout
    assert "baseline: [ok] answer" in done.stdout
    (line,) = harness(folder, "compare", "--baseline", "direct", "--json").stdout.splitlines()
    found = json.loads(line)
    assert [c["task"] for c in found["comparisons"]] == ["arc1d", "countdown"]
    arc, countdown = found["comparisons"]
    assert arc["items"] == {"matched": 60, "only_candidate": 0, "only_baseline": 0}
    assert countdown["cost_ratio"]["calls"] == 8
    low, high = countdown["difference"]["ci"]
    assert low < countdown["difference"]["value"] < high
    assert found["suites"][0]["n_tasks"] == 2


def test_two_runs_and_two_stores(folder, harness):
    rows = json.loads(harness(folder, "results", "list", "--task", "countdown", "--json").stdout)["runs"]
    runs = {row["method"]: row["run_id"] for row in rows if row["seed"] == 0}
    found = json.loads(harness(folder, "compare", runs["direct"], runs["self-consistency"], "--json").stdout)[
        "comparisons"
    ]
    (only,) = found
    assert only["baseline"]["run_ids"] == [runs["direct"]] and only["test"] == "McNemar mid-p"
    harness(folder, "eval", "--task", "countdown", *SMALL, "--store", "other")
    found = json.loads(harness(folder, "compare", "results", "other", "--json").stdout)["comparisons"]
    ours = next(c for c in found if c["candidate"]["store"] == "other")
    assert ours["baseline"]["store"] == "results" and ours["difference"]["value"] == 0


def test_mixed_rows_are_refused_unless_allowed(folder, harness, tmp_path):
    harness(tmp_path, "eval", "--task", "arc1d", "--method", "direct,cot", "--limit", "10", "-T", "level=1")
    harness(tmp_path, "eval", "--task", "arc1d", "--method", "direct,cot", "--limit", "10", "-T", "level=2")
    refused = harness(tmp_path, "compare", "--baseline", "direct", code=2)
    assert "task_args.level: 1 against 2" in refused.stderr and refused.stdout == ""
    allowed = harness(tmp_path, "compare", "--baseline", "direct", "--allow-mixed").stdout
    assert allowed.count("comparability key") == 2
    chosen = harness(tmp_path, "compare", "--baseline", "direct", "-T", "level=2", "--json").stdout
    assert len(json.loads(chosen)["comparisons"]) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "--store", "none", "--baseline", "direct"], "no runs to compare in none"),
        (["compare"], "--baseline METHOD"),
        (["compare", "--baseline", "dierct"], "'direct'"),
        (["compare", "--baseline", "direct", "--task", "arc2d"], "'arc1d'"),
        (["compare", "--baseline", "direct", "--metric", "f1"], "it has: accuracy"),
        (["compare", "ffffffffff"], "neither a folder nor"),
        (["compare", "--baseline", "direct", "--method", "direct"], "nothing to compare"),
        (["check", "--baseline", "mian"], "'main'"),
        (["check", "--baseline", "main", "--margin", "7"], "more than accuracy can lose"),
        (["check", "--baseline", "main", "--margin", "much"], "5% of the baseline's value"),
        (["check", "--baseline", "main"], "harness baseline checks main"),
        (["check", "--baseline", "main", "--margin", "5%", "--task", "arc2d"], "'arc1d'"),
        (["baseline", "set", "other", "--margin", "0.001"], "can never show a margin of 0.001"),
        (["check", "--config", "none.yaml"], "none.yaml"),
        (["baseline", "set", "main"], "--overwrite"),
        (["power"], "--items N"),
    ],
)
def test_a_mistake_is_one_line(folder, harness, arguments, says):
    done = harness(folder, *arguments, code=2)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert says in line and done.stdout == ""


def test_power_plans_with_the_noise_of_stored_runs(folder, harness):
    found = json.loads(harness(folder, "power", "--task", "countdown", "--effect", "0.1", "--json").stdout)
    assert {row["items"] for row in found["designs"]} == {60} and " and " in found["noise"]["sources"][
        "items"
    ]
    differences = [row["difference"] for row in found["designs"]]
    assert differences == sorted(differences, reverse=True) and found["needed"]["epochs"] >= 1
    assert "seeds of 1 attempt" in harness(folder, "power", "--items", "500").stdout
    plan = json.loads(harness(folder, "eval", "--task", "countdown", *SMALL, "--dry-run", "--json").stdout)
    assert any(" and " in line for line in plan["plan"][0]["noise"])


def test_an_unchanged_method_passes(folder, harness):
    harness(
        folder,
        "eval",
        "--task",
        "arc1d,countdown",
        "--method",
        "direct,self-consistency",
        *SMALL,
        "--store",
        "same",
    )
    done = harness(
        folder,
        "check",
        "--store",
        "same",
        "--baseline",
        "results/baselines/main.json",
        "--margin",
        "5%",
        "--markdown",
        "summary.md",
        "--junit",
        "check.xml",
        "--json",
    )
    found = json.loads(done.stdout)
    assert found["verdict"] == "ok" and len(found["checks"]) == 4
    assert (
        found["ledger"] == "results/baselines/main.looks"
        and len(list((folder / found["ledger"]).iterdir())) == 4
    )
    assert "harness check: ok" in (folder / "summary.md").read_text()
    assert ET.parse(folder / "check.xml").getroot().get("tests") == "4"


def test_a_worse_method_is_caught_and_confirmed_with_fresh_seeds(folder, harness):
    harness(
        folder,
        "eval",
        "--task",
        "arc1d",
        "--method",
        "self-consistency",
        *SMALL,
        "-M",
        "samples=1",
        "-M",
        "temperature=3.0",
        "--seeds",
        "3",
        "--store",
        "worse",
    )
    (folder / "checks.yaml").write_text(
        "baseline: results/baselines/main.json\nmargin: 0.2\nruns_most: 3\n"
        "checks: [{task: arc1d, method: self-consistency}]\n"
    )
    done = harness(folder, "check", "--store", "worse", "--json", code=1)
    (check,) = json.loads(done.stdout)["checks"]
    assert check["verdict"] == "regressed" and check["confirmed"]
    assert "confirmed by a fresh pair of 3 + 3 runs" in check["why"]
    # fresh runs of both sides, with seeds that neither used, in a store of their own
    (look,) = [
        json.loads(p.read_text())
        for p in (folder / "results/baselines/main.looks").glob("*.json")
        if '"seeds"' in p.read_text()
    ]
    assert look["seeds"] == [3, 4, 5] and len(look["runs"]) == 6
    fresh = json.loads(harness(folder, "results", "list", "--store", "worse/confirmation", "--json").stdout)
    assert len(fresh["runs"]) == 6
    again = json.loads(harness(folder, "check", "--store", "worse", "--json", code=1).stdout)["checks"][0]
    assert again["stands"] and again["confirmed"]
    (folder / "checks.yaml").unlink()


def test_nothing_to_check_is_no_success(folder, harness):
    reference = ("--baseline", "results/baselines/main.json", "--margin", "5%")
    done = harness(folder, "check", "--store", "nowhere", *reference, code=5)
    assert "overall: no data" in done.stdout
    assert "nightly" not in harness(folder, "baseline", "list").stdout
    shown = json.loads(harness(folder, "baseline", "show", "main", "--json").stdout)
    assert len(shown["arms"]) == 4 and all(len(arm["runs"]) == 3 for arm in shown["arms"])
    said = harness(folder, "baseline", "self-check", "main", code=3).stdout
    assert "too few to tell" in said and "byte for byte" in said  # direct samples nothing


def test_margins_for_a_start_are_written_in_both_units(folder, harness):
    harness(folder, "baseline", "checks", "main", "--out", "first.yaml")
    text = (folder / "first.yaml").read_text()
    assert "margin: 5%" in text and "points of" in text
    assert harness(folder, "baseline", "checks", "main").stdout == text
    assert len(json.loads(harness(folder, "baseline", "checks", "main", "--json").stdout)["margins"]) == 4
