"""Reference dialogues: a line of a file in the released layout as the target of a sample, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base import messages as chat
from harness.base.errors import DataError
from harness.checklist import Checklist, Trajectory, files, validate
from harness.replay import Record
from harness.tasks.dialogues.schemas import offered, tool_of

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

#: `{id, messages, tools, checklist}`: messages as an outcome's trace has them, tools by name, the checklist
#: as [turn][item] in the released layout, or None
Target = dict[str, Any]


def read_targets(path: str, variant: int) -> list[Target]:
    """The dialogues of a file, in its order; all of them have a checklist, or none.

    Args:
        variant: which of a dialogue's checklists, from 0.

    Raises:
        DataError: no such file, or a line of it has a mistake; names the line.
    """
    if not Path(path).is_file():
        raise DataError(f"no file {path}; give reference dialogues, one JSON object a line (docs/tasks.md)")
    samples = files.read(Path(path))
    made = [_target(sample, variant, f"{path} line {sample.line}") for sample in samples]
    without = [target["id"] for target in made if target["checklist"] is None]
    if without and len(without) < len(made):
        raise DataError(
            f"{path}: {len(without)} of {len(made)} dialogues have no checklist, such as {without[0]!r}; "
            f"write them with 'harness checklist annotate {path}'"
        )
    return made


def _target(sample: files.Sample, variant: int, where: str) -> Target:
    tools: dict[str, Any] = {}
    for given in sample.dialogue.tools:
        tool = tool_of(given, where)
        if tool["name"] in tools:
            raise DataError(f"{where}: the tool {tool['name']!r} is declared twice; leave one out")
        tools[tool["name"]] = tool
    for turn, steps in enumerate(sample.dialogue.turns):
        for use in [use for step in steps.steps for use in step.calls]:
            if use.name not in tools:
                raise DataError(
                    f"{where}, turn {turn}: a call of {use.name!r}, which 'tools' doesn't declare"
                )
    offered(list(tools.values()), where)
    found = sample.checklists
    if found and not 0 <= variant < len(found):
        raise DataError(f"{where}: variant={variant}, and the dialogue has {len(found)} checklists, from 0")
    return {
        "id": sample.uuid,
        "messages": trace_of(sample.dialogue),
        "tools": tools,
        "checklist": files.turns_as_json(found[variant]) if found else None,
    }


def trace_of(dialogue: Trajectory) -> list[dict[str, Any]]:
    """A dialogue's messages as the trace of an outcome has them."""
    made: list[dict[str, Any]] = []
    if dialogue.system:
        made.append({"role": "system", "content": dialogue.system})
    for turn in dialogue.turns:
        made.append({"role": "user", "content": turn.user})
        for step in turn.steps:
            ids = [f"call_{len(made)}_{n}" for n in range(len(step.calls))]
            message: dict[str, Any] = {"role": "assistant", "content": step.reply}
            if step.thinking:
                message["thinking"] = step.thinking
            if step.calls:
                message["calls"] = [
                    {"id": name, "name": use.name, "arguments": dict(use.arguments or {})}
                    for name, use in zip(ids, step.calls, strict=True)
                ]
            made.append(message)
            made += [
                {"role": "tool", "content": result.text, "of": name}
                | ({"failed": True} if result.failed else {})
                for name, result in zip(ids, step.results, strict=True)
            ]
    return made


def messages_of(target: Target) -> list[ChatMessage]:
    """A reference's messages as a model is shown them. Thoughts stand before the words in `<think>` marks, as
    policies of the Qwen family write them."""
    from inspect_ai.model import ChatMessageAssistant, ChatMessageTool
    from inspect_ai.tool import ToolCall

    made: list[ChatMessage] = []
    names: dict[str, str] = {}
    for message in target["messages"]:
        role, text = message["role"], message["content"]
        if role == "assistant":
            thoughts = f"<think>\n{message['thinking']}\n</think>\n\n" if "thinking" in message else ""
            calls = [ToolCall(c["id"], c["name"], c["arguments"]) for c in message.get("calls", ())]
            names |= {call.id: call.function for call in calls}
            made.append(ChatMessageAssistant(content=thoughts + text, tool_calls=calls or None))
        elif role == "tool":
            made.append(
                ChatMessageTool(content=text, tool_call_id=message["of"], function=names[message["of"]])
            )
        else:
            made.append((chat.system if role == "system" else chat.user)(text))
    return made


def user_lines(target: Target) -> list[str]:
    """What the user says, in order."""
    return [message["content"] for message in target["messages"] if message["role"] == "user"]


def records_of(target: Target) -> list[Record]:
    """The recorded calls, in order."""
    calls: dict[str, tuple[str, Mapping[str, Any]]] = {}
    turn, found = -1, []
    for message in target["messages"]:
        turn += message["role"] == "user"
        calls |= {call["id"]: (call["name"], call["arguments"]) for call in message.get("calls", ())}
        if message["role"] == "tool":
            failed = bool(message.get("failed"))
            found.append(Record(*calls[message["of"]], message["content"], turn, failed))
    return found


def checklist_of(target: Target) -> Checklist | None:
    """The dialogue's checklist, where it has one."""
    return None if target["checklist"] is None else validate.parse(target["checklist"])
