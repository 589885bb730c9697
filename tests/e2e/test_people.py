"""Evaluations that ask real people, whatever is killed meanwhile."""

import http.client
import json
import os
import pty
import re
import select
import signal
import sys
import time
from pathlib import Path

import pytest

from harness.human.queue import Queue
from harness.results.store import Store
from harness.results.stored import attempt_batches

HARNESS = Path(sys.executable).with_name("harness")
ASKER = '''
import harness
from harness.episode import play


class Asker(harness.Method):
    """Asks the person two questions, then says that it is done."""

    needs = ("world",)
    model = False

    async def answer(self, question, job):
        from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput
        from inspect_ai.tool import ToolCall

        asked = iter(["Is it \\x1b[2Jred?", "Is it big?"])

        async def act(seen, tools):
            text = next(asked, None)
            if text is None:
                return ModelOutput.from_content("none", "Done.")
            call = ToolCall(id=text, function="ask_human", arguments={"question": text})
            message = ChatMessageAssistant(content="", tool_calls=[call])
            return ModelOutput(model="none", choices=[ChatCompletionChoice(message=message)])

        return await play(question, job.world(question), act)
'''
EVAL = ["eval", "--task", "team/hidden-constraints", "--method", "asker.py:Asker", "--limit", "1"]


@pytest.fixture
def place(tmp_path):
    (tmp_path / "asker.py").write_text(ASKER)
    (tmp_path / "harness.toml").write_text("[human]\nusd_per_hour = 36\n")
    return tmp_path


@pytest.fixture
def env(place):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_")}
    return {**kept, "HARNESS_CACHE": str(place / "cache")}


@pytest.fixture
def begin(warm, place, env):
    """Starts a command; whatever still runs at the end is killed."""
    started = []

    def begin(*arguments):
        started.append(warm.start([HARNESS, *arguments], place, env))
        return started[-1]

    yield begin
    for process in started:
        if process.returncode is None:
            process.kill()
            process.wait(20)


def sealed(place):
    """The records of the store, newest last, each with its attempts."""
    store = Store(place / "results")
    folders = sorted(store.folders(), key=lambda each: (each / "run.json").stat().st_mtime_ns)
    found = [store.read(folder) for folder in folders]
    return [(record, [row for batch in attempt_batches(record) for row in batch]) for record in found]


def waits(found, seconds=60):
    """What `found` gives, as soon as it gives something."""
    for _ in range(int(seconds / 0.02)):
        if value := found():
            return value
        time.sleep(0.02)
    raise AssertionError("it never came")


def waiting(queue, text):
    """The request with a text, once somebody waits for it."""
    return waits(lambda: next((w for w in queue.waiting() if not w.gone and text in w.shown.request), None))


def log(attempt):
    return [
        (event["request"].split("\n")[1], event["reply"]) for event in json.loads(attempt["answer"])["human"]
    ]


SAID = [("Is it \x1b[2Jred?", "yes"), ("Is it big?", "no")]


def test_a_person_at_a_terminal(place, env, warm):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(place)
        os.execve(sys.executable, [sys.executable, str(HARNESS), *EVAL, "--role", "human=terminal"], env)
    shown = ""

    def reads(text):
        nonlocal shown
        waits(lambda: _more() or text in shown)
        before, _, shown = shown.partition(text)
        return before

    def _more():
        nonlocal shown
        try:
            if select.select([terminal], [], [], 0)[0]:
                shown += os.read(terminal, 65536).decode()
        except OSError:  # it has ended
            time.sleep(0.01)

    first = reads("> ")
    assert "Is it \\x1b[2Jred?" in first and "You are the person" in first and "\x1b[2J" not in first
    os.write(terminal, b"\x1b[Ayes\r")
    second = reads("> ")
    assert "Is it big?" in second and "You are the person" not in second
    os.write(terminal, b"no\r")
    reads("run.json")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    ((record, (attempt,)),) = sealed(place)
    assert log(attempt) == [("Is it \x1b[2Jred?", "[Ayes"), ("Is it big?", "no")]
    spent = record["usage"]["by_purpose"]["human"]
    assert spent["calls"] == 2 and 0 < spent["human_seconds"] < 60
    assert spent["cost_usd"] == pytest.approx(spent["human_seconds"] * 0.01)
    assert record["volatile"]["seconds"] < 0.5 and attempt["seconds"] < 0.5, "no model has taken that time"

    # without a terminal: the cache knows what was said, and a question would have nobody to go to
    again = warm.run([HARNESS, *EVAL, "--role", "human=terminal", "--offline", "--overwrite"], place, env)
    assert again.returncode == 0, again.stderr
    assert sealed(place)[-1][0]["usage"]["by_purpose"]["human"]["human_seconds"] == spent["human_seconds"]
    alone = warm.run([HARNESS, *EVAL, "--role", "human=terminal", "--overwrite"], place, env)
    assert alone.returncode == 2 and "there is none" in alone.stderr and "Traceback" not in alone.stderr


