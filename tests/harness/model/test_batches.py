"""Provider batches against a local server that speaks OpenAI's batch API: files, batches, results."""

import asyncio
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.base.errors import Declined, ModelCallError, UsageError
from harness.base.messages import user
from harness.model.batches import batcher, provider
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.pace import Pace
from harness.model.provider import Call
from harness.sample import Question


class Server(ThreadingHTTPServer):
    """`said(n, body)` is the text of an answer, a refusal (status, message), or None for no line at all."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.batches, self.single, self.posts = {}, {}, [], 0
        self.hold, self.faults, self.downloads, self.said = False, [], 0, lambda body: "yes"
        self.ending = "completed"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def asked(self):
        """The texts of all calls in batches."""
        lines = (line for batch in self.batches.values() for line in self.files[batch["input_file_id"]])
        return sorted(line["body"]["messages"][-1]["content"] for line in lines)

    def finish(self, batch):
        right, wrong = [], []
        for line in self.files[batch["input_file_id"]] if self.ending == "completed" else []:
            found = self.said(line["body"])
            if isinstance(found, str):
                right.append({"custom_id": line["custom_id"], "response": whole(found), "error": None})
            elif isinstance(found, tuple) and isinstance(found[0], int):
                body = {"error": {"message": found[1], "code": "x"}}
                response = {"status_code": found[0], "body": body}
                wrong.append({"custom_id": line["custom_id"], "response": response, "error": None})
            elif found:
                error = {"code": found[0], "message": found[1]}
                wrong.append({"custom_id": line["custom_id"], "response": None, "error": error})
        for name, lines in (("output_file_id", right), ("error_file_id", wrong)):
            if lines:
                self.files[f"{batch['id']}-{name}"] = lines
                batch[name] = f"{batch['id']}-{name}"
        batch["status"] = self.ending


def whole(text):
    message = {"role": "assistant", "content": text}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    body["choices"] = [{"index": 0, "finish_reason": "stop", "message": message}]
    body["usage"] = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return {"status_code": 200, "request_id": "r", "body": body}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def reply(self, found, status=200):
        raw = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def fault(self, where):
        if self.server.faults and self.server.faults[0][0] == where:
            status = self.server.faults.pop(0)[1]
            self.reply({"error": {"message": f"no {where} today", "code": "x"}}, status)
            return True
        return False

    def do_GET(self):
        server, parts = self.server, self.path.split("/")
        if parts[2] == "models":
            self.reply({"error": {"message": "not here", "code": "x"}}, 404)
        elif parts[2] == "batches":
            if self.fault("status"):
                return
            batch = server.batches.get(parts[3])
            if batch is None:
                self.reply({"error": {"message": f"no batch {parts[3]}", "code": "x"}}, 404)
                return
            if batch["status"] == "in_progress" and not server.hold:
                server.finish(batch)
            self.reply(batch)
        elif not self.fault("download"):
            server.downloads += 1
            self.reply("\n".join(map(json.dumps, server.files[parts[3]])).encode())

    def do_POST(self):
        server = self.server
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/files"):
            if self.fault("upload"):
                return
            lines = [json.loads(line) for line in re.findall(rb'^\{"custom_id.*\}$', raw, re.M)]
            name = f"file-{len(server.files)}"
            server.files[name] = lines
            made = {"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "f"}
            self.reply({**made, "purpose": "batch", "status": "processed"})
        elif self.path.endswith("/batches"):
            if self.fault("create"):
                return
            name = f"batch_{len(server.batches)}"
            body = json.loads(raw)
            batch = {"id": name, "object": "batch", "created_at": 1, "status": "in_progress", **body}
            server.batches[name] = batch
            self.reply(batch)
        else:
            server.single.append(json.loads(raw))
            self.reply(whole("single")["body"])


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(provider, "GATHER", 0.1)
    monkeypatch.setattr(batcher, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(provider, "LOOK", 0.02)
    monkeypatch.setattr(batcher, "TRIES", 2)
    made = Server()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def together(monkeypatch):
    """Has a batch sent as soon as so many calls are there, and not before."""

    def of(n):
        monkeypatch.setattr(provider, "SIZE", n)
        monkeypatch.setattr(provider, "GATHER", 60.0)

    return of


def opened(server, name="openai/gpt-4o-mini", say=None, connections=None):
    args = {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api_key": "k"}
    model = open_model(name, args, connections, batch=True)
    model.say = say or model.say
    return model


def handle(server, tmp_path, model=None, **settings):
    model = model or opened(server)
    settings = {"ledger": Ledger(), "budget": Budget(), "first_wait": 0.01, "max_retries": 2, **settings}
    return Model(model, cache=Cache(tmp_path / "cache.sqlite"), pace=Pace.of(model), **settings)


def ask(model, n):
    return model.generate(Question(str(n), str(n)), [user(f"text {n}")])


async def every(model, n):
    return await asyncio.gather(*(ask(model, i) for i in range(n)), return_exceptions=True)


def test_calls_go_together_and_nothing_limits_them(server, tmp_path, together):
    """Also where few calls at once, or a minute, are allowed elsewhere."""
    told = []
    together(40)
    model = handle(server, tmp_path, opened(server, say=told.append, connections=2))
    outputs = asyncio.run(every(model, 40))
    assert {output.completion for output in outputs} == {"yes"}
    assert len(server.batches) == 1 and len(server.asked) == 40 and not server.single
    assert server.batches["batch_0"]["endpoint"] == "/v1/chat/completions"
    assert model._ledger.total.calls == 40 and model._ledger.total.input_tokens == 280
    assert "batch batch_0 with 40 calls was submitted" in told[0] and len(told) == 1
    again = asyncio.run(every(handle(server, tmp_path), 40))
    assert again[0].completion == "yes" and len(server.batches) == 1  # all of it was in the cache


async def killed(model, server, n):
    """As many calls, stopped when their batch was submitted."""
    calls = asyncio.create_task(every(model, n))
    while not server.batches or not list((provider.Submitted("x")._folder).glob("*.jsonl")):
        await asyncio.sleep(0.01)
    calls.cancel()


def test_what_was_submitted_is_taken_by_the_next_run_and_not_asked_again(server, tmp_path, together):
    server.hold, told = True, []
    together(6)
    asyncio.run(killed(handle(server, tmp_path), server, 6))
    assert len(server.asked) == 6
    server.hold = False
    together(2)
    outputs = asyncio.run(every(handle(server, tmp_path, opened(server, say=told.append)), 8))
    assert [output.completion for output in outputs] == ["yes"] * 8
    assert server.asked == sorted(f"text {n}" for n in range(8)) and server.downloads == 2
    assert "batch batch_0 was submitted before" in told[0]
    assert not list((tmp_path / "cache" / "batches").iterdir())


def test_answers_of_a_batch_that_nobody_asked_for_yet_are_kept(server, tmp_path, together):
    server.hold = True
    together(6)
    asyncio.run(killed(handle(server, tmp_path), server, 6))
    server.hold = False
    assert len(asyncio.run(every(handle(server, tmp_path), 2))) == 2
    assert len(list((tmp_path / "cache" / "batches").iterdir())) == 1
    asyncio.run(every(handle(server, tmp_path), 6))
    assert len(server.batches) == 1 and not list((tmp_path / "cache" / "batches").iterdir())


def test_a_batch_that_is_gone_is_made_again(server, tmp_path, together):
    server.hold, told = True, []
    together(3)
    asyncio.run(killed(handle(server, tmp_path), server, 3))
    server.hold, server.batches = False, {}
    server.batches["other"] = {"input_file_id": "file-0", "status": "completed"}
    outputs = asyncio.run(every(handle(server, tmp_path, opened(server, say=told.append)), 3))
    assert [output.completion for output in outputs] == ["yes"] * 3
    assert any("is gone (HTTP 404: no batch batch_0)" in line for line in told)


@pytest.mark.parametrize("where", ["upload", "create", "status", "download"])
def test_a_fault_in_passing_loses_and_repeats_nothing(server, tmp_path, where):
    server.faults = [(where, 503)]
    outputs = asyncio.run(every(handle(server, tmp_path), 4))
    assert [output.completion for output in outputs] == ["yes"] * 4
    assert len(server.asked) == 4 and not server.faults


@pytest.mark.parametrize(("failures", "lines"), [(3, 0), (4, 1)])
def test_the_third_retry_is_told(server, tmp_path, monkeypatch, failures, lines):
    monkeypatch.setattr(batcher, "TRIES", 5)
    server.faults, told = [("upload", 503)] * failures, []
    outputs = asyncio.run(every(handle(server, tmp_path, opened(server, say=told.append)), 4))
    assert [output.completion for output in outputs] == ["yes"] * 4
    found = [line for line in told if "failed tries" in line]
    assert len(found) == lines and all("HTTP 503" in line for line in found)


def test_results_that_cannot_be_fetched_are_fetched_later_and_not_paid_again(server, tmp_path):
    server.faults = [("download", 503)] * 3
    outputs = asyncio.run(every(handle(server, tmp_path), 4))
    assert [output.completion for output in outputs] == ["yes"] * 4
    assert len(server.asked) == 4


def test_a_failed_call_is_its_own_alone(server, tmp_path):
    bad = {
        "text 1": (400, "makes no sense"),
        "text 2": (400, "blocked by content management policy"),
        "text 3": ("batch_expired", "the completion window expired"),
        "text 4": None,
    }
    counts = {}

    def said(body):
        text = body["messages"][-1]["content"]
        counts[text] = counts.get(text, 0) + 1
        return bad[text] if text in bad and counts[text] == 1 or text == "text 1" else "yes"

    server.said = said
    first, *failed, last = asyncio.run(every(handle(server, tmp_path), 6))
    assert first.completion == last.completion == "yes"
    assert isinstance(failed[0], ModelCallError) and "HTTP 400: makes no sense" in str(failed[0])
    assert isinstance(failed[1], Declined) and failed[1].status == "filtered"
    assert [each.completion for each in failed[2:]] == ["yes", "yes"]  # asked again, in a batch
    assert counts == {"text 0": 1, "text 1": 1, "text 2": 1, "text 3": 2, "text 4": 2, "text 5": 1}
    assert not list((tmp_path / "cache" / "batches").iterdir())


@pytest.mark.parametrize("ending", ["failed", "expired", "cancelled"])
def test_a_batch_without_results_ends_with_errors_and_not_never(server, tmp_path, ending):
    server.ending = ending
    outputs = asyncio.run(every(handle(server, tmp_path), 3))
    assert all(isinstance(each, ModelCallError) for each in outputs)
    assert "rejected" in str(outputs[0]).lower()


def test_one_refused_submission_stops_no_other(server, tmp_path):
    server.faults = [("create", 400)]

    async def two():
        model = handle(server, tmp_path)
        first = await every(model, 2)
        return first, await ask(model, 9)

    first, second = asyncio.run(two())
    assert all(isinstance(each, ModelCallError) and "no create today" in str(each) for each in first)
    assert second.completion == "yes"


def test_a_call_that_is_given_up_takes_no_other_with_it(server, tmp_path):
    server.hold = True

    async def some():
        model = handle(server, tmp_path)
        late = asyncio.create_task(every(model, 3))
        hasty = model.generate(Question("h", "h"), [user("text h")], patience=0.3)
        with pytest.raises(ModelCallError, match="no answer within 0.3 seconds"):
            await hasty
        server.hold = False
        return await late

    assert [each.completion for each in asyncio.run(some())] == ["yes"] * 3


def test_a_probe_is_one_call_at_once(server):
    call = Call(Question("p", "Hi"), [user("Hi")], decoding={"max_tokens": 1})
    assert asyncio.run(opened(server).probe(call)).completion == "single"
    assert len(server.single) == 1 and not server.batches


def test_extra_body_and_settings_are_in_the_line(server, tmp_path):
    model = handle(server, tmp_path, decoding={"temperature": 0.5, "extra_body": {"service_tier": "flex"}})
    asyncio.run(every(model, 1))
    (line,) = server.files["file-0"]
    assert line["body"]["service_tier"] == "flex" and line["body"]["temperature"] == 0.5
    assert "extra_body" not in line["body"] and re.fullmatch("[0-9a-f]{15}", line["custom_id"])


@pytest.mark.parametrize(
    "name",
    ["pocket/grid", "echo/yes", "openai-api/local/m", "vllm/m", "openrouter/x/y", "openai/azure/gpt-4o"],
)
def test_a_provider_without_batches_is_one_line(name):
    with pytest.raises(UsageError, match=r"has no batches; models of these have: openai/, anthropic/"):
        open_model(name, {}, connect=False, batch=True)


@pytest.mark.parametrize("family", provider.SUPPORTED)
def test_every_supported_provider_of_the_installed_version_gets_a_lasting_batcher(family):
    """inspect-ai's own names are relied on here, so that another version shows it."""
    try:
        module = batcher.install(family)
    except ImportError as error:
        pytest.skip(f"needs its client: {error}")
    made = [
        each for each in vars(module).values() if isinstance(each, type) and issubclass(each, batcher.Lasting)
    ]
    assert len(made) == 1 and batcher.install(family) is module
