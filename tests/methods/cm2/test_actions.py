"""What a policy wrote, as an action."""

import pytest

from harness.methods.cm2.actions import action_of

WITHIN = '<tool_call>{"name": "f"}</tool_call>'


@pytest.mark.parametrize(
    ("text", "thinking", "words", "calls"),
    [
        ("Grey.", "", "Grey.", []),
        ("<think>so</think>\nGrey.", "so", "Grey.", []),
        ("so</think>Grey.", "so", "Grey.", []),
        (f"<think>never ends {WITHIN}", f"never ends {WITHIN}", "", []),
        (f"<think>{WITHIN}</think>Hm", WITHIN, "Hm", []),
        (
            'I look.<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>',
            "",
            "I look.",
            [("f", {"a": 1}, False)],
        ),
        (f'{WITHIN}<tool_call>{{"name": "g"}}', "", "", [("f", {}, False), ("g", {}, False)]),
        ("<tool_call>nonsense</tool_call>", "", "", [("unreadable", {}, True)]),
        ('<tool_call>{"name": 1}</tool_call>', "", "", [("unreadable", {}, True)]),
        ('<tool_call>{"name": "f", "arguments": [1]}</tool_call>', "", "", [("f", {}, True)]),
    ],
)
def test_completions_become_actions(text, thinking, words, calls):
    action = action_of(text, 3)
    found = [(call.function, call.arguments, bool(call.parse_error)) for call in action.tool_calls or ()]
    assert (action.text, found) == (words, calls)
    thoughts = [part.reasoning for part in action.content if part.type == "reasoning"] if thinking else []
    assert thoughts == [thinking] * bool(thinking)
