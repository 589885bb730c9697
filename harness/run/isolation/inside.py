"""A worker of `--isolate`: loads a method behind the walls, and runs it on questions from the pipe."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base.errors import HarnessError, UsageError, placed_reason
from harness.base.garbage import not_in_what_is_loaded
from harness.job import Files, Job, Models
from harness.job.access import Counts
from harness.job.data import JobData
from harness.job.drawn import Drawn
from harness.method import Method
from harness.model.attempt_time import AttemptClock
from harness.plugins.classes import make, spec_of
from harness.plugins.files import class_in
from harness.plugins.installed import build, plain
from harness.run.isolation import forms
from harness.run.isolation.pipe import Pipe
from harness.run.isolation.remote import RemoteEmbedder, RemoteModel, RemoteSplits, RemoteTask, RemoteTraining
from harness.sample import Outcome, Question, Sample, Splits
from harness.spec import MethodSpec, TaskSpec

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

    from harness.world import World

#: questions that are fetched at once at most
BATCH = 64


class Handed:
    """Questions that the runner handed over, which the pipe names by id and epoch, and their prompts."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], Question] = {}
        self.prompts: dict[tuple[str, int], list[Any]] = {}
        self.seen: set[str] = set()

    def take(self, question: Question, prompt: list[Any] | None) -> None:
        key = question.id, question.epoch
        self._open[key] = question
        self.seen.add(question.id)
        if prompt is not None:
            self.prompts[key] = prompt

    def over(self, outcome: Outcome) -> None:
        key = outcome.question_id, outcome.epoch
        self._open.pop(key, None)
        self.prompts.pop(key, None)

    def named(self, question: Question) -> list[Any]:
        if self._open.get((question.id, question.epoch)) is question:
            return [question.id, question.epoch]
        return forms.question_plainly(question)


class SeenDraws(Drawn):
    """Draws of a run of which this process knows the questions that it was handed."""

    def __init__(self, method: str, handed: Handed) -> None:
        super().__init__(method, lambda: ())
        self._handed = handed

    def names_a_question(self, name: Iterable[Any]) -> bool:
        parts = (part.id if isinstance(part, Question | Sample) else part for part in name)
        return any(isinstance(part, str) and part in self._handed.seen for part in parts)


class IsolatedData(JobData):
    """`job.data`, where test inputs are questions from the start."""

    @property
    def test_inputs(self) -> Sequence[Question]:
        questions: Sequence[Question] = self._splits.questions  # type: ignore[attr-defined]
        for question in questions:
            self.handed.take(question, None)
        return self._read("test_inputs", "test_inputs_seen", questions)

    handed: Handed


class IsolatedJob(Job):
    """A job whose task, models and data are on the other side of the pipe."""

    def __init__(self, pipe: Pipe, spec: MethodSpec, facts: Mapping[str, Any]) -> None:
        self.handed, self.asked, self.at_once = Handed(), False, int(facts["at_once"])
        task = RemoteTask(build(TaskSpec, facts["task"]), facts["task_args"])
        task.connect(pipe, self.handed.named, facts)
        models = {
            role: RemoteModel(pipe, self.handed.named, role, known) for role, known in facts["models"].items()
        }
        splits: Any = RemoteSplits(pipe)
        super().__init__(
            task=task,
            method=spec,
            splits=Splits(test=()),
            models=Models(
                model=models.pop(None),
                roles=models,
                embedder=RemoteEmbedder(pipe, facts["embedder"]) if facts["embedder"] else None,  # type: ignore[arg-type]
                concurrency=lambda: self.at_once,
                clock=AttemptClock(facts["attempt_time"]),
            ),
            seed=facts["seed"],
            n_questions=facts["n_questions"],
            progress=lambda what, done, total: pipe.tell(do="progress", what=what, done=done, total=total),
        )
        self.pipe = pipe
        self._access.seen = _Told(spec.name, pipe)
        self.data = IsolatedData(splits, self._access, facts["n_questions"], self._models.embedder)
        self.data.handed = self.handed
        self.training = RemoteTraining(pipe)  # type: ignore[assignment]
        self.files = Files(spec.name, [spec.name])
        self.drawn = SeenDraws(spec.name, self.handed)
        self.drawn.noticed = lambda: pipe.tell(do="drawn")
        self._past = lambda asked, part: pipe.ask_now(do="history", q=self.handed.named(asked), part=part)
        self._pasts = lambda part: pipe.ask_now(do="users", part=part)

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        if not shots:
            self.asked = True
            if (prompt := self.handed.prompts.get((question.id, question.epoch))) is not None:
                return forms.heard(prompt)
        return self._task.ask(question, shots)

    def world(self, question: Question) -> World:
        return self._task.world(Sample(question, None), self.role)

    def wrong_answer(self, question: Question) -> Any | None:
        return self.pipe.ask_now(do="wrong", q=self.handed.named(question))

    @property
    def has_rules(self) -> bool:
        raise UsageError("job.has_rules isn't there under --isolate")

    def _not_here(self, *_: Any, **__: Any) -> Any:
        raise UsageError(
            "checklists, trajectories and the evidence of a question aren't there under --isolate"
        )

    trajectory = request_checklist = verdicts = oracle_checklist = _not_here
    oracle_evidence = oracle_facts = _not_here


