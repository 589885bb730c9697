"""What a worker may ask for, message by message: nothing that a job wouldn't give, and no file of the
runner's through a message to a model."""

import asyncio
import json
import pickle
import socket
import threading

import numpy as np
import pytest

from harness.data.hub import Data
from harness.job import Job, Models
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.run.isolation import worker
from harness.run.isolation.desk import Desk
from harness.run.isolation.forms import outcome_of, parsed
from harness.run.isolation.pipe import Pipe
from harness.run.isolation.worker import Worker
from harness.spec import MethodSpec
from harness.testing import TINY, TinyTask, Watched

SPEC = MethodSpec("asks", "1-A", "asks", "nowhere:Asks", needs=("pool", "dev"))
Q = ["q9", "a red question", 0, [], {}]


class Embedder:
    name, revision, by_row = "e", "1", False

    def embed(self, texts):
        return np.arange(2.0 * len(texts), dtype=np.float32).reshape(-1, 2)


@pytest.fixture
def said():
    return []


@pytest.fixture
def desk(said):
    task, provider = TinyTask(TINY, {}), Watched()
    models = Models(Model(provider, ledger=Ledger(), budget=Budget()), embedder=Embedder())
    job = Job(task=task, method=SPEC, splits=task.load(Data()), models=models)
    made = Desk(SPEC, job, lambda head, brought: said.append((head, brought)))
    made.questions = iter(job.data._splits.test[n].question for n in range(6))
    return made


GIVEN = [
    ({"do": "parse", "q": Q, "text": "it is red"}, "red"),
    ({"do": "ask", "q": Q, "shots": []}, [["user", "a red question"]]),
    ({"do": "canonical", "q": Q, "answer": "red"}, "red"),
    ({"do": "reward", "sample": "dev0", "text": "red"}, 1.0),
    ({"do": "reward", "sample": "dev0", "text": "blue"}, 0.0),
]


@pytest.mark.parametrize(("message", "answer"), GIVEN)
def test_what_it_gives(desk, said, message, answer):
    desk.hear({"id": 1, **message})
    ((head, brought),) = said
    assert head.get("ok", brought) == answer


REFUSED = [
    ({"do": "data", "split": "train"}, "AccessError", "without declaring it"),
    ({"do": "reward", "sample": "train0", "text": "red"}, "UsageError", "holds no sample 'train0'"),
    ({"do": "reward", "sample": "test0", "text": "red"}, "UsageError", "holds no sample 'test0'"),
    ({"do": "wrong", "q": ["test0", "x", 0, [], {}]}, "UsageError", "that it isn't asked"),
    ({"do": "world", "q": ["test0", "x", 0, [], {}]}, "UsageError", "that it isn't asked"),
    ({"do": "data", "split": "test"}, "RuntimeError", "ValueError on the runner's side"),
    ({"do": "parse", "q": ["test0", 0], "text": "red"}, "RuntimeError", "KeyError on the runner's side"),
    ({"do": "curve", "rows": [{"step": -1}]}, "UsageError", "learning curve"),
]


@pytest.mark.parametrize(("message", "kind", "text"), REFUSED)
def test_what_it_refuses(desk, said, message, kind, text):
    desk.hear({"id": 1, **message})
    ((head, brought),) = said
    assert brought is None and head["error"][0] == kind and text in head["error"][1]
    assert "red" not in head["error"][1] and desk.raised(head["error"][2]) is not None


BROKEN = [
    {"do": "exec", "id": 1},
    {"do": 3, "id": 1},
    {"id": 1},
    {"do": "parse", "id": "1", "q": Q, "text": ""},
    {"do": "parse", "id": -1, "q": Q, "text": ""},
    {"do": "parse", "id": True, "q": Q, "text": ""},
    {"do": "read", "name": "labels_seen", "count": -5},
    {"do": "progress", "what": "x", "done": "1", "total": 2},
]


@pytest.mark.parametrize("message", BROKEN)
def test_what_no_worker_says(desk, message):
    with pytest.raises((ValueError, KeyError)):
        desk.hear(message)


MESSAGES = [
    [{"role": "user", "content": [{"type": "image", "image": "/etc/passwd"}]}],
    [{"role": "user", "content": [{"type": "image", "image": "file:///etc/passwd"}]}],
    [{"role": "user", "content": [{"type": "audio", "audio": "/etc/passwd", "format": "wav"}]}],
    [{"role": "user", "content": [{"type": "document", "document": "/etc/passwd"}]}],
    [{"role": "tool", "content": [{"type": "image", "image": "/etc/passwd"}]}],
    [["tool", "x"]],
    [["user", {"type": "text"}]],
    "user",
]
CALLS = [
    ({"of": "judge"}, "AccessError"),
    ({"of": 3}, "AccessError"),
    ({"with": {"keep": 1}}, "RuntimeError"),
    ({"with": {"question": 1}}, "RuntimeError"),
    ({"with": [1]}, "RuntimeError"),
    ({"draw": -1}, "RuntimeError"),
    ({"tools": [{"name": 3}]}, "RuntimeError"),
    ({"q": ["test0", 0]}, "RuntimeError"),
]


