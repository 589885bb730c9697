"""What a method holds: everything it may ask, read, spend and write goes through its job."""

from __future__ import annotations

import copy
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.concurrent import each
from harness.base.digest import seed_of
from harness.base.errors import UsageError
from harness.base.plain import named
from harness.base.template import filled
from harness.external.services import Services
from harness.job.access import Access, Counts
from harness.job.ceilings import Ceilings
from harness.job.data import JobData, check_vectors
from harness.job.drawn import Drawn
from harness.job.files import Files
from harness.job.items import OfItems, WithoutTargets, for_method
from harness.job.models import Models
from harness.job.pasts import Pasts
from harness.job.training import Training
from harness.model.endings import thought_alone
from harness.model.gateway import Model
from harness.sample import Outcome, Question, Sample, Splits
from harness.spec import MethodSpec
from harness.task import Task, answer_in, prompt_of, turn_of

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput

    from harness.checklist import Checklist, Trajectory, Verdicts
    from harness.data.history import Past
    from harness.world import World


class Job(Ceilings):
    """One method in one run.

    `model`, `role` and `embed` generate; `data` reads the splits that the method declared; `training` is
    for methods that train the model; `files` is where they write. Each refuses what wasn't declared, and no
    attribute leads to a target of the test. That guards against accidents: code in one process with the
    runner can find what it looks for, and `--isolate` keeps it from that.
    """

    def __init__(
        self,
        *,
        task: Task,
        method: MethodSpec,
        splits: Splits,
        models: Models,
        seed: int = 0,
        n_questions: int | None = None,
        code: str = "",
        prompt: str = "",
        asked: Sequence[Sample] | None = None,
        swap: str = "none",
        open_task: Callable[[str], tuple[Task, Splits]] | None = None,
        services: Services | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        #: whether the task's items are worlds to act in; recorded answers are final as they are
        self.interactive = "world" in task.spec.offers and "answers" not in models.model.abilities
        self._services = services or Services()
        self._task = task.for_run(self._services) if self.interactive else task
        self._items = OfItems(self._task, splits.test)
        self._splits = for_method(splits, method)
        self._method, self._models, self._open_task = method, models, open_task
        self.model, self.budget = models.model, models.budget
        self._seed, self._progress, self._prompt = seed, progress, prompt
        #: how long an attempt at a question may take
        self.clock = models.clock
        self.log = logging.getLogger(f"harness.{method.name}")
        self._access = access = Access(method)
        self._cast = (lambda name: models.role(name, method.name)), models.roles.__contains__
        #: what was drawn for all items, for its record
        self.drawn = Drawn(method.name, lambda: (sample.id for sample in self._splits.test))
        n_asked = len(splits.test) if n_questions is None else n_questions
        self.data = JobData(self._splits, access, n_asked, models.embedder)
        self._past, self._pasts = self._histories(splits, splits.test if asked is None else asked, swap)
        self.training = Training(self._task, models, access, self._other, *self._cast)
        made_by = [method.name, method.comparability_version, *filter(None, [method.owner, code])]
        self.files = Files(method.name, made_by)
        self._wrong: dict[tuple[str, int], Any] = {}

    @property
    def access(self) -> Counts:
        """How much the method read of what it declared, by name, for its record; it may add counts."""
        return self._access.seen

    # -- the task ---------------------------------------------------------------------------------

    @property
    def task_name(self) -> str:
        return self._task.spec.name

    @property
    def task_args(self) -> Mapping[str, Any]:
        """The task's arguments, for methods that have its grader run elsewhere."""
        return self._task.args

    @property
    def answers(self) -> str:
        """What an answer is: one of `harness.spec.ANSWERS`, or `labels` where it holds several labels."""
        classes = self._task.classes
        return "labels" if classes is not None and classes.several else self._task.spec.answer

    @property
    def chosen_decoding(self) -> dict[str, Any]:
        """The run's generation settings where they are others than the task's own."""
        own = self._task.spec.decoding
        return {name: value for name, value in self.model.decoding.items() if own.get(name) != value}

    @property
    def countable(self) -> bool:
        """Whether equal answers can be counted, as in a vote."""
        return "countable" in self._task.spec.offers

    @property
    def instruction(self) -> str:
        """One sentence that says what to do, for methods that write their own prompt."""
        return self._task.instruction

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        """The task's neutral prompt; where the user gave the method a template, that in each of its turns."""
        _check_question(question, "ask")
        asked = prompt_of(self._task, question, shots)
        if not self._prompt:
            return asked
        turns: list[ChatMessage] = [message for message in asked if message.role == "system"]
        for shot in shots:
            turns.append(messages.user(self._filled(shot.question)))
            turns.append(messages.assistant(shot.demonstration))
        return [*turns, messages.user(self._filled(question))]

    def _filled(self, question: Question) -> str:
        known = self._task.turn_fields(question)
        return filled(self._prompt, {**known, "prompt": turn_of(self._task, question)})

    def parse(self, text: str, question: Question) -> Any | None:
        """The answer in a completion, None if there is none."""
        _check_question(question, "parse")
        if not isinstance(text, str):
            raise TypeError(f"job.parse takes a text, not {named(text)}")
        return answer_in(self._task, text, question)

    def canonical(self, answer: Any, question: Question) -> str:
        """The form in which answers are counted, as in a vote: equal answers are equal texts."""
        _check_question(question, "canonical")
        return self._task.canonical(answer, question)

    def majority(self, answers: Sequence[Any], question: Question) -> tuple[Any | None, int]:
        """The answer that was given most often, and how often; of equal counts the one given first. Answers
        of one canonical form are the same, and None is no vote: (None, 0) where nothing was answered."""
        given = [answer for answer in answers if answer is not None]
        forms = [self.canonical(answer, question) for answer in given]
        if not forms:
            return None, 0
        form, count = Counter(forms).most_common(1)[0]
        return given[forms.index(form)], count

    def world(self, question: Question) -> World:
        """The question's world, fresh; for interactive tasks, played by `harness.episode.play`."""
        _check_question(question, "world")
        return self._items.world(question, *self._cast)

    def worlds(self, question: Question, n: int) -> list[World]:
        """n fresh copies of a question's world, for methods that try several times and keep one; what the
        discarded ones spend counts."""
        return [self.world(question) for _ in range(n)]

    def trajectory(self, outcome: Outcome) -> Trajectory:
        """A played episode as turns and steps."""
        trace = outcome.trace or {}
        return self._task.trajectory(trace.get("messages", ()), outcome.stop_reason)

    def request_checklist(self, trajectories: Sequence[Trajectory]) -> Checklist | None:
        """A checklist by the task's rule from what the agent saw in attempts at one question; None where the
        task has none."""
        return self._task.request_checklist(trajectories)

    def verdicts(self, checklist: Checklist, trajectory: Trajectory) -> Verdicts | None:
        """What the checklist's own rules say of a trajectory; None where only a model can tell."""
        return self._task.verdicts(checklist, trajectory)

    @property
    def has_rules(self) -> bool:
        """Whether the task decides the items of its checklists itself, without a model."""
        return type(self._task).verdicts is not Task.verdicts

    @property
    def needs_judge(self) -> bool:
        """Whether the task puts outcomes to a judge before it scores them."""
        return self._task.judges

    def wrong_answer(self, question: Question) -> Any | None:
        """An answer to the question that is wrong, for adversaries among agents; None where the task can't
        name one. It is one for every question, epoch and seed, so that asking again tells no more than
        that; the record counts the questions (`wrong_answers`)."""
        if (question.id, question.epoch) not in self._wrong:
            self.access.read("wrong_answers", self.access.get("wrong_answers", 0) + 1)
            rng = random.Random(seed_of(self._seed, "wrong answer", question.id, question.epoch))
            self._wrong[question.id, question.epoch] = self._items.wrong(question, rng)
        return self._wrong[question.id, question.epoch]

    def outcome(self, question: Question, output: ModelOutput, **fields: Any) -> Outcome:
        """The outcome that one completion is."""
        confidence = (output.metadata or {}).get("confidence")
        return Outcome(
            question.id,
            question.epoch,
            output.completion,
            **{
                "confidence": confidence,
                "stop_reason": output.stop_reason,
                "thought_alone": thought_alone(output),
                **fields,
            },
        )

    def _other(self, name: str) -> Job:
        """The same run on another task's train and dev splits; what it reads and spends counts here."""
        if self._open_task is None:
            raise UsageError(f"no other task than {self.task_name!r} is at hand")
        task, splits = self._open_task(name)
        splits = for_method(Splits(test=(), train=splits.train, dev=splits.dev), self._method)
        other = copy.copy(self)
        other._task, other._splits, other._items, other._wrong = task, splits, OfItems(task, ()), {}
        other._past = other._pasts = other._no_history
        other.data = JobData(splits, self._access, self.data.n_questions, self._models.embedder)
        other.training = Training(task, self._models, self._access, other._other, *self._cast)
        return other

    # -- users ------------------------------------------------------------------------------------

    def _histories(
        self, splits: Splits, asked: Sequence[Sample], swap: str
    ) -> tuple[Callable[[Question, str], Past], Callable[[str], list[Past]]]:
        """What gives the past of a question, and all of them; the streams themselves are in them alone."""
        if splits.history is None:
            return self._no_history, self._no_history
        read, drawn = self._access.seen.read, self.drawn.note
        pasts = Pasts(splits.history, WithoutTargets(asked), swap, self._seed, read, drawn)
        return pasts.of, pasts.users

    def _no_history(self, *_: Any) -> Any:
        raise UsageError(f"method {self._method.name!r} needs history, and {self.task_name} has none")

    def history(self, question: Question, part: str = "memory") -> Past:
        """What the user of one of the run's questions did before it, in order, and nothing of anybody else's;
        needs `history`. `part` says what it is for: the `memory` that is searched for an answer, or the
        `persona` that is made of it. With the method's argument `swap` naming that part, the runner gives the
        past of another user, the same one all along. What can be read is counted (`history`).

        Raises:
            AccessError: the method didn't declare `history`.
            UsageError: the run doesn't ask that question, or the task has no history.
        """
        self._access.check("history")
        return self._past(question, part)

    def pasts(self, part: str = "persona") -> list[Past]:
        """Every past that the run's questions have, each once, in the order of the set; needs `history`. See
        `each_user`, which hands them over one by one.

        Raises:
            AccessError: the method didn't declare `history`.
        """
        self._access.check("history")
        return self._pasts(part)

    async def each_user(
        self, prepare: Callable[[Past], Awaitable[None]], part: str = "persona", purpose: str = "align"
    ) -> None:
        """Calls `prepare` with every past that the run's questions have, each alone, for as many users at
        once as the model takes; needs `history`. In `fit` this is how users are prepared before any is
        asked: what it costs is that of `fit`, whatever the order of the questions.

        Raises:
            AccessError: the method didn't declare `history`.
            Exception: whatever `prepare` raises.
        """
        pasts, done = self.pasts(part), 0

        async def one(past: Past) -> None:
            nonlocal done
            await prepare(past)
            done += 1
            self.progress(purpose, done, len(pasts))

        async for _ in each(one, pasts, lambda: self.concurrency):
            pass

    # -- models -----------------------------------------------------------------------------------

    def role(self, name: str) -> Model:
        """The model that plays a role, which the method declares in its needs or may_use.

        Raises:
            UsageError: no model was given for it.
            AccessError: it is a person, who is asked through the question's world alone.
        """
        return self._models.asked(name, self._method.name)

    def has_role(self, name: str) -> bool:
        """Whether a model was given for a role."""
        return name in self._models.roles

    @property
    def roles(self) -> dict[str, str]:
        """The models that play a role in this run, by role."""
        return {name: model.name for name, model in self._models.roles.items()}

    @property
    def person(self) -> str | None:
        """A digest of what the answers of the run's person depend on, for keys of what was learned beside it;
        None where nobody is asked."""
        return self._models.person

    @property
    def embedder_identity(self) -> list[str] | None:
        """The name and revision of the run's embedder, for keys of what was learned with it."""
        return [used.name, used.revision] if (used := self._models.embedder) else None

    @property
    def embedder(self) -> str | None:
        """The name of the run's embedder."""
        return self._models.embedder.name if self._models.embedder else None

    def embed(self, texts: Sequence[str]) -> Any:
        """Unit-length vectors, one row a text: a float32 array, or a sparse matrix of a lexical
        embedder. The first call fixes the vocabulary of a lexical embedder.

        Raises:
            DataError: there are more or fewer vectors than texts, or one isn't finite.
        """
        if self._models.embedder is None:
            raise UsageError(f"method {self._method.name!r} needs --embedder NAME")
        rows = self._models.embedder.embed(texts)
        check_vectors(rows, len(texts), self._models.embedder.name)
        return rows

    @property
    def concurrency(self) -> int:
        """How many questions are asked at once now; the server may take more or fewer later."""
        return self._models.concurrency()

    # -- progress and randomness ------------------------------------------------------------------

    def progress(self, what: str, done: int, total: int) -> None:
        """Shows how far a long step is."""
        if self._progress is not None:
            self._progress(what, done, total)

    @property
    def seed(self) -> int:
        """The run's seed. Whoever reads it draws for the whole run, and the record says so; what one question
        has to itself is drawn from `rng(question.id)`."""
        self.drawn.note()
        return self._seed

    def rng(self, *name: Any) -> random.Random:
        """A random generator that depends on the run's seed and the name alone. Where no part of the name is
        a question, or the id of one, all items share what it draws, and the record says so."""
        if not self.drawn.names_a_question(name):
            self.drawn.note()
        return random.Random(seed_of(self._seed, *name))

    def drew(self, *what: Any) -> None:
        """Tells, in `fit`, what was drawn for all items, in order: samples, questions, texts, numbers, bytes,
        arrays, and lists of them. Its digest stands in the record. Runs of two methods with one digest drew
        the same, whatever they do with it, and are compared in pairs; so tell the draws that others can
        share (demonstrations, rows of the pool, initial weights), not what became of them.

        Raises:
            UsageError: something else is told, or after `fit`.
        """
        self.drawn.tell(*what)

    def close(self) -> None:
        """Removes the run's own folder, closes what it reached outside."""
        self._services.close()
        self.files.close()


def _check_question(given: object, call: str) -> None:
    """Whether a method asks about a question: what else it gives is its own mistake, and not the task's."""
    if not isinstance(given, Question):
        raise TypeError(f"job.{call} takes a question, not {named(given)}")
