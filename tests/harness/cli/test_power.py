"""`harness power` gives the figures of the planning table in the notes on statistics."""

import json

import pytest
from click.testing import CliRunner

from harness.cli.power import command
from harness.stats import beta_attempt_variance, holm_factor

# items, Beta of the items' rates, then points detected with 1, 4, 16 and 64 attempts: with the same
# effect on every item, and with one that varies by ten points between items
TABLE = {
    "AIME": (30, (0.7, 0.7), (24.5, 12.3, 6.1, 3.1), (24.9, 13.1, 7.6, 5.5)),
    "HumanEval": (164, (0.85, 0.15), (6.9, 3.5, 1.7, 0.9), (7.2, 4.0, 2.6, 2.1)),
    "MATH-500": (500, (0.85, 0.15), (4.0, 2.0, 1.0, 0.5), (4.1, 2.3, 1.5, 1.2)),
    "GSM8K": (1319, (0.75, 0.25), (3.0, 1.5, 0.7, 0.4), (3.0, 1.6, 1.0, 0.8)),
}


def power(folder, *arguments):
    done = CliRunner().invoke(command, [*arguments, "--store", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize(("items", "shape", "same", "varying"), TABLE.values(), ids=TABLE)
def test_the_planning_table(tmp_path, items, shape, same, varying):
    variance = str(beta_attempt_variance(*shape))
    for spread, expected in (("0", same), ("0.1", varying)):
        found = power(tmp_path, "--items", str(items), "--variance", variance, "--effect-sd", spread)
        points = [round(100 * row["difference"], 1) for row in found["detectable"]]
        assert points == pytest.approx(expected, abs=0.051)


def test_without_stored_runs_the_noise_of_hard_items_is_assumed(tmp_path):
    points = [round(100 * row["difference"], 1) for row in power(tmp_path, "--items", "30")["detectable"]]
    assert points == list(TABLE["AIME"][2])


@pytest.mark.parametrize(("tests", "factor"), [(1, 1.0), (5, 1.27), (10, 1.37), (20, 1.47), (50, 1.58)])
def test_the_price_of_many_tests(tmp_path, tests, factor):
    one, many = (
        power(tmp_path, "--items", "500", "--checks", n)["detectable"][0]["difference"]
        for n in ("1", str(tests))
    )
    assert many / one == pytest.approx(factor, abs=0.006) == holm_factor(tests)


def test_attempts_and_items_needed_reach_the_wanted_effect(tmp_path):
    found = power(tmp_path, "--items", "500", "--effect", "0.02")
    needed = found["epochs_needed"]
    at, below = (
        power(tmp_path, "--items", "500", "--epochs", str(k))["detectable"][0]["difference"]
        for k in (needed, needed - 1)
    )
    assert at <= 0.02 < below
    items = str(found["detectable"][0]["items_needed"])
    assert power(tmp_path, "--items", items)["detectable"][0]["difference"] == pytest.approx(0.02, rel=1e-3)
    hopeless = power(tmp_path, "--items", "30", "--effect", "0.02", "--effect-sd", "0.1")
    assert hopeless["epochs_needed"] is None