def test_nothing_that_was_said_is_lost_when_either_side_is_killed(place, begin):
    queue = Queue(place / "results" / ".human")
    page = begin("human", "serve", "--port", "0")
    address = waits(queue.served_at)
    token, port = queue.token(), int(re.search(r":(\d+)/", address)[1])

    run = begin(*EVAL, "--role", "human=browser")
    first = waiting(queue, "red?")
    assert _post(port, token, "/shown", {"id": first.id})[0] == 200
    time.sleep(0.05)
    assert _post(port, token, "/reply", {"id": first.id, "text": "yes"})[0] == 200
    second = waiting(queue, "big?")
    assert second.shown.dialogue == (("The assistant", "Question\nIs it \x1b[2Jred?"), ("You", "yes"))
    assert _post(port, token, "/shown", {"id": second.id})[0] == 200

    run.kill(), run.wait(20)
    page.kill(), page.wait(20)
    (left,) = queue.waiting()
    assert (left.id, left.gone) == (second.id, "not running")

    begin("human", "serve", "--port", str(port))
    waits(queue.served_at)
    assert _post(port, token, "/reply", {"id": second.id, "text": "no"})[0] == 200, "the address is the same"

    done = begin(*EVAL, "--role", "human=browser")
    out, err = done.communicate(120)
    assert done.returncode == 0, err
    ((record, (attempt,)),) = sealed(place)
    assert log(attempt) == SAID and queue.waiting() == []
    seconds = [event["seconds"] for event in json.loads(attempt["answer"])["human"]]
    assert seconds[0] >= 0.05 and seconds[1] > 0, "timed over the kills from when it was first shown"
    assert record["usage"]["by_purpose"]["human"]["human_seconds"] == pytest.approx(sum(seconds))


def _post(port, token, path, said):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {
        "Cookie": f"harness-human-{port}={token}",
        "Origin": f"http://127.0.0.1:{port}",
        "Content-Type": "application/json",
    }
    connection.request("POST", path, json.dumps(said), headers)
    came = connection.getresponse()
    return came.status, came.read()


def test_a_person_who_never_answers_is_no_failure_of_the_agent(place, begin):
    run = begin(*EVAL, "--role", "human=browser", "-T", "human_time=0.3")
    out, err = run.communicate(120)
    ((record, (attempt,)),) = sealed(place)
    assert record["counts"]["unscored"] == 1 and record["counts"]["error"] == 0
    assert attempt["status"] == "unscored"
    (left,) = Queue(place / "results" / ".human").waiting() or [None]
    assert left is None, "its process has ended"


def test_what_was_said_is_played_again_and_another_question_has_no_reply(place, begin):
    def run(*arguments):
        process = begin(*arguments)
        out, err = process.communicate(120)
        return process.returncode, out, err

    assert run(*EVAL, "--role", "human=sim/human")[0] == 0
    ((record, (attempt,)),) = sealed(place)
    code, out, err = run("human", "export", record["run_id"][:12], "--out", "said.jsonl")
    assert code == 0 and "2 replies" in out
    printed = run("human", "export", record["run_id"][:12])[1]
    assert printed == (place / "said.jsonl").read_text() and "\x1b" not in printed
    assert run(*EVAL, "--role", "human=recorded/said.jsonl")[0] == 0
    played, (same,) = sealed(place)[-1]
    assert json.loads(same["answer"])["human"] == json.loads(attempt["answer"])["human"]
    for name in ("human_seconds", "cost_usd"):
        was, now = (each["usage"]["by_purpose"]["human"][name] for each in (record, played))
        assert was == now > 0

    (place / "asker.py").write_text(ASKER.replace("Is it big?", "Is it large?"))
    run(*EVAL, "--role", "human=recorded/said.jsonl")
    changed, (other,) = sealed(place)[-1]
    assert changed["counts"]["unscored"] == 1 and other["status"] == "unscored"
    code, _, err = run("human", "export", changed["run_id"][:12], "--out", "/no/where/said.jsonl")
    assert code == 2 and "Traceback" not in err


def test_arguments_of_the_model_say_nothing_to_a_person(place, begin):
    run = begin(*EVAL, "--role", "human=browser", "--model-arg", "base_url=http://127.0.0.1:9/v1")
    waiting(Queue(place / "results" / ".human"), "red?")
    run.send_signal(signal.SIGINT)
    run.wait(60)
    assert run.returncode == 130
    (left,) = Queue(place / "results" / ".human").waiting() or [None]
    assert left is None, "who gave up and ended asks nobody any more"


def test_a_limit_in_usd_wants_the_price_of_an_hour(place, begin):
    (place / "harness.toml").write_text("")
    run = begin(*EVAL, "--role", "human=browser", "--budget-usd", "1")
    _, err = run.communicate(120)
    assert run.returncode == 2 and "[human] with usd_per_hour" in err
    (place / "harness.toml").write_text("[human]\nusd_per_hour = -1\n")
    run = begin(*EVAL, "--role", "human=browser")
    _, err = run.communicate(120)
    assert run.returncode == 2 and "[human] holds usd_per_hour alone" in err


def test_ctrl_c_ends_the_page_and_a_second_page_is_refused(place, begin):
    queue = Queue(place / "results" / ".human")
    page = begin("human", "serve", "--port", "0")
    waits(queue.served_at)
    second = begin("human", "serve", "--port", "0")
    _, err = second.communicate(60)
    assert second.returncode == 2 and "serves this already, at http://127.0.0.1:" in err
    page.send_signal(signal.SIGINT)
    out, err = page.communicate(60)
    assert page.returncode == 0 and "?token=" in out and "Traceback" not in err
    assert queue.served_at() == ""
