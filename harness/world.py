"""Worlds: where an agent acts over several turns, with tools, a user and state.

A world takes turns with an agent: the agent makes an action (a message, with or without tool calls), the
world answers with what the agent sees next. `harness.episode` plays the two against each other. A
task whose items are worlds defines `Task.world`; adapters of benchmarks that bring their own
environment subclass `World`, everything else is a `Dialogue` of tools and a user.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.answers.normalise import as_written
from harness.base import messages
from harness.base.errors import ModelCallError, UserFailed

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageTool, ModelOutput
    from inspect_ai.tool import ToolCall, ToolInfo

    from harness.model.gateway import Model
    from harness.sample import Question

#: longest tool result that an agent is shown, in characters; the rest is cut off and said so
RESULT_LIMIT = 16_000
#: how often a simulated user is asked again for a turn that came out empty
USER_TRIES = 3


class ToolError(Exception):
    """A tool can't do what it was asked; the message goes back to the agent."""


@dataclass(frozen=True)
class Limits:
    """Where an episode ends if the world doesn't end it; None is no limit.

    `steps` are actions of the agent, `errors` tool calls that failed, `tokens` those that the agent's
    model read and wrote, `seconds` the time on the clock, waiting included; `turn_steps` and `turn_errors`
    are actions and failed calls since the user's last words.
    """

    steps: int = 50
    errors: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    turn_steps: int | None = None
    turn_errors: int | None = None


def answers_to(calls: Sequence[ToolCall], seen: Sequence[ChatMessage]) -> list[ChatMessageTool | None]:
    """The message that answers each call of one action, in the order of the calls; None where none came.
    Servers give ids that repeat: of calls with one id the first has the first answer."""
    came: dict[str | None, list[ChatMessageTool]] = {}
    for message in seen:
        if message.role == "tool":
            came.setdefault(message.tool_call_id, []).append(message)
    return [came[call.id].pop(0) if came.get(call.id) else None for call in calls]


def carried_out(calls: Sequence[ToolCall], seen: Sequence[ChatMessage]) -> list[ToolCall]:
    """The calls of one action that didn't fail, as far as what came tells."""
    pairs = zip(calls, answers_to(calls, seen), strict=True)
    return [call for call, answer in pairs if answer is None or answer.error is None]


@dataclass(frozen=True, slots=True)
class Observation:
    """What the agent sees: new messages, and the tools that it may call now. After `done` it is not
    asked for another action. With `new_conversation` another conversation begins: the agent sees nothing
    of those before it. `failed` are the tool calls that failed of which the messages don't say so: a
    provider shows its model a message's `error` in place of its text, which official packages have worded
    already. `own` is the agent's last action as it stands in what the agent sees from now on, where that
    isn't as it was made: official packages leave parts of it out. `waited` are the seconds in which a person
    was waited for."""

    messages: Sequence[ChatMessage]
    tools: Sequence[ToolInfo] = ()
    done: bool = False
    new_conversation: bool = False
    failed: int = 0
    own: ChatMessageAssistant | None = None
    waited: float = 0.0


class World:
    """One episode's world. It is used once."""

    limits = Limits()
    #: turns of the simulated user that came out unusable and were asked for again
    user_retries = 0
    #: whether calls reach it as inspect-ai mends them; else as they were written (`harness.model.raw_calls`)
    mended = False
    #: whether its steps may wait for a person, whose time counts against no limit (`Observation.waited`)
    waits_for_people = False

    async def start(self) -> Observation:
        """The opening: usually a system message with the rules and the user's first words."""
        raise NotImplementedError

    async def step(self, action: ChatMessageAssistant) -> Observation:
        """What the action leads to: one tool message a call, or the user's next words.

        Raises:
            UserFailed: the simulated user failed.
        """
        raise NotImplementedError

    def answer(self) -> Any:
        """What `Task.score` judges, in a JSON form; None if there is nothing to judge."""
        raise NotImplementedError

    async def close(self) -> None:
        """Called once, however the episode ended."""


