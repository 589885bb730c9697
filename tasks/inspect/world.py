"""A sample of an inspect task as a world: its solver runs beside us and stops at every model call.

What inspect-ai's own runner sets up around a solver (the model in force, roles, the sample's state) has no
public interface, so this one module uses its private ones; the pinned range of inspect-ai says which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from inspect_ai._eval.task.generate import task_generate
from inspect_ai._util.notgiven import NOT_GIVEN
from inspect_ai.log._transcript import Transcript, init_transcript
from inspect_ai.model import (
    GenerateConfig,
    ModelAPI,
    ModelName,
    ModelOutput,
    ModelUsage,
    get_model,
    modelapi,
)
from inspect_ai.model._model import init_active_model, init_model_roles, init_sample_model_data
from inspect_ai.scorer import Target, value_to_float
from inspect_ai.solver import TaskState, chain
from inspect_ai.solver._task_state import set_sample_state
from inspect_ai.util._store import init_subtask_store

from harness.base import messages
from harness.base.errors import BudgetSpent, ModelCallError, UsageError, UserFailed, WorldFailed
from harness.sample import Sample
from harness.world import Limits, Observation, World

if TYPE_CHECKING:
    import inspect_ai
    from inspect_ai.model import ChatMessage, ChatMessageAssistant
    from inspect_ai.tool import ToolInfo

    from harness.model.gateway import Model

#: roles of inspect tasks and ours that plays them
ROLES = {"user": "user", "grader": "judge"}


@modelapi(name="harness")
class _HandedOut(ModelAPI):
    """What a solver takes for a model: it hands the call out and waits for the answer."""

    def __init__(self, model_name: str, ask: Callable[..., Any], **given: Any) -> None:
        super().__init__(model_name, **given)
        self._ask = ask

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: Any, config: GenerateConfig
    ) -> ModelOutput:
        output = ModelOutput.from_message(await self._ask(input, tools))
        output.usage = ModelUsage()  # our ledger records it; inspect would count tokens itself
        return output

    def connection_key(self) -> str:
        return str(id(self))

    def max_connections(self) -> int:
        return 1_000


class Solving(World):
    """The solver decides when the sample is over, then the scorer grades what it left."""

    limits = Limits(steps=1000)
    mended = True

    def __init__(
        self, made: inspect_ai.Task, sample: Sample, role: Callable[[str], Model], value: str
    ) -> None:
        from inspect_ai.dataset import Sample as InspectSample

        self._made, self._question, self._role, self._value = made, sample.question, role, value
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
            raise WorldFailed(f"inspect: {type(error).__name__}: {error}") from error
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
        model = get_model("harness/agent", memoize=False, ask=self._agent)
        roles = {
            name: get_model(f"harness/{name}", memoize=False, ask=self._player(ours))
            for name, ours in ROLES.items()
        }
        sample, question = self._sample, self._question
        given = sample.input
        state = TaskState(
            model=ModelName("harness/agent"),
            sample_id=question.id,
            epoch=question.epoch + 1,
            input=given,
            messages=[messages.user(given)] if isinstance(given, str) else list(given),
            target=Target(sample.target),
            choices=sample.choices,
            metadata=dict(sample.metadata or {}),
        )
        init_active_model(model, GenerateConfig())
        init_model_roles(dict(roles))
        init_sample_model_data()
        init_transcript(Transcript())
        set_sample_state(state)
        init_subtask_store(state.store)

        async def generate(
            state: TaskState, tool_calls: Any = "loop", cache: Any = NOT_GIVEN, **config: Any
        ) -> TaskState:
            return await task_generate(model, state, tool_calls, False, GenerateConfig(**config))

        setup = self._made.setup
        steps = [*(setup if isinstance(setup, list) else [setup] if setup else []), self._made.solver]
        state = await chain(steps)(state, generate)
        if not self._made.scorer:
            raise UsageError("the inspect task has no scorer")
        score = await self._made.scorer[0](state, Target(sample.target))
        if score is not None:
            self._score = {"value": self._number(score.value), "explanation": (score.explanation or "")[:500]}

    def _number(self, value: Any) -> float:
        if isinstance(value, dict):
            if self._value not in value:
                raise UsageError(
                    f"its scorer gives several values; choose one: -T value={'|'.join(map(str, value))}"
                )
            value = value[self._value]
        number = float(value_to_float()(value))
        if not 0 <= number <= 1:
            raise UsageError(f"its scorer's value {number:g} isn't between 0 and 1")
        return number

    async def _agent(self, given: list[ChatMessage], tools: list[ToolInfo]) -> Any:
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls.put_nowait((given, tools, waiting))
        return await waiting

    def _player(self, name: str) -> Callable[..., Any]:
        async def ask(given: list[ChatMessage], tools: list[ToolInfo]) -> Any:
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
