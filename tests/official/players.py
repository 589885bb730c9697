"""Scripted models. What they answer follows from the request alone, so that two runners that ask the same get
the same; and they do what real models do: words beside calls, several calls at once, calls that fail, texts
with foreign letters."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]


def call(number: str, name: str, arguments: str) -> dict[str, Any]:
    """A call; its id can be part of an identifier, as ToolSandbox needs it."""
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def filled(tool: dict[str, Any]) -> str:
    """Arguments of the right types for what a tool requires, spaced as no reader's own writer would."""
    schema = tool["function"].get("parameters") or {}
    values = {name: _value(schema["properties"][name]) for name in schema.get("required", ())}
    return json.dumps(values, ensure_ascii=False, separators=(" ,", " : "))


def _value(schema: dict[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "string")
    plain = {"integer": 1, "number": 1.5, "boolean": True, "object": {}, "array": [], "null": None}
    return plain.get(kind, "é x")


def _since(messages: Sequence[Message], role: str) -> int:
    """Messages of the assistant since the last one of that role."""
    count = 0
    for message in reversed(messages):
        if message["role"] == role:
            break
        count += message["role"] == "assistant"
    return count


def _said(messages: Sequence[Message]) -> int:
    return sum(message["role"] == "assistant" for message in messages)


def mark(text: str) -> str:
    """A short name of a text."""
    return f"{zlib.crc32(text.encode()):08x}"


# -- tau2 ------------------------------------------------------------------------------------------


def tau2(body: dict[str, Any]) -> Message:
    """Agent, user and solo agent, told apart by the model's name."""
    return {"agent": tau2_agent, "user": tau2_user, "solo": tau2_solo}[body["model"]](body)


def tau2_agent(body: dict[str, Any]) -> Message:
    said, tools = _said(body["messages"]), body["tools"]
    match said % 5:
        case 1:
            return {"content": None, "tool_calls": [_nth(said, 0, tools)]}
        case 2:
            return {"content": "Let me see…", "tool_calls": [_nth(said, n, tools) for n in (1, 2)]}
        case 3:
            return {"content": "", "tool_calls": [call(f"{said}_0", "no_such_tool", '{"a": 1}')]}
        case _:
            return {"content": f" Well: “{said}”\n\nAnything else? "}


def _nth(said: int, n: int, tools: Sequence[dict[str, Any]]) -> dict[str, Any]:
    tool = tools[(3 * said + n) % len(tools)]
    if tool["function"]["name"] in ("transfer_to_human_agents", "done"):
        tool = tools[(3 * said + n + 1) % len(tools)]
    return call(f"{said}_{n}", tool["function"]["name"], filled(tool))


def tau2_user(body: dict[str, Any]) -> Message:
    """Its words hold a mark of its scenario. It has tools in telecom alone."""
    said, tools, name = _said(body["messages"]), body.get("tools"), mark(body["messages"][0]["content"])
    if tools and said in (1, 2):
        return {"content": None, "tool_calls": [_nth(said, 0, tools)]}
    return {"content": "Thanks ###STOP###" if said >= 6 else f"I am {name}: part {said}, s’il vous plaît"}


def tau2_solo(body: dict[str, Any]) -> Message:
    said, tools = _said(body["messages"]), body["tools"]
    if said == 4:
        return {"content": None, "tool_calls": [call("end", "done", "{}")]}
    calls = [_nth(said, n, tools) for n in range(1 + said % 2)]
    return {"content": "Hm" if said == 1 else None, "tool_calls": calls}


# -- BFCL ------------------------------------------------------------------------------------------


def bfcl(body: dict[str, Any]) -> Message:
    """With tools: a call, then two beside words, then words; without, the same in the text. What would ask
    the web is not called."""
    tools, since, said = body.get("tools"), _since(body["messages"], "user"), _said(body["messages"])
    if not tools:
        turns = sum(message["role"] == "user" for message in body["messages"])
        texts = ["I have “done” it.", "[pwd()]", "[ls(a=True), no_such_function(b='é')]"]
        return {"content": texts[turns % 3]}
    if any(tool["function"]["name"] == "search_engine_query" for tool in tools):
        tools = [{"function": {"name": "no_such_function"}}]
    match since:
        case 0:
            return {"content": None, "tool_calls": [_nth(said, 0, tools)]}
        case 1:
            return {"content": "Then…", "tool_calls": [_nth(said, n, tools) for n in (1, 2)]}
        case _:
            return {"content": f"Done: “{said}”"}


# -- ToolSandbox -----------------------------------------------------------------------------------

TOOLSANDBOX_AGENT, TOOLSANDBOX_USER = "gpt-4-0125-preview", "gpt-4o-2024-05-13"


def toolsandbox(body: dict[str, Any]) -> Message:
    """Agent and user, told apart by the model's name."""
    return {TOOLSANDBOX_AGENT: sandbox_agent, TOOLSANDBOX_USER: sandbox_user}[body["model"]](body)


def sandbox_agent(body: dict[str, Any]) -> Message:
    said, tools = _said(body["messages"]), body["tools"]
    match said % 5:
        case 0:
            return {"content": None, "tool_calls": [_nth(said, 0, tools)]}
        case 1:
            return {"content": "Let me see…", "tool_calls": [_nth(said, n, tools) for n in (0, 1)]}
        case 2:
            return {"content": None, "tool_calls": [_nth(said, 1, tools)]}
        case _:
            return {"content": f" Well: “{said}”. "}


def sandbox_user(body: dict[str, Any]) -> Message:
    """Ends the dialogue after the agent's second words."""
    if sum("Well: “" in str(message["content"]) for message in body["messages"]) >= 2:
        return {"content": None, "tool_calls": [call("end", "end_conversation", "{}")]}
    return {"content": "Go on, s’il te plaît"}


PLAYERS = {"tau2": tau2, "bfcl": bfcl, "toolsandbox": toolsandbox}
