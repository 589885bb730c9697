"""A reference dialogue, from messages in the form of OpenAI's chat API to turns and steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.checklist.faults import Fault, FaultyData, shown
from harness.checklist.strict_json import strict_json
from harness.checklist.trajectory import Result, Step, ToolUse, Trajectory, Turn, thoughts


def read(messages: Any, tools: Any = (), where: str = "") -> Trajectory:
    """A dialogue without faults.

    Raises:
        FaultyData: it has some; names all of them. `where` stands before them (`FILE line 3`).
    """
    made, faults = of_messages(messages, tools)
    if faults:
        raise FaultyData(faults, where)
    return made


def of_messages(messages: Any, tools: Any = ()) -> tuple[Trajectory, list[Fault]]:
    """A dialogue and what is wrong with it; never raises, whatever the values are.

    Args:
        messages: objects with `role` (system, developer, user, assistant, tool) and `content`, a text or
            parts of text. An assistant's message may have `tool_calls` with arguments as JSON text or an
            object; its thinking stands in `reasoning_content` (or `reasoning`), in `<think>` tags before its
            reply, or in parts of that type. Answers of tools are matched to calls by `tool_call_id`, else by
            order.
        tools: descriptions of the tools; where there are any, calls of others are faults.
    """
    reader = _Reader()
    if isinstance(tools, list | tuple) and all(isinstance(tool, Mapping) for tool in tools):
        reader.trajectory.tools = tuple(tools)
        reader.known = {name for tool in tools if isinstance(name := tool_name(tool), str)}
    elif tools is not None:
        reader.fault("tools", "", f"tools must be a list of objects, got {shown(tools)}; describe each tool")
    if isinstance(messages, list | tuple) and messages:
        for n, message in enumerate(messages):
            reader.take(f"message {n}", message)
    else:
        reader.fault("messages", "", f"messages must be a list of objects, got {shown(messages)}; add them")
    reader.end()
    return reader.trajectory, reader.faults


def tool_name(tool: Mapping[str, Any]) -> Any:
    """The name in a tool's description, with or without the wrapping `function`."""
    inner = tool.get("function")
    return inner.get("name") if isinstance(inner, Mapping) else tool.get("name")


def evidence_steps(turn: Turn) -> list[dict[str, str]]:
    """What evidence may point to in a turn: of each step the text by source. A step is the user's message
    (0), an action of the agent, or the answers of the tools to it (paper, section 2)."""
    steps = [{"user.content": turn.user}]
    for step in turn.steps:
        texts = {
            "assistant.content.thinking": step.thinking,
            "assistant.content.user_visible_reply": step.reply,
            "assistant.tool_calls": "\n".join(map(_call_text, step.calls)),
        }
        steps.append({source: text for source, text in texts.items() if text})
        if step.results:
            steps.append({"tool.content": "\n".join(result.text for result in step.results)})
    return steps


def _call_text(call: ToolUse) -> str:
    """A call as the two usual forms of JSON write it: arguments as an object, and as text."""
    arguments = dict(call.arguments) if call.arguments is not None else None
    as_object = json.dumps({"name": call.name, "arguments": arguments}, ensure_ascii=False, default=str)
    inner = json.dumps(arguments, ensure_ascii=False, default=str)
    as_text = json.dumps({"name": call.name, "arguments": inner}, ensure_ascii=False)
    return f"{as_object}\n{as_text}"


@dataclass(slots=True)
class _Action:
    """A step of the agent whose tools have yet to answer."""

    place: str
    step: Step
    ids: list[str | None]
    results: dict[int, Result] = field(default_factory=dict)

    def slot(self, given: Any, tool: Any) -> int | None:
        """The call that an answer belongs to: by id, else by the tool that it names, else in order."""
        free = [n for n in range(len(self.ids)) if n not in self.results]
        if (key := _id(given)) and any(self.ids):
            return next((n for n in free if self.ids[n] == key), None)
        named = [n for n in free if self.step.calls[n].name == tool]
        return next(iter(named or free), None)


