"""What agents are sent, and what others read of them: shared first answers, forced answers, long texts."""

import pytest
from inspect_ai.model import ModelOutput

from harness.methods.agents.live.wording import MOST, quoted
from harness.registry import load_method, registry

ONE = [("first", "red")]


def at(call):
    return call.messages[-1].metadata["agents"]


@pytest.fixture
def few(lab):
    """One question whose answer is one of three colours."""
    lab.data([*ONE, ("x", "blue"), ("y", "green")])
    return lambda method, say, **args: lab.run(method, say, request={"limit": 1, "twin": False}, **args)


def test_a_first_answer_is_one_call_whatever_the_number_of_agents(few):
    small = few("independent", lambda call: "Label: red", agents=2, rounds=1)
    large = few("debate", lambda call: "Label: red", agents=5, rounds=1)
    texts = [{call.seed: [m.text for m in call.messages] for call in ran.calls} for ran in (small, large)]
    assert len(texts[0]) == 2 and len(texts[1]) == 5
    assert texts[0].items() <= texts[1].items()


@pytest.mark.parametrize(
    ("says", "shown"),
    [
        ("I thought long.\nLabel: {wrong}", "I thought long.\nLabel: {wrong}"),
        ("I thought long.\nLabel: red", "I thought long.\n\nAnswer: {wrong}"),
        ("I can't help with that, sorry.", "I can't help with that, sorry.\n\nAnswer: {wrong}"),
    ],
)
def test_others_read_one_answer_of_an_adversary_and_no_mark_of_it(few, says, shown):
    def say(call):
        return says.format(wrong=at(call)["adversary"]) if at(call)["adversary"] else "Label: red"

    args = {"attack": "fixed", "closing": "none", "agents": 3, "rounds": 3}
    (row,) = few("independent", say, **args).rows
    found = row["trace"]["conversation"]
    ((turned, _),) = found["attack"]["turned"].items()
    said = found["rounds"][-1]["said"][int(turned)]
    assert said["forced"] and said["answer"] == found["attack"]["answer"] != "red"
    assert said["text"] == shown.format(wrong=said["answer"])


def test_a_servers_error_is_no_agents_words(few):
    def say(call):
        if at(call)["agent"]:
            return "Label: red"
        return ModelOutput.from_content(
            "m", "Label: blue is too long for 10 tokens.", stop_reason="model_length"
        )

    (row,) = few("debate", say, agents=3, rounds=2).rows
    first = [turns["said"][0] for turns in row["trace"]["conversation"]["rounds"]]
    assert all(turn["answer"] is None and "Label: blue is too long" in turn["failed"] for turn in first)
    assert row["answer"] == "red" and row["trace"]["measures"]["silent"] == 2


def test_of_a_long_text_both_ends_are_read():
    read = quoted(f"Answer: A\n{'word ' * 5000}\nAnswer: B")
    assert read.startswith("> Answer: A\n") and read.endswith("\n> Answer: B")
    assert len(read) < MOST + 40 and all(line.startswith("> ") for line in read.splitlines())
    assert quoted("x" * MOST) == "> " + "x" * MOST


@pytest.mark.parametrize("name", ["debate", "self-consistency", "best-of-n"])
def test_a_temperature_that_changes_nothing_is_told(name):
    spec = registry().method(name)
    method = load_method(spec, spec.arguments({"temperature": 0.5}))
    job = type("Job", (), {"chosen_decoding": {"temperature": 0.3}})
    (line,) = method.own_temperature(job)
    assert name in line and "0.5" in line and "temperature=0.3" in line
    job.chosen_decoding = {"temperature": 0.5}
    assert method.own_temperature(job) == []
    job.chosen_decoding = {}
    assert method.own_temperature(job) == []
