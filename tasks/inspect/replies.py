"""What an inspect task asks in one text, and what its scorer makes of a reply: the solver runs again, up to
its one call, which gets the reply for an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inspect_ai.model import ChatMessageAssistant

from harness.base import messages as make
from harness.base.errors import HarnessError
from harness.tasks.inspect.running import Ask, Going

if TYPE_CHECKING:
    import inspect_ai
    from inspect_ai.dataset import Sample as InspectSample
    from inspect_ai.model import ChatMessage, GenerateConfig
    from inspect_ai.scorer import Score
    from inspect_ai.tool import ToolInfo

    from harness.sample import Question


class Acts(HarnessError):
    """A solver does more than to ask once: what it did, as the rest of a sentence."""


class _Over(BaseException):
    """Ends solver or scorer where it asks what it shouldn't: some go on after any Exception, without end."""


class Reply:
    """The agent that gives one reply, and the roles that are played beside it; notes what they are asked.

    Args:
        text: the reply; None ends the solver at its call.
        expected: the messages that it should be asked, as `as_sent` gives them; None for whatever comes.
        grader: answers calls in that role; without one they are noted and end what made them, like those in
            the role of the user.
    """

    def __init__(self, text: str | None, expected: Any = None, grader: Ask | None = None) -> None:
        self._text, self._expected = text, expected
        self.roles = {"user": self._refusing("user"), "grader": grader or self._refusing("grader")}
        #: the messages that it was asked, as `as_sent` gives them: solvers change them afterwards
        self.sent: list[list[Any]] | None = None
        self.config: GenerateConfig | None = None
        #: what was done beside asking once
        self._acts = ""
        #: the role that was asked and isn't played
        self.wanted = ""

    async def __call__(
        self, given: list[ChatMessage], tools: list[ToolInfo], config: GenerateConfig
    ) -> ChatMessageAssistant:
        sent = as_sent(given)
        if self.sent is not None:
            self._acts = "asks again after the reply"
        elif tools:
            self._acts = "offers tools"
        elif self._expected is not None and sent != self._expected:
            self._acts = "doesn't ask the same each time"
        if self._acts:
            raise _Over
        self.sent, self.config = sent, config
        if self._text is None:
            raise _Over
        return ChatMessageAssistant(content=self._text)

    def _refusing(self, name: str) -> Ask:
        async def refuse(given: Any, tools: Any, config: Any) -> Any:
            self.wanted, self._acts = name, f"asks a model in the role {name}"
            raise _Over

        return refuse

    async def solved(self, made: inspect_ai.Task, sample: InspectSample, id: str, epoch: int = 0) -> Going:
        """The sample, gone through the solver.

        Raises:
            Acts: the solver did more than to ask this one question, or asked nothing.
            Exception: whatever the solver raises.
        """
        going = Going(made, sample, id, epoch, self, self.roles)
        with self._within("solver"):
            await going.solve()
        return going

    async def scored(self, going: Going, target: str | list[str] | None = None) -> Score | None:
        """What the scorer says then.

        Args:
            target: in place of the sample's own.

        Raises:
            Acts: the scorer asks a model that isn't there.
            Exception: whatever the scorer raises.
        """
        with self._within("scorer"):
            return await going.score(target)

    @contextmanager
    def _within(self, part: str) -> Iterator[None]:
        try:
            yield
        except (_Over, BaseExceptionGroup):  # of tasks that it began
            if not self._acts and self._text is not None:
                raise
        if self._acts:
            raise Acts(f"its {part} {self._acts}")
        if self.sent is None:
            raise Acts(f"its {part} asks nothing")


async def asked(made: inspect_ai.Task, sample: InspectSample, id: str) -> list[list[Any]]:
    """The messages that the solver sends, as `as_sent` gives them.

    Raises:
        Acts: it offers tools, asks another model, or asks nothing.
    """
    reply = Reply(None)
    await reply.solved(made, sample, id)
    return reply.sent or []


async def graded(
    made: inspect_ai.Task,
    sample: InspectSample,
    question: Question,
    text: str,
    grader: Ask | None = None,
    target: str | list[str] | None = None,
) -> Score | None:
    """What the scorer says of a reply.

    Args:
        grader: answers the scorer's calls to a model; none may be made where it is None.
        target: in place of the sample's own.

    Raises:
        Acts: this reply led the solver to do more than it was found to do, or the scorer asks a model that
            isn't there.
        Exception: whatever solver or scorer raises.
    """
    reply = Reply(text, question.metadata["messages"], grader)
    going = await reply.solved(made, sample, question.id, question.epoch)
    return await reply.scored(going, target)


def as_sent(messages: Sequence[ChatMessage]) -> list[list[Any]]:
    """Messages as plain JSON, without what doesn't reach a model: role and text, or role and parts."""
    return [
        [
            message.role,
            message.content
            if isinstance(message.content, str)
            else [part.model_dump(mode="json", exclude_none=True) for part in message.content],
        ]
        for message in messages
    ]


def as_messages(sent: Sequence[Sequence[Any]]) -> list[ChatMessage]:
    """The messages of which `as_sent` made it."""
    made = []
    for role, content in sent:
        made.append(make.of(role, "").model_copy(update={"content": _parts(content)}))
    return made


def _parts(content: Any) -> Any:
    if isinstance(content, str):
        return content
    from inspect_ai.model import ChatMessageUser

    return ChatMessageUser(content=content).content
