"""Limits and thresholds: what happens just below each, at it, and just above."""

import gc
import math
import time
from types import SimpleNamespace as Some

import pytest

from harness.answers.arithmetic import read
from harness.answers.normalise import said
from harness.answers.quantity import read_quantity
from harness.base.documents import load_yaml
from harness.base.errors import ModelStopped
from harness.base.files import plain_fault
from harness.base.garbage import collected_rarely
from harness.base.terminal import one_line
from harness.comparison.against import Against
from harness.comparison.cautions import cautions
from harness.comparison.changes import decimals
from harness.comparison.sentences import run_sd
from harness.display.classes import class_blocks
from harness.display.comparisons import _short
from harness.display.failures import silent
from harness.engine.divergence import collapse
from harness.model.backoff import wait
from harness.model.health import Health
from harness.model.pace import Pace
from harness.model.prices import Price
from harness.results.classes import ClassReport, ClassScore
from harness.results.labels import short
from harness.results.measures import checked
from harness.spec import MetricRange


def nested(depth):
    """A list in a list, `depth` of them."""
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def report(classes, pairs=0, matrix=True):
    labels = [f"c{n:03}" for n in range(classes)]
    scores = [ClassScore(label, 0.5, 0.5, n / classes, 2, 2) for n, label in enumerate(labels)]
    counts = [[int(a == b) for b in range(classes + 1)] for a in range(classes)] if matrix else []
    confused = [(labels[0], labels[1], pairs - n) for n in range(pairs)]
    return ClassReport(scores, [], confused, labels, counts)


def classes_shown(n):
    return len(class_blocks(report(n))[1].rows)


def stops(failures):
    """Whether a model is stopped by so many failures in a row."""
    health = Health()
    try:
        for _ in range(failures):
            health.fails("down")
    except ModelStopped:
        return True
    return False


def arm(rate, runs=1, draws=False):
    """An arm of which only rates, runs and draws are looked at."""
    values = [{"metrics": {"m": {"value": float(n % 2)}}} for n in range(runs)]
    return Some(
        **{"runs": values, "complete": True, "shorter": (), "draws": draws, "method": "m"},
        code=lambda part: {},
        rate=lambda count: rate if count == "error" else 0.0,
    )


def warned(rate, monkeypatch=None):
    told = cautions(arm(rate), arm(0.5), (None, None))
    return any("error attempts differ" in line for line in told)


def pace_after(answers, limit):
    """The limit of an adaptive pace after so many quick answers at once."""
    pace = Pace(limit, adaptive=True)
    pace._warm, pace._full, pace._base = True, True, 1e9
    for _ in range(answers):
        pace.answered(time.monotonic())
    return pace.limit


RATES = Some(cost=lambda *tokens: 1.0)
PRICE = Price(RATES, above=((200, Some(cost=lambda *tokens: 2.0)),))


def fell(last, groups=10_000):
    """Whether a training whose reward goes from 0.8 to this is said to have got worse."""
    return bool(collapse([{"reward": 0.8}] * 2 + [{"reward": 0.5}] * 6 + [{"reward": last}] * 2, groups))


