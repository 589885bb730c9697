"""The folder in which requests to people wait: what is put there lives through both sides."""

import multiprocessing
import os
import signal
import threading

import pytest

from harness.base.errors import RecordError
from harness.human import queue as module
from harness.human.queue import Queue, Taken
from harness.human.shown import Shown

ASKED = Shown("s1", 0, "You know.", (("The assistant", "Before?"), ("You", "Yes.")), "Question\nWhich day?")


@pytest.fixture
def clock(monkeypatch):
    """The wall's time, which moves as it is told."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "time", lambda: now[0])
    return now


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "q")


def test_a_request_is_shown_whole_and_its_reply_timed_from_when_it_first_was(queue, clock):
    queue.ask("a1", ASKED, "browser")
    assert queue.said("a1") is None and queue.open() == 1
    (found,) = queue.waiting()
    assert (found.id, found.shown, found.gone, found.asked) == ("a1", ASKED, "", 1000.0)
    clock[0] = 1050.0
    assert queue.show("a1") == 0.0
    clock[0] = 1060.0
    assert queue.show("a1") == 10.0, "the first time counts"
    clock[0] = 1062.5
    queue.reply("a1", "Monday")
    assert (queue.said("a1").text, queue.said("a1").seconds) == ("Monday", 12.5)
    assert queue.waiting() == []
    queue.done("a1")
    assert queue.said("a1").text == "Monday", "who asks again finds it"


def test_a_clock_that_was_set_back_makes_no_time_below_0(queue, clock):
    queue.ask("a1", ASKED, "browser")
    queue.show("a1")
    clock[0] = 10.0
    assert queue.reply("a1", "x").seconds == 0.0


def test_a_reply_to_what_was_never_shown_has_no_time(queue):
    queue.ask("a1", ASKED, "browser")
    assert queue.reply("a1", "x").seconds is None and queue.said("a1").seconds is None


def test_of_two_people_the_first_counts_and_the_second_is_told(queue):
    queue.ask("a1", ASKED, "browser")
    won, told = [], []
    begin = threading.Barrier(8)

    def answer(n):
        begin.wait()
        try:
            queue.reply("a1", f"reply {n}")
            won.append(f"reply {n}")
        except Taken as taken:
            told.append(str(taken))

    threads = [threading.Thread(target=answer, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [queue.said("a1").text] == won
    assert told == [f"Somebody has answered this before: {won[0]}"] * 7
    queue.done("a1")
    with pytest.raises(Taken, match="answered this before: reply"):
        queue.reply("a1", "later still")


def test_what_was_given_up_takes_no_reply_until_it_is_asked_again(queue, clock):
    queue.ask("a1", ASKED, "browser")
    queue.show("a1")
    queue.give_up("a1", "too late")
    assert queue.waiting()[0].gone == "too late" and queue.open() == 0
    with pytest.raises(Taken, match="Nobody waits"):
        queue.reply("a1", "x")
    clock[0] += 500
    queue.ask("a1", ASKED, "browser")
    queue.show("a1")
    assert queue.open() == 1 and queue.reply("a1", "y").seconds == 0.0, "its time begins anew"
    queue.give_up("a1", "too late")
    assert queue.said("a1").text == "y", "a reply that came first stays"


def test_one_that_gives_up_takes_nothing_from_another_that_waits(queue, clock):
    other = Queue(queue.folder)
    queue.ask("a1", ASKED, "browser")
    queue.show("a1")
    clock[0] += 60
    other.ask("a1", ASKED, "browser")
    other.give_up("a1", "too late")
    assert [each.gone for each in queue.waiting()] == [""] and queue.open() == 1
    other._asker.release()
    queue.forget("a1")
    assert [each.asked for each in queue.waiting()] == [1000.0], "one still waits"
    assert queue.reply("a1", "Monday").seconds == 60.0
    assert queue.said("a1") == other.said("a1")


@pytest.mark.parametrize("reads_first", [0, 1])
def test_both_that_wait_get_the_reply(queue, reads_first):
    both = [queue, Queue(queue.folder)]
    for each in both:
        each.ask("a1", ASKED, "browser")
    both[0].reply("a1", "Monday")
    for each in (both[reads_first], both[1 - reads_first]):
        assert each.said("a1").text == "Monday"
        each.done("a1")
    assert [list((queue.folder / part).iterdir()) for part in ("requests", "waiting", "shown")] == [
        [],
        [],
        [],
    ]


def test_a_killed_one_leaves_the_request_to_another_that_waits(queue):
    other = Queue(queue.folder)
    queue.ask("a1", ASKED, "browser")
    other.ask("a1", ASKED, "browser")
    other._asker.release()
    assert queue.open() == 1
    queue.give_up("a1", "too late")
    assert [each.gone for each in queue.waiting()] == ["not running"], "the killed one may come back"
    Queue(queue.folder).ask("a1", ASKED, "browser")
    assert queue.open() == 1


def test_what_has_its_reply_hides_nothing_that_waits(queue):
    for n in range(8):
        queue.ask(f"a{n}", ASKED, "browser")
    for n in (0, 2, 3, 5, 7):
        queue.reply(f"a{n}", "x")
    assert {each.id for each in queue.waiting()} == {"a1", "a4", "a6"}


def test_nobody_answers_what_was_never_asked(queue):
    queue.ask("a1", ASKED, "browser")
    for id in ("b2", "../requests/a1", "", "a1/../a1"):
        with pytest.raises(Taken, match="Nobody waits"):
            queue.reply(id, "x")
    assert queue.said("a1") is None


@pytest.mark.parametrize("id", ["../replies/a1", "../../outside", "*", "", "a1/../a1"])
def test_nothing_but_a_request_can_be_removed(queue, id):
    outside = queue.folder.parent / "outside.json"
    queue.ask("a1", ASKED, "browser")
    queue._asker.release()
    queue.reply("a1", "kept")
    outside.write_text("{}")
    queue.forget(id)
    assert queue.said("a1").text == "kept" and outside.exists()
    assert [path.name for path in (queue.folder / "requests").iterdir()] == ["a1.json"]


def _ask(folder, asked):
    Queue(folder).ask("a1", ASKED, "browser")
    asked.set()
    signal.pause()


def test_a_killed_evaluation_leaves_its_request_and_finds_the_reply(queue):
    spawn = multiprocessing.get_context("spawn")
    asked = spawn.Event()
    process = spawn.Process(target=_ask, args=(queue.folder, asked))
    process.start()
    assert asked.wait(60) and queue.open() == 1
    queue.forget("a1")
    assert queue.open() == 1, "somebody waits for it"
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert queue.waiting()[0].gone == "not running" and queue.open() == 0
    queue.reply("a1", "kept")
    again = Queue(queue.folder)
    again.ask("a1", ASKED, "browser")
    assert again.said("a1").text == "kept" and again.waiting() == []
    assert len(list((queue.folder / "askers").iterdir())) == 1, "the lock of the dead one is gone"


def test_a_request_of_a_dead_process_can_be_removed(queue):
    queue.ask("a1", ASKED, "browser")
    queue.give_up("a1", "too late")
    queue._asker.release()
    assert queue.waiting() == [] and queue.said("a1") is None
    queue.ask("a2", ASKED, "browser")
    queue._asker.release()
    queue.forget("a2")
    assert queue.waiting() == []


@pytest.mark.parametrize(
    "rubbish", [b"", b"{", b"[]", b'{"asker": 1}', b'{"asker": "x", "shown": {}}', b"\xff"]
)
def test_what_others_put_there_is_passed_over(queue, rubbish):
    queue.ask("a1", ASKED, "browser")
    for part in ("requests", "replies", "shown"):
        (queue.folder / part / "b2.json").write_bytes(rubbish)
    assert [each.id for each in queue.waiting()] == ["a1"]
    assert queue.said("b2") is None


def test_the_token_stays_and_is_nobody_elses_to_read(queue):
    token = queue.token()
    assert len(token) >= 32 and Queue(queue.folder).token() == token
    assert (queue.folder / "token").stat().st_mode & 0o077 == 0 and queue.folder.stat().st_mode & 0o077 == 0


def test_one_process_serves_the_page_and_others_know_where(queue):
    assert queue.served_at() == ""
    lock = queue.serve("http://127.0.0.1:1/")
    assert queue.served_at() == "http://127.0.0.1:1/"
    with pytest.raises(RecordError, match=r"serves this already, at http://127.0.0.1:1/"):
        Queue(queue.folder).serve("http://127.0.0.1:2/")
    lock.release()
    assert queue.served_at() == ""


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="can't be written"):
        Queue(tmp_path / "file" / "q").ask("a1", ASKED, "browser")
