"""The tools by which an agent reaches the person."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.human.wording import Request
from harness.world import Toolbox

if TYPE_CHECKING:
    from inspect_ai.tool import ToolInfo

    from harness.human.brief import Move

ASK, PROPOSE, PLAN, HAND_OVER = "ask_human", "propose_action", "propose_plan", "hand_over"
TOOLS = (ASK, PROPOSE, PLAN, HAND_OVER)


class Asking:
    """Each tool makes the request that the person gets. Docstrings and signatures are what agents read."""

    def ask_human(self, question: str) -> Request:
        """Asks the person whom you work for a question.

        Args:
            question: What you want to know, in one sentence.
        """
        return Request("question", question)

    def propose_action(self, name: str, arguments: dict[str, Any]) -> Request:
        """Proposes a call of one of your other tools to the person. If it is approved it is carried out at
        once, as it was proposed or as the person has changed it, and you get its result.

        Args:
            name: The tool.
            arguments: The arguments of the call.
        """
        return Request("approval", "", (name, arguments))

    def propose_plan(self, plan: str) -> Request:
        """Shows the person what you are going to do. Nothing is carried out.

        Args:
            plan: The steps in order, a line each.
        """
        return Request("plan", plan)

    def hand_over(self, reason: str) -> Request:
        """Lets the person make the next move with your tools.

        Args:
            reason: Why, and what is left to do.
        """
        return Request("move", reason)


@cache
def toolbox() -> Toolbox:
    """Built once a process."""
    return Toolbox(Asking, TOOLS)


def no_tool(name: str, tools: Sequence[ToolInfo]) -> str:
    """Why a name is no tool's; empty where it is."""
    names = [tool.name for tool in tools]
    return "" if name in names else f"there is no tool {name[:80]!r}; the tools are {', '.join(names)}"


def misfit(moves: Sequence[Move], tools: Sequence[ToolInfo]) -> str:
    """Why one of these calls is none of the tools', by their names and those of their arguments; empty where
    all are. What a tool makes of the values is left to the world."""
    known = {tool.name: tool.parameters for tool in tools}
    for name, arguments in moves:
        if fault := no_tool(name, tools):
            return fault
        taken, needed = known[name].properties, known[name].required
        if odd := next((each for each in arguments if each not in taken), None):
            return f"{name} has no argument {odd[:80]!r}; its arguments are {', '.join(taken) or 'none'}"
        if lacks := next((each for each in needed if each not in arguments), None):
            return f"{name} needs the argument {lacks!r}"
    return ""
