"""A dialogue as its turns and steps: what judges read and rewards are counted over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_THOUGHT = re.compile(r"\s*<(think|thinking)>(.*?)</\1>\s*", re.DOTALL)
_OPEN = re.compile(r"\s*<(?:think|thinking)>(.*)", re.DOTALL)
_CLOSE = re.compile(r"(.*?)</(?:think|thinking)>\s*", re.DOTALL)  # a template wrote the opening mark


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call; `arguments` is None where it could not be read."""

    name: str
    arguments: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool answered."""

    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One action of the agent, and the tools' answers to it, one a call."""

    reply: str = ""
    calls: tuple[ToolUse, ...] = ()
    results: tuple[Result, ...] = ()
    thinking: str = ""

    @property
    def replies(self) -> bool:
        """Whether it has words to the user and no call."""
        return not self.calls and bool(self.reply.strip())


@dataclass(slots=True)
class Turn:
    """A user's message and the agent's steps until its next. `closed`: the agent ended it with words to the
    user. Thoughts alone are no reply: an action is thinking with tool calls or a reply (paper of CM2)."""

    user: str
    steps: list[Step] = field(default_factory=list)
    closed: bool = False


@dataclass(slots=True)
class Trajectory:
    """`stop` is why it ended, in the words of `harness.episode.play`."""

    turns: list[Turn]
    system: str = ""
    tools: Sequence[Mapping[str, Any]] = ()
    stop: str = "stop"

    @classmethod
    def of(cls, messages: Sequence[Mapping[str, Any]], stop: str = "stop") -> Trajectory:
        """From an outcome's trace. A user's message that answers a call (`of`) is a result; thoughts stand
        under `thinking`, or in marks before the reply."""
        made = cls([], stop=stop)
        for message in messages:
            role, text = message["role"], message["content"]
            if role == "system":
                made.system = f"{made.system}\n\n{text}" if made.system else text
            elif role == "user" and not message.get("of"):
                made.turns.append(Turn(text))
            elif not made.turns:
                continue  # an agent that speaks before anybody asked
            elif role == "assistant":
                calls = tuple(
                    ToolUse(call["name"], None if "unreadable" in call else call["arguments"])
                    for call in message.get("calls", ())
                )
                thinking = message.get("thinking", "")
                if not thinking:
                    thinking, text, _ = thoughts(text)
                made.turns[-1].steps.append(Step(text, calls, thinking=thinking))
                made.turns[-1].closed = made.turns[-1].steps[-1].replies
            elif made.turns[-1].steps:
                last = made.turns[-1].steps[-1]
                result = Result(text, bool(message.get("failed")))
                made.turns[-1].steps[-1] = Step(
                    last.reply, last.calls, (*last.results, result), last.thinking
                )
                made.turns[-1].closed = False
        return made


def thoughts(text: str) -> tuple[str, str, bool]:
    """Thinking in marks before a reply, the reply, and whether the marks were closed. Without the closing
    mark all is thinking."""
    if "think" not in text:
        return "", text, True
    if found := _THOUGHT.match(text):
        return found[2].strip(), text[found.end() :], True
    if found := _OPEN.match(text):
        return found[1].strip(), "", False
    if found := _CLOSE.match(text):
        return found[1].strip(), text[found.end() :], True
    return "", text, True
