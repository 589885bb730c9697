"""Benchmarks whose data and verdicts come from their own package, in workers."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from harness.base.errors import GraderFailed, ModelCallError, UserFailed, WorldBroken, WorldFailed
from harness.data.hub import Data
from harness.external.services import Opening, Services
from harness.external.setup import installed, source
from harness.external.workers import Outside, Pool, Worker, WorkerError, WorkerLost, nothing_outside
from harness.model.raw_calls import calls_as_written
from harness.model.verbatim import official_tool, sent_as
from harness.sample import Outcome, Question, Sample, Score
from harness.task import Task
from harness.world import USER_TRIES, Limits, Observation, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ModelOutput

    from harness.model.gateway import Model


class Official(Task):
    """A completion is a recorded result in JSON, or a world's answer of the same form."""

    _services: Services | None = None

    @property
    def opening(self) -> Opening:
        """What its worlds reach outside."""
        return Opening()

    def for_run(self, services: Services) -> Self:
        services.check(self.opening, self.spec.name)
        mine = copy.copy(self)
        mine._services = services
        return mine

    def outside(self, sample: Sample) -> Outside:
        """What serves the world of a sample, which is nothing where it is played outside a run."""
        return self._services.serving(self.opening, sample.question) if self._services else nothing_outside

    def note_source(self, data: Data, id: str, config: str, split: str = "test") -> None:
        """Notes for the record what was read: the official package as it is installed."""
        data.read.append({"id": id, "config": config, "split": split, **source(self.spec.setup)})

    def workers(self, packages: Path) -> Pool:
        """The workers of this process for an installed package."""
        raise NotImplementedError

    @property
    def keeps_reasoning(self) -> bool:
        """Whether the agent's thoughts are sent back to it as in other tasks, not as officially."""
        return self.args.get("reasoning") == "kept"

    def is_result(self, found: dict[str, Any]) -> bool:
        """Whether an object has the form of a recorded result."""
        raise NotImplementedError

    @property
    def pool(self) -> Pool:
        """Workers with the official package.

        Raises:
            UsageError: it is not set up; names the command.
        """
        return self.workers(installed(self.spec.setup))

    def parse(self, text: str, question: Question) -> Any | None:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) and self.is_result(found) else None

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        found = next(iter(self.score_all([sample], [outcome]) or ()))
        if isinstance(found, GraderFailed):
            raise found
        return found


def ungraded(error: WorkerError, own: bool) -> Score | GraderFailed:
    """What becomes of a result that the package couldn't grade.

    Args:
        own: whether the package made the result itself, so that it is no fault of the result's.
    """
    if own or error.broken:
        return GraderFailed(str(error)[:500])
    return Score({}, "unscored", str(error)[:500])


def unplayed(error: WorkerError) -> WorldFailed:
    """What becomes of an episode whose worker couldn't serve a request."""
    broken = error.broken and not isinstance(error, WorkerLost)
    return (WorldBroken if broken else WorldFailed)(str(error))


class OfficialDialogue(World):
    """A dialogue that the package conducts in a worker: it asks for one completion after another, of the
    agent and of the simulated user, until it has a result. Its own limits are those that count. Messages and
    tools carry the JSON that the package's own runner would send (`harness.model.verbatim`); of what a model
    said, its history holds what the package keeps.
    """

    limits = Limits(steps=1000)
    #: how the user simulator is decoded
    user_decoding: Mapping[str, Any] = {}
    #: what is said of turns that the package can't take
    unusable = "unusable"

    def __init__(
        self,
        sample: Sample,
        user: Model | None,
        seconds: float,
        outside: Outside = nothing_outside,
        keeps_reasoning: bool = False,
    ) -> None:
        self._sample, self._user, self._seconds, self._outside = sample, user, seconds, outside
        self._keeps_reasoning = keeps_reasoning
        self._worker: Worker | None = None
        self._known = 0
        #: what the package ended with
        self._result: dict[str, Any] | None = None

    async def step(self, action: ChatMessageAssistant) -> Observation:
        self._known += 1  # the action itself
        return await self._until_agent(await self._bring(action), action)

    async def close(self) -> None:
        if self._worker is None or not self._worker.started:
            return
        try:
            await self._ask(do="stop")
        except WorldFailed:  # it went with its worker
            pass

    async def _until_agent(
        self, wanted: dict[str, Any], action: ChatMessageAssistant | None = None
    ) -> Observation:
        """Lets the user simulator answer until it is the agent's turn, after its last action."""
        while wanted.get("who") == "user":
            wanted = await self._bring(calls_as_written((await self._user_turn(wanted)).message))
        if "failed" in wanted:
            raise unplayed(WorkerError(wanted["failed"], wanted["broken"]))
        if "done" in wanted:
            self._result = wanted["done"]
            return Observation((), (), done=True)
        new = wanted["messages"][self._known :]
        own = None
        if action is not None and not self._keeps_reasoning:
            own = sent_as(without_thoughts(action), wanted["messages"][self._known - 1]["official"])
        self._known = len(wanted["messages"])
        failed = sum(plain.get("failed", False) for plain in new)
        shown, tools = self._shown(new), [official_tool(entry) for entry in wanted["tools"]]
        return Observation(shown, tools, failed=failed, own=own)

    def _shown(self, plain: list[dict[str, Any]]) -> list[ChatMessage]:
        """Messages of the package as models read them."""
        return [sent_as(self._message(each), each["official"]) for each in plain]

    async def _user_turn(self, wanted: dict[str, Any]) -> ModelOutput:
        assert self._user is not None
        seen, tools = self._shown(wanted["messages"]), [official_tool(entry) for entry in wanted["tools"]]
        offered = {tool.name for tool in tools}

        def usable(output: ModelOutput) -> bool:
            return bool(output.choices) and self._usable(calls_as_written(output.message), offered)

        for draw in range(USER_TRIES):
            try:
                output = await self._user.generate(
                    self._sample.question,
                    seen,
                    purpose="user",
                    draw=draw,
                    tools=tools,
                    keep=usable,
                    **self.user_decoding,
                )
            except ModelCallError as error:
                raise UserFailed(f"user simulator: {error}") from error
            if usable(output):
                return output
            self.user_retries += draw + 1 < USER_TRIES
        raise UserFailed(f"user simulator: {USER_TRIES} {self.unusable} turns in a row")

    async def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._worker is not None
        try:
            found: dict[str, Any] = await self._worker.answer(request, self._seconds, self._outside)
        except WorkerError as error:
            raise unplayed(error) from error
        return found

    async def _bring(self, action: ChatMessageAssistant) -> dict[str, Any]:
        """Gives the package a completion; what it wants next."""
        raise NotImplementedError

    def _message(self, plain: dict[str, Any]) -> ChatMessage:
        """A message of the package as models read it over another protocol."""
        raise NotImplementedError

    def _usable(self, action: ChatMessageAssistant, offered: set[str]) -> bool:
        """Whether the package can go on from a turn of the simulated user; `offered` are its tools."""
        raise NotImplementedError


def without_thoughts(action: ChatMessageAssistant) -> ChatMessageAssistant:
    """The action as a history without thoughts has it."""
    if isinstance(action.content, str):
        return action
    return action.model_copy(update={"content": action.text})
