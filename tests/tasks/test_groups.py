"""Which items of the shipped tasks belong together, on recorded data, and what that does to errors."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from harness.registry import registry
from harness.stats import estimate_mean, parts_of, suite_difference
from harness.stats.shared_groups import group_sums
from harness.tasks.bfcl.adapter import group_of as bfcl_group
from harness.tasks.tau2.adapter import group_of as tau2_group
from harness.tasks.toolsandbox.adapter import _VARIANT

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "recorded_agents"
recorded = pytest.mark.skipif(not RECORDED.exists(), reason="the recorded runs are not beside the checkout")


def lines(path):
    return [json.loads(line) for line in gzip.open(path, "rt")]


def bfcl(category):
    """Verdicts and groups of a recorded category."""
    (file,) = (RECORDED / "bfcl" / "v4_gpt-oss-20b").rglob(f"BFCL_v4_{category}_score.json.gz")
    wrong = {row["id"] for row in lines(file)[1:]}
    entries = lines(RECORDED / "bfcl" / "dataset_v4_gorilla_6ea5797" / f"BFCL_v4_{category}.json.gz")
    groups = [
        bfcl_group(category, e["id"], None, sorted({f["name"] for f in e.get("function", [])}))
        for e in entries
    ]
    return np.array([float(e["id"] not in wrong) for e in entries]), groups


@recorded
def test_the_multi_turn_categories_of_bfcl_are_200_dialogues():
    read = [bfcl(f"multi_turn_{kind}") for kind in ("base", "miss_func", "miss_param")]
    tasks = [parts_of(values) for values, _ in read]
    alone = suite_difference(tasks)
    shared = suite_difference(tasks, groups=[group_sums(*each) for each in read])
    assert alone.value == pytest.approx(0.4333, abs=5e-5)
    assert (round(alone.stderr, 4), round(shared.stderr, 4)) == (0.0202, 0.0289)
    assert shared.parts.n_groups == 200 and shared.parts.df_items == 199


@recorded
@pytest.mark.parametrize(
    ("category", "sizes", "errors"),
    [
        ("live_simple", (258, 85), (0.0245, 0.0483)),
        ("live_multiple", (1053, 233), (0.0134, 0.0195)),
        ("live_irrelevance", (884, 288), (0.0133, 0.0278)),
        ("multi_turn_base", (200, 200), (0.0354, 0.0354)),
    ],
)
def test_live_requests_to_the_same_functions_are_a_group(category, sizes, errors):
    values, groups = bfcl(category)
    alone = estimate_mean(values, binary=True)
    grouped = estimate_mean(values, groups=groups, binary=True)
    assert (grouped.n_items, grouped.n_clusters) == sizes
    assert (round(alone.stderr, 4), round(grouped.stderr, 4)) == errors


def test_bfcl_entries_that_share_nothing_have_no_group():
    assert bfcl_group("simple_python", "simple_python_7", None, ["area"]) is None
    formats = {
        bfcl_group("format_sensitivity", f"simple_python_7:{n}:simple_python", None, []) for n in range(26)
    }
    assert formats == {"bfcl simple_python_7"}
    assert bfcl_group("format_sensitivity", "live_simple_3-2-0:x:live_simple", None, ["pay"]) == bfcl_group(
        "live_simple", "live_simple_4-2-1", None, ["pay"]
    )
    remembered = [
        bfcl_group(f"memory_{kind}", f"memory_{kind}_3-student-1", "student", []) for kind in ("kv", "vector")
    ]
    assert remembered == ["bfcl memory of student"] * 2
    searched = {
        bfcl_group(f"web_search_{kind}", f"web_search_{kind}_3", None, []) for kind in ("base", "no_snippet")
    }
    assert searched == {"bfcl search 3"}


@recorded
@pytest.mark.parametrize(
    ("domain", "sizes"), [("airline", (50, 34)), ("retail", (114, 53)), ("banking_knowledge", (97, 61))]
)
def test_tau2_tasks_of_one_customer_are_a_group(domain, sizes):
    file = RECORDED / "tau2" / "tasks_v1.0.1_a2c0247" / domain / "tasks.json.gz"
    tasks = json.loads(gzip.decompress(file.read_bytes()))
    groups = {tau2_group(domain, task) for task in tasks}
    assert (len(tasks), len(groups)) == sizes
    assert tau2_group("telecom", {"id": "a"}) == tau2_group("telecom-workflow", {"id": "a"})


@recorded
def test_tau_benchs_customers_are_those_of_its_recorded_tasks():
    rows = json.loads(gzip.decompress((RECORDED / "tau2/historic_tau1/gpt-4o-airline.json.gz").read_bytes()))
    customers = registry().tasks["tau-bench/airline"].settings["customers"]
    pairs = {(customers[row["task_id"]], row["info"]["task"]["user_id"]) for row in rows}
    assert len(customers) == 50 and len(pairs) == len(set(customers)) == 34
    retail = registry().tasks["tau-bench/retail"].settings["customers"]
    assert (len(retail), len(set(retail))) == (115, 53)


@recorded
def test_toolsandbox_scenarios_that_vary_one_are_a_group():
    names = {
        row["scenario"] for row in lines(RECORDED / "toolsandbox/scripted_replays_official_scores.jsonl.gz")
    }
    assert (len(names), len({_VARIANT.sub("", name) for name in names})) == (129, 45)
    for name in ("wifi_off", "cellular_off", "find_temperature"):
        assert _VARIANT.sub("", name) == name
    varied = "find_days_till_holiday_wifi_off_multiple_user_turn"
    assert _VARIANT.sub("", varied) == "find_days_till_holiday"
