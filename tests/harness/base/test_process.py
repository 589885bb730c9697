"""What a process has once, after a block that changed it."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from harness.base.process import kept

TIMER = signal.ITIMER_REAL
FILES = resource.RLIMIT_NOFILE


@pytest.fixture
def said():
    return []


@pytest.fixture
def no_timer():
    """As where no limit on the time of a test is set."""
    before = signal.setitimer(TIMER, 0)
    yield
    signal.setitimer(TIMER, *before)


def changed(said, change):
    with kept(lambda back, left: said.append((back, left))):
        change()
    return said


def test_a_block_that_changes_nothing_says_nothing(said):
    assert changed(said, lambda: None) == []


def test_a_timer_is_stopped_and_a_handler_is_put_back(said, no_timer):
    before = signal.getsignal(signal.SIGALRM)

    def change():
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.alarm(60)

    assert changed(said, change) == [("the timer of signal.alarm, SIGUSR1, SIGALRM", "")]
    assert signal.getitimer(TIMER) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before and signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


@pytest.fixture
def timer():
    """The caller's own timer, whose seconds are far away."""
    before = signal.getitimer(TIMER)
    signal.setitimer(TIMER, 1000.0, 5.0)
    yield
    signal.setitimer(TIMER, *before)


def test_a_timer_of_the_caller_goes_on(said, timer):
    assert changed(said, lambda: None) == []
    assert changed(said, lambda: signal.alarm(0)) == [("the timer of signal.alarm", "")]
    left, interval = signal.getitimer(TIMER)
    assert 990 < left <= 1000 and interval == 5.0


def test_blocked_signals_are_let_through_again(said):
    block = (signal.SIGUSR2, signal.SIGTERM)
    assert changed(said, lambda: signal.pthread_sigmask(signal.SIG_BLOCK, block)) == [
        ("which signals are blocked", "")
    ]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {*block}


def test_a_soft_limit_is_raised_again_and_one_of_recursion_too(said):
    soft, hard = resource.getrlimit(FILES)
    deep = sys.getrecursionlimit()

    def change():
        resource.setrlimit(FILES, (soft - 1, hard))
        sys.setrecursionlimit(deep + 10)

    assert changed(said, change) == [("the limit of recursion, RLIMIT_NOFILE", "")]
    assert resource.getrlimit(FILES) == (soft, hard) and sys.getrecursionlimit() == deep


def test_a_hard_limit_that_cant_be_raised_is_said(said, monkeypatch):
    """As for any user but root, whose process would keep it."""
    held, real = {}, resource.setrlimit
    soft, hard = resource.getrlimit(FILES)

    def lowers_only(which, limits):
        if which in held and limits[1] > held[which][1]:
            raise ValueError("not allowed to raise maximum limit")
        held[which] = limits

    monkeypatch.setattr(resource, "setrlimit", lowers_only)
    look = resource.getrlimit
    monkeypatch.setattr(resource, "getrlimit", lambda which: held.get(which) or look(which))
    assert changed(said, lambda: lowers_only(FILES, (8, soft - 1))) == [("", "RLIMIT_NOFILE")]
    assert held[FILES] == (soft - 1, soft - 1) and look(FILES) == (soft, hard) and real is not lowers_only


def test_another_thread_puts_back_what_it_may(said, no_timer):
    """Handlers are the main thread's."""

    def run():
        changed(said, lambda: signal.alarm(60))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert said == [("the timer of signal.alarm", "")] and signal.getitimer(TIMER)[0] == 0


def test_a_real_hard_limit_of_a_user_that_is_not_root():
    code = """
        import os, resource
        from harness.base.process import kept
        if os.getuid() == 0:
            os.setuid(65534)
        soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 4096))
        with kept(lambda back, left: print(repr(back), repr(left))):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 1024))
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, cwd=os.getcwd()
    )
    assert found.stdout == "'' 'RLIMIT_CORE'\n", found.stderr
