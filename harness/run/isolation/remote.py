"""What a worker's job is made of: a task, splits, models and worlds that ask the runner for everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.model.gateway import Model
from harness.run.isolation import forms
from harness.sample import Classes, Question, Sample, Score
from harness.task import Task
from harness.world import Observation, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolInfo

    from harness.run.isolation.pipe import Pipe

    #: a question as the pipe names it: what the runner handed over by id and epoch, any other in full
    Named = Callable[[Question], list[Any]]


class RemoteTask(Task):
    """The task's face. Its code isn't here: it could make the targets again."""

    classes: Classes | None = None  # type: ignore[assignment]
    judges: bool = False  # type: ignore[assignment]

    def connect(self, pipe: Pipe, named: Named, facts: Mapping[str, Any]) -> None:
        self._pipe, self._named = pipe, named
        self.instruction, self.classes, self.judges = facts["instruction"], facts["classes"], facts["judges"]

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        shown = [forms.sample_plainly(shot) for shot in shots]
        return forms.heard(self._pipe.ask_now(do="ask", q=self._named(question), shots=shown))

    def parse(self, text: str, question: Question) -> Any | None:
        return self._pipe.ask_now(do="parse", q=self._named(question), text=text)

    def canonical(self, answer: Any, question: Question) -> str:
        return str(self._pipe.ask_now(do="canonical", q=self._named(question), answer=answer))

    def world(self, sample: Sample, role: Any) -> World:
        found = self._pipe.ask_now(do="world", q=self._named(sample.question))
        return RemoteWorld(self._pipe, *found)


class RemoteWorld(World):
    """A world that stands on the runner's side."""

    def __init__(self, pipe: Pipe, number: int, limits: Any, mended: bool, waits_for_people: bool) -> None:
        self._pipe, self._number, self.limits, self.mended = pipe, number, limits, mended
        self.waits_for_people = waits_for_people
        self._answer: Any = None
        self.user_retries = 0

    async def start(self) -> Observation:
        return self._seen(await self._pipe.ask(do="start", w=self._number))

    async def step(self, action: Any) -> Observation:
        return self._seen(await self._pipe.ask(do="step", w=self._number, m=[forms.said_plainly(action)]))

    def _seen(self, found: Any) -> Observation:
        observation, self._answer, self.user_retries = found
        made: Observation = observation
        return made

    def answer(self) -> Any:
        return self._answer

    async def close(self) -> None:
        self._answer, self.user_retries = await self._pipe.ask(do="close", w=self._number)


class RemoteModel(Model):
    """A model behind the runner's gateway."""

    def __init__(self, pipe: Pipe, named: Named, role: str | None, facts: Mapping[str, Any]) -> None:
        self._pipe, self._named, self._role = pipe, named, role
        self.provider = SimpleNamespace(**facts["provider"])  # type: ignore[assignment]
        self.name, self.abilities = facts["provider"]["name"], facts["provider"]["abilities"]
        self.decoding, self.price = facts["decoding"], None

    async def generate(
        self,
        question: Question,
        messages: Sequence[ChatMessage],
        *,
        purpose: str = "answer",
        draw: int = 0,
        tools: Sequence[ToolInfo] = (),
        tool_choice: Any = None,
        keep: Any = None,
        patience: float | None = None,
        **decoding: Any,
    ) -> ModelOutput:
        from inspect_ai.model import ModelOutput

        if keep is not None:
            raise UsageError("keep= isn't there under --isolate, as code of the method would run outside")
        asked: dict[str, Any] = {
            "of": self._role,
            "purpose": purpose if purpose != "answer" else None,
            "draw": draw,
            "tools": [tool.model_dump(exclude_none=True) for tool in tools],
            "choice": getattr(tool_choice, "name", tool_choice),
            "named": hasattr(tool_choice, "name"),
            "patience": patience,
            "with": decoding,
        }
        found = await self._pipe.ask(
            do="generate",
            q=self._named(question),
            m=[forms.said_plainly(message) for message in messages],
            **{name: value for name, value in asked.items() if value},
        )
        return ModelOutput.model_validate(found)


class RemoteEmbedder:
    """The run's embedder; vectors are made on the runner's side."""

    def __init__(self, pipe: Pipe, facts: Mapping[str, Any]) -> None:
        self._pipe = pipe
        self.name, self.revision, self.by_row = facts["name"], facts["revision"], facts["by_row"]

    def embed(self, texts: Sequence[str]) -> Any:
        return self._pipe.ask_now(do="embed", texts=list(texts))


class RemoteSplits:
    """The splits that the method declared, each asked for when it is first read; of the test, questions."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def _split(self, name: str) -> Any:
        return self._pipe.ask_now(do="data", split=name)

    @cached_property
    def train(self) -> Any:
        return self._split("train")

    @cached_property
    def dev(self) -> Any:
        return self._split("dev")

    @cached_property
    def pool(self) -> Any:
        return self._split("pool")

    @cached_property
    def interactions(self) -> Any:
        return self._split("interactions")

    @cached_property
    def questions(self) -> Any:
        return self._split("test_inputs")


class RemoteTraining:
    """As much of `job.training` as the pipe carries: grading of samples that are held with their targets, and
    the learning curve."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def reward(self, sample: Sample, text: str) -> float:
        return float(self._pipe.ask_now(do="reward", sample=sample.id, text=text))

    def share(self, sample: Sample, outcome: Any) -> float | None:
        return self._graded("share", sample, outcome)  # type: ignore[no-any-return]

    def score(self, sample: Sample, outcome: Any) -> Score:
        return self._graded("score", sample, outcome)  # type: ignore[no-any-return]

    def _graded(self, what: str, sample: Sample, outcome: Any) -> Any:
        return self._pipe.ask_now(do=what, sample=sample.id, o=forms.outcome_plainly(outcome))

    def curve(self, rows: Any) -> None:
        self._pipe.ask_now(do="curve", rows=[dict(row) for row in rows])

    def __getattr__(self, name: str) -> Any:
        raise UsageError(f"job.training.{name} isn't there under --isolate")
