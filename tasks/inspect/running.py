"""One sample of an inspect task, gone through its solver and its scorer while we answer its models' calls.

What inspect-ai's own runner sets up around a solver (the model in force, roles, the sample's state) has no
public interface, so this one module uses its private ones; the pinned range of inspect-ai says which.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspect_ai._eval.task.generate import task_generate
from inspect_ai._util.notgiven import NOT_GIVEN
from inspect_ai.log._transcript import Transcript, init_transcript
from inspect_ai.model import GenerateConfig, Model, ModelAPI, ModelName, ModelOutput, ModelUsage, modelapi
from inspect_ai.model._model import init_active_model, init_model_roles, init_sample_model_data
from inspect_ai.scorer import Target, value_to_float
from inspect_ai.solver import TaskState, chain
from inspect_ai.solver._chain import unroll
from inspect_ai.solver._task_state import Choices, set_sample_state
from inspect_ai.util._store import init_subtask_store

from harness.base import messages
from harness.base.digest import seed_of
from harness.base.errors import UsageError
from harness.model.generation import SET_ELSEWHERE

if TYPE_CHECKING:
    import inspect_ai
    from inspect_ai.dataset import Sample as InspectSample
    from inspect_ai.model import ChatMessage, ChatMessageAssistant
    from inspect_ai.scorer import Score
    from inspect_ai.solver import Solver
    from inspect_ai.tool import ToolInfo

#: who answers a call to a model: its messages, the tools that it offers, its settings
Ask = Callable[[list["ChatMessage"], list["ToolInfo"], GenerateConfig], Awaitable["ChatMessageAssistant"]]


class NoScore(UsageError):
    """What a scorer gives is no score here, whatever the reply."""


@modelapi(name="harness")
class _HandedOut(ModelAPI):
    """What a solver takes for a model: it hands the call out and waits for the answer."""

    def __init__(self, model_name: str, ask: Ask, **given: Any) -> None:
        super().__init__(model_name, **given)
        self._ask = ask

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: Any, config: GenerateConfig
    ) -> ModelOutput:
        output = ModelOutput.from_message(await self._ask(input, tools, config))
        output.usage = ModelUsage()  # our ledger records it; inspect would count tokens itself
        return output

    def connection_key(self) -> str:
        return str(id(self))

    def max_connections(self) -> int:
        return 1_000


class _InOneOrder(Choices):
    """Choices that a solver shuffles into the order that the sample's id gives, each time anew: what was
    asked can then be asked, and scored, again."""

    def __init__(self, choices: list[str], key: str) -> None:
        super().__init__(choices)
        self._key = key

    def shuffle(self, rand: random.Random | None = None) -> None:
        super().shuffle(random.Random(seed_of("inspect", "choices", self._key)))


def steps(made: inspect_ai.Task) -> list[Solver]:
    """The solvers that a sample goes through, one after another."""
    setup = made.setup
    first = setup if isinstance(setup, list) else [setup] if setup else []
    return unroll([*first, made.solver])


class Going:
    """A sample on its way. It is used once, in one asyncio task: inspect-ai keeps what is in force there.

    Args:
        id: the question's.
        epoch: counted from 0.
        agent: answers the calls to the model that is measured.
        roles: answer those to models that play a role, by inspect's name of it.
    """

    def __init__(
        self,
        made: inspect_ai.Task,
        sample: InspectSample,
        id: str,
        epoch: int,
        agent: Ask,
        roles: Mapping[str, Ask],
    ) -> None:
        self._made, self._target = made, Target(sample.target)
        self._model = _model("agent", agent)
        self._roles = {name: _model(name, ask) for name, ask in roles.items()}
        given = sample.input
        self.state = TaskState(
            model=ModelName("harness/agent"),
            sample_id=id,
            epoch=epoch + 1,
            input=given,
            messages=[messages.user(given)]
            if isinstance(given, str)
            else [message.model_copy() for message in given],
            target=self._target,
            choices=sample.choices,
            metadata=dict(sample.metadata or {}),
        )
        if sample.choices:
            self.state.choices = _InOneOrder(sample.choices, id)

    async def solve(self) -> None:
        """Through setup and solver."""
        own = self._made.config.model_dump(exclude_none=True, exclude=set(SET_ELSEWHERE))
        init_active_model(self._model, GenerateConfig(**own))
        init_model_roles(dict(self._roles))
        init_sample_model_data()
        init_transcript(Transcript())
        set_sample_state(self.state)
        init_subtask_store(self.state.store)

        async def generate(
            state: TaskState, tool_calls: Any = "loop", cache: Any = NOT_GIVEN, **config: Any
        ) -> TaskState:
            return await task_generate(self._model, state, tool_calls, False, GenerateConfig(**config))

        self.state = await chain(steps(self._made))(self.state, generate)

    async def score(self, target: str | list[str] | None = None) -> Score | None:
        """What the task's first scorer says; None where it says nothing.

        Args:
            target: in place of the sample's own.

        Raises:
            UsageError: the task has no scorer.
        """
        if not self._made.scorer:
            raise UsageError("the inspect task has no scorer")
        wanted = self._target if target is None else Target(target)
        return await self._made.scorer[0](self.state, wanted)


def _model(name: str, ask: Ask) -> Model:
    return Model(_HandedOut(name, ask), GenerateConfig())


def first_of(target: str | Sequence[str]) -> str:
    """The first of the right answers."""
    return target if isinstance(target, str) else next(iter(target), "")


def value_of(score: Score, chosen: str) -> float | None:
    """A score as a number from 0 to 1; None where the scorer could not tell.

    Args:
        chosen: which value, of a scorer that gives several.

    Raises:
        NoScore: it gives several and none of them is chosen, or the value is out of the range.
    """
    value: Any = score.value
    if isinstance(value, dict):
        if chosen not in value:
            raise NoScore(
                f"its scorer gives several values; choose one: -T value={'|'.join(map(str, value))}"
            )
        value = value[chosen]
    number = float(value_to_float()(value))
    if math.isnan(number):
        return None
    if not 0 <= number <= 1:
        raise NoScore(f"its scorer's value {number:g} isn't between 0 and 1")
    return number
