"""The JSON that OpenAI-compatible servers answer: whether it is a completion, and what they write otherwise
than the protocol, for every client of them.

Each variant was met in the wild, most in public reports against other harnesses and clients: errors under an
HTTP 200, endings in the words of other protocols, texts in parts, arguments of tools that are no text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.model.faults import ServerFault, of_answer

#: endings by which a server says that it broke off: what came is no answer
BROKEN_OFF = {
    *("abort", "aborted", "error", "cancelled", "canceled", "failed", "timeout", "network_error"),
    *("engine_overloaded", "insufficient_system_resource", "server_error"),
}
#: endings in the words of the protocol
_ENDINGS = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens"), "length"),
    **dict.fromkeys(("tool_calls", "tool_use"), "tool_calls"),
    **dict.fromkeys(
        ("content_filter", "content_filtered", "safety", "sensitive", "recitation", "prohibited_content"),
        "content_filter",
    ),
    **dict.fromkeys(("blocklist", "spii", "guardrail_intervened", "moderation"), "content_filter"),
}
#: parts of a text, by their type
_TEXTS, _THOUGHTS = ("text", "output_text"), ("thinking", "reasoning")


def completion(answer: Any) -> dict[str, Any]:
    """The completion that the JSON of a server's HTTP 200 holds, as the protocol writes it; changed in place.

    Raises:
        ServerFault: it holds an error, no choices, or one that the server broke off; with what it says. What
            else a server says there may be otherwise the next time.
    """
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    if not isinstance(answer, dict):
        raise ServerFault(f"the server's answer is no completion: {json.dumps(answer)[:80]}")
    choices = answer.get("choices")
    if answer.get("error") or not isinstance(choices, list) or not choices:
        raise _blocked(answer) or of_answer(answer, "the server's answer holds no choices")
    for choice in choices:
        if not isinstance(choice, dict):
            raise ServerFault("a choice in the server's answer is none")
        _mend(choice)
    answer["usage"] = _usage(answer.get("usage"))
    return answer


def _blocked(answer: Mapping[str, Any]) -> ServerFault | None:
    """Gemini's way to say that a filter held the prompt back: no choices, and a reason."""
    told = answer.get("promptFeedback") or answer.get("prompt_feedback")
    reason = told.get("blockReason") or told.get("block_reason") if isinstance(told, Mapping) else None
    return ServerFault(f"the prompt is blocked: {reason}", kind="filtered") if reason else None


def _mend(choice: dict[str, Any]) -> None:
    """One choice as the protocol writes it."""
    ending, message = choice.get("finish_reason"), choice.get("message")
    if choice.get("error"):
        raise of_answer(choice, "")
    if isinstance(ending, str):
        plain = ending.lower()
        if plain in BROKEN_OFF:
            raise ServerFault(f"the server broke the completion off (finish_reason {ending!r})")
        choice["finish_reason"] = _ENDINGS.get(plain, ending)
    if not isinstance(message, dict):
        raise ServerFault("a choice in the server's answer holds no message")
    if not isinstance(message.get("content"), str | None):
        _join(message)
    if ending == "refusal" and not message.get("refusal"):  # Anthropic's, through a proxy
        message["refusal"], message["content"] = message.get("content") or "finish_reason 'refusal'", None
    if message.get("tool_calls") or message.get("function_call"):
        _mend_calls(message)


def _join(message: dict[str, Any]) -> None:
    """Makes a text of one that came in parts, of which some may be thoughts."""
    parts = message["content"]
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise ServerFault(f"the content of the server's answer is no text: {json.dumps(parts)[:80]}")
    message["content"] = "".join(_text(part) for part in parts if part.get("type") in _TEXTS)
    thoughts = "".join(_text(part) for part in parts if part.get("type") in _THOUGHTS)
    if thoughts and not message.get("reasoning_content"):
        message["reasoning_content"] = thoughts


def _text(part: Mapping[str, Any]) -> str:
    found = next((part[name] for name in ("text", "thinking", "reasoning") if part.get(name)), "")
    if isinstance(found, list):
        return "".join(_text(each) for each in found if isinstance(each, Mapping))
    return str(found)


def _mend_calls(message: dict[str, Any]) -> None:
    """Calls of tools with a name for each call, and arguments as text."""
    calls = message.get("tool_calls")
    if not calls:
        calls = [{"function": message["function_call"]}]
        message["function_call"] = None
    if not isinstance(calls, list):
        raise ServerFault("the calls of tools in the server's answer are no list")
    message["tool_calls"] = made = [
        call for call in calls if isinstance(call, dict) and isinstance(call.get("function"), dict)
    ]
    for number, call in enumerate(made):
        call["type"] = call.get("type") or "function"
        call["id"] = str(call.get("id") or f"call_{number}")
        arguments = call["function"].get("arguments")
        if not isinstance(arguments, str):
            call["function"]["arguments"] = "" if arguments is None else json.dumps(arguments)


def _usage(usage: Any) -> dict[str, Any] | None:
    """What the server counted; None unless it gave both numbers. Where more of a prompt was cached than it
    has, its number is of the rest, as of servers that speak two protocols."""
    if not isinstance(usage, dict):
        return None
    read, written = (_first(usage, names) for names in (_READ, _WRITTEN))
    prompt, made = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if prompt is None and (fresh := _count(usage.get("input_tokens"))) is not None:  # as Anthropic has it
        prompt, made = fresh + (read or 0) + (written or 0), _count(usage.get("output_tokens"))
    if prompt is None or made is None:
        return None
    elsewhere = {"cached_tokens": read, "cache_write_tokens": written}
    if told := {name: count for name, count in elsewhere.items() if count is not None}:
        details = usage.get("prompt_tokens_details")
        usage["prompt_tokens_details"] = {**(details if isinstance(details, dict) else {}), **told}
    total = _count(usage.get("total_tokens"))
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        details = usage.get(name)
        if isinstance(details, dict):
            usage[name] = {part: _count(count) for part, count in details.items()}
        elif details is not None:
            usage[name] = None
    cached = sum((usage.get("prompt_tokens_details") or {}).get(part) or 0 for part in _OF_PROMPT)
    if cached > prompt:
        prompt, total = prompt + cached, None
    usage |= {"prompt_tokens": prompt, "completion_tokens": made}
    usage["total_tokens"] = prompt + made if total is None else total
    return usage


#: beside the protocol, how servers call what they read from and wrote to a cache of their own
_READ = ("prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens")
_WRITTEN = ("cache_creation_input_tokens", "cache_write_input_tokens")
#: parts of a prompt that its count includes
_OF_PROMPT = ("cached_tokens", "cache_write_tokens")


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((count for name in names if (count := _count(usage.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    """A number of tokens, also where it is written as a float or a text."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or value != value:
        return None
    return int(value) if value < 1e15 else None
