"""The simulated reader: its law, and what it takes from its prompts."""

import asyncio
from itertools import product

import pytest
from inspect_ai.model import ModelOutput
from inspect_ai.tool import ToolInfo

from harness.base import messages
from harness.base.errors import UsageError
from harness.model.factory import open_model
from harness.model.provider import Call
from harness.model.simulated_reader import SimulatedReader
from harness.sample import Question, Sample, Splits

QUESTION = Question("q", "What is the code of the rival of Ana?")
FACTS = [
    {"text": "The rival of Ana is Bo.", "query": "rival of Ana", "relation": "rival", "document": "d1"},
    {"text": "The code of Bo is 12.", "query": "code of Bo", "relation": "code", "document": "d2"},
]
TARGET = {"answers": ["12"], "evidence": ["d1", "d2"], "facts": FACTS, "arithmetic": 0}
SEARCH = (ToolInfo(name="search", description="x"),)


def reader(**args):
    made = SimulatedReader(args)
    made.prepare(Splits(test=[Sample(QUESTION, TARGET)]))
    return made


def says(made, *turns, seed=0, tools=(), **how):
    """The reply to a dialogue: turns of the user and, before a bar, its own."""
    seen = [messages.assistant(text[1:]) if text[0] == "|" else messages.user(text) for text in turns]
    return asyncio.run(made.generate(Call(QUESTION, seen, tools, decoding=how, seed=seed)))


def several(*texts):
    return "\n\n".join(f"[{n}] x\n{text}" for n, text in enumerate(texts))


def test_the_law_by_hand():
    made = reader(find=0.5, compose=0.9, scale=100)
    assert made.finds(1, 2) == pytest.approx(0.75) and made.finds(2, 1) == 0
    assert made.works_out(2, 1, 200) == pytest.approx(0.9 * 0.6321, abs=1e-4)
    right = 0.75 * 0.6321
    assert made.accuracy(1, 1, 2, 200) == pytest.approx(right + (1 - right) / 100, abs=1e-4)
    assert made.accuracy(1, 0, 0, 10_000) == pytest.approx(0.01)
    for hops, steps in product((1, 2), (0, 3)):  # both budgets are worth something, both loads cost something
        assert made.accuracy(hops, steps, 4, 200) < made.accuracy(hops, steps, 5, 200)
        assert made.accuracy(hops, steps, 4, 200) < made.accuracy(hops, steps, 4, 300)
        assert made.accuracy(hops + 1, steps, 4, 200) < made.accuracy(hops, steps, 4, 200)
        assert made.accuracy(hops, steps + 1, 4, 200) < made.accuracy(hops, steps, 4, 200)


def test_it_searches_for_what_is_missing_and_remembers_only_what_it_wrote():
    made = reader(find=1)
    first = says(made, QUESTION.input, tools=SEARCH)
    assert first.message.tool_calls[0].arguments == {"query": "rival of Ana"}
    second = says(made, QUESTION.input, "|", several(FACTS[0]["text"], "x"), tools=SEARCH)
    assert second.message.text == "Found: The rival of Ana is Bo. [d1]"
    assert second.message.tool_calls[0].arguments == {"query": "code of Bo"}
    forgot = says(
        made, QUESTION.input, several(FACTS[0]["text"], "x"), "|nothing noted", "next", tools=SEARCH
    )
    assert forgot.message.tool_calls[0].arguments == {"query": "rival of Ana"}
    last = says(made, QUESTION.input, f"|{second.message.text}", several(FACTS[1]["text"], "x"), tools=SEARCH)
    assert not last.message.tool_calls and "[d1]" in last.completion and "[d2]" in last.completion


def test_facts_are_found_at_their_rate_and_always_in_a_document_alone():
    made = reader(find=0.3)

    def found(text):
        asked = (QUESTION.input, "|", text)
        return sum("Found:" in says(made, *asked, seed=seed, tools=SEARCH).completion for seed in range(400))

    assert 85 < found(several(FACTS[0]["text"], "x")) < 155  # 120 expected, standard deviation 9
    assert found(f"[d1] Ana\n{FACTS[0]['text']}") == 400


def test_it_thinks_as_long_as_prompt_and_call_let_it():
    made = reader()
    told = "Think in at most 100 tokens, all thoughts together."

    def thinks(*turns, **how):
        return says(made, *turns, "Give your final answer now.", **how).usage.reasoning_tokens

    assert thinks(QUESTION.input) == 4096
    assert thinks(told) == 100
    assert thinks(told, "|" + "word " * 16) == 80  # what it wrote counts
    assert thinks(told, max_tokens=30) == 30
    assert reader(thinks=7)._set["thinks"] == 7


def test_it_states_the_probability_of_being_right():
    made = reader(find=1, compose=0.5, scale=1)
    whole = f"[d1] x\n{FACTS[0]['text']}", f"[d2] x\n{FACTS[1]['text']}"
    replies = [says(made, QUESTION.input, *whole, seed=seed).completion for seed in range(400)]
    assert all("Confidence: 50%" in reply for reply in replies)
    assert 160 < sum("Exact answer: 12\n" in reply for reply in replies) < 245


@pytest.mark.parametrize(
    "args, said",
    [
        ({"find": 2}, "find=2"),
        ({"skill": 1}, "no argument 'skill'"),
        ({"find": "x"}, "not a number"),
        ({"scale": 0}, "scale"),
    ],
)
def test_wrong_settings_are_one_line(args, said):
    with pytest.raises(UsageError, match=said):
        SimulatedReader(args)


def test_it_says_what_it_is_and_refuses_tasks_without_facts():
    made = open_model("sim/reader", {})
    assert "simulation" in made.notice and "measures no model" in made.notice
    with pytest.raises(UsageError, match="research/synthetic"):
        made.prepare(Splits(test=[Sample(QUESTION, "12")]))
    assert isinstance(says(reader(), QUESTION.input), ModelOutput)
