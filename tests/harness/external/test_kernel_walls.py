"""What is asked of the kernel, call by call, and what its answers mean: on any kernel, by a library that
notes the calls."""

import ctypes
import os
import sys

import pytest

from harness.external.workers import seccomp, walls

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are calls of Linux")


class Library:
    """C's library: answers its system calls in turn, with the last answer from then on."""

    def __init__(self, *answers):
        self.answers, self.calls, self.set = list(answers), [], []

    def syscall(self, *given):
        self.calls.append([getattr(each, "_obj", each) for each in given])
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def prctl(self, *given):
        self.set.append(given)
        return 0


@pytest.fixture
def library(monkeypatch):
    def answers(*given):
        made = Library(*given)
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: made)
        return made

    return answers


@pytest.mark.parametrize("answer, walled", [(0, True), (-1, False), (4711, False)])
def test_no_processes_only_where_every_thread_took_the_filter(library, answer, walled):
    """With a thread that could not take it, the kernel names that thread: a number above 0."""
    if os.uname().machine not in seccomp._MACHINES:
        pytest.skip("another machine")
    found = library(answer)
    assert seccomp.no_processes() is walled
    assert found.set == [(38, 1, 0, 0, 0)] and len(found.calls) == 1


@pytest.mark.parametrize(
    "answers, walled, made",
    [((-1,), False, 1), ((0,), False, 1), ((1, -1), False, 2), ((1, None, 0, 0, 0), True, 5)],
)
def test_landlock_only_where_each_step_worked(library, tmp_path, answers, walled, made):
    rules = os.open(tmp_path, os.O_RDONLY)
    found = library(*(rules if answer is None else answer for answer in answers))
    assert walls.landlock([str(tmp_path)], str(tmp_path)) is walled and len(found.calls) == made
    if not walled:
        os.close(rules)  # else it is closed


@pytest.mark.parametrize("restricted", [0, -1])
@pytest.mark.parametrize("version, rights", [(1, 13), (2, 14), (3, 15), (4, 15), (5, 16), (6, 16), (99, 16)])
def test_folders_are_read_and_scratch_is_written_but_not_executed(
    library, tmp_path, version, rights, restricted
):
    places = [tmp_path / name for name in ("a", "b", "scratch")]
    for each in places:
        each.mkdir()
    rules = os.open(tmp_path, os.O_RDONLY)
    found = library(version, rules, 0, 0, 0, restricted)
    seen, close = [], os.close

    def note(*given):
        rule = getattr(given[3], "_obj", None) if len(given) > 4 else None
        if given[0] == 445:
            seen.append((rule[0], rule[1], os.readlink(f"/proc/self/fd/{rule[2]}")))
        return Library.syscall(found, *given)

    found.syscall = note
    assert walls.landlock([str(places[0]), "/no/such/folder", str(places[1])], str(places[2])) is (
        restricted == 0
    )
    every = (1 << rights) - 1
    assert seen == [
        (0b1100, 0, str(places[0])),
        (0b1100, 0, str(places[1])),
        # nothing is executed there (bit 0), and no device of characters (6) or blocks (11) is made
        (every & ~(1 << 0 | 1 << 6 | 1 << 11), 0, str(places[2])),
    ]
    asked = [call[0] for call in found.calls]
    assert asked == [444, 444, 445, 445, 445, 446] and found.set == [(38, 1, 0, 0, 0)]
    assert found.calls[1][1].value == every
    with pytest.raises(OSError):
        close(rules)
