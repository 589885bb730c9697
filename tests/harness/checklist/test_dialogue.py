import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checklist import Result, Step, ToolUse, Trajectory
from harness.checklist.dialogue import evidence_steps, of_messages, read
from harness.checklist.faults import FaultyData
from harness.checklist.reward import is_broken

TOOLS = [{"type": "function", "function": {"name": "find", "parameters": {}}}, {"name": "book"}]


def call(name, arguments, key=None):
    made = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return made if key is None else {**made, "id": key}


MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": "Be kind."},
    {"role": "user", "content": [{"type": "text", "text": "Book it"}, {"type": "text", "text": "now"}]},
    {
        "role": "assistant",
        "content": "<think>\nWhich one?\n</think>\n\nOne moment.",
        "tool_calls": [call("find", '{"name": "Ada"}', "1"), call("book", {"id": 4}, "2")],
    },
    {"role": "tool", "tool_call_id": "2", "content": "booked"},
    {"role": "tool", "tool_call_id": "1", "content": "P8"},
    {"role": "assistant", "reasoning_content": "It is done.", "content": "Done."},
    {"role": "user", "content": "Thanks"},
    {"role": "assistant", "content": "Bye", "tool_calls": None},
]


def test_turns_steps_and_thinking():
    made = read(MESSAGES, TOOLS)
    assert made.system == "Be brief.\n\nBe kind." and len(made.tools) == 2
    assert [turn.user for turn in made.turns] == ["Book it\nnow", "Thanks"]
    assert made.turns[0].steps == [
        Step(
            "One moment.",
            (ToolUse("find", {"name": "Ada"}), ToolUse("book", {"id": 4})),
            (Result("P8"), Result("booked")),  # in the order of the calls
            "Which one?",
        ),
        Step("Done.", thinking="It is done."),
    ]
    assert all(turn.closed for turn in made.turns)