class WorldWrapper(World):
    """Another world, `_world`, with something changed: subclasses say how it starts and what a step leads to,
    and all else is the inner world's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.limits, self.mended = world.limits, world.mended
        self.waits_for_people = world.waits_for_people

    @property
    def user_retries(self) -> int:  # type: ignore[override]
        return self._world.user_retries

    def answer(self) -> Any:
        return self._world.answer()

    async def close(self) -> None:
        await self._world.close()


class Toolbox:
    """Methods of a state object as tools. Name, description and JSON schema come from signature and
    docstring; arguments that don't fit the signature are a `ToolError`."""

    def __init__(self, kind: type, names: Sequence[str]) -> None:
        from inspect_ai.tool import ToolDef, ToolInfo
        from pydantic import validate_call

        blank: Any = object.__new__(kind)
        self.infos: list[ToolInfo] = []
        self._run: dict[str, Callable[..., Any]] = {}
        for name in names:
            made = ToolDef(getattr(blank, name))
            self.infos.append(ToolInfo(name=name, description=made.description, parameters=made.parameters))
            self._run[name] = validate_call(getattr(kind, name))

    def run(self, state: Any, name: str, arguments: Mapping[str, Any]) -> Any:
        """What the tool returns.

        Raises:
            ToolError: no such tool, arguments that don't fit, or the tool's own refusal.
        """
        from pydantic import ValidationError

        if name not in self._run:
            raise ToolError(f"there is no tool {name[:80]!r}; the tools are {', '.join(self._run)}")
        try:
            return self._run[name](state, **arguments)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "arguments"
            raise ToolError(f"{where}: {first['msg']}") from None

    def answer(self, state: Any, call: ToolCall) -> ChatMessageTool:
        """The message that answers a call, whatever the call is."""
        from inspect_ai.model import ChatMessageTool
        from inspect_ai.tool import ToolCallError

        error = None
        try:
            if call.parse_error:
                raise ToolError(f"the call can't be read: {call.parse_error[:300]}")
            found = self.run(state, call.function, call.arguments)
            text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        except ToolError as fault:
            error = ToolCallError("parsing" if call.parse_error else "unknown", str(fault))
            text = f"Error: {fault}"
        if len(text) > RESULT_LIMIT:
            text = f"{text[:RESULT_LIMIT]}\n[cut off: {len(text) - RESULT_LIMIT} more characters]"
        return ChatMessageTool(content=text, tool_call_id=call.id, function=call.function, error=error)


class User:
    """Who talks with the agent."""

    #: turns that came out empty and were asked for again
    retries = 0

    async def reply(self, said: str) -> str | None:
        """The user's next words after the agent's, None when the user has left.

        Raises:
            UserFailed: no usable turn came out.
        """
        raise NotImplementedError


class ScriptedUser(User):
    """Says its lines one after another, whatever the agent says, and leaves after the last."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = iter(lines)

    async def reply(self, said: str) -> str | None:
        return next(self._lines, None)


class SimulatedUser(User):
    """A model in the role of the user. It sees the dialogue from the other side: its own words are the
    assistant's, the agent's are the user's. A turn with `stop` in it ends the dialogue."""

    stop = "[END]"

    def __init__(self, model: Model, question: Question, instructions: str, opening: str) -> None:
        self._model, self._question = model, question
        self._seen: list[ChatMessage] = [
            messages.system(instructions),
            messages.user("Hello, what can I do for you?"),
            messages.assistant(opening),
        ]

    async def reply(self, said: str) -> str | None:
        self._seen.append(messages.user(said or "(says nothing)"))
        for draw in range(USER_TRIES):
            try:
                output = await self._model.generate(
                    self._question, self._seen, purpose="user", draw=draw, keep=_says_something
                )
            except ModelCallError as error:
                raise UserFailed(f"user simulator: {error}") from error
            text = _spoken(output)
            if self.stop in text:
                return None
            if text:
                self._seen.append(messages.assistant(text))
                return text
            self.retries += draw + 1 < USER_TRIES
        raise UserFailed(f"user simulator: {USER_TRIES} empty turns in a row")


def _spoken(output: ModelOutput) -> str:
    """A completion's words, without thoughts: these are for nobody, and end no dialogue."""
    return as_written(output.completion).text.strip()


def _says_something(output: ModelOutput) -> bool:
    return bool(_spoken(output))


@dataclass
class Dialogue(World):
    """Tools over a state object, and a user. Calls are carried out in their order; a message without
    calls goes to the user. The answer is what was done and said, so that a score can replay it:
    `{"calls": [[name, arguments], ...], "said": [text, ...], "after": [number, ...]}`: calls that failed are
    left out, and the i-th text was said after so many of the calls."""

    opening: Sequence[ChatMessage]
    toolbox: Toolbox
    state: Any
    user: User
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self._calls: list[list[Any]] = []
        self._said: list[str] = []
        self._after: list[int] = []

    async def start(self) -> Observation:
        return Observation(self.opening, self.toolbox.infos)

    async def step(self, action: ChatMessageAssistant) -> Observation:
        if action.tool_calls:
            results = [self.toolbox.answer(self.state, call) for call in action.tool_calls]
            for call, result in zip(action.tool_calls, results, strict=True):
                if result.error is None:
                    self._calls.append([call.function, call.arguments])
            return Observation(results, self.toolbox.infos)
        reply = await self.say(action.text)
        if reply is None:
            return Observation((), (), done=True)
        return Observation((messages.user(reply),), self.toolbox.infos)

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Carries one call out and keeps it; for worlds whose agents make calls in a notation of their own.

        Raises:
            ToolError: as `Toolbox.run`; then it isn't kept.
        """
        found = self.toolbox.run(self.state, name, arguments)
        self._calls.append([name, dict(arguments)])
        return found

    async def say(self, text: str) -> str | None:
        """Words to the user, and the user's next, None when the user has left."""
        self._said.append(text)
        self._after.append(len(self._calls))
        return await self.user.reply(text)

    @property
    def user_retries(self) -> int:  # type: ignore[override]
        return self.user.retries

    def answer(self) -> dict[str, Any]:
        return {"calls": self._calls, "said": self._said, "after": self._after}
