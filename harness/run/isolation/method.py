"""A method whose code runs elsewhere: the runner's side of `--isolate`, behind the contract of any method."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from harness.base import errors
from harness.base.errors import HarnessError, PluginError
from harness.base.terminal import one_line
from harness.job import Job
from harness.method import Method
from harness.model.gateway import Model
from harness.plugins.installed import plain
from harness.run.isolation import forms
from harness.run.isolation.desk import Desk
from harness.run.isolation.forms import breach, no_walls
from harness.run.isolation.worker import Worker
from harness.run.plugin_errors import failed
from harness.run.prepare import Prepared
from harness.sample import Outcome, Question
from harness.spec import DRAWS
from harness.team.person import HUMAN

#: seconds after which a worker that waits for nothing is ended while it has questions: where it says nothing,
#: and where it says much and nothing comes of it; and those that it gets beyond --attempt-time
SILENCE, TALK, GRACE = 600.0, 3600.0, 10.0
#: how many requests of a worker may be under way, and outcomes wait, before it is no longer heard
MOST_OPEN = 2000
#: errors of a method's own that end its cell as what they are
_OWN = {each.__name__: each for each in (errors.UsageError, errors.DataError, errors.AccessError)}


class Isolated(Method):
    """The method of a cell in a worker of its own. `fit` and `answer_all` go over the pipe; what the method
    says of itself before was asked when the worker was opened."""

    def __init__(self, prepared: Prepared, notice: Callable[[str], None]) -> None:
        super().__init__(prepared.cell.method, prepared.cell.method_args)
        self._prepared, self._notice = prepared, notice
        self.worker = Worker(self.spec.name, self._hear, self._gone)
        self._desk: Desk | None = None
        self._over: HarnessError | BaseException | None = None
        self._outcomes: deque[Outcome] = deque()
        self._event = asyncio.Event()
        self._done = ""
        self._drawing = ""
        self._open = 0

    # -- what the worker says --------------------------------------------------------------------------

    def _hear(self, said: Mapping[str, Any]) -> None:
        what = forms.text(said.get("do"))
        if what == "outcome" and self._desk is not None:
            self._outcomes.append(self._desk.outcome(said))
            self._open -= 1
            self._event.set()
        elif what in ("ready", "fitted", "answered"):
            self._state(what, said)
            self._done = what
            self._event.set()
        elif what in ("failed", "walls"):
            self._failed(said)
        elif what == "announced":
            lines = "\n".join(f"  {one_line(forms.text(line))}" for line in said["lines"][:50])
            self._notice(f"{self.spec.name}, before it begins\n{lines}")
        elif self._desk is None:
            raise ValueError(f"it says {what!r} before its turn")
        else:
            self._desk.hear(said)
        if self._desk is not None and self._desk.open + len(self._outcomes) > MOST_OPEN:
            self.worker.hold(True)

    def _state(self, what: str, said: Mapping[str, Any]) -> None:
        if what == "ready":
            self._drawing = forms.text(said.get("drawing"))
            if self._drawing not in DRAWS:
                raise PluginError(
                    f"method {self.spec.name!r}: drawing() gives {self._drawing!r}, not one of {DRAWS}"
                )
        elif what == "fitted" and self._desk is not None:
            drawn = said["drawn"]
            shared, found = drawn["shared"] is True, drawn["digest"]
            if found is not None and (type(found) is not str or len(found) != 64):
                raise ValueError("a digest of draws has 64 digits")
            self._desk.fitted({"shared": shared, "digest": found})

    def _failed(self, said: Mapping[str, Any]) -> None:
        if said["do"] == "walls":
            self._gone(no_walls(said))
            return
        own = self._desk.raised(said.get("number")) if self._desk is not None else None
        kind, where = said.get("own"), forms.text(said.get("where"))
        if isinstance(own, HarnessError):
            self._gone(own)
        elif kind in _OWN:
            self._gone(_OWN[kind](forms.text(said.get("text"))))
        else:
            inner = f" ({type(own).__name__}: {errors.reason_of(own)})" if own is not None else ""
            self._gone(failed(self.spec, where[:20], f"{forms.text(said.get('said'))}{inner}"))

    def _gone(self, error: BaseException) -> None:
        if self._over is None:
            self._over = error
        self._event.set()

    async def _until(self, what: str) -> None:
        while self._done != what:
            if self._over is not None:
                raise self._over
            self._event.clear()
            await self._event.wait()

    # -- the contract ----------------------------------------------------------------------------------

    async def ready(self) -> None:
        """Waits until the worker has loaded the method.

        Raises:
            HarnessError: it can't.
        """
        try:
            async with asyncio.timeout(120):
                await self._until("ready")
        except TimeoutError:
            raise breach(self.spec.name, "it didn't start within 120 s") from None

    def drawing(self) -> str:
        return self._drawing

    async def fit(self, job: Job) -> None:
        self._desk = Desk(self.spec, job, self.worker.tell)
        self.worker.tell({"run": "fit"}, facts_of(self._prepared, job))
        try:  # code that computes makes no calls, at which the run's time is looked at
            async with asyncio.timeout(job.budget.left()):
                await self._until("fitted")
        except TimeoutError:
            job.budget.left()
            raise

    async def answer_all(self, questions: Iterable[Question], job: Job) -> AsyncIterator[Outcome]:
        assert self._desk is not None  # `fit` came before
        self._desk.questions = self._counted(questions)
        self.worker.tell({"run": "answer"})
        self._desk.idle.again()
        while True:
            while self._outcomes:
                yield self._outcomes.popleft()
            if self._over is not None:
                raise self._over
            if self._done == "answered":
                return
            self.worker.hold(False)
            self._event.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._patience(job), job.budget.left() or SILENCE)):
                    await self._event.wait()
            job.budget.left()

    def _patience(self, job: Job) -> float:
        """Seconds until it is to be looked at again whether anything came of the worker.

        Raises:
            PluginError: nothing did for too long; the worker is ended.
        """
        assert self._desk is not None
        idle, seconds = self._desk.idle.seconds, job.clock.seconds
        silent = min(idle, time.monotonic() - self.worker.heard)
        if seconds is not None:
            left, limit = seconds + GRACE - idle, f"{seconds:g} s of --attempt-time"
        else:
            left, limit = TALK - idle, f"{TALK:g} s"
            if SILENCE - silent < left:
                left, limit = SILENCE - silent, f"{SILENCE:g} s"
        if left > 0:
            return left
        if self._desk.open or not self._open:
            return SILENCE if seconds is None else seconds + GRACE
        self.worker.close()
        raise breach(self.spec.name, f"nothing came of it for more than {limit}")

    def _counted(self, questions: Iterable[Question]) -> Iterator[Question]:
        for question in questions:
            self._open += 1
            yield question

    async def close(self) -> None:
        """Ends the worker, and gives up what it asked for."""
        self.worker.close()
        if self._desk is not None:
            await self._desk.close()


def facts_of(prepared: Prepared, job: Job) -> dict[str, Any]:
    """What a worker's job is told at its start. No part of it leads to data."""
    task, embedder = prepared.task, prepared.embedder
    return {
        "task": {**plain(task.spec), "folder": "", "path": "", "settings": {}, "data": {}, "setup": {}},
        "task_args": dict(task.args),
        "instruction": task.instruction,
        "classes": task.classes,
        "judges": task.judges,
        "models": {None: _of_model(job.model), **{role: _of_role(job, role) for role in job.roles}},
        "embedder": embedder and {name: getattr(embedder, name) for name in ("name", "revision", "by_row")},
        "seed": prepared.cell.seed,
        "n_questions": job.data.n_questions,
        "at_once": job.concurrency,
        "attempt_time": job.clock.seconds,
    }


def _of_role(job: Job, role: str) -> dict[str, Any]:
    """Of a person, who is asked through worlds, no more than the name."""
    if role != HUMAN:
        return _of_model(job.role(role))
    return {"provider": {"name": job.roles[role], "abilities": frozenset()}, "decoding": {}}


def _of_model(model: Model) -> dict[str, Any]:
    names = ("name", "revision", "named_revision", "abilities", "context", "single_turn", "cacheable")
    more = ("remote", "connections", "vector_width")
    found = {name: getattr(model.provider, name) for name in (*names, *more) if hasattr(model.provider, name)}
    provider = {**found, "arguments": dict(model.provider.arguments)}
    return {"provider": provider, "decoding": dict(model.decoding)}
