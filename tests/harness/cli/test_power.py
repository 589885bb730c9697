"""`harness power` plans with the rule that decides, and says where its noise comes from."""

import json

import pytest
from click.testing import CliRunner

import harness
from harness.base.errors import UsageError
from harness.cli.power import command


def power(folder, *arguments):
    done = CliRunner().invoke(command, [*arguments, "--store", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def points(found):
    return {(d["seeds"], d["epochs"]): round(100 * d["difference"], 1) for d in found["designs"]}


def test_the_table_of_smallest_differences(tmp_path):
    found = power(tmp_path, "--items", "500", "--run-sd", "0.01")
    assert points(found) | {(2, 1): 0} == {
        **{(2, 1): 0, (3, 1): 7.0, (5, 1): 4.3, (10, 1): 2.9, (20, 1): 2.2},
        (3, 4): 4.8,
    }
    paired = power(tmp_path, "--items", "500", "--run-sd", "0.01", "--paired", "--seeds", "5")
    assert points(paired) == {(5, 1): 4.9}


def test_the_power_of_a_wanted_effect_and_of_many_tests(tmp_path):
    given = ("--items", "500", "--run-sd", "0.01", "--seeds", "5", "--variance", "0.146", "--effect", "0.05")
    one, ten = (power(tmp_path, *given, "--checks", n)["designs"][0]["power"] for n in ("1", "10"))
    assert (round(one, 4), round(ten, 4)) == (0.9019, 0.4710)


def test_what_an_effect_needs_reaches_it(tmp_path):
    given = ("--items", "500", "--run-sd", "0.01", "--effect", "0.04")
    seeds = power(tmp_path, *given)["needed"]["seeds"]
    at, below = (
        power(tmp_path, *given, "--seeds", str(n))["designs"][0]["power"] for n in (seeds, seeds - 1)
    )
    assert at >= 0.8 > below
    dials = power(tmp_path, *given, "--seeds", str(seeds))["needed"]
    assert dials["epochs"] == 1 and dials["items"] <= 500
    none = power(tmp_path, "--items", "30", "--draws", "none", "--effect", "0.02")
    assert none["needed"]["epochs"] is None and "seeds" not in none["needed"]


def test_without_draws_attempts_are_the_dial(tmp_path):
    found = power(tmp_path, "--items", "500", "--draws", "none", "--epochs", "5")
    assert points(found) == {(1, 5): 3.3}
    assert found["noise"]["runs"] == 0 and found["noise"]["sources"]["runs"] == "as declared"


def test_the_best_design_of_a_budget(tmp_path):
    given = ("--items", "1319", "--run-sd", "0.01", "--paired", "--seeds", "2")
    best = power(tmp_path, *given, "--budget", "40000", "--fit-cost", "5000")["cheapest"]
    assert (best["seeds"], best["items"], best["epochs"]) == (3, 833, 2)


def test_groups_make_a_plan_dearer(tmp_path):
    given = ("--items", "1000", "--draws", "none", "--epochs", "1")
    alone, alike = (power(tmp_path, *given, *more) for more in ((), ("--group-size", "5", "--icc", "0.5")))
    ratio = alike["designs"][0]["difference"] / alone["designs"][0]["difference"]
    assert ratio == pytest.approx(3**0.5, rel=0.02)


def test_for_people(tmp_path):
    done = CliRunner().invoke(
        command, ["--items", "500", "--run-sd", "0.01", "--effect", "0.04", "--store", str(tmp_path)]
    )
    assert "runs of an arm vary by 1.0 points (SD): as given" in done.output
    assert "4 points need 6 seeds of 1 attempt" in done.output
    assert (
        "seeds first: 10 seeds of one attempt see 2.9 points, 3 seeds of 4 attempts 4.8 points" in done.output
    )
    one = CliRunner().invoke(command, ["--items", "500", "--seeds", "1", "--store", str(tmp_path)])
    assert "for new items on these runs only" in one.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--items N"),
        (("--items", "10", "--group-size", "10"), "two groups"),
        (("--items", "10", "--budget", "1", "--fit-cost", "5"), "pays for no"),
        (("--items", "10", "--power", "0.2", "--alpha", "0.3"), "--power must be above"),
    ],
)
def test_mistakes_are_named(tmp_path, arguments, says):
    done = CliRunner().invoke(command, [*arguments, "--store", str(tmp_path)])
    assert done.exit_code != 0 and says in str(done.exception) + done.output


def test_options_that_contradict_each_other_are_one_line_and_no_need_begins_with_with():
    with pytest.raises(UsageError, match="--draws none says that runs don't vary"):
        harness.power(items=500, draws="none", run_sd=0.02)
    table = harness.power(items=500, draws="none", seeds=5, epochs=4, effect=0.02)
    assert "need 5 seeds of 4 attempts; or with 5 seeds of 4 attempts, 4" in str(table)