#: what is looked at, and what it is below, at and above its threshold
ROWS = {
    "shares of failed attempts that differ by more than 2 points are warned of": (
        warned,
        [(0.5, False), (0.519, False), (0.521, True), (0.481, False), (0.479, True)],
    ),
    "calls that differ by up to 1 % are as many": (
        lambda other: Against(None, (100.0, other)).equal_calls,
        [(100.0, True), (99.0, True), (98.9, False), (101.0, True), (101.1, False), (None, False)],
    ),
    "how much runs vary is told from three runs on": (
        lambda runs: run_sd([arm(0, runs, draws=True)], "m") is not None,
        [(2, False), (3, True), (4, True)],
    ),
    "more than 2 % of answers without a text are told": (
        lambda empty: len(silent({"counts": {"truncated": 0, "attempts": 100}, "reasons": {"empty": empty}})),
        [(0, 0), (1, 0), (2, 0), (3, 1)],
    ),
    "more than 2 % of answers that were cut off are told": (
        lambda cut: len(silent({"counts": {"truncated": cut, "attempts": 50}})),
        [(0, 0), (1, 0), (2, 1)],
    ),
    "up to 30 classes are all shown, of more the 15 worst": (
        classes_shown,
        [(29, 29), (30, 30), (31, 15)],
    ),
    "a matrix is shown of up to 12 classes": (
        lambda n: any("confusion matrix" in str(getattr(b, "text", "")) for b in class_blocks(report(n))),
        [(11, True), (12, True), (13, False)],
    ),
    "up to 15 confused pairs are shown": (
        lambda pairs: len(class_blocks(report(13, pairs))[-1].rows),
        [(14, 14), (15, 15), (16, 15)],
    ),
    "a text of a flip is shown whole up to 400 characters": (
        lambda n: len(_short("x" * n)),
        [(399, 399), (400, 400), (401, 405)],
    ),
    "a value beside a name is shown whole up to 24 characters": (
        lambda n: "#" in short("x" * n),
        [(23, False), (24, False), (25, True)],
    ),
    "a value that is cut is no longer than one that is not": (
        lambda n: len(short("x" * n)),
        [(23, 23), (24, 24), (25, 24), (1000, 24)],
    ),
    "an outcome has up to 32 measures": (
        lambda n: taken(lambda: checked({f"m{i}": 1.0 for i in range(n)})),
        [(31, True), (32, True), (33, False)],
    ),
    "a measure's name has up to 40 characters": (
        lambda n: taken(lambda: checked({"m" * n: 1.0})),
        [(1, True), (39, True), (40, True), (41, False), (0, False)],
    ),
    "an error's line has up to 4000 characters": (
        lambda n: "more)" in one_line("x" * n),
        [(3999, False), (4000, False), (4001, True)],
    ),
    "JSON is nested in up to 64 levels": (
        lambda n: plain_fault(nested(n)) == "",
        [(63, True), (64, True), (65, False)],
    ),
    "whole numbers have up to 300 digits": (
        lambda n: plain_fault([n]) == "",
        [(10**300 - 1, True), (10**300, False), (1 - 10**300, True), (-(10**300), False)],
    ),
    "YAML is nested in up to 100 levels": (
        lambda n: taken(lambda: load_yaml("[" * n + "1" + "]" * n)),
        [(99, True), (100, True), (101, False)],
    ),
    "garbage is looked for no more often than it was": (
        lambda before: rarely(before),
        [(0, 0), (700, 10000), (9999, 10000), (10000, 10000), (10001, 10001)],
    ),
    "an expression has up to 400 characters": (
        lambda n: read("1" + " " * (n - 3) + "+2") is not None,
        [(399, True), (400, True), (401, False)],
    ),
    "a number of an expression has up to 9 digits": (
        lambda n: read("9" * n + "+1") is not None,
        [(8, True), (9, True), (10, False)],
    ),
    "an expression is nested up to 40 times": (
        lambda n: read("(" * n + "1+2" + ")" * n) is not None,
        [(1, True), (40, True), (41, False)],
    ),
    "a quantity has up to 1000 characters": (
        lambda n: read_quantity("4" + " " * (n - 8) + "dollars").answer,
        [(999, "4"), (1000, "4"), (1001, None)],
    ),
    "a million characters at the end of a completion are read": (
        lambda n: len(said("x" * n).text),
        [(999999, 999999), (1000000, 1000000), (1000001, 1000000)],
    ),
    "a server is obeyed for up to two minutes": (
        lambda seconds: wait(0, seconds, 0.0),
        [(119.0, 119.0), (120.0, 120.0), (121.0, 120.0), (None, 0.375), (0.0, 0.375)],
    ),
    "waits double up to 20 seconds": (
        lambda retry: wait(retry, None, 0.5),
        [(0, 0.5), (1, 1.0), (5, 16.0), (6, 20.0), (9, 20.0)],
    ),
    "three failures in a row stop a model": (
        stops,
        [(2, False), (3, True), (4, True)],
    ),
    "a prompt that is longer than a step costs more": (
        lambda tokens: PRICE.cost(tokens, 1),
        [(199, 1.0), (200, 1.0), (201, 2.0)],
    ),
    "an adaptive limit doubles when as many answers as it allows came": (
        lambda answers: pace_after(answers, 256),
        [(15, 16), (16, 32), (17, 32)],
    ),
    "an adaptive limit begins at 16 at most and ends at what was asked for": (
        lambda limit: (Pace(limit, adaptive=True).limit, pace_after(16, limit)),
        [(15, (15, 15)), (16, (16, 16)), (17, (16, 17)), (32, (16, 32))],
    ),
    "a reward that lost half is told": (
        fell,
        [(0.399, True), (0.4, True), (0.401, False)],
    ),
    "a difference in its own unit shows two digits of half its interval": (
        lambda half: decimals(MetricRange(0, 10), (-half, half), 0.0),
        [(10.0, 1), (1.0, 1), (0.99, 2), (0.1, 2), (0.099, 3), (1e-12, 9), (0.0, 1), (math.inf, 1)],
    ),
    "points have one digit": (
        lambda high: decimals(MetricRange(0, high), (-0.001, 0.001), 0.0),
        [(0.5, 1), (1.0, 1), (1.001, 4)],
    ),
}


def taken(call):
    """Whether it is, and not refused."""
    try:
        call()
    except Exception:
        return False
    return True


def rarely(before):
    """The threshold within the block, where it was `before`."""
    first, *rest = gc.get_threshold()
    gc.set_threshold(before, *rest)
    try:
        with collected_rarely():
            inside = gc.get_threshold()[0]
        assert gc.get_threshold()[0] == before
    finally:
        gc.set_threshold(first, *rest)
    return inside


@pytest.mark.parametrize(
    "what, value, wanted", [(what, *each) for what, (_, cases) in ROWS.items() for each in cases]
)
def test_it_is_as_said(what, value, wanted):
    assert ROWS[what][0](value) == wanted


@pytest.mark.parametrize("groups, told", [(5, False), (6, False), (7, True), (60, True)])
def test_a_fall_within_its_error_is_not_told(groups, told):
    assert fell(0.3, groups) == told
