"""What came of requests is read from the messages that answer them."""

from inspect_ai.model import ChatMessageTool
from inspect_ai.tool import ToolCall, ToolCallError

from harness.methods.team.results import Came, came_of


def test_requests_with_one_id_are_told_apart():
    calls = [ToolCall("x", name, {}) for name in ("ask_human", "pay", "ask_human")]
    refused = ToolCallError("limit", "no more")
    seen = [
        ChatMessageTool(content=text, tool_call_id="x", error=error)
        for text, error in (("Porto", None), ("paid", None), ("", refused))
    ]
    assert came_of(calls, seen) == [Came(answered=True, refused=False), Came(answered=False, refused=True)]
