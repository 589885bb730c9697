"""Scripted models. What they answer follows from the request and the benchmark's own data alone, so that two
runners that ask the same get the same. They do what real models do: the right calls, words beside calls,
several calls at once, calls that fail, texts with foreign letters, arguments spaced as no writer would."""

from __future__ import annotations

import ast
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Message = dict[str, Any]
#: name and arguments of a call
Act = tuple[str, Mapping[str, Any]]


def call(number: str, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A call; its id can be part of an identifier, as ToolSandbox needs it."""
    text = json.dumps(arguments, ensure_ascii=False, separators=(" ,", " : "))
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": text}}


def filled(tool: dict[str, Any], values: Mapping[str, Any] | None = None) -> Act:
    """A call of a tool with what it requires, of `values` by name or of the right types."""
    schema = tool["function"].get("parameters") or {}
    known = values or {}
    needed = schema.get("required") or [name for name in schema.get("properties", ()) if name in known][:1]
    arguments = {name: known.get(name) or _value(schema["properties"][name]) for name in needed}
    return tool["function"]["name"], arguments


def _value(schema: dict[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    plain = {"integer": 1, "number": 1.5, "boolean": True, "object": {}, "array": [], "null": None}
    return plain.get(schema.get("type", "string"), "é x")


def said(messages: Sequence[Message]) -> int:
    """Messages of the assistant."""
    return sum(message["role"] == "assistant" for message in messages)


def called(messages: Sequence[Message]) -> int:
    """Calls that the assistant made, but for those of an unknown tool."""
    calls = [each for message in messages for each in message.get("tool_calls") or ()]
    return sum(each["function"]["name"] != UNKNOWN for each in calls)


UNKNOWN = "no_such_tool"
#: what servers send beside words and calls: thoughts in a field of their own, and fields without a value
THOUGHTS = {"reasoning_content": "What now? “Think.”"}
EMPTY = {"refusal": None, "annotations": []}


def mark(text: str) -> str:
    """A short name of a text."""
    return f"{zlib.crc32(text.encode()):08x}"


# -- tau2 ------------------------------------------------------------------------------------------


class Tau2:
    """Agent, user, solo agent and judge, told apart by the model's name. They do what a task wants done, as
    far as they come: the user's words hold a mark of its scenario and the task's number."""

    #: of assertions in words, by the name that the official evaluator asks for
    JUDGE = "gpt-4.1-2025-04-14"
    ENDS = ("transfer_to_human_agents", "done")

    def __init__(self, source: Path) -> None:
        self._tasks: list[dict[str, Any]] = []
        for path in sorted((source / "data/tau2/domains").glob("*/tasks.json")):
            self._tasks += json.loads(path.read_text("utf-8"))
        self._told = [[_bare(text) for text in _texts(t["user_scenario"])] for t in self._tasks]

    def __call__(self, body: dict[str, Any]) -> Message:
        players = {"agent": self._agent, "user": self._user, "solo": self._solo, self.JUDGE: self._judge}
        return players[body["model"]](body)

    def _acts(self, task: int | None, body: dict[str, Any], *who: str) -> Callable[[int], dict[str, Any]]:
        """The calls that are next: those of the task that are not made, then any."""
        wanted: Sequence[Mapping[str, Any]] = ()
        if task is not None:
            wanted = (self._tasks[task].get("evaluation_criteria") or {}).get("actions") or ()
        left = [(act["name"], act["arguments"]) for act in wanted if act.get("requestor", "assistant") in who]
        left = [act for act in left if act[0] not in self.ENDS]
        tools = [tool for tool in body["tools"] if tool["function"]["name"] not in self.ENDS]
        done, turn = called(body["messages"]), said(body["messages"])

        def act(n: int) -> dict[str, Any]:
            more = filled(tools[(3 * turn + n) % len(tools)])
            return call(f"{turn}_{n}", *(left[done + n] if done + n < len(left) else more))

        return act

    def _agent(self, body: dict[str, Any]) -> Message:
        texts = [m.get("content") or "" for m in body["messages"] if m["role"] == "user"]
        cases = (re.search(r", case (\d+):", text) for text in texts)
        act = self._acts(next((int(found[1]) for found in cases if found), None), body, "assistant")
        turn = said(body["messages"])
        match turn % 5:
            case 1:
                return {"content": None, "tool_calls": [act(0)], **EMPTY}
            case 2:
                return {"content": "Let me see…", "tool_calls": [act(0), act(1)], **THOUGHTS}
            case 3:
                return {"content": "", "tool_calls": [call(f"{turn}_0", UNKNOWN, {"a": 1}), act(0)]}
            case _:
                return {"content": f" Well: “{turn}”\n\nAnything else? ", **THOUGHTS}

    def _user(self, body: dict[str, Any]) -> Message:
        """It has tools in telecom and mock alone."""
        system, turn = body["messages"][0]["content"], said(body["messages"])
        bare = _bare(system)
        case = next(n for n, texts in enumerate(self._told) if all(text in bare for text in texts))
        if body.get("tools") and turn in (1, 2, 4):
            act = self._acts(case, body, "user")
            return {"content": None, "tool_calls": [act(n) for n in range(turn % 2, 2)]}
        if turn >= 6:
            return {"content": "Thanks ###STOP###"}
        return {"content": f"I am {mark(system)}, case {case}: part {turn}, s’il vous plaît"}

    def _judge(self, body: dict[str, Any]) -> Message:
        wanted = ast.literal_eval(body["messages"][-1]["content"].rpartition("expectedOutcomes:")[2].strip())
        met = [{"expectedOutcome": each, "reasoning": "So.", "metExpectation": True} for each in wanted]
        return {"content": json.dumps({"results": met})}

    def _solo(self, body: dict[str, Any]) -> Message:
        system, turn = body["messages"][0]["content"], said(body["messages"])
        tickets = [task.get("ticket") for task in self._tasks]
        case = next(n for n, ticket in enumerate(tickets) if ticket and ticket in system)
        if turn == 4:
            return {"content": None, "tool_calls": [call("end", "done", {})]}
        act = self._acts(case, body, "assistant", "user")
        return {"content": "Hm" if turn == 1 else None, "tool_calls": [act(n) for n in range(1 + turn % 2)]}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def _bare(text: str) -> str:
    return re.sub(r"\s", "", text)


# -- BFCL ------------------------------------------------------------------------------------------


class Bfcl:
    """With tools: a call, then two beside words, then words; without, the same in the text. In dialogues of
    several turns the calls are those of the ground truth, as far as they come. What would ask the web is not
    called."""

    def __init__(self, data: Path) -> None:
        self._truth: dict[str, list[list[str]]] = {}
        for path in sorted(data.glob("BFCL_v4_multi_turn_*.json")):
            entries = _lines(path)
            truths = {row["id"]: row["ground_truth"] for row in _lines(data / "possible_answer" / path.name)}
            for entry in entries:
                self._truth.setdefault(entry["question"][0][-1]["content"], truths[entry["id"]])

    def __call__(self, body: dict[str, Any]) -> Message:
        messages = body["messages"]
        opening = next(message["content"] for message in messages if message["role"] == "user")
        turns = self._truth.get(opening, [[]])
        asked = sum(message["role"] == "user" for message in messages)
        tools = body.get("tools")
        if not tools:
            acts = turns[(asked - 1) // 3 % len(turns)] or ["pwd()"]
            texts = [f"[{', '.join(acts)}]", "[ls(a=True), no_such_function(b='é')]", "I have “done” it."]
            return {"content": texts[(asked - 1) % 3], **(THOUGHTS if asked % 3 else EMPTY)}
        if any(tool["function"]["name"] == "search_engine_query" for tool in tools):
            tools = [{"function": {"name": UNKNOWN}}]
        begin = max(n for n, message in enumerate(messages) if message["role"] == "user")
        left = [_read(text, tools) for text in turns[(asked - 1) % len(turns)]]
        since, turn = said(messages[begin:]), said(messages)

        def act(n: int) -> dict[str, Any]:
            known = n < len(left) and left[n]
            return call(f"{turn}_{n}", *(known or filled(tools[(3 * turn + n) % len(tools)])))

        match since:
            case 0:
                return {"content": None, "tool_calls": [act(0)], **EMPTY}
            case 1:
                return {
                    **THOUGHTS,
                    "content": "Then…",
                    "tool_calls": [act(n) for n in range(1, max(3, len(left)))],
                }
            case _:
                return {"content": f"Done: “{turn}”", **THOUGHTS, **EMPTY}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _read(text: str, tools: Sequence[dict[str, Any]]) -> Act | None:
    """A call that is written in Python; None if there is no such tool."""
    made = ast.parse(text, mode="eval").body
    assert isinstance(made, ast.Call) and isinstance(made.func, ast.Name)
    tool = next((tool for tool in tools if tool["function"]["name"] == made.func.id), None)
    if tool is None:
        return None
    names = list(tool["function"]["parameters"]["properties"])
    given = {name: ast.literal_eval(value) for name, value in zip(names, made.args, strict=False)}
    given |= {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in made.keywords}
    return made.func.id, given


# -- ToolSandbox -----------------------------------------------------------------------------------


class ToolSandbox:
    """Agent and user, told apart by the model's name; the agent knows the people of the scenarios."""

    AGENT, USER = "gpt-4-0125-preview", "gpt-4o-2024-05-13"
    KNOWN = {
        "name": "Fredrik Thordendal",
        "phone_number": "+12453344098",
        "person_id": "9e137f06-916a-5310-8174-cf0b7e9f7054",
        "relationship": "friend",
        "content": "How's the new album coming along",
        "holiday_name": "Christmas Day",
        "timestamp": 1711126800.5,
        "reminder_timestamp": 1711126800.5,
        "reminder_timestamp_lowerbound": 0.0,
        "creation_timestamp_lowerbound": 0.0,
        "year": 2024,
    }

    def __call__(self, body: dict[str, Any]) -> Message:
        return {self.AGENT: self._agent, self.USER: self._user}[body["model"]](body)

    def _agent(self, body: dict[str, Any]) -> Message:
        turn, tools = said(body["messages"]), body["tools"]

        def act(n: int) -> dict[str, Any]:
            return call(f"{turn}_{n}", *filled(tools[(turn + n) % len(tools)], self.KNOWN))

        match turn % 5:
            case 0:
                return {"content": None, "tool_calls": [act(0)], **EMPTY}
            case 1:
                return {"content": "Let me see…", "tool_calls": [act(0), act(1)], **THOUGHTS}
            case 2:
                return {"content": None, "tool_calls": [act(1)]}
            case _:
                return {"content": f" Well: “{turn}”. "}

    def _user(self, body: dict[str, Any]) -> Message:
        """Ends the dialogue after the agent's second words."""
        if sum("Well: “" in str(message["content"]) for message in body["messages"]) >= 2:
            return {"content": None, "tool_calls": [call("end", "end_conversation", {})]}
        return {"content": "Go on, s’il te plaît"}
