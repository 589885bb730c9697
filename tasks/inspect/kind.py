"""What an inspect task is with its arguments: questions of one text each, or worlds in which its solver acts.

Its solver runs on a few samples with a model that gives replies of several kinds. Where it makes one call
each time, offers no tools, asks nobody else and asks the same whatever was replied, the task's items are
questions, and the reply is all that is graded. Solvers of inspect-ai do no more than that after a call. Code
of others might, after some other reply; so every reply is put to the solver again when it is graded, and one
after which it acts is unscored, never wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from inspect_ai._util.registry import is_registry_object, registry_info, registry_params

from harness.base.concurrent import run_sync
from harness.base.errors import UsageError
from harness.model.generation import SET_ELSEWHERE
from harness.tasks.inspect.opening import open_task
from harness.tasks.inspect.replies import Acts, Reply
from harness.tasks.inspect.running import NoScore, first_of, steps, value_of

if TYPE_CHECKING:
    import inspect_ai
    from inspect_ai.dataset import Sample as InspectSample

    from harness.data.hub import Data
    from harness.spec import TaskSpec

#: samples that are tried
TRIED = 4
#: replies that they get, beside the sample's own target
REPLIES = ("ANSWER: A", "I don't know.")
#: scorers of inspect-ai that take letters of either case for the same unless told otherwise
FOLDING = ("match", "includes", "pattern", "answer")
OWN = "inspect_ai/"
#: targets that no reply has, so that a scorer says what it reads without knowing what is right
NO_LETTER, NO_NUMBER, NO_TEXT = "A", "-987654321", "-"


def settled(spec: TaskSpec, args: Mapping[str, Any], data: Data) -> TaskSpec:
    """The spec with what the task is with these arguments: what it offers, its kind of answer, its settings
    of generation, and `settled`, which says why.

    `settings` has, for questions: `placeholder`, a target that is none; `tells`, whether the scorer tells
    what it read; `judge`, whether it asks a model; `folds`, whether case is no difference; `choices`, how
    many letters the answers are, 0 where they are none.

    Raises:
        HarnessError: the task can't be opened, or not by us; or it is not what `kind` wants it to be.
    """
    name = str(spec.settings["name"])
    made = open_task(name, args["args"], data.mirror, keep=True)
    check(spec.name, made)
    if args["kind"] == "world":
        return _world(spec, args, "kind=world was given")
    try:
        found = run_sync(_tried(made, args["value"]))
    except NoScore as error:
        raise UsageError(f"{spec.name}: {error}") from None
    except Acts as error:
        if args["kind"] == "questions":
            raise UsageError(f"{spec.name} can't be asked as questions: {error}; leave out kind=") from None
        return _world(spec, args, str(error))
    return _questions(spec, args, made, found)


def check(name: str, made: inspect_ai.Task) -> None:
    """Whether a task can run here.

    Raises:
        UsageError: it can't.
    """
    if made.sandbox or any(sample.sandbox for sample in made.dataset):
        raise UsageError(
            f"{name} runs in a sandbox, which its own runner must start: inspect eval "
            f"{name.removeprefix('inspect/')}"
        )
    if not made.scorer:
        raise UsageError(f"{name}: the inspect task has no scorer")


def _world(spec: TaskSpec, args: Mapping[str, Any], why: str) -> TaskSpec:
    if args["hold_out"]:
        raise UsageError(f"{spec.name}: hold_out= is for tasks that ask in one text; here {why}")
    return replace(spec, settled=f"its items are worlds: {why}")


@dataclass
class _Found:
    """What was seen of a task."""

    decoding: dict[str, Any] = field(default_factory=dict)
    tells: bool = False
    judge: bool = False


async def _tried(made: inspect_ai.Task, value: str) -> _Found:
    """What the task does with replies.

    Args:
        value: which one counts, of a scorer that gives several.

    Raises:
        Acts: its solver does more than to ask once.
        NoScore: what its scorer gives is no score here.
    """
    found, n = _Found(), min(TRIED, len(made.dataset))
    for k in range(n):
        sample = made.dataset[k * len(made.dataset) // n]
        first: Any = None
        target = first_of(sample.target)
        for text in (*REPLIES, target, f"ANSWER: {target}"):
            reply = await _reply(made, sample, text, found, value)
            sent = reply.sent or []
            if first is not None and sent != first:
                raise Acts("its solver doesn't ask the same each time")
            first = sent
            if sent[-1][0] != "user":
                raise Acts(f"its prompt ends with words of the {sent[-1][0]}")
            if any(role not in ("system", "user", "assistant") for role, _ in sent):
                raise Acts("its prompt shows results of tools")
            assert reply.config is not None
            # a system message among the settings stands before the messages already
            without = {*SET_ELSEWHERE, "system_message"}
            found.decoding = reply.config.model_dump(mode="json", exclude_none=True, exclude=without)
    return found


async def _reply(made: inspect_ai.Task, sample: InspectSample, text: str, found: _Found, value: str) -> Reply:
    """One reply through solver and scorer."""
    reply = Reply(text)
    try:
        going = await reply.solved(made, sample, "tried")
    except Acts:
        raise
    except Exception as error:
        raise Acts(f"its solver fails on a reply ({type(error).__name__})") from None
    try:
        score = await reply.scored(going)
    except Acts:
        if reply.wanted != "grader":
            raise
        found.judge = True
    except Exception:  # of a reply that it can't read
        pass
    else:
        if score is not None:
            value_of(score, value)
        found.tells = found.tells or bool(score is not None and score.answer and score.answer.strip())
    return reply


def _questions(spec: TaskSpec, args: Mapping[str, Any], made: inspect_ai.Task, found: _Found) -> TaskSpec:
    scorer = made.scorer[0] if made.scorer else None
    name, targets = name_of(scorer), [sample.target for sample in made.dataset]
    letters = _letters(made) if name == f"{OWN}choice" else 0
    numeric = name == f"{OWN}match" and bool(registry_params(scorer).get("numeric"))
    numbers = numeric and all(map(_is_number, targets))
    folds = name.removeprefix(OWN) in FOLDING and registry_params(scorer).get("ignore_case", True)
    others = sorted({name_of(each) for each in steps(made) if not name_of(each).startswith(OWN)})
    doubt = (
        f"; {', '.join(others)} might do more after other replies, which would be unscored" if others else ""
    )
    return replace(
        spec,
        answer="label" if letters else "number" if numbers else "text",
        offers=(
            *(("countable",) if found.tells and not found.judge else ()),
            *(("labelled", "pool") if args["hold_out"] else ()),
        ),
        decoding=found.decoding,
        settings={
            **spec.settings,
            "questions": True,
            "placeholder": NO_LETTER if made.dataset[0].choices else NO_NUMBER if numbers else NO_TEXT,
            "tells": found.tells,
            "judge": found.judge,
            "folds": bool(folds),
            "choices": letters,
        },
        settled="its items are questions: its solver makes one call, offers no tools and asks the same "
        f"whatever is replied{doubt}",
    )


def _letters(made: inspect_ai.Task) -> int:
    """How many letters answers are, at most; 0 where a sample has several right ones."""
    several = any(
        name_of(each) == f"{OWN}multiple_choice" and registry_params(each).get("multiple_correct")
        for each in steps(made)
    )
    one = all(len(first_of(sample.target)) == 1 == _count(sample.target) for sample in made.dataset)
    return 0 if several or not one else max(len(sample.choices or ()) for sample in made.dataset)


def _count(target: str | Sequence[str]) -> int:
    return 1 if isinstance(target, str) else len(target)


def _is_number(target: str | Sequence[str]) -> bool:
    try:
        float(first_of(target).replace(",", ""))
    except ValueError:
        return False
    return _count(target) == 1


def name_of(part: Any) -> str:
    """The name of a solver or scorer, with its package's."""
    return registry_info(part).name if is_registry_object(part) else type(part).__name__
