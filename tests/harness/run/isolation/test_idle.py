"""The clock of a worker that owes outcomes."""

import pytest

from harness.run.isolation import idle


@pytest.fixture
def now(monkeypatch):
    class Now:
        time = 100.0

    monkeypatch.setattr(idle.time, "monotonic", lambda: Now.time)
    return Now


def test_it_stands_while_the_runner_works_and_begins_again_when_something_comes(now):
    clock = idle.Idle()
    now.time += 3
    assert clock.seconds == 3
    with clock.stands():
        now.time += 50
        assert clock.seconds == 3
        with clock.stands():
            now.time += 50
        assert clock.seconds == 3
        now.time += 5
    assert clock.seconds == 3
    now.time += 2
    assert clock.seconds == 5  # a refused call is none that anything came of
    clock.again()
    assert clock.seconds == 0
    now.time += 1
    assert clock.seconds == 1


def test_what_came_in_a_call_counts_from_its_end(now):
    clock = idle.Idle()
    with clock.stands():
        now.time += 5
        clock.again()
        now.time += 5
    now.time += 1
    assert clock.seconds == 1
