"""A world around another is, but for what it changes, the inner one."""

import asyncio

from inspect_ai.model import ChatMessageTool
from inspect_ai.tool import ToolCall, ToolCallError

from harness.world import Limits, World, WorldWrapper, answers_to, carried_out


class Inner(World):
    limits, mended, waits_for_people = Limits(steps=7), True, True
    closed = False

    def answer(self):
        return "said"

    async def close(self):
        self.closed = True


def test_a_wrapper_passes_on_what_it_does_not_change():
    inner = Inner()
    around = WorldWrapper(WorldWrapper(inner))
    assert around.limits.steps == 7 and around.mended and around.waits_for_people
    inner.user_retries = 2
    assert around.user_retries == 2 and around.answer() == "said"
    asyncio.run(around.close())
    assert inner.closed


def test_calls_are_matched_to_answers_by_id_and_order():
    def call(id, name):
        return ToolCall(id, name, {})

    def answer(id, text, error=None):
        return ChatMessageTool(content=text, tool_call_id=id, error=error)

    calls = [call("", "a"), call("x", "b"), call("", "c"), call("x", "d")]
    seen = [answer("x", "b"), answer("", "a", ToolCallError("unknown", "no")), answer("", "c")]
    assert [came and came.text for came in answers_to(calls, seen)] == ["a", "b", "c", None]
    assert [made.function for made in carried_out(calls, seen)] == ["b", "c", "d"]
