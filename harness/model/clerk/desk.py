"""What the clerk was told so far and what was carried out, read anew from every prompt."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.human import agent

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageTool
    from inspect_ai.tool import ToolCall


@dataclass(frozen=True)
class Deed:
    """A call that the clerk makes, and the probability with which it chose it."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    chance: float = 1.0


class Desk:
    """One kind of work. Subclasses say what a text tells, what a call does, and what follows from it.

    `unheard` is how many proposals in a row nobody would look at.
    """

    #: what it says when all is done
    farewell = "It is done."

    def __init__(
        self, seen: Sequence[ChatMessage], skill: float = 1.0, suspects: float = 0.0, heeds: float = 1.0
    ) -> None:
        self.skill, self.suspects, self.heeds = skill, suspects, heeds
        self.unheard = 0
        calls: dict[str, ToolCall] = {}
        asides = (agent.ASK, agent.ACTION, agent.PLAN)
        opening = True
        for message in seen:
            if message.role == "user" and opening:
                self.open(message.text)
                opening = False
            elif message.role == "user" and not message.text.startswith(asides):
                self.tell(message.text)
            elif message.role == "assistant":
                calls |= {call.id: call for call in message.tool_calls or ()}
            elif message.role == "tool" and message.tool_call_id in calls:
                self._came(calls[message.tool_call_id], message)

    # -- for subclasses -------------------------------------------------------------------------------

    @staticmethod
    def takes(request: str) -> bool:
        """Whether an opening is of this kind of work."""
        raise NotImplementedError

    def open(self, request: str) -> None:
        """Takes the opening."""
        raise NotImplementedError

    def tell(self, text: str) -> bool:
        """Takes what a text says of what is wanted; whether it says something."""
        raise NotImplementedError

    def carried_out(self, name: str, arguments: Mapping[str, Any], result: str) -> None:
        """Takes a call that was carried out."""
        raise NotImplementedError

    def answered(self, question: str, verdict: bool) -> None:
        """Takes a yes or no to its question."""
        raise NotImplementedError

    def refused(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Takes that an action was turned down without a reason."""

    def plan_judged(self, plan: str, approved: bool, reason: str) -> None:
        """Takes what was said of its plan."""

    def deed(self, rng: random.Random) -> Deed | None:
        """The next call, None where all is done."""
        raise NotImplementedError

    def sure(self, calls: Sequence[Mapping[str, Any]]) -> float:
        """The probability that calls are wanted, as it knows it; it knows nothing of its slips."""
        return 1.0

    def plan(self, rng: random.Random) -> str:
        """What it is going to do, one step a line."""
        raise NotImplementedError

    def question(self, about: str) -> str:
        """What it asks: about something given, or what it needs most."""
        return "Is there anything else that matters to you?"

    # -- reading --------------------------------------------------------------------------------------

    def _came(self, call: ToolCall, answer: ChatMessageTool) -> None:
        text, given = answer.text, call.arguments
        if call.function == "propose_action":
            self.unheard = self.unheard + 1 if answer.error is not None else 0
        if answer.error is not None:
            return
        if call.function == "ask_human":
            verdict = text.split()[0].strip(".,!").casefold() if text.split() else ""
            if not self.tell(text) and verdict in ("yes", "no"):
                self.answered(given["question"], verdict == "yes")
        elif call.function == "propose_action":
            self._judged(given["name"], given["arguments"], text)
        elif call.function == "propose_plan":
            self.plan_judged(given["plan"], text.startswith(agent.APPROVED), text)
        elif call.function == "hand_over":
            for name, arguments in calls_in(text.removeprefix(agent.DID)):
                self.carried_out(name, arguments, "")
        else:
            self.carried_out(call.function, given, text)

    def _judged(self, name: str, arguments: Mapping[str, Any], text: str) -> None:
        """What a person said of an action, and what was carried out on its word."""
        first, _, rest = text.partition("\n")
        if first.startswith(agent.CHANGED):
            for other in calls_in(first.removeprefix(agent.CHANGED)):
                self.carried_out(*other, rest)
        elif first.startswith(agent.APPROVED):
            if not rest.startswith("Error"):
                self.carried_out(name, arguments, rest)
        elif not self.tell(text):
            self.refused(name, arguments)


def calls_in(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The calls that stand in a text, one a line as JSON."""
    for line in text.splitlines():
        if line.startswith("{"):
            found = json.loads(line)
            yield found["name"], found["arguments"]
