"""Two agents that write their tool calls as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.episode import play
from harness.job import Job
from harness.method import Method
from harness.methods.text_tools.transcript import as_text, read_calls
from harness.sample import Outcome, Question, SplitSizes

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolCall, ToolInfo


class TextAgent(Method):
    """Shows the world as text and reads actions from text."""

    manual = ""
    results = "Result:"

    def read(self, text: str, prefix: str) -> tuple[str, list[ToolCall]]:
        """What a completion says to the user, and the calls in it."""
        raise NotImplementedError

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        """At least: one for every action of an episode."""
        return n_questions

    async def answer(self, question: Question, job: Job) -> Outcome:
        async def act(seen: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> ModelOutput:
            prompt = as_text(seen, tools, self.manual, self.results)
            output = await job.model.generate(question, prompt)
            return self.action(output, len(seen))

        return await play(question, job.world(question), act)

    def action(self, output: ModelOutput, turn: int) -> ModelOutput:
        """The completion as a message with structured calls; what was written stays in its metadata."""
        if not output.choices:
            return output
        message = output.choices[0].message
        text, calls = self.read(message.text, f"call_{turn}_")
        fields: dict[str, Any] = {
            "content": text,
            "tool_calls": calls or None,
            "metadata": {"written": message.text},
        }
        choice = output.choices[0].model_copy(update={"message": message.model_copy(update=fields)})
        return output.model_copy(update={"choices": [choice]})


class PromptedTools(TextAgent):
    """Native function calling by prompt: any number of calls in one fenced block."""

    manual = (
        "You act through tools. To call one or more, write a block of this form and then stop:\n"
        "```tools\n"
        '[{"name": "tool_name", "arguments": {"argument": "value"}}]\n'
        "```\n"
        "Their results come in the next message. A message without such a block goes to the user."
    )
    _block = re.compile(r"```(?:tools?|tool_calls?|json)[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)

    def read(self, text: str, prefix: str) -> tuple[str, list[ToolCall]]:
        found = self._block.search(text)
        if not found:
            return text.strip(), []
        return text[: found.start()].strip(), read_calls(found[1].strip(), prefix)


class React(TextAgent):
    """Reason, act, observe (Yao et al., arXiv 2210.03629), in our own words. A completion is cut at the
    first observation that the model invents."""

    results = "Observation:"
    manual = (
        "Work in small steps. Every message of yours has two parts, each on a line of its own:\n"
        "Thought: what you know and what to do next\n"
        "and then either one action, after which you stop and wait for its observation,\n"
        'Action: {"name": "tool_name", "arguments": {"argument": "value"}}\n'
        "or your words to the user,\n"
        "Answer: what you say to the user"
    )
    _action = re.compile(r"^Action:[ \t]*(.*)", re.MULTILINE | re.DOTALL)
    _answer = re.compile(r"^Answer:[ \t]*(.*)", re.MULTILINE | re.DOTALL)

    def read(self, text: str, prefix: str) -> tuple[str, list[ToolCall]]:
        text = re.split(r"^Observation:", text, maxsplit=1, flags=re.MULTILINE)[0]
        action, answer = self._action.search(text), self._answer.search(text)
        if action and not (answer and answer.start() < action.start()):
            call = re.split(r"^(?:Thought|Action|Answer):", action[1], maxsplit=1, flags=re.MULTILINE)[0]
            return text[: action.start()].strip(), read_calls(_unfenced(call), prefix)
        if answer:
            return answer[1].strip(), []
        return re.sub(r"^Thought:[ \t]*", "", text.strip()), []


def _unfenced(text: str) -> str:
    """JSON without the Markdown fence that many models put around it."""
    return re.sub(r"^```\w*\s*|\s*```$", "", text.strip())