@pytest.mark.parametrize(("more", "kind"), CALLS)
def test_calls_that_are_none(desk, said, more, kind):
    async def asked():
        desk.hear({"do": "generate", "id": 1, "q": Q, "m": [["user", "x"]], **more})
        await asyncio.gather(*desk._under_way.values())

    asyncio.run(asked())
    ((head, _),) = said
    assert head["error"][0] == kind and desk._job.model.provider.calls == []


@pytest.mark.parametrize("messages", MESSAGES)
def test_no_message_has_the_runner_read_a_file(desk, said, messages):
    async def asked():
        desk.hear({"do": "generate", "id": 1, "q": Q, "m": messages})
        await asyncio.gather(*desk._under_way.values())

    asyncio.run(asked())
    ((head, _),) = said
    assert "error" in head and desk._job.model.provider.calls == []


def test_a_call_is_made_by_the_runners_model(desk, said):
    async def asked():
        desk.hear(
            {"do": "generate", "id": 7, "q": Q, "m": [["user", "which? red"]], "with": {"temperature": 0.5}}
        )
        await asyncio.gather(*desk._under_way.values())

    asyncio.run(asked())
    ((head, _),) = said
    assert head["id"] == 7 and head["ok"]["choices"][0]["message"]["content"]
    (call,) = desk._job.model.provider.calls
    assert call.messages[0].text == "which? red" and call.decoding["temperature"] == 0.5 and desk.open == 0


def test_questions_come_as_they_are_taken_with_prompts_once_they_are_used(desk, said):
    desk.hear({"do": "next", "id": 1, "n": 2, "asks": False})
    desk.hear({"do": "next", "id": 2, "n": 9, "asks": True})
    desk.hear({"do": "next", "id": 3, "n": 9, "asks": True})
    (_, first), (_, rest), (_, none) = said
    assert [q.id for q in first[0] + rest[0]] == [f"test{n}" for n in range(6)] and none[0] == []
    assert first[1] == [None, None] and rest[1][0] == [["user", rest[0][0].input]]
    assert b"TARGET" not in pickle.dumps(said)


OUTCOMES = [
    ({"question_id": 3}, "str is expected"),
    ({"question_id": "a", "epoch": -1}, "a count is expected"),
    ({"question_id": "a", "epoch": True}, "a count is expected"),
    ({"question_id": "a", "text": None}, "str is expected"),
    ({"question_id": "a", "trace": []}, "dict is expected"),
    ({"question_id": "a", "measures": "x"}, "dict is expected"),
    ({"question_id": "a", "error": 3}, "str is expected"),
    ({"question_id": "a", "metrics": {"accuracy": 1}}, "no field 'metrics'"),
    ([], "dict is expected"),
]


@pytest.mark.parametrize(("found", "line"), OUTCOMES)
def test_outcomes_that_are_none(found, line):
    with pytest.raises(ValueError, match=line):
        outcome_of(found)


LINES = [b"[]", b"{", b"\xff", b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a":' * 100_000, b"[" * 70 + b"]" * 70]


@pytest.mark.parametrize("line", LINES)
def test_lines_that_cant_be_read(line):
    with pytest.raises((ValueError, RecursionError)):
        parsed(line)


def test_a_flood_ends_the_worker_with_a_line(monkeypatch):
    monkeypatch.setattr(worker, "LINE", 1000)
    ends = []
    made = Worker("m", lambda said: None, ends.append)
    for _ in range(3):
        made.data_received(b"x" * 600)
    assert [str(end) for end in ends] == [
        "the worker of method 'm' broke off: a message is longer than 0 MiB; what was answered is kept"
    ]


def test_the_pipe_keeps_answers_to_others_while_one_is_waited_for():
    """Arrays arrive as they were, also where code that is no coroutine asks beside calls under way."""
    ours, theirs = socket.socketpair()
    vectors = Embedder().embed(["a"] * 70_000)

    def runner():
        lines = ours.makefile("rb")
        asked = [json.loads(lines.readline()) for _ in range(2)]
        by_name = {each["do"]: each["id"] for each in asked}
        payload = pickle.dumps(vectors)
        ours.sendall(json.dumps({"id": by_name["generate"], "ok": "said"}).encode() + b"\n")
        ours.sendall(json.dumps({"id": by_name["embed"], "size": len(payload)}).encode() + b"\n" + payload)

    async def method():
        pipe = Pipe(theirs)
        call = asyncio.create_task(pipe.ask(do="generate"))
        await asyncio.sleep(0)
        found = pipe.ask_now(do="embed")
        return found, await call

    thread = threading.Thread(target=runner)
    thread.start()
    found, completion = asyncio.run(method())
    thread.join()
    assert completion == "said" and np.array_equal(found, vectors)
