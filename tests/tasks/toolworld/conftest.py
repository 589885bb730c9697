"""Whole episodes of actions that are written down."""

import asyncio
import json

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall

from harness.data.hub import Data
from harness.episode import play
from harness.registry import load_task, registry


class Played:
    """A task with its samples, and episodes of it."""

    def __init__(self, **arguments):
        spec = registry().task("toolworld/chain")
        self.task = load_task(spec, spec.arguments(arguments))
        self.splits = self.task.load(Data())

    def outcome(self, sample, actions):
        """Of compact words, or of messages; the agent has nothing more to say after the last."""
        left = iter(actions)

        async def act(seen, tools):
            action = next(left, "")
            if isinstance(action, str):
                return ModelOutput.from_content("test", action)
            return ModelOutput(model="test", choices=[{"message": action}])

        return asyncio.run(play(sample.question, self.task.world(sample, None), act))

    def metrics(self, sample, outcome):
        return dict(self.task.score(sample, outcome).metrics)

    def trajectory(self, outcome):
        return self.task.trajectory(json.loads(json.dumps(outcome.trace["messages"])), outcome.stop_reason)


def message(words, *calls):
    """An action in plain style: words, or calls as (tool, arguments)."""
    made = [
        ToolCall(id=f"c{n}", function=name, arguments=dict(given)) for n, (name, given) in enumerate(calls)
    ]
    return ChatMessageAssistant(content=words, tool_calls=made or None)


@pytest.fixture(scope="session")
def played():
    return Played


@pytest.fixture(scope="session")
def said():
    return message
