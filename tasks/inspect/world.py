"""A sample of an inspect task as a world: its solver runs beside us and stops at every model call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.base.errors import BudgetSpent, ModelCallError, UsageError, UserFailed, WorldBroken, WorldFailed
from harness.tasks.inspect.running import Ask, Going, value_of
from harness.world import Limits, Observation, World

if TYPE_CHECKING:
    from collections.abc import Callable

    import inspect_ai
    from inspect_ai.model import ChatMessage, ChatMessageAssistant
    from inspect_ai.tool import ToolInfo

    from harness.model.gateway import Model
    from harness.sample import Sample

#: roles of inspect tasks and ours that plays them
ROLES = {"user": "user", "grader": "judge"}


class Solving(World):
    """The solver decides when the sample is over, then the scorer grades what it left."""

    limits = Limits(steps=1000)
    mended = True

    def __init__(
        self, made: inspect_ai.Task, sample: Sample, role: Callable[[str], Model], value: str
    ) -> None:
        self._made, self._question, self._role, self._value = made, sample.question, role, value
        from inspect_ai.dataset import Sample as InspectSample

        self._sample = InspectSample.model_validate(sample.target)
        self._calls: asyncio.Queue[tuple[Any, Any, asyncio.Future[Any]]] = asyncio.Queue()
        self._known: list[ChatMessage] = []
        self._failure: Exception | None = None
        self._score: dict[str, Any] | None = None

    async def start(self) -> Observation:
        self._solving = asyncio.create_task(self._solve())
        return await self._until_call()

    async def step(self, action: ChatMessageAssistant) -> Observation:
        self._known.append(action)
        self._waiting.set_result(action)
        return await self._until_call()

    async def _until_call(self) -> Observation:
        call = asyncio.create_task(self._calls.get())
        await asyncio.wait({call, self._solving}, return_when=asyncio.FIRST_COMPLETED)
        if self._failure is not None:  # some solvers swallow whatever is raised in them
            call.cancel()
            raise self._failure
        if call.done():
            given, tools, self._waiting = call.result()
            return self._shown(given, tools)
        call.cancel()
        try:
            self._solving.result()
        except UsageError:
            raise
        except Exception as error:
            failure = WorldBroken if isinstance(error, OSError | ImportError) else WorldFailed
            raise failure(f"inspect: {type(error).__name__}: {error}") from error
        if not self._known:
            raise WorldFailed("inspect: the solver ended without a call to the model")
        return Observation((), (), done=True)

    def _shown(self, given: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> Observation:
        """What is new to the agent; everything, if the solver goes on from somewhere else."""
        begun = len(self._known)
        goes_on = begun <= len(given) and all(map(_alike, self._known, given))
        self._known = list(given)
        return (
            Observation(given[begun:], tools) if goes_on else Observation(given, tools, new_conversation=True)
        )

    # -- inside the solver's task ------------------------------------------------------------------

    async def _solve(self) -> None:
        roles = {name: self._player(ours) for name, ours in ROLES.items()}
        question = self._question
        going = Going(self._made, self._sample, question.id, question.epoch, self._agent, roles)
        await going.solve()
        score = await going.score()
        value = None if score is None else value_of(score, self._value)
        if score is not None and value is not None:
            self._score = {"value": value, "explanation": (score.explanation or "")[:500]}

    async def _agent(self, given: list[ChatMessage], tools: list[ToolInfo], config: Any) -> Any:
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls.put_nowait((given, tools, waiting))
        return await waiting

    def _player(self, name: str) -> Ask:
        async def ask(given: list[ChatMessage], tools: list[ToolInfo], config: Any) -> Any:
            try:
                output = await self._role(name).generate(self._question, given, purpose=name, tools=tools)
            except (UsageError, BudgetSpent) as error:
                self._failure = error
                raise
            except ModelCallError as error:
                self._failure = UserFailed(f"{name}: {error}")
                raise
            return output.message

        return ask

    def answer(self) -> Any:
        return self._score

    async def close(self) -> None:
        self._solving.cancel()
        await asyncio.gather(self._solving, return_exceptions=True)


def _alike(one: ChatMessage, other: ChatMessage) -> bool:
    return one.role == other.role and one.text == other.text
