"""The body of a request for a chat completion, equal to the one that inspect-ai would send, but for tools and
messages of official packages (`harness.model.verbatim`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.base.surrogates import sendable, whole
from harness.model.request_fields import UNSAID
from harness.model.verbatim import official_of

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolCall, ToolInfo

    from harness.model.provider import Call

#: settings of inspect-ai's GenerateConfig that a body holds, and their names there
SENT = {
    "max_tokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "stop_seqs": "stop",
    "presence_penalty": "presence_penalty",
    "logit_bias": "logit_bias",
    "seed": "seed",
    "top_k": "top_k",
    "temperature": "temperature",
    "top_p": "top_p",
    "num_choices": "n",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "reasoning_effort": "reasoning_effort",
}
#: those that this module reads otherwise
READ = {"parallel_tool_calls", "extra_body", "extra_headers", "prompt_logprobs"}
#: those that servers have no field for: inspect-ai sends none of them either
NOT_SENT = {
    "best_of",
    "cache_prompt",
    "effort",
    "internal_tools",
    "max_tool_output",
    "reasoning_mode",
    "reasoning_summary",
    "reasoning_tokens",
    "verbosity",
}
KNOWN = {*SENT, *READ, *NOT_SENT}


def expressible(call: Call) -> bool:
    """Whether this module can build the call's body: its settings and every part of its messages are known
    here. Images, sounds, files and schemas of replies are not."""
    if not KNOWN.issuperset(call.decoding):
        return False
    return all(
        isinstance(message.content, str)
        or all(part.type in ("text", "reasoning") for part in message.content)
        for message in call.messages
    )


async def chat(call: Call, model: str, *, long_name: bool, continues: bool, strict: bool) -> bytes:
    """The body of a call that is `expressible`, as UTF-8 JSON.

    Args:
        call: messages, tools and settings.
        model: the name that the server knows the model by.
        long_name: whether the limit is called `max_completion_tokens`, as for models that reason.
        continues: whether consecutive messages of one side are joined, and a last message of the assistant
            is continued instead of answered, as vLLM and SGLang do on request.
        strict: the value of `strict` in the description of a tool.

    Raises:
        ValidationError: a setting has another type than its own (pydantic).
    """
    from inspect_ai.model import GenerateConfig

    config = GenerateConfig(**call.decoding)
    tools, choice = _tools(call)
    extra = {name: value for name, value in (config.extra_body or {}).items() if name != "metadata"}
    messages = call.messages
    if continues:
        messages = _joined(messages)
        if messages[-1].role == "assistant" and not extra.keys() & _CONTINUE.keys():
            extra.update(_CONTINUE)
    body: dict[str, Any] = {"messages": await _messages(messages), "model": model}
    for name, sent_as in SENT.items():
        value = getattr(config, name)
        if value is not None:
            body[sent_as] = value
    if long_name and "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")
    if tools:
        body["tools"] = [_described(tool, strict) for tool in tools]
        if choice != UNSAID:
            body["tool_choice"] = choice
        if config.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = config.parallel_tool_calls
    if config.prompt_logprobs is not None:
        extra["prompt_logprobs"] = config.prompt_logprobs
    body.update({**call.fields.body, **extra})
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return whole(text).encode()


_CONTINUE = {"add_generation_prompt": False, "continue_final_message": True}


def _joined(messages: Sequence[ChatMessage]) -> Sequence[ChatMessage]:
    """The messages with one in place of several that the same side sent in a row."""
    roles = [message.role for message in messages]
    if any(map(official_of, messages)) or all(
        a != b or a in ("system", "tool") for a, b in zip(roles, roles[1:], strict=False)
    ):
        return messages
    from inspect_ai.model import _model

    return _model.collapse_consecutive_assistant_messages(
        _model.collapse_consecutive_user_messages(list(messages))
    )


async def _messages(messages: Sequence[ChatMessage]) -> list[Any]:
    """The messages as the protocol has them. What isn't plain text is written by inspect-ai, as it knows
    how each model wants its own reasoning back."""
    made: list[Any] = []
    for message in messages:
        if (official := official_of(message)) is not None:
            made += [sendable(official)] if official else []
        elif message.role == "tool":
            text = f"Error: {message.error.message}" if message.error else message.text
            made.append({"role": "tool", "content": text, "tool_call_id": str(message.tool_call_id)})
        elif isinstance(message.content, str):
            plain: dict[str, Any] = {"role": message.role, "content": message.content}
            if message.role == "assistant" and message.tool_calls:
                plain["tool_calls"] = [_made(called) for called in message.tool_calls]
            made.append(plain)
        else:
            from inspect_ai.model import messages_to_openai

            made.extend(await messages_to_openai([sendable(message)]))
    return made


def _made(called: ToolCall) -> dict[str, Any]:
    """A call that the model made of a tool."""
    arguments = json.dumps(sendable(called.arguments))
    return {
        "id": called.id,
        "function": {"name": called.function, "arguments": arguments},
        "type": "function",
    }


def _tools(call: Call) -> tuple[Sequence[ToolInfo], Any]:
    """The tools that are offered and how the model must choose. Where it must not, none is offered: models
    write calls into their text if there are tools to see."""
    name = getattr(call.tool_choice, "name", None)
    if name is not None:
        tools = [tool for tool in call.tools if tool.name == name]
        return tools, {"type": "function", "function": {"name": name}}
    if call.tool_choice == "none":
        return (), None
    return call.tools, {"any": "required", None: "auto"}.get(call.tool_choice, call.tool_choice)


#: parts of a JSON schema that not every server takes; inspect-ai leaves them out too
_LEFT_OUT = {"pattern", "minLength", "maxLength", "minimum", "maximum", "examples"}


def _described(tool: ToolInfo, strict: bool) -> dict[str, Any]:
    if (official := official_of(tool)) is not None:
        return official
    parameters = _pruned(tool.parameters.model_dump(exclude_none=True))
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "strict": strict,
    }
    return {"type": "function", "function": function}


def _pruned(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without what is left out, at every depth; a property may bear any name."""
    kept = {name: part for name, part in schema.items() if name not in _LEFT_OUT}
    for name, part in kept.items():
        if name == "properties":
            kept[name] = {each: _pruned(of) for each, of in part.items()}
        elif name in ("items", "additionalProperties") and isinstance(part, dict):
            kept[name] = _pruned(part)
        elif name == "anyOf":
            kept[name] = [_pruned(each) for each in part]
    return kept
