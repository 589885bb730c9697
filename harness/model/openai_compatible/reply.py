"""A reply of the chat protocol as the ModelOutput that inspect-ai would make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.model.raw_calls import CALLS, CONTENT, FIELDS, around, kept, other_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inspect_ai.model import (
        ChatCompletionChoice,
        ChatMessageAssistant,
        Content,
        ModelOutput,
        ModelUsage,
    )
    from inspect_ai.tool import ToolCall, ToolInfo

#: fields in which servers give what a model thought before it answered, in the order of precedence
REASONING = ("reasoning_content", "reasoning")
#: parts of a message or choice that are rare, and that inspect-ai reads
RARE = ("refusal", "reasoning_details", "content_filter_results")

_STOPS = {
    "stop": "stop",
    "eos": "stop",
    "length": "max_tokens",
    "max_tokens": "max_tokens",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "model_length": "model_length",
}


def output(
    reply: Any,
    asked: str,
    tools: Sequence[ToolInfo],
    seconds: float,
    read: Callable[[dict[str, Any], str], ChatCompletionChoice] | None = None,
) -> ModelOutput:
    """The output that a reply holds. `model` is the name that the server gives itself, and `metadata` holds
    its `system_fingerprint` if there is one.

    Args:
        reply: parsed JSON of which `completions.completion` made a completion of the protocol.
        asked: the name of the model that was asked, for servers that don't name theirs.
        tools: those that were offered, to read calls of them.
        seconds: how long the call took.
        read: makes a choice of its JSON and the model's name; by default that of a chat.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: a part of it is not what the protocol says.
    """
    from inspect_ai.model import ModelOutput

    choices = reply["choices"]
    if len(choices) > 1 and all(isinstance(choice.get("index"), int) for choice in choices):
        choices = sorted(choices, key=lambda choice: int(choice["index"]))
    served = reply.get("model")
    served = served if isinstance(served, str) and served else asked
    fingerprint, number = reply.get("system_fingerprint"), reply.get("id")
    usage = _usage(reply.get("usage"))
    prompt = None
    if usage is not None:
        cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
        prompt = usage.input_tokens + cached
    return ModelOutput(
        model=served,
        choices=[
            read(choice, served) if read else _choice(choice, served, tools, reply.get("prompt_logprobs"))
            for choice in choices
        ],
        usage=usage,
        input_context_tokens=prompt,
        time=seconds,
        metadata={"system_fingerprint": fingerprint} if isinstance(fingerprint, str) else None,
        response_id=number if isinstance(number, str) else None,
    )


def _choice(
    choice: dict[str, Any], served: str, tools: Sequence[ToolInfo], prompt_logprobs: Any
) -> ChatCompletionChoice:
    from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, Logprobs

    message = choice["message"]
    if prompt_logprobs or any(message.get(part) or choice.get(part) for part in RARE):
        return _rare(choice, served, tools, prompt_logprobs)
    logprobs = choice.get("logprobs")
    found = logprobs.get("content") if isinstance(logprobs, dict) else None
    calls = message.get("tool_calls")
    made = ChatMessageAssistant(
        content=_content(message),
        model=served,
        source="generate",
        tool_calls=[_called(each, tools) for each in calls if _is_function(each)] if calls else None,
    )
    _note_raw(made, message)
    return ChatCompletionChoice(
        message=made, stop_reason=stop(choice), logprobs=None if found is None else Logprobs(content=found)
    )


def stop(choice: dict[str, Any]) -> Any:
    """Why a choice ended, in inspect-ai's words."""
    return _STOPS.get(choice.get("finish_reason") or "", "unknown")


def _content(message: dict[str, Any]) -> str | list[Content]:
    """The text, after what the model thought where that is told: in a field of its own or in a tag."""
    from inspect_ai.model import ContentReasoning, ContentText

    text = str(message.get("content") or "")
    for source in REASONING:
        if thought := message.get(source):
            return [ContentReasoning(reasoning=str(thought), internal=source), ContentText(text=text)]
    if "<think" not in text:
        return text
    from inspect_ai.model._reasoning import parse_content_with_reasoning

    rest, capsule = parse_content_with_reasoning(text)
    if capsule is None:
        return text
    return [ContentReasoning(reasoning=capsule.reasoning, internal="think"), ContentText(text=rest or text)]


def _is_function(call: Any) -> bool:
    return (
        isinstance(call, dict)
        and call.get("type") in ("function", None)
        and isinstance(call.get("function"), dict)
    )


def _called(call: dict[str, Any], tools: Sequence[ToolInfo]) -> ToolCall:
    """A call of a tool; arguments that can't be read are its `parse_error`, for the model to mend."""
    from inspect_ai.model._call_tools import parse_tool_call

    function = call["function"]
    return parse_tool_call(
        str(call.get("id") or ""), str(function.get("name") or ""), _arguments(call), list(tools)
    )


def _arguments(call: dict[str, Any]) -> str:
    found = call["function"].get("arguments")
    return found if isinstance(found, str) else "" if found is None else str(found)


def _note_raw(made: ChatMessageAssistant, message: dict[str, Any]) -> None:
    """Keeps with a message what inspect-ai's reading of it lost (`harness.model.raw_calls`)."""
    held: dict[str, Any] = {}
    content = message.get("content")
    parts = [part for part in made.content if not isinstance(part, str) and part.type == "reasoning"]
    if made.tool_calls:
        sent = [each for each in message["tool_calls"] if _is_function(each)]
        held[CALLS] = kept(made.tool_calls, [_arguments(each) for each in sent], sent)
    if more := other_fields(message, {str(part.internal): part.reasoning for part in parts}):
        held[FIELDS] = more
    if content is None:
        held[CONTENT] = None
    elif isinstance(content, str) and content != made.text:
        alone = parts[0].reasoning if len(parts) == 1 else ""
        held[CONTENT] = around(content, alone, made.text)
    if held:
        made.metadata = held


def _rare(
    choice: dict[str, Any], served: str, tools: Sequence[ToolInfo], prompt_logprobs: Any
) -> ChatCompletionChoice:
    """A choice that refuses, was filtered, or has log-probabilities of the prompt, read by inspect-ai."""
    from inspect_ai.model._openai import chat_choices_from_openai
    from openai.types.chat import ChatCompletion

    whole = {"index": 0, "finish_reason": "stop", **choice}
    completion = ChatCompletion.construct(model=served, choices=[whole], prompt_logprobs=prompt_logprobs)
    made = chat_choices_from_openai(completion, list(tools))[0]
    _note_raw(made.message, choice["message"])
    return made


def _usage(usage: Any) -> ModelUsage | None:
    """What the server counted; None unless it gave both numbers. Tokens that it read from a cache of its own
    are not among the `input_tokens`, as inspect-ai has it."""
    from inspect_ai.model import ModelUsage

    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    total = usage.get("total_tokens")
    of_prompt, of_completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    read, written = _count(of_prompt, "cached_tokens"), _count(of_prompt, "cache_write_tokens")
    return ModelUsage(
        input_tokens=prompt - (read or 0) - (written or 0),
        output_tokens=completion,
        total_tokens=total if isinstance(total, int) else prompt + completion,
        input_tokens_cache_read=read,
        input_tokens_cache_write=written,
        reasoning_tokens=_count(of_completion, "reasoning_tokens"),
    )


def _count(details: Any, name: str) -> int | None:
    found = details.get(name) if isinstance(details, dict) else None
    return found if isinstance(found, int) else None
