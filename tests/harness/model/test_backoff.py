"""How long a refused call waits, and that a minute of refusals is lived through."""

import asyncio
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.model import ModelOutput

from harness.base.errors import BudgetSpent, ModelCallError
from harness.base.messages import user
from harness.model import backoff
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider
from harness.sample import Question


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "2"}, 2.0),
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_what_a_server_says(headers, seconds):
    assert backoff.retry_after(headers) == seconds


def test_a_date_is_a_wait_and_one_that_is_over_is_none_at_all():
    ahead = {"retry-after": formatdate(time.time() + 90, usegmt=True)}
    assert 85 < backoff.retry_after(ahead) <= 90
    assert backoff.retry_after({"retry-after": formatdate(time.time() - 90, usegmt=True)}) == 0.0


@given(st.integers(0, 30), st.none() | st.floats(0, 1e9), st.floats(0, 1, exclude_max=True))
def test_waits_grow_obey_and_end(retry, wanted_wait, chance):
    seconds = backoff.wait(retry, wanted_wait, chance)
    assert min(wanted_wait or 0.0, backoff.CEILING) <= seconds <= backoff.CEILING
    assert seconds >= 0.75 * min(backoff.LONGEST_WAIT, backoff.FIRST_WAIT * 2**retry)
    assert wanted_wait or seconds <= 1.25 * backoff.LONGEST_WAIT


class Storm(Provider):
    """Refuses every call until the clock says `until`, asking for `wanted_wait` seconds each time."""

    def __init__(self, until, wanted_wait=None):
        self.name, self.until, self.wanted_wait, self.now, self.tries = (
            "scripted/storm",
            until,
            wanted_wait,
            0.0,
            0,
        )

    def retryable(self, error):
        return True

    def retry_after(self, error):
        return self.wanted_wait

    async def generate(self, call):
        self.tries += 1
        if self.now < self.until:
            raise OSError("slow down")
        return ModelOutput.from_content(self.name, "yes")

    def clock(self, monkeypatch):
        async def sleep(seconds):
            self.now += seconds

        monkeypatch.setattr(asyncio, "sleep", sleep)
        return self


def ask(provider, text="?", **settings):
    handle = Model(provider, **{"ledger": Ledger(), "budget": Budget(), **settings})
    return asyncio.run(handle.generate(Question("q", text), [user(text)]))


@pytest.mark.parametrize("wanted_wait", [None, 0.0, 1.0, 20.0, 60.0])
def test_a_minute_of_refusals_is_lived_through(monkeypatch, wanted_wait):
    for number in range(40):  # each text has its own jitter
        storm = Storm(60.0, wanted_wait).clock(monkeypatch)
        assert ask(storm, str(number)).completion == "yes"
        assert storm.now < 60 + 30, "it waits little longer than it must"


def test_a_server_that_asks_for_a_day_is_given_up(monkeypatch):
    storm = Storm(86_400.0, wanted_wait=86_400.0).clock(monkeypatch)
    with pytest.raises(ModelCallError, match="after 11 tries: slow down"):
        ask(storm)
    assert storm.now == pytest.approx(10 * backoff.CEILING)


def test_no_retries_is_one_try(monkeypatch):
    storm = Storm(1.0).clock(monkeypatch)
    with pytest.raises(ModelCallError):
        ask(storm, max_retries=0)
    assert (storm.tries, storm.now) == (1, 0.0)


def test_a_limit_that_is_reached_while_waiting_ends_the_run():
    storm, ledger = Storm(1e9), Ledger()
    with pytest.raises(BudgetSpent, match="--budget-time of 0.05"):
        ask(storm, budget=Budget(time=0.05), ledger=ledger)  # the first wait is half a second
    assert storm.tries == 1 and (ledger.total.calls, ledger.total.retries) == (1, 1)
