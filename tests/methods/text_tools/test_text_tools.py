"""Calls in text: what is read, what the model is shown, and whole episodes in the office."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.model import ModelOutput

from harness.data.hub import Data
from harness.model.provider import Provider
from harness.registry import load_method, load_task, registry
from harness.results import load_samples
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.testing import check_method

CALL = '{"name": "send_message", "arguments": {"person_id": "P1", "text": "hi"}}'


def method(name):
    spec = registry().method(name)
    return load_method(spec, spec.arguments({}))


@pytest.mark.parametrize("name", ["prompted-tools", "react"])
def test_contract(name):
    check_method(name)


@pytest.mark.parametrize(
    ("name", "text", "said", "calls"),
    [
        ("prompted-tools", f"Sure.\n```tools\n[{CALL}]\n```", "Sure.", ["send_message"]),
        ("prompted-tools", f"```tool_call\n{CALL}", "", ["send_message"]),
        ("prompted-tools", f"```json\n[{CALL}, {CALL}]\n```", "", ["send_message", "send_message"]),
        ("prompted-tools", "```python\nprint(1)\n```", "```python\nprint(1)\n```", []),
        ("react", f"Thought: now\nAction: {CALL}", "Thought: now", ["send_message"]),
        ("react", f"Action: {CALL}\nObservation: sent\nAnswer: done", "", ["send_message"]),
        ("react", f"Action: ```json\n{CALL}\n```", "", ["send_message"]),
        ("react", f"Thought: x\nAnswer: done\nAction: {CALL}", None, []),
        ("react", "Thought: well\nAnswer: all done", "all done", []),
        ("react", "just words", "just words", []),
    ],
)
def test_what_is_read(name, text, said, calls):
    words, found = method(name).read(text, "c")
    assert [call.function for call in found] == calls and not any(call.parse_error for call in found)
    assert said is None or words == said


UNREADABLE = ["{", "[1]", '{"name": 3}', '{"name": "x", "arguments": "y"}', "[" * 100_000]


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_call_that_cannot_be_read_says_so(text):
    _, (call,) = method("prompted-tools").read(f"```tools\n{text}\n```", "c")
    assert call.parse_error


@given(st.text())
def test_any_text_is_read(text):
    for name in ("prompted-tools", "react"):
        method(name).read(text, "c")
        method(name).read(f"```tools\n{text}", "c")
        method(name).read(f"Action: {text}", "c")


class Agent(Provider):
    """Knows the wanted actions of the items, and writes them as the method asks."""

    name, cacheable = "echo/agent", False

    def __init__(self, write):
        spec = registry().task("toolworld/multi")
        samples = load_task(spec, spec.arguments({})).load(Data()).test
        self.targets = {sample.id: sample.target for sample in samples}
        self.write, self.calls = write, []

    async def generate(self, call):
        self.calls.append(call)
        target = self.targets[call.question.id]
        flat = {key: [each for turn in target[key] for each in turn] for key in ("actions", "says")}
        return ModelOutput.from_content(self.name, self.write(flat, call.messages))


def all_at_once(target, seen):
    calls = [{"name": name, "arguments": arguments} for name, arguments in target["actions"]]
    if len(seen) == 2:
        return f"```tools\n{json.dumps(calls)}\n```"
    return " ".join(["Done.", *target["says"]])


def one_by_one(target, seen):
    done = sum(m.text.startswith("Observation:") for m in seen)
    if done < len(target["actions"]):
        name, arguments = target["actions"][done]
        return f"Thought: go\nAction: {json.dumps({'name': name, 'arguments': arguments})}"
    return "Thought: fine\nAnswer: " + " ".join(["Done.", *target["says"]])


@pytest.mark.parametrize(
    ("name", "write", "results"),
    [("prompted-tools", all_at_once, "Result:"), ("react", one_by_one, "Observation:")],
)
def test_whole_episodes(tmp_path, name, write, results):
    (cell,) = plan(Request("toolworld/multi", name, "echo/agent", limit=9))
    agent = Agent(write)
    session = Session(Store(tmp_path))
    session.use(agent)
    (result,) = run_grid([cell], session).results
    assert result.record["metrics"]["accuracy"]["value"] == 1.0
    first, *_, last = agent.calls[-1].messages
    assert first.role == "system" and '"name": "book_room"' in first.text and last.role == "user"
    shown = [m.text for call in agent.calls for m in call.messages if m.role == "user"]
    assert any(text.startswith(results) for text in shown)
    assert all(m.role in ("system", "user", "assistant") for call in agent.calls for m in call.messages)
    trace = json.loads(load_samples(result.record["run_id"], str(tmp_path))["trace"][2])
    assert trace["calls"] == 2 and trace["tool_errors"] == 0
