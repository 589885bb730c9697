"""Personal methods against a real server of an OpenAI-compatible model: what is sent, what fails, what a kill
leaves; and what a plan says of them."""

import json
import os
import threading
import time

from harness import personal
from harness.results.store import Store
from tests.one_cell import rows

USERS = ("-T", "users=3", "-T", "history=8", "-T", "test=2")
TASK = ("--task", "personal/synthetic", "--method", "personaagent", *USERS)


class Server:
    """A model that writes profiles and personas, uses a tool that isn't there and one that is, and says one
    label."""

    def __init__(self):
        self._lock, self.asked = threading.Lock(), []

    def __call__(self, body):
        texts = [message["content"] for message in body["messages"]]
        last = texts[-1]
        kind = "act"
        for name in ("summarise", "feedback", "rewrite"):
            if last.startswith(getattr(personal, name.upper())):
                kind = name
        with self._lock:
            self.asked.append(kind)
        time.sleep(0.02)
        if kind != "act":
            return f"{kind} of {len(last)} characters"
        used = sum(message["role"] == "assistant" for message in body["messages"])
        return ("Action: search_corpus: war", "Action: search_history: war", "Answer: skip")[min(used, 2)]


def model(endpoint):
    return ("--model", "openai-api/local/m", "--model-arg", f"base_url={endpoint.address}", "--model-arg",
            "api_key=none")  # fmt: skip


def test_a_search_that_finds_nothing_is_said_and_the_answer_comes(command, endpoint, tmp_path):
    endpoint.reply = Server()
    done = command("eval", *TASK, *model(endpoint), "--store", str(tmp_path / "store"))
    assert done.code == 0, done.err
    (record,) = Store(tmp_path / "store").records()
    calls = {purpose: usage["calls"] for purpose, usage in record["usage"]["by_purpose"].items()}
    assert calls == {"profile": 3, "align": 3 * (9 + 3 + 1), "answer": 18}
    assert sum(calls.values()) == len(endpoint.requests) and record["counts"]["ok"] == 6
    assert any(
        message["content"].startswith(f"{personal.OBSERVATION}\n{personal.NOTHING_FOUND}")
        for body in endpoint.requests
        for message in body["messages"]
    )
    assert "spent on align 39 calls" in done.out + done.err


def test_a_prompt_that_is_refused_costs_that_users_questions_alone(command, endpoint, tmp_path):
    def reply(body):
        said = server(body)
        refused = "rewrite" in server.asked[-1:] and next(refusals, None)
        return (400, "invalid_prompt") if refused else said

    refusals, server = iter([True]), Server()
    endpoint.reply = reply
    done = command(
        "eval", *TASK, *model(endpoint), "--max-connections", "1", "--store", str(tmp_path / "store")
    )
    (record,) = Store(tmp_path / "store").records()
    assert (record["counts"]["attempts"], record["counts"]["ok"]) == (6, 4), done.err
    failed = [row for row in rows(record) if row["status"] != "ok"]
    assert len({row["group"] for row in failed}) == 1 and all(
        "invalid_prompt" in row["reason"] for row in failed
    )


def test_a_kill_in_the_midst_of_alignment_pays_nothing_twice(command, endpoint, tmp_path, warm):
    endpoint.reply = Server()
    assert command("eval", *TASK, *model(endpoint), "--store", str(tmp_path / "whole")).code == 0
    whole = len(endpoint.requests)
    endpoint.requests.clear()
    cache = tmp_path / "another cache"
    endpoint.reply = parts = Server()
    there = {**os.environ, "HARNESS_CACHE": str(cache)}
    asked = ["-m", "harness", "eval", *TASK, *model(endpoint), "--max-connections", "2"]
    asked += ["--store", str(tmp_path / "parts")]
    process = warm.start(asked, tmp_path, there)
    deadline = time.monotonic() + 60
    while parts.asked.count("feedback") < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert 0 < len(endpoint.requests) < whole
    done = warm.run(asked, tmp_path, there)
    assert done.returncode == 0, done.stderr
    assert len(endpoint.requests) <= whole + 2  # what was under way at the kill
    one, other = (next(Store(tmp_path / name).records()) for name in ("whole", "parts"))
    assert one["result_digest"] == other["result_digest"]


def test_a_plan_counts_the_users_to_come(command, tmp_path):
    asked = ("--task", "personal/synthetic", "--method", "personaagent,label-prior", "--model", "sim/person")
    more = ("--limit", "4", "--dry-run", "--json", "--store", str(tmp_path / "store"))
    done = command("eval", *asked, *USERS, *more)
    calls = [cell["calls"] for cell in json.loads(done.out)["plan"]]
    assert calls == [2 * (1 + 3 * (3 + 1) + 1) + 4 * 3, 0]
    assert "2 users get a persona before they are asked" in done.err