class _Reader:
    """Takes messages one by one."""

    def __init__(self) -> None:
        self.trajectory = Trajectory([])
        self.faults: list[Fault] = []
        self.known: set[str] = set()
        self.action: _Action | None = None

    def fault(self, rule: str, place: str, message: str) -> None:
        self.faults.append(Fault(rule, place, message))

    def take(self, place: str, message: Any) -> None:
        if not isinstance(message, Mapping):
            self.fault("message", place, f"must be an object with role and content, got {shown(message)}")
            return
        role = message.get("role")
        if role in ("tool", "function"):
            self.result(place, message)
            return
        if role not in ("system", "developer", "user", "assistant"):
            cure = "use system, user, assistant or tool"
            self.fault("role", place, f"unknown role {shown(role)}; {cure}")
            return
        self.close()
        text, thinking = self.content(place, message.get("content"))
        turns = self.trajectory.turns
        if role == "user":
            self.answered()
            turns.append(Turn(text))
        elif role == "assistant":
            self.act(place, message, text, thinking)
        elif turns:
            self.fault(
                "system_order", place, "a system message after the dialogue began; move it to the start"
            )
            turns[-1].user += f"\n\n{text}"
        else:
            self.trajectory.system = "\n\n".join(filter(None, (self.trajectory.system, text)))

    def act(self, place: str, message: Mapping[str, Any], text: str, thinking: str) -> None:
        tagged, reply, whole = thoughts(text)
        if not whole:
            self.fault("thinking", place, "a <think> tag that is never closed; close it before the reply")
        fields = (message.get("reasoning_content"), message.get("reasoning"))
        said = next((each for each in fields if isinstance(each, str) and each), "")
        calls, ids = self.calls(place, message)
        step = Step(reply, tuple(calls), (), "\n\n".join(filter(None, (said, thinking, tagged))))
        turns = self.trajectory.turns
        if not turns:
            self.fault("assistant_first", place, "the agent speaks before any user; leave the message out")
            self.trajectory.system = "\n\n".join(filter(None, (self.trajectory.system, reply)))
        elif not (step.reply or step.calls or step.thinking):
            self.fault("empty_action", place, "an agent's message without text and calls; leave it out")
        else:
            self.action = _Action(place, step, ids)

    def calls(self, place: str, message: Mapping[str, Any]) -> tuple[list[ToolUse], list[str | None]]:
        given = message.get("tool_calls")
        if given is None and isinstance(message.get("function_call"), Mapping):
            given = [message["function_call"]]
        if isinstance(given, str) and given:
            given = _loaded(given)
        if given in (None, ""):
            given = []
        if not isinstance(given, list | tuple):
            self.fault("tool_calls", place, f"tool_calls must be a list of objects, got {shown(given)}")
            given = []
        made: list[ToolUse] = []
        ids: list[str | None] = []
        for n, call in enumerate(given):
            at = f"{place}, call {n}"
            inner = call.get("function", call) if isinstance(call, Mapping) else None
            if isinstance(inner, str):
                inner = {"name": inner, "arguments": call.get("arguments")}
            name = inner.get("name") if isinstance(inner, Mapping) else None
            if not isinstance(inner, Mapping) or not isinstance(name, str) or not name:
                self.fault("tool_calls", at, "must be an object with the tool's name and its arguments")
                continue
            made.append(ToolUse(name, self.arguments(at, name, inner.get("arguments"))))
            ids.append(_id(call.get("id")))
            if self.known and name not in self.known:
                self.fault(
                    "unknown_tool",
                    at,
                    f"calls {shown(name)}, which is not among the tools; describe it there",
                )
        return made, ids

    def arguments(self, place: str, name: str, given: Any) -> Mapping[str, Any] | None:
        made = _loaded(given) if isinstance(given, str) and given.strip() else given
        if made is None or made == "" or (isinstance(made, str) and not made.strip()):
            return {}
        if isinstance(made, Mapping):
            return made
        self.fault(
            "arguments", place, f"the arguments of {shown(name)} are {shown(given)}; write one JSON object"
        )
        return None

    def result(self, place: str, message: Mapping[str, Any]) -> None:
        text, _ = self.content(place, message.get("content"))
        slot = None
        if self.action is not None:
            slot = self.action.slot(message.get("tool_call_id"), message.get("name"))
        if self.action is None or slot is None:
            self.fault(
                "orphan_result",
                place,
                "a tool's answer without a call before it; add the call or leave it out",
            )
            return
        self.action.results[slot] = Result(text, bool(message.get("failed") or message.get("error")))

    def content(self, place: str, given: Any) -> tuple[str, str]:
        """The text, and the thinking of parts that say so."""
        if given is None or isinstance(given, str):
            return given or "", ""
        parts = given if isinstance(given, list | tuple) else [None]
        texts: list[str] = []
        thinking: list[str] = []
        for part in parts:
            fields: Mapping[str, Any] = part if isinstance(part, Mapping) else {}
            kind = fields.get("type")
            if isinstance(part, str):
                texts.append(part)
            elif kind in ("text", "input_text", "output_text") and isinstance(fields.get("text"), str):
                texts.append(fields["text"])
            elif kind in ("reasoning", "thinking"):
                found = next((fields[key] for key in ("reasoning", "thinking", "text") if key in fields), "")
                thinking.append(found if isinstance(found, str) else "")
            else:
                what = f"a part of type {shown(kind)}" if kind else shown(given)
                self.fault("content", place, f"content has {what}; give text, or a list of parts of text")
        return "\n".join(texts), "\n".join(thinking)

    def close(self) -> None:
        """The agent's last action is over: its step joins the turn."""
        action, self.action = self.action, None
        if action is None:
            return
        missing = [n for n in range(len(action.ids)) if n not in action.results]
        for n in missing:
            name = action.step.calls[n].name
            self.fault(
                "missing_result",
                f"{action.place}, call {n}",
                f"the call of {shown(name)} has no answer; add a message of role tool after it",
            )
        results = [
            action.results.get(n, Result("", True)) for n in range(max(action.results, default=-1) + 1)
        ]
        step = action.step
        turn = self.trajectory.turns[-1]
        turn.steps.append(Step(step.reply, step.calls, tuple(results), step.thinking))
        turn.closed = step.replies

    def answered(self) -> None:
        turns = self.trajectory.turns
        if turns and not turns[-1].steps:
            place = f"turn {len(turns) - 1}"
            self.fault("unanswered", place, "the agent doesn't answer this user's message; leave it out")

    def end(self) -> None:
        self.close()
        self.answered()
        if not self.trajectory.turns and not self.faults:
            self.fault("messages", "", "no message of a user; a dialogue begins with one")


def _id(given: Any) -> str | None:
    """The id of a call; some write numbers."""
    return (
        str(given) if isinstance(given, str | int) and not isinstance(given, bool) and given != "" else None
    )


def _loaded(text: str) -> Any:
    """The value of JSON text, or the text where it is none: NaN is no JSON, and readers differ on a key that
    is given twice."""
    try:
        return strict_json(text)
    except (ValueError, RecursionError):
        return text
