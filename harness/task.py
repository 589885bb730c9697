"""The task contract: what is measured."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.answers import Reading, as_written
from harness.base import messages
from harness.base.errors import GraderFailed, PluginError
from harness.base.plain import Unfit, Unheld, named, plain
from harness.base.slip import slip
from harness.base.template import filled
from harness.model.request_fields import NONE, Fields
from harness.plugins.base import Plugin
from harness.sample import Classes, Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolInfo

    from harness.checklist import Checklist, Trajectory, Verdicts
    from harness.data.hub import Data
    from harness.external.services import Services
    from harness.human import Brief
    from harness.model.gateway import Model
    from harness.stats import Estimate
    from harness.world import World


def answer_in(task: Task, text: str, question: Question) -> Any | None:
    """What a task's `parse` reads in a completion, in JSON's own types, as everything after works on it. None
    also where a model wrote a number or a nesting that no record can hold.

    Raises:
        PluginError: the task made something of it that is no JSON.
    """
    found = task.parse(text, question)
    if found is None or (type(found) is str and found.isascii()):
        return found
    try:
        return plain(found, mend=True)
    except Unheld:
        return None
    except Unfit as error:
        raise _gave(task, question, f"an answer that can't be kept: {error}") from None


def turn_of(task: Task, question: Question) -> str:
    """The text of the user's turn that asks a question, as the task's `turn` words it.

    Raises:
        PluginError: the task gave no text.
    """
    return _text_of(task, question, "turn", task.turn(question))


def prompt_of(task: Task, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
    """The prompt of a question, as the task's `ask` words it.

    Raises:
        PluginError: the task gave no list of messages.
    """
    found: Any = task.ask(question, shots)
    if not isinstance(found, list | tuple):
        raise _gave(task, question, f"{named(found)} as ask, not a list of messages")
    for each in found:
        if not isinstance(getattr(each, "role", None), str) or getattr(each, "content", None) is None:
            raise _gave(task, question, f"{named(each)} in ask, not a message")
    return list(found)


def _text_of(task: Task, question: Question, made_by: str, found: Any) -> str:
    if not isinstance(found, str):
        raise _gave(task, question, f"{named(found)} as {made_by}, not text")
    return found


def _gave(task: Task, question: Question, what: str) -> PluginError:
    whose = f" (distribution {task.spec.distribution})" if task.spec.distribution else ""
    return PluginError(f"task {task.spec.name!r}{whose} gave for question {named(question.id)} {what}")


class Task(Plugin[TaskSpec]):
    """One task. Subclasses say where the samples come from, how to ask and how to score.

    An instance holds its arguments and nothing of the data, so that it can be pickled and given to
    a worker. `score` runs on the runner's side and is the only method that sees a target.
    """

    spec_type = TaskSpec

    #: one sentence that says what to do, for methods that write their own prompt
    instruction: str = "Answer the question."

    def load(self, data: Data) -> Splits:
        """The splits, in a fixed order.

        Raises:
            DataError: the data can't be reached or has another shape than declared.
        """
        raise NotImplementedError

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        """The neutral prompt, after demonstrations given as earlier turns of the conversation."""
        turns = []
        for shot in shots:
            turns.append(messages.user(turn_of(self, shot.question)))
            turns.append(messages.assistant(shot.demonstration))
        return [*turns, messages.user(turn_of(self, question))]

    def turn(self, question: Question) -> str:
        """The text of the user's turn that asks `question`: the user's own template where one was given (a
        parameter with `template = true`), else what `render` makes."""
        own = self.spec.template(self.args)
        if own:
            return filled(own, self.turn_fields(question))
        return _text_of(self, question, "render", self.render(question))

    def turn_fields(self, question: Question) -> dict[str, str]:
        """What the fields of a template stand for; `labels` is the closed set of answers, one a line. A
        field that the task has no value for is left out."""
        found = {"input": question.input, "question": question.input}
        return found | ({"labels": "\n".join(question.choices)} if question.choices else {})

    def render(self, question: Question) -> str:
        """The task's own text of the user's turn that asks `question`."""
        return question.input

    def parse(self, text: str, question: Question) -> Any | None:
        """The answer in a completion, as `score` gets it.

        None means that the completion holds no answer: it counts as wrong and is counted apart. Must not
        raise, whatever the text.
        """
        return self.read(text, question).answer

    def read(self, text: str, question: Question) -> Reading:
        """The answer in a completion with, where there is none, the reason: it is kept with the attempt and
        counted. A task defines this (`harness.answers` has a reader for each kind of answer), or `parse`
        alone. Must not raise, whatever the text.
        """
        reply, cut = as_written(text)
        if reply.strip():
            return Reading(reply.strip())
        return Reading(None, "cut off" if cut else "no statement")

    def canonical(self, answer: Any, question: Question) -> str:
        """The form in which answers are counted, as in a vote: answers that a reader takes for the same are
        equal texts. Methods reach it through `job.canonical`; `score` gets the answer itself."""
        return str(answer)

    def gold(self, sample: Sample) -> Any | None:
        """An answer that gets full marks, by which the scorer is checked before a run: a completion that
        `parse` reads, an answer that is no text as `score` gets it, or an Outcome. None where none can be
        written; by default the demonstration, and None for worlds."""
        if "world" in self.spec.offers or sample.target is None:
            return None
        return sample.demonstration

    def wrong(self, sample: Sample, rng: random.Random) -> Any | None:
        """An answer to a sample that is wrong, in the task's form, for experiments with agents that mislead
        others. By default another of its choices, each as likely; for a number a slip (a little more or less,
        double, half, ten more); None where the task can't name one."""
        question, gold = sample.question, sample.target
        if isinstance(gold, list | tuple | dict):
            return None
        if question.choices:
            own = self.canonical(gold, question)
            others = [each for each in question.choices if self.canonical(each, question) != own]
            return rng.choice(others) if others else None
        return slip(gold, rng) if self.spec.answer in ("integer", "number") else None

    def correct(self, answer: Any, sample: Sample) -> bool:
        """Whether an answer is right: by default whether it is the target, as JSON has both."""
        target = sample.target
        if isinstance(target, list | tuple | dict):
            return bool(plain(answer) == plain(target))
        return bool(answer == target)

    def request_fields(self, question: Question, seed: int, role: str = "") -> Fields:
        """What the benchmark's own runner says in its requests beside messages, tools and decoding.

        Args:
            question: on whose behalf a model is asked; its epoch is the number of the trial.
            seed: the run's.
            role: of the model that is asked, such as `user`; empty for the one that is measured.
        """
        return NONE

    def for_run(self, services: Services) -> Task:
        """The task as one run uses it: a copy, where the worlds of a run share something, or reach outside
        through `services`.

        Raises:
            UsageError: what the worlds need outside is not there.
        """
        return self

    #: roles that the task itself fills with these arguments, such as a simulated user; a run without a model
    #: for one of them is refused
    roles: tuple[str, ...] = ()
    #: roles that it asks where a model is given for them; `judge`, where it `judges`, goes without saying
    optional_roles: tuple[str, ...] = ()
    #: who plays a role of the task for which no model is given: the model of that role, if there is one. A
    #: user is simulated, so `--role simulator` is enough where a task calls that role `user`
    stand_ins: Mapping[str, str] = {"user": "simulator"}
    #: the prompt that this task gives a role, by role, where the task words it: a part of what is measured
    role_prompts: Mapping[str, str] = {}

    @property
    def embeds(self) -> bool:
        """Whether the worlds, with these arguments, use the run's embedder, which `for_run` is given."""
        return False

    def evidence(self, sample: Sample) -> Sequence[str]:
        """The ids of the documents of the corpus that an answer to a sample rests on; empty where nobody
        knows them."""
        return ()

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        """The world that an item is, for tasks that offer `world`. It stands on the runner's side, so it
        may use the target; a method gets it through `job.world(question)` and sees what an agent sees.
        `role` gives the model of a role; calls on it carry `sample.question`.
        """
        raise NotImplementedError

    def brief(self, sample: Sample) -> Brief | None:
        """What the person knows who works with the agent on a sample, in runs with `--role human=`; None
        where there is nobody. Tasks that define it have the arguments `human_budget` and `human_time`, and
        name the tools whose calls can't be undone in the question's metadata, as `irreversible`."""
        return None

    @property
    def teams(self) -> bool:
        """Whether a person may work with the agent; by default where `brief` is defined."""
        return type(self).brief is not Task.brief

    def shown(self, sample: Sample, name: str, arguments: Mapping[str, Any]) -> str:
        """What a person is shown of a call that it is to approve, beside the call: `name: value`, a line
        each. Only what the agent may know too."""
        return ""

    def trajectory(self, messages: Sequence[Mapping[str, Any]], stop: str = "stop") -> Trajectory:
        """An episode's messages, as an outcome's trace has them, as turns and steps; a task whose agents talk
        in a notation gives the calls that were meant."""
        from harness.checklist import Trajectory

        return Trajectory.of(messages, stop)

    def dialogue(
        self, sample: Sample, draw: int = 0
    ) -> tuple[Sequence[ChatMessage], Sequence[ToolInfo]] | None:
        """A dialogue through a sample's world for methods that imitate: what an expert of the task did, or
        the reference that it was made from, with the tools that were offered. `draw` numbers dialogues of
        one sample, where an expert has several. None where there is none."""
        return None

    def checklist(self, sample: Sample) -> Checklist | None:
        """What a sample's turns are judged by, made from its wanted actions or its reference dialogue, for
        methods that learn from samples they hold; at test time it is a ceiling. None where there is none."""
        return None

    def request_checklist(self, trajectories: Sequence[Trajectory]) -> Checklist | None:
        """The same by rule from what the agent may see alone (rules, tools, requests), for attempts at one
        question; None where the task has no such rule, so that a model must write it."""
        return None

    def verdicts(self, checklist: Checklist, trajectory: Trajectory) -> Verdicts | None:
        """Which items a trajectory meets after each of its steps, by the items' own rules; None where the
        task can't tell without a model."""
        return None

    @property
    def judges(self) -> bool:
        """Whether outcomes are put to `judge` with these arguments; by default where that is defined."""
        return type(self).judge is not Task.judge

    def needs_judge(self, sample: Sample) -> bool:
        """Whether an attempt at a sample can't be scored without a judge."""
        return False

    async def judge(self, sample: Sample, outcome: Outcome, judge: Model) -> Any | None:
        """The answer with what a judge says of it, for `score` to read; None where none is needed.

        Called once an outcome is there, before it is scored, in runs with `--role judge=MODEL`. What the
        judge said becomes part of the recorded answer, so that it can be scored again without one.

        Raises:
            ModelCallError: the judge failed; the attempt is unscored.
        """
        return None

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        """The metrics of one outcome; `outcome.answer` is parsed already.

        An exception here means that the grader failed: the attempt is `unscored`, never wrong. GraderFailed,
        OSError, ImportError and MemoryError say that it broke down, whatever the answer: at many attempts
        that ends the cell, and nothing is sealed.
        """
        right = outcome.answer is not None and self.correct(outcome.answer, sample)
        return Score({"accuracy": 1.0 if right else 0.0})

    def score_all(
        self, samples: Sequence[Sample], outcomes: Iterable[Outcome]
    ) -> Iterable[Score | GraderFailed] | None:
        """Scores of a whole set at once, for metrics that need it; None means `score` each. In the place of
        a score GraderFailed says that the grader broke down there."""
        return None

    @property
    def classes(self) -> Classes | None:
        """That targets and answers are classes, None where they are not. By default those of tasks whose
        answer is a `label` are, one each. Then macro-F1 and its kin are measured of the set, with an
        interval by resampling items, and a run has scores by class and a confusion matrix."""
        return Classes() if self.spec.answer == "label" else None

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> Mapping[str, float | Estimate]:
        """Values of the spec's `set_metrics`, which no item has of its own (coverage, Gini). Called
        once with every outcome that was scored. A number has no interval; an `Estimate` has one, such as that
        of `harness.stats.bootstrap_estimate`, by resampling items."""
        return {}
