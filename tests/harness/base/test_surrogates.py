"""Halves of surrogate pairs: replaced where they must be, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool
from inspect_ai.tool import ToolCall

from harness.base.messages import user
from harness.base.surrogates import sendable, whole


@given(st.text(st.characters(exclude_categories=())))
def test_what_comes_out_has_bytes_and_only_halves_have_changed(text):
    made = whole(text)
    assert made.encode("utf-8").decode("utf-8") == made
    if text.encode("utf-8", "replace") == text.encode("utf-8", "surrogatepass"):
        assert made == text


def test_a_half_becomes_a_sign_and_two_that_belong_together_a_character():
    assert whole("a\ud800b\udc00") == "a\ufffdb\ufffd" and whole("\ud83d\ude42") == "\U0001f642"


def test_messages_are_cleaned_wherever_the_text_stands():
    call = ToolCall("1", "f\ud800", {"x": ["\udfff", 1]})
    said = ChatMessageAssistant(content="\ud800", tool_calls=[call])
    result, good = ChatMessageTool(content="r\ud800", tool_call_id="1"), user("good \U0001f642")
    first, second, third = sendable([said, result, good])
    assert first.text == "\ufffd" and first.tool_calls[0].arguments == {"x": ["\ufffd", 1]}
    assert first.tool_calls[0].function == "f\ufffd" and first.id == said.id
    assert second.text == "r\ufffd" and third is good and call.function == "f\ud800"