class _Told(Counts):
    """Counts of what was read, which the runner's own grow with."""

    __slots__ = ("_pipe",)

    def __init__(self, method: str, pipe: Pipe) -> None:
        super().__init__(method)
        self._pipe = pipe

    def __setitem__(self, name: str, number: int) -> None:
        super().__setitem__(name, number)
        self._pipe.tell(do="read", name=name, count=self[name])


class _Log(logging.Handler):
    """What a method logs goes to the runner, which shows it."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        self._pipe.tell(do="log", level=record.levelno, text=record.getMessage()[:500])


def serve(channel: socket.socket, what: Mapping[str, Any]) -> None:
    """Loads the method, says so, and does what the runner commands until that is gone."""
    os.environ.update(what["environment"])
    asyncio.run(_serve(channel, what))


async def _serve(channel: socket.socket, what: Mapping[str, Any]) -> None:
    pipe, where = Pipe(channel), "load"
    try:
        cls = _class_of(what)
        if what["spec"] is None:
            pipe.tell(do="spec", spec=plain(spec_of(cls)))
            return
        spec = build(MethodSpec, what["spec"])
        method = make(cls, spec, what["args"])
        where = "drawing"
        pipe.tell(do="ready", drawing=method.drawing())
        job: IsolatedJob | None = None
        while True:
            command = await pipe.commands.get()
            where = command["run"]
            if where == "fit":
                job = IsolatedJob(pipe, spec, command["ok"])
                job.log.handlers, job.log.propagate = [_Log(pipe)], False
                await _fit(pipe, method, job)
            elif job is not None:
                with not_in_what_is_loaded():
                    await _answer(pipe, method, job)
    except (Exception, SystemExit, asyncio.CancelledError, KeyboardInterrupt) as error:
        text = (str(error).strip() or "no message").splitlines()[0]
        own = type(error).__name__ if isinstance(error, HarnessError) else None
        number = getattr(error, "number", None)
        line = placed_reason(error)[:2000]
        pipe.tell(do="failed", where=where, own=own, text=text[:2000], said=line, number=number)


def _class_of(what: Mapping[str, Any]) -> type[Method]:
    module = importlib.import_module(what["module"])
    cls = class_in(module, what["attribute"], "method", what["file"])
    if not issubclass(cls, Method):
        raise TypeError(f"{what['attribute']} is not a subclass of harness Method")
    return cls


async def _fit(pipe: Pipe, method: Method, job: IsolatedJob) -> None:
    lines = method.announce(job)
    if lines:
        pipe.tell(do="announced", lines=list(lines))
    await method.fit(job)
    job.drawn.close()
    pipe.tell(do="fitted", drawn=job.drawn.state())


async def _answer(pipe: Pipe, method: Method, job: IsolatedJob) -> None:
    async for outcome in method.answer_all(_questions(pipe, job), job):
        pipe.tell(do="outcome", o=forms.outcome_plainly(outcome))
        job.handed.over(outcome)
    pipe.tell(do="answered")


def _questions(pipe: Pipe, job: IsolatedJob) -> Iterator[Question]:
    """The questions, fetched as they are taken, with their prompts once the method has asked for one."""
    size = 1
    while True:
        questions, prompts, job.at_once = pipe.ask_now(do="next", n=size, asks=job.asked)
        if not questions:
            return
        for question, prompt in zip(questions, prompts, strict=True):
            job.handed.take(question, prompt)
        yield from questions
        size = min(2 * size, BATCH)
