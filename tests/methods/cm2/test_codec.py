"""Messages and token ids: the quick way equals the template, and a chat template's calls come back."""

import pytest
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool
from inspect_ai.tool import ToolCall, ToolInfo

from harness.base import messages
from harness.methods.cm2.codec import Codec
from tests.methods.cm2.conftest import tokenizer

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}"
    "{% for c in m.get('tool_calls', []) %}"
    '\n<tool_call>\n{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}\n'
    "</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def chatty():
    """A tokenizer of bytes with a template of the Qwen kind."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = ["<|pad|>", "<|im_start|>", "<|im_end|>", *letters]
    made = Tokenizer(models.BPE({name: n for n, name in enumerate(names)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    found = PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        extra_special_tokens=["<|im_start|>"],
    )
    found.chat_template = TEMPLATE
    return found


def test_the_quick_way_of_words_is_the_templates():
    codec = Codec(tokenizer())
    for ended in (True, False):
        for text in ("P8", "d12 B6 d28 B15", "Cancel Ada_Abel d12", "no such words"):
            quick = codec.heard([messages.user(text)], ended)
            assert quick == codec._rendered([messages.user(text)], ended)
    assert codec._vocabulary is not None


def test_a_tokenizer_of_words_with_role_marks_is_not_read_the_quick_way():
    import copy

    marked = copy.deepcopy(tokenizer())
    marked.chat_template = (
        "{% for m in messages %} ok {{ m['content'] }}{% if m['role'] == 'assistant' %} <eos>{% endif %}"
        "{% endfor %}"
    )
    codec = Codec(marked)
    assert marked.decode(codec.heard([messages.user("P8")])) == "ok P8"
    assert codec._vocabulary is None


def test_words_are_read_as_they_were_written():
    codec = Codec(tokenizer())
    ids = codec.write(messages.assistant("cancel d12 B6"))
    assert ids[-1] == 2 and codec.read(ids, 0, False).text == "cancel d12 B6"


def test_what_comes_after_an_action_is_the_difference_that_the_template_makes(chatty):
    codec = Codec(chatty)
    result = ChatMessageTool(content="sent", tool_call_id="x", function="send")
    for ended, begin in ((True, ""), (False, "<|im_end|>")):
        text = chatty.decode(codec.heard([result], ended))
        assert text == f"{begin}\n<|im_start|>tool\nsent<|im_end|>\n<|im_start|>assistant\n"


def test_the_prompt_is_the_template_with_its_generation_prompt(chatty):
    opening = Codec(chatty).opening([messages.system("Rules."), messages.user("Hi")], [])
    assert chatty.decode(opening).endswith("user\nHi<|im_end|>\n<|im_start|>assistant\n")


def test_calls_are_written_and_read_in_the_same_form(chatty):
    codec = Codec(chatty)
    call = ToolCall(id="a", function="send", arguments={"to": "P1", "text": "Grüße"})
    ids = codec.write(ChatMessageAssistant(content="Yes.", tool_calls=[call]))
    read = codec.read(ids, 4, True)
    assert read.text == "Yes." and ids[-1] == chatty.eos_token_id
    assert [(c.function, c.arguments) for c in read.tool_calls] == [("send", call.arguments)]
    assert codec.read(ids, 4, False).tool_calls is None


@pytest.mark.parametrize(
    "inside", ["{", "[1, 2]", '{"name": 3}', '{"name": "x", "arguments": [1]}', "[" * 2000]
)
def test_a_call_that_can_not_be_read_fails_as_a_call(chatty, inside):
    codec = Codec(chatty)
    ids = [*chatty(f"<tool_call>{inside}</tool_call>", add_special_tokens=False)["input_ids"], codec.end]
    (call,) = codec.read(ids, 0, True).tool_calls
    assert call.parse_error


def test_tools_are_offered_by_their_schema(chatty):
    import copy

    named = copy.deepcopy(chatty)
    named.chat_template = "{% for t in tools or [] %}{{ t.function.name }};{% endfor %}" + TEMPLATE
    tool = ToolInfo(name="send", description="Sends.")
    assert named.decode(Codec(named).opening([messages.user("Hi")], [tool])).startswith("send;")
