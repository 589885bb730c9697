"""The method contract: how a model is spent on a task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from harness.base import forks, interrupts
from harness.base.concurrent import Limit, each
from harness.base.errors import Escape, ModelCallError, UsageError
from harness.model.attempt_time import too_long
from harness.plugins.base import Plugin
from harness.sample import Outcome, Question, SplitSizes
from harness.spec import MethodSpec

if TYPE_CHECKING:
    from harness.job import Job


class Method(Plugin[MethodSpec]):
    """One method. Subclasses write `answer`, and `fit` where there is something to learn or index.

    Everything outside itself it reaches through `job`: models, declared data, budget, files, randomness.
    A method sees questions, never targets of the test split.
    """

    spec_type = MethodSpec

    def calls(self, n_questions: int, splits: SplitSizes) -> int | None:
        """How many calls of models it takes to fit and to answer `n_questions` (epochs counted), at least so
        many where a question is a world; `--dry-run` shows it. None: it can't be known before. By default one
        a question, unless there is a `fit` or an `answer_all` of its own."""
        own = type(self)
        return n_questions if own.fit is Method.fit and own.answer_all is Method.answer_all else None

    def calls_of(self, job: Job, n_questions: int) -> int | None:
        """As `calls`, for a method whose training problems, or the policy trained before, say how many; asked
        where `calls` can't tell, with a job as for `announce`."""
        return None

    def drawing(self) -> str:
        """`run` where, with these arguments, all items of a run share something that depends on its seed (a
        draw of demonstrations, weights, labels that a model gave a pool), else `none`: what the spec says.
        Override it where an argument decides. `none` is overruled by what the run does: see `Job.rng`."""
        return self.spec.draws

    def announce(self, job: Job) -> list[str]:
        """What `fit` is about to do, need and cost, in lines for a person, at most a screen: on what it
        learns, in how many steps, with which engine, how long about, what must be installed. Shown before
        `fit` begins, and by `--dry-run`. Asks no model and fetches no weights; by default there are none."""
        return []

    def own_temperature(self, job: Job) -> list[str]:
        """For `announce` of a method whose argument `temperature` is that of its calls: a line where the
        run's own is another, which then changes nothing."""
        given, own = job.chosen_decoding.get("temperature"), self.args["temperature"]
        if given is None or given == own:
            return []
        return [
            f"{self.spec.name} samples at its own temperature, {own:g}, whatever --temperature says; "
            f"-M {self.spec.name}.temperature={given:g} makes it {given:g}"
        ]

    async def fit(self, job: Job) -> None:
        """Train, annotate or index, on the job's budget; artefacts go to `job.files.dir`."""

    def launch(self, backend: str, job: Job) -> dict[str, str]:
        """The files, by name, with which the training of `fit` is started on a cluster by `backend`.

        Raises:
            UsageError: the method can't be trained there.
        """
        raise UsageError(f"method {self.spec.name!r} can't be trained by {backend}")

    async def answer(self, question: Question, job: Job) -> Outcome:
        """The outcome for one question.

        Raises:
            ModelCallError: the model failed for good; the attempt counts as an error.
            BudgetSpent: a limit is reached; the run ends with what it has.
        """
        raise NotImplementedError

    def answer_all(self, questions: Iterable[Question], job: Job) -> AsyncIterator[Outcome]:
        """Outcomes for a stream of questions, in any order. Override for batched or transductive
        work; by default `answer` runs for as many questions at once as the model takes, and a model call
        that failed for good becomes an outcome with an `error`."""
        seconds = job.clock.seconds
        return outcomes(
            lambda question: self.answer(question, job), questions, lambda: job.concurrency, seconds
        )


def outcomes(
    answer: Callable[[Question], Awaitable[Outcome]],
    questions: Iterable[Question],
    limit: Limit,
    seconds: float | None = None,
) -> AsyncIterator[Outcome]:
    """Outcomes of `answer` for every question, at most `limit` at once, as they finish.

    A model call that failed for good becomes an outcome with an `error`, and so does an answer that takes
    longer than `seconds`; any other exception is a fault of the method and ends the stream, also one that
    would end the process or the task, of which `Escape` tells. When the budget
    is spent no further question is begun, those under way are finished, and then it is raised.
    """

    async def attempt(question: Question) -> Outcome:
        try:
            found = answer(question)
            if not hasattr(found, "__await__"):
                raise TypeError("it is no coroutine; define it with `async def answer`")
            if seconds is None:
                return await found
            async with asyncio.timeout(seconds) as clock:
                outcome = await found
            if asyncio.get_running_loop().time() > (clock.when() or 0):  # it never gave way to the clock
                return Outcome(question.id, question.epoch, error=too_long(seconds))
            return outcome
        except TimeoutError:
            if seconds is None or not clock.expired():
                raise
            return Outcome(question.id, question.epoch, error=too_long(seconds))
        except ModelCallError as error:
            return Outcome(
                question.id, question.epoch, error=str(error), declined=getattr(error, "status", None)
            )
        except BaseException as error:
            if isinstance(error, Exception) or _ends(error):
                raise
            raise Escape from error
        finally:
            forks.check()

    return each(attempt, questions, limit)


def _ends(error: BaseException) -> bool:
    """Whether what left an answer is the end of its task: the user's, or that of whoever runs it."""
    forks.check(error)
    try:
        task = asyncio.current_task()
    except RuntimeError:  # its loop is gone, and what is left of it is taken away
        return True
    if isinstance(error, asyncio.CancelledError):
        return task is None or task.cancelling() > 0
    return isinstance(error, KeyboardInterrupt) and interrupts.came()
