"""What is told of a server that fails, how often, and when nothing but failures is an end."""

import threading

import pytest

from harness.base.errors import ServerSilent
from harness.model.silence import Failure, Silence


class Server:
    """A server at a time that the test sets; `fails` and `answers` are what is heard of it."""

    def __init__(self, **settings):
        self.now, self.told = 1000.0, []
        self.silence = Silence(self.told.append, clock=lambda: self.now, **settings)

    def fails(self, at=None, call=1, tries=1, status=503, wait=None, line="HTTP 503: busy", seconds=0.0):
        self.now = 1000.0 + at if at is not None else self.now
        self.silence.failed(Failure("m", line, call, tries, status, wait, seconds))

    def answers(self, at, seconds=0.0):
        self.now = 1000.0 + at
        self.silence.answers("m", seconds)

    def looked_at(self, *times):
        """At which of these times something is told when the tries under way are looked at."""
        when = []
        for at in times:
            self.now, before = 1000.0 + at, len(self.told)
            self.silence.waited_for("m")
            when += [at] * (len(self.told) - before)
        return when

    def ends(self, *times, **failure):
        """The first of these times, in seconds, at which a failure is the end; None where none is."""
        for n, at in enumerate(times):
            try:
                self.fails(at, **{"call": n, **failure})
            except ServerSilent as silent:
                self.said = str(silent)
                return at
        return None


def test_the_third_retry_is_told_once_with_the_server_s_sentence_and_the_count():
    server = Server()
    for tries in (1, 2, 3):
        server.fails(tries, tries=tries)
        server.fails(tries, call=2, tries=1)
    assert server.told == []
    server.fails(5, tries=4)
    assert server.told == ["m: HTTP 503: busy: 7 failed tries of 2 calls in 4 s; calls are made again"]
    for tries in range(5, 9):
        server.fails(tries, tries=tries)
        server.fails(tries, call=2, tries=tries)
    assert len(server.told) == 1


def test_another_kind_of_failure_is_told_apart():
    server = Server()
    server.fails(1, tries=4)
    server.fails(1, tries=4, status=None, line="refused")
    server.fails(1, tries=4, status=503, line="HTTP 503: busy, request 17")
    assert len(server.told) == 2 and "refused" in server.told[1]


def test_it_is_told_again_after_ever_longer_times():
    server, when = Server(ends=False), []
    for second in range(0, 1000):
        before = len(server.told)
        server.fails(second, call=second, tries=4)
        when += [second] * (len(server.told) - before)
    assert when == [0, 60, 180, 420, 900]


def test_that_a_server_answers_again_is_told_where_its_silence_was():
    server = Server()
    server.fails(0)
    server.answers(1)
    assert server.told == []
    for tries in range(1, 5):
        server.fails(10 + tries, tries=tries)
    server.answers(30)
    server.answers(31)
    assert server.told[1:] == ["m answers again, after 19 s without an answer"]


@pytest.mark.parametrize(
    ("times", "failure", "end"),
    [
        ((0, 20, 40, 59.9, 60), {}, 60),
        ((0, 20, 60), {}, None),  # too few to say anything
        ((0, 20, 40, 60), {"call": 1}, 60),
        ((0, 20, 40, 60), {"call": 1, "status": None}, 60),
        ((0, 20, 40, 60, 200), {"call": 1, "status": 500}, None),  # it may be that prompt's own
        ((0, 20, 40, 60), {"status": 500}, 60),
        ((0, 1, 60, 61, 79, 80), {"status": 429}, 80),  # a quota of a minute is there again by then
        ((0, 1, 2, 60, 89, 90), {"wait": 30.0}, 90),  # it was given the time that it asked for
        ((0, 1, 2, 179, 180), {"wait": 9999.0}, 180),  # but not more than a call waits
    ],
)
def test_a_minute_of_nothing_but_failures_is_the_end(times, failure, end):
    server = Server()
    assert server.ends(*times, **failure) == end
    if end:
        assert server.said.startswith("m: HTTP 503: busy: each of the ")
        assert "run the same command" in server.said and "--keep-going" in server.said


def test_an_answer_begins_the_minute_again_and_another_cell_does():
    server = Server()
    assert server.ends(0, 20, 40, 59) is None
    server.answers(59.5)
    assert server.ends(60, 80, 100, 119) is None
    server.silence.again()
    assert server.ends(120, 140, 160, 179, 180) == 180


def test_with_keep_going_it_never_ends():
    assert Server(ends=False).ends(*range(0, 400, 10)) is None


@pytest.mark.parametrize(("status", "end"), [(503, None), (None, 60)])
def test_a_busy_server_may_yet_answer_what_it_was_sent_before(status, end):
    server = Server()
    number = server.silence.sent()
    assert server.ends(1, 20, 40, 61, status=status) == (end and 61)
    server.silence.over(number)
    assert server.ends(62, status=status) == 62


def test_that_nothing_comes_is_told_after_a_minute_and_then_less_and_less_often():
    server = Server()
    assert server.looked_at(*range(0, 200, 10)) == [], "nothing is asked"
    server.silence.sent()
    server.silence.sent()
    assert server.looked_at(*range(200, 1200, 10)) == [250, 310, 430, 670, 1150]
    assert server.told[0] == "m: no answer for 60 s: 2 calls are under way, each until its time-out"
    server.answers(1200)
    assert server.told[-1] == "m answers again, after 1010 s without an answer"
    assert server.looked_at(1200, 1250, 1260) == [1260], "the other call is still under way"


def test_a_server_that_answers_slowly_is_waited_for_twice_as_long_as_it_took():
    server = Server()
    number = server.silence.sent()
    server.answers(100, seconds=100.0)
    server.silence.over(number)
    server.silence.sent()
    assert server.looked_at(150, 200, 299, 300, 400) == [300]
    assert server.ends(400, 410, 499, 500, seconds=100.0, status=None) == 500


@pytest.mark.parametrize(
    ("times", "failure", "end"),
    [
        ((600, 600), {}, 600),  # two calls, each a time-out of ten minutes
        ((600, 1200, 1800, 2400), {"call": 1}, 2400),  # one call: it may be a long answer
        ((600, 1200, 1800, 2400), {"call": 1, "status": 408}, None),
        ((600, 601), {"status": 504}, 601),
        ((600, 600), {"seconds": 59.0}, None),
    ],
)
def test_calls_that_hang_are_an_end_as_soon_as_two_were_given_up(times, failure, end):
    server = Server()
    assert server.ends(*times, **{"status": None, "seconds": 600.0, **failure}) == end


def test_a_call_that_hangs_beside_others_that_are_answered_is_no_end():
    server = Server()
    server.answers(590)
    assert server.ends(600, 601, seconds=600.0, status=None) is None
    assert len(server.told) == 1 and "2 failed" not in server.told[0]


def test_a_try_that_blocks_its_thread_is_told_of_from_another(monkeypatch):
    monkeypatch.setattr("harness.model.silence.MINUTE", 0.01)
    told = threading.Event()
    silence = Silence(lambda line: told.set())
    with silence.watched("m"):
        assert told.wait(5)
    told.clear()
    with silence.watched("m"):
        pass
    assert not told.wait(0.05)
