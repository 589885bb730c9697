"""Inspect tasks as ours: their data, prompts and scorer, with our method as the model that is called.

Where a task's solver makes one call, its items are questions and every method can answer them; where it acts,
they are worlds (`kind.py` finds out which).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.answers import Reading
from harness.base import messages as make
from harness.base.concurrent import run_sync
from harness.base.digest import seed_of
from harness.base.errors import BudgetSpent, DataError, ModelCallError, UsageError
from harness.data.hub import Data
from harness.sample import LazySamples, Outcome, Question, Sample, Score, Splits
from harness.task import Task
from harness.tasks.inspect.opening import open_task
from harness.world import World

if TYPE_CHECKING:
    import inspect_ai
    from inspect_ai.dataset import Sample as InspectSample
    from inspect_ai.model import ChatMessage
    from inspect_ai.scorer import Score as Graded

    from harness.model.gateway import Model
    from harness.spec import TaskSpec

#: readings that are remembered, as a method, the journal and the scorer read one reply each
REMEMBERED = 4096


class InspectTask(Task):
    """`inspect/gsm8k` is a task of inspect_evals, `inspect/package/task` one of another package."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self._mirror: Path | None = None
        self._forget()
        self._take_spec(spec)

    def _take_spec(self, spec: TaskSpec) -> None:
        """Takes the spec that says what the task is."""
        self.spec, own = spec, spec.settings
        self.roles = ("judge",) if own.get("judge") else ()
        # `harness.tasks.inspect.world.ROLES`; a scorer of questions asks nobody, or the judge
        self.optional_roles = () if own.get("questions") else ("user", "judge")
        if own.get("choices"):
            self.instruction = "Answer with the letter of the right option."

    def _forget(self) -> None:
        self._made: inspect_ai.Task | None = None
        self._rows: dict[str, InspectSample] = {}
        self._heard: dict[tuple[str, str], str | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        # solvers and scorers are closures: made again where needed
        return {**self.__dict__, "_made": None, "_rows": {}, "_heard": {}}

    @property
    def made(self) -> inspect_ai.Task:
        """The inspect task.

        Raises:
            UsageError: no such package or task, or arguments that it doesn't take.
        """
        if self._made is None:
            self._made = open_task(str(self.spec.settings["name"]), self.args["args"], self._mirror)
        return self._made

    def load(self, data: Data) -> Splits:
        from harness.tasks.inspect import kind

        if not self.spec.settled:
            self._take_spec(kind.settled(self.spec, self.args, data))
        self._forget()
        self._mirror = data.mirror
        made, name, key = self.made, self.spec.name, self.args["group"]
        kind.check(name, made)
        data.read.append(
            {
                "id": name,
                "config": self.args["args"],
                "split": "test",
                "revision": str((made.metadata or {}).get("full_task_version") or made.version),
                "pinned": True,
            }
        )
        groups = {id: _group(name, row.metadata or {}, key) for id, row in self._by_id().items()}
        if key and all(group is None for group in groups.values()):
            raise UsageError(f"{name}: no sample's metadata has the key {key!r} of -T group")
        ids = sorted(groups, key=_in_order)  # some shuffle theirs, without a seed
        if not self.spec.settings.get("questions"):
            return Splits([self._world_sample(id, groups[id]) for id in ids])
        known: dict[str, Sample] = {}

        def sample(number: int, id: str) -> Sample:
            if id not in known:
                known[id] = self._question_sample(id, groups[id])
            return known[id]

        held = self._held_out(ids)
        train = [sample(0, id) for id in held]
        train = [
            Sample(each.question, each.target, each.group, self._shown(each.question, each.target))
            for each in train
        ]
        test = LazySamples([id for id in ids if id not in set(held)], sample)
        return Splits(test, train, [each.question for each in train])

    def _by_id(self) -> Mapping[str, InspectSample]:
        """The samples by the ids of their questions.

        Raises:
            DataError: two have one id.
        """
        if not self._rows:
            for number, row in enumerate(self.made.dataset, 1):
                id = str(number if row.id is None else row.id)
                if id in self._rows:
                    raise DataError(f"{self.spec.name}: two samples have the id {id!r}")
                self._rows[id] = row
        return self._rows

    def _world_sample(self, id: str, group: str | None) -> Sample:
        row = self._by_id()[id]
        try:
            plain = row.model_dump(mode="json", exclude_none=True)
        except ValueError as error:
            raise DataError(f"{self.spec.name}: sample {id} has no JSON form: {error}") from error
        return Sample(Question(id, _words(row.input)), plain, group)

    def _question_sample(self, id: str, group: str | None) -> Sample:
        from inspect_ai._util.answer import answer_character

        from harness.tasks.inspect.replies import Acts, asked

        row, most = self._by_id()[id], self.spec.settings["choices"]
        try:
            sent = run_sync(asked(self.made, row, id))
        except Acts as error:
            raise UsageError(f"{self.spec.name}: of sample {id}, {error}; give -T kind=world") from None
        options = [f"{answer_character(n)}) {text}" for n, text in enumerate(row.choices or ())]
        letters = tuple(answer_character(n) for n in range(most))
        text = "\n".join([_words(row.input), *options])
        question = Question(id, text, 0, letters, {"messages": sent, "options": len(options)})
        return Sample(question, row.target, group)

    def _held_out(self, ids: Sequence[str]) -> list[str]:
        """The ids that are set apart from the test: those that the content of their samples puts first."""
        n = self.args["hold_out"]
        if not 0 <= n < len(ids):
            raise UsageError(f"{self.spec.name}: hold_out={n} is not from 0 to {len(ids) - 1} of its samples")
        ranked = sorted(ids, key=lambda id: seed_of("inspect", "hold out", _words(self._by_id()[id].input)))
        held = set(ranked[:n])
        return [id for id in ids if id in held]

    # -- worlds -----------------------------------------------------------------------------------

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        from harness.tasks.inspect.world import Solving

        return Solving(self.made, sample, role, self.args["value"])

    # -- questions --------------------------------------------------------------------------------

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        """What the solver sends, with demonstrations after its system messages."""
        if "messages" not in question.metadata:
            return super().ask(question, shots)
        from harness.tasks.inspect.replies import as_messages

        own = as_messages(question.metadata["messages"])
        head = next((n for n, message in enumerate(own) if message.role != "system"), len(own))
        turns = []
        for shot in shots:
            turns += [make.user(self.turn(shot.question)), make.assistant(shot.demonstration)]
        return [*own[:head], *turns, *own[head:]]

    def render(self, question: Question) -> str:
        from harness.tasks.inspect.replies import as_messages

        sent = question.metadata.get("messages")
        return as_messages(sent[-1:])[0].text if sent else question.input

    def read(self, text: str, question: Question) -> Reading:
        """What the scorer tells that it read, where it reads that alone in the same way; else the reply."""
        whole = text.strip()
        if not self.spec.settings.get("questions"):
            return Reading(None, "no statement")
        if not self._tells:
            return Reading(whole) if whole else Reading(None, "empty")
        heard = self._hear(text, question)
        if heard is None:
            return Reading(None, "no statement")
        if heard.casefold() == whole.casefold() or self._stating(heard, question) is None:
            return Reading(whole)
        return Reading(heard)

    def canonical(self, answer: Any, question: Question) -> str:
        """What the scorer reads in the answer; case is no difference where it is none to the scorer."""
        said = str(answer)
        if self._tells:
            said = self._hear(self._stating(said, question) or said, question) or said
        return said.casefold() if self.spec.settings.get("folds") else said

    @property
    def _tells(self) -> bool:
        """Whether the scorer tells what it reads in a reply, and asks nobody for it."""
        own = self.spec.settings
        return bool(own.get("questions") and own["tells"] and not own["judge"])

    def wrong(self, sample: Sample, rng: random.Random) -> Any | None:
        """Another of the options that the question has."""
        others = [letter for letter in _letters(sample.question) if letter != sample.target]
        return rng.choice(others) if others else super().wrong(sample, rng)

    def gold(self, sample: Sample) -> Any | None:
        return self._shown(sample.question, sample.target) if self.spec.settings.get("questions") else None

    def correct(self, answer: Any, sample: Sample) -> bool:
        found = self._score(sample.question, self._stating(str(answer), sample.question) or str(answer))
        return found.metrics.get("accuracy") == 1

    def needs_judge(self, sample: Sample) -> bool:
        return self.judges

    @property
    def judges(self) -> bool:
        return bool(self.spec.settings.get("judge"))

    async def judge(self, sample: Sample, outcome: Outcome, judge: Model) -> Any | None:
        """The reply with what the scorer says of it, which asks `judge`; None where it was judged before."""
        if isinstance(outcome.answer, dict):
            return None
        failure: list[Exception] = []

        async def ask(given: Any, tools: Any, config: Any) -> Any:
            try:
                output = await judge.generate(sample.question, given, purpose="judge", tools=tools)
            except (UsageError, BudgetSpent, ModelCallError) as error:
                failure.append(error)  # some scorers swallow whatever is raised in them
                raise
            return output.message

        from harness.tasks.inspect.replies import graded

        said = self._words_of(outcome, sample.question)
        try:
            found = await graded(self.made, self._by_id()[sample.id], sample.question, said, ask)
        except Exception:
            if not failure:
                raise
        if failure:
            raise failure[0]
        score = self._scored(found)
        return {"said": said, "value": score.metrics.get("accuracy"), "explanation": score.reason or ""}

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        """What the inspect scorer says: of a world when it was solved, of a question's reply now."""
        answer, own = outcome.answer, self.spec.settings
        if isinstance(answer, dict) and "value" in answer:
            if answer["value"] is None:
                return Score({}, "unscored", answer["explanation"] or "its scorer could not tell")
            return Score({"accuracy": answer["value"]}, reason=answer["explanation"] or None)
        if not own.get("questions"):
            raise ValueError(
                "an inspect task whose solver acts is scored while it is solved, not from recorded answers, "
                "and its scorer said nothing here"
            )
        if own["judge"]:
            return Score({}, "unscored", "its scorer asks a model: --role judge=MODEL")
        found = self._score(sample.question, self._words_of(outcome, sample.question))
        if answer is None and found.status == "ok":  # why there is none is what should be counted
            return Score(found.metrics)
        return found

    def _score(self, question: Question, text: str) -> Score:
        from harness.tasks.inspect.replies import Acts

        try:
            return self._scored(self._graded(text, question))
        except Acts as error:
            return Score({}, "unscored", f"{error}; give -T kind=world")

    def _scored(self, found: Graded | None) -> Score:
        from harness.tasks.inspect.running import value_of

        value = None if found is None else value_of(found, self.args["value"])
        reason = (found.explanation or "")[:500] if found is not None else ""
        if value is None:
            return Score({}, "unscored", reason or "its scorer could not tell")
        return Score({"accuracy": value}, reason=reason or None)

    def _graded(self, text: str, question: Question, target: str | None = None) -> Graded | None:
        from harness.tasks.inspect.replies import graded

        return run_sync(graded(self.made, self._by_id()[question.id], question, text, target=target))

    def _words_of(self, outcome: Outcome, question: Question) -> str:
        """The words that are graded: the completion, or where a method gave another answer, those that state
        it."""
        answer = outcome.answer
        if answer is None or self.read(outcome.text, question).answer == answer:
            return outcome.text
        return self._stating(str(answer), question) or str(answer)

    def _hear(self, text: str, question: Question) -> str | None:
        """What the scorer tells that it read in a text, without knowing what is right; None for nothing."""
        key = (question.id, text)
        if key not in self._heard:
            if len(self._heard) >= REMEMBERED:
                self._heard.clear()
            try:
                found = self._graded(text, question, self.spec.settings["placeholder"])
            except Exception:  # of scorers that can't do without the right target; a reading must not raise
                self._heard[key] = text.strip() or None
            else:
                said = found.answer if found is not None else None
                self._heard[key] = said.strip() or None if said else None
        return self._heard[key]

    def _stating(self, answer: str, question: Question) -> str | None:
        """Words in which the scorer reads just this answer; None where none are known. Letters of shuffled
        options are others in the prompt than in the target."""
        for words in (answer, f"ANSWER: {answer}", *(f"ANSWER: {each}" for each in _letters(question))):
            if self._hear(words, question) == answer:
                return words
        return None

    def _shown(self, question: Question, target: str | Sequence[str]) -> str:
        """A right answer as a reply: the target in the form that the prompt asks for."""
        from harness.tasks.inspect.running import first_of

        text = first_of(target)
        if self.spec.settings["judge"]:
            return text
        whole = text if isinstance(target, str) else ", ".join(target)  # of several, all may be wanted
        forms = [text, f"ANSWER: {text}", f"ANSWER: {whole}"]
        if "ANSWER:" in self.render(question):
            forms = [*forms[1:], text]
        for words in (*forms, *(f"ANSWER: {letter}" for letter in _letters(question))):
            try:
                if self._score(question, words).metrics.get("accuracy") == 1:
                    return words
            except Exception:  # which its own attempts will say
                break
        return text


def _letters(question: Question) -> tuple[str, ...]:
    """The letters of the options that a question has, where answers are letters."""
    return question.choices[: question.metadata.get("options", 0)]


def _group(name: str, metadata: Mapping[str, Any], key: str) -> str | None:
    """What a sample shares with others by a key of its metadata; None where none is asked for or there."""
    value = metadata.get(key) if key else None
    return None if value is None else f"{name} {key}={value}"


def _in_order(key: str) -> list[Any]:
    """Text and numbers of an id in turn, so that 10 comes after 9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", key)]


def _words(given: Any) -> str:
    return given if isinstance(given, str) else "\n\n".join(message.text for message in given)