@pytest.mark.parametrize(
    ("keys", "answers"),
    [
        ((1, 2), [{"tool_call_id": 2}, {"tool_call_id": 1}]),  # ids that are numbers
        ((None, None), [{"name": "book"}, {"name": "find"}]),  # none, but names of tools
    ],
)
def test_answers_of_parallel_calls_in_another_order(keys, answers):
    calls = [call("find", "{}", keys[0]), call("book", "{}", keys[1])]
    said = [
        {"role": "tool", "content": text, **of} for text, of in zip(("booked", "P8"), answers, strict=True)
    ]
    shown = [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": calls}, *said]
    made, faults = of_messages(shown)
    assert not faults and made.turns[0].steps[0].results == (Result("P8"), Result("booked"))


@pytest.mark.parametrize(
    "text",
    [
        "<think>hm</think>done",
        "<thinking>\nhm\n</thinking>\n\ndone",
        "hm</think>done",
        "<think>hm",
        "think, done",
    ],
)
def test_thoughts_of_a_trace_are_read_as_those_of_a_dialogue(text):
    shown = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": text}]
    (turn,), (same,) = Trajectory.of(shown).turns, of_messages(shown)[0].turns
    assert turn.steps == same.steps
    assert (turn.steps[0].thinking, turn.steps[0].reply) == {
        "<think>hm": ("hm", ""),
        "think, done": ("", "think, done"),
    }.get(text, ("hm", "done"))


@pytest.mark.parametrize("text", ['{"n": NaN}', '{"n": -Infinity}', '{"n": 1, "n": 2}'])
def test_arguments_that_readers_of_json_differ_on_are_a_fault(text):
    shown = [*MESSAGES[:3], {"role": "assistant", "tool_calls": [call("find", text)]}]
    made, faults = of_messages([*shown, {"role": "tool", "content": "x"}, MESSAGES[-1]])
    assert [fault.rule for fault in faults] == ["arguments"]
    assert made.turns[0].steps[0].calls == (ToolUse("find", None),)


def test_what_evidence_may_point_to():
    user, action, answers, reply = evidence_steps(read(MESSAGES, TOOLS).turns[0])
    assert user == {"user.content": "Book it\nnow"}
    assert set(action) == {
        "assistant.content.thinking",
        "assistant.content.user_visible_reply",
        "assistant.tool_calls",
    }
    assert answers == {"tool.content": "P8\nbooked"}
    assert reply["assistant.content.user_visible_reply"] == "Done."


@pytest.mark.parametrize(
    ("reply", "thinking", "said"),
    [
        ("<think>a</think>b", "a", "b"),
        ("a\n</think>\nb", "a", "b"),
        ("b <think> c", "", "b <think> c"),
        ([{"type": "reasoning", "reasoning": "a"}, {"type": "text", "text": "b"}], "a", "b"),
    ],
)
def test_forms_of_thinking(reply, thinking, said):
    step = read([{"role": "user", "content": "?"}, {"role": "assistant", "content": reply}]).turns[0].steps[0]
    assert (step.thinking, step.reply) == (thinking, said)


USER, AGENT = {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}
TOOL = {"role": "tool", "content": "P8"}


def asks(*calls):
    return {"role": "assistant", "content": "", "tool_calls": list(calls)}


FAULTS = {
    "assistant_first": ([AGENT, USER, AGENT], "message 0: the agent speaks before any user"),
    "system_order": ([USER, {"role": "system", "content": "x"}, AGENT], "message 1: a system message after"),
    "orphan_result": ([USER, AGENT, TOOL], "message 2: a tool's answer without a call"),
    "missing_result": (
        [USER, asks(call("find", "{}")), AGENT],
        "message 1, call 0: the call of 'find' has no",
    ),
    "arguments": ([USER, asks(call("find", "{name")), TOOL, AGENT], "message 1, call 0: the arguments of"),
    "tool_calls": ([USER, asks({"function": {}}), AGENT], "message 1, call 0: must be an object"),
    "unknown_tool": ([USER, asks(call("fly", "{}")), TOOL, AGENT], "'fly', which is not among the tools"),
    "role": ([USER, AGENT, {"role": "bot", "content": "x"}], "message 2: unknown role 'bot'"),
    "message": ([USER, AGENT, "x"], "message 2: must be an object"),
    "content": (
        [USER, {"role": "assistant", "content": [AGENT["content"], {"type": "image_url"}]}],
        "'image_url'",
    ),
    "thinking": ([USER, {"role": "assistant", "content": "<think>a"}], "never closed"),
    "unanswered": ([USER, USER, AGENT], "turn 0: the agent doesn't answer"),
    "messages": ([], "messages must be a list"),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_one_clear_fault_each(rule):
    messages, words = FAULTS[rule]
    made, found = of_messages(messages, TOOLS)
    assert rule in {each.rule for each in found} and len(found) <= 2
    with pytest.raises(FaultyData, match="FILE line 3: ") as caught:
        read(messages, TOOLS, "FILE line 3")
    assert words in str(caught.value)
    # nothing that was said is lost
    text = str(made)
    for message in messages:
        if rule not in ("orphan_result", "role", "message") and isinstance(message["content"], str):
            assert message["content"].removeprefix("<think>") in text


def test_answers_are_matched_by_order_where_there_are_no_ids():
    made = read([USER, asks(call("find", "{}"), call("book", "")), TOOL, {**TOOL, "content": "x"}, AGENT])
    assert [each.text for each in made.turns[0].steps[0].results] == ["P8", "x"]
    _, found = of_messages([USER, asks(call("find", "{}", "1")), {**TOOL, "tool_call_id": "9"}, AGENT])
    assert [each.rule for each in found] == ["orphan_result", "missing_result"]


def test_unreadable_arguments_stay_a_call():
    made, _ = of_messages([USER, asks(call("find", "[1]")), TOOL, AGENT])
    assert made.turns[0].steps[0].calls == (ToolUse("find", None),)


NAMES = st.sampled_from("role content tool_calls function name arguments type text id".split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_hostile_messages_give_faults_and_nothing_else(hostile):
    of_messages(hostile, hostile)
    for n in range(len(MESSAGES)):
        for key in ("role", "content", "tool_calls", "tool_call_id"):
            messages = [dict(message) for message in MESSAGES]
            messages[n][key] = hostile
            made, found = of_messages(messages, TOOLS)
            assert found or made.turns
        of_messages([*MESSAGES[:n], hostile, *MESSAGES[n + 1 :]], hostile)


def test_a_turn_that_ends_with_a_call_is_open():
    made = read([USER, asks(call("find", "{}")), TOOL, USER, AGENT])
    assert [turn.closed for turn in made.turns] == [False, True]


def test_thoughts_alone_end_no_turn():
    silent = {"role": "assistant", "content": "<think>what now</think>", "thinking": ""}
    for made in (read([USER, silent]), Trajectory.of([USER, silent])):
        assert made.turns[0].steps[0].thinking == "what now"
        assert not made.turns[0].closed and is_broken(made)
    apart = {"role": "assistant", "content": " ", "thinking": "what now", "reasoning_content": "what now"}
    for made in (read([USER, apart]), Trajectory.of([USER, apart])):
        assert made.turns[0].steps[0].thinking == "what now" and is_broken(made)
    for made in (read([USER, silent, AGENT, USER, apart]), Trajectory.of([USER, silent, AGENT])):
        assert made.turns[0].closed
