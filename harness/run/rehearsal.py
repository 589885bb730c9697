"""What a run would send: its method is played on a few items, with a stand-in for every model."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base import process
from harness.base.concurrent import run_sync
from harness.base.errors import BudgetSpent
from harness.base.messages import completion
from harness.job import Files, Job
from harness.model.ledger import Ledger
from harness.model.provider import Call, Provider
from harness.registry import load_method
from harness.run.code import Code
from harness.run.item_choice import chosen
from harness.run.jobs import make_job
from harness.run.plan import Cell
from harness.run.plugin_errors import step
from harness.run.preflight import check_templates
from harness.run.scoring import attempt_line, judged
from harness.run.session import Session
from harness.sample import Outcome, Sample, Splits
from harness.task import Task

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput

#: items that are played, spread evenly over the set, and the most calls that are made: 250 an item
ITEMS, MOST_CALLS = 8, 2000
#: what makes a method one that isn't played: it would train, label a pool, or wait for a person
NOT_PLAYED = {"pool", "trainable", "human", "interactions", "item_texts", "history"}
#: embedders that are made on the spot; others would load weights or ask a server
LEXICAL = ("lsa", "tfidf")


@dataclass(frozen=True)
class Sent:
    """One call: the model's name, what it was sent, and the longest completion that it may give, if said."""

    model: str
    messages: tuple[ChatMessage, ...]
    max_tokens: int | None


@dataclass
class Rehearsal:
    """The calls on behalf of `items` items: those of the method and those of the task's judge.

    `whole` is false where the method wasn't played; `sent` are then the task's prompts, one an item, without
    what the method adds.
    """

    items: int
    sent: list[Sent] = field(default_factory=list)
    judged: list[Sent] = field(default_factory=list)
    whole: bool = True


class StandIn(Provider):
    """Answers a test item with its gold answer, so that a judge is asked about one, and notes the calls."""

    cacheable = False
    connections = 1
    abilities = frozenset({"tools", "logprobs"})

    def __init__(self, name: str, gold: dict[str, str], seen: list[Sent]) -> None:
        self.name, self._gold, self._seen = name, gold, seen

    async def generate(self, call: Call) -> ModelOutput:
        from inspect_ai.model import Logprob, Logprobs

        self._seen.append(Sent(self.name, tuple(call.messages), call.decoding.get("max_tokens")))
        output = completion(self.name, self._gold.get(call.question.id, ""))
        if call.decoding.get("logprobs"):
            output.choices[0].logprobs = Logprobs(content=[Logprob(token="x", logprob=-1.0)])
        return output


def rehearse(
    cell: Cell, session: Session, task: Task, splits: Splits, items: int = ITEMS
) -> Rehearsal | None:
    """The calls that the cell would make on a few items; None where that isn't known: of a world, whose
    dialogue depends on every answer. Asks no model, and writes nothing.

    Raises:
        UsageError: a prompt of the user's own can't be filled.
    """
    if "world" in cell.task.offers:
        return None
    check_templates(cell, task, splits.test[0].question, session.notice)
    samples = spread(chosen(cell.request, splits.test), items)
    made = Rehearsal(len(samples))
    if not cell.method.model:
        return made
    gold = {sample.id: _gold(task, sample) for sample in samples}
    names = {cell.model, *cell.request.roles.values()}

    def job_for(seen: list[Sent], calls: int | None) -> Job:
        models = {name: StandIn(name, gold, seen) for name in names}
        limits: dict[str, Any] = {f"budget_{of}": None for of in ("tokens", "usd", "time")}
        return make_job(
            replace(cell, request=replace(cell.request, budget_calls=calls, **limits)),
            session,
            task=task,
            splits=splits,
            provider=models[cell.model],
            roles={role: models[name] for role, name in cell.request.roles.items()},
            ledger=Ledger(),
            embedder=_embedder(cell),
            n_questions=len(samples),
            code=Code("", False),
        )

    job, judging = job_for(made.sent, MOST_CALLS), job_for(made.judged, None)
    # what a stand-in taught must never be found as what the model itself did
    scratch = tempfile.TemporaryDirectory(prefix="harness-rehearsal-")
    job.files = Files(cell.method.name, "rehearsal", Path(scratch.name))
    try:
        outcomes = run_sync(_play(cell, job, samples, made))
        if judged(task, cell.request.roles):
            said = [outcomes.get(sample.id) or Outcome(sample.id, text=gold[sample.id]) for sample in samples]
            run_sync(_judge(task, judging, samples, said, made))
        if not made.whole:
            config = {**cell.task.decoding, **cell.request.decoding}
            longest = config.get("max_tokens")
            made.sent = [Sent(cell.model, _asked(job, sample, config), longest) for sample in samples]
    finally:
        job.close()
        judging.close()
        scratch.cleanup()
    return made


async def _play(cell: Cell, job: Job, samples: list[Sample], made: Rehearsal) -> dict[str, Outcome]:
    """The outcomes, by sample, as far as they came."""
    outcomes: dict[str, Outcome] = {}
    if cell.request.isolate or NOT_PLAYED & {*cell.method.needs} or "trainable" in cell.method.may_use:
        made.whole = False
        return outcomes
    try:
        method = load_method(cell.method, cell.method_args)
        with process.kept(), step(cell.method, "answer"):
            await method.fit(job)
            async for outcome in method.answer_all((sample.question for sample in samples), job):
                outcomes[outcome.question_id] = outcome
    except BudgetSpent:  # it asks much: what it asked so far stands for the rest
        pass
    except Exception:  # its own run says why; here the task's prompts are all that is known
        made.whole = False
    return outcomes


async def _judge(
    task: Task, job: Job, samples: list[Sample], outcomes: list[Outcome], made: Rehearsal
) -> None:
    try:
        for sample, outcome in zip(samples, outcomes, strict=True):
            with step(task.spec, "judge"):
                line = attempt_line(task, sample, outcome, 0)
                await task.judge(sample, replace(outcome, answer=line["answer"]), job.role("judge"))
    except Exception:
        made.whole = False


def _gold(task: Task, sample: Sample) -> str:
    """A right answer as a completion; nothing where none can be written."""
    try:
        with step(task.spec, "gold"):
            found = task.gold(sample)
    except Exception:
        return ""
    return found if isinstance(found, str) else ""


def _asked(job: Job, sample: Sample, config: dict[str, Any]) -> tuple[ChatMessage, ...]:
    from harness.base import messages

    system = config.get("system_message")
    asked = job.ask(sample.question)
    return tuple(messages.told(system, asked) if system else asked)


def spread(samples: Any, items: int) -> list[Sample]:
    """So many samples, evenly over the set."""
    n = min(items, len(samples))
    return [samples[i * len(samples) // n] for i in range(n)]


def _embedder(cell: Cell) -> Any:
    if "embedder" not in cell.method.needs + cell.method.may_use or cell.request.embedder not in LEXICAL:
        return None
    from harness.model.embed import open_embedder

    return open_embedder(cell.request.embedder, True)
