"""How messages, questions and errors look on the pipe between the runner and a worker of `--isolate`.

What a worker says is JSON and nothing else: the runner makes objects of it by name, after a look at every
part. What the runner says may be pickled, as a worker trusts it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from harness.base import errors, messages
from harness.base.errors import HarnessError, PluginError, UsageError
from harness.base.files import plain_fault
from harness.base.surrogates import sendable
from harness.base.surrogates import whole as whole_text
from harness.sample import Outcome, Question, Sample

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from pydantic import TypeAdapter

T = TypeVar("T")
#: errors that a worker gets as what they are; others are a RuntimeError that names no more than their type
CROSSING: dict[str, type[Exception]] = {
    each.__name__: each
    for each in (
        *(errors.ModelCallError, errors.NotKept, errors.Declined, errors.BudgetSpent, errors.ModelStopped),
        *(
            errors.ServerSilent,
            errors.CacheFailed,
            errors.UsageError,
            errors.DataError,
            errors.AccessError,
            errors.PluginError,
        ),
        *(errors.UserFailed, errors.JudgeFailed, errors.WorldFailed, errors.WorldBroken),
    )
}
#: parts of a message that hold what they say themselves; others may name a file, which the runner would read
_PARTS = ("text", "reasoning")
_OUTCOME = {each.name for each in fields(Outcome)}
#: fields of an outcome that may hold what a model or a server said
_SAID = {"text", "stop_reason", "error", "unscored", "trace"}


def said_plainly(message: ChatMessage) -> Any:
    """A message as it travels: role and text where it is no more than that."""
    simple = message.role in ("user", "system") or (message.role == "assistant" and not message.tool_calls)
    simple &= getattr(message, "tool_call_id", None) is None and message.metadata is None
    if simple and isinstance(message.content, str):
        return [message.role, message.content]
    return message.model_dump(exclude_none=True)


def heard(found: Any) -> list[ChatMessage]:
    """The messages that travelled as `said_plainly`.

    Raises:
        ValueError: they are none, or one names a file or an address.
    """
    made: list[ChatMessage] = []
    for each in _of(list, found):
        if type(each) is list:
            role, said = each
            made.append(messages.of(text(role), text(said)))
            continue
        content = _of(dict, each).get("content")
        for part in content if type(content) is list else ():
            kind = _of(dict, part).get("type")
            if kind not in _PARTS and not str(part.get("image", "")).startswith("data:"):
                raise ValueError(f"a message has a part {kind!r}, which names what isn't in it")
        made.append(_any_message().validate_python(each))
    return made


@cache
def _any_message() -> TypeAdapter[Any]:
    from inspect_ai.model import ChatMessage
    from pydantic import TypeAdapter

    return TypeAdapter(ChatMessage)


def question_plainly(question: Question) -> list[Any]:
    return [question.id, question.input, question.epoch, list(question.choices), dict(question.metadata)]


def question_of(found: Any) -> Question:
    """The question that travelled as `question_plainly`.

    Raises:
        ValueError: it is none.
    """
    name, asked, epoch, choices, metadata = _of(list, found)
    choices = tuple(text(each) for each in _of(list, choices))
    return Question(text(name), text(asked), whole(epoch), choices, _of(dict, metadata))


def sample_plainly(sample: Sample) -> list[Any]:
    question = question_plainly(sample.question)
    return [question, sample.target, sample.group, sample.shot, list(sample.categories)]


def sample_of(found: Any) -> Sample:
    """The sample that travelled as `sample_plainly`.

    Raises:
        ValueError: it is none.
    """
    question, target, group, shot, categories = _of(list, found)
    parts = tuple(text(each) for each in _of(list, categories))
    return Sample(question_of(question), target, None if group is None else text(group), text(shot), parts)


def outcome_plainly(outcome: Any) -> dict[str, Any]:
    """What differs from an empty outcome.

    Raises:
        TypeError: it is no outcome.
    """
    if not isinstance(outcome, Outcome):
        raise TypeError(f"it gave {type(outcome).__name__}, not an Outcome")
    empty = Outcome(outcome.question_id, outcome.epoch)
    names = [name for name in _OUTCOME if getattr(outcome, name) != getattr(empty, name)]
    found = {name: getattr(outcome, name) for name in names}
    for name in ("trace", "measures"):
        if found.get(name) is not None:
            found[name] = dict(found[name])
    for name in _SAID.intersection(found):
        found[name] = sendable(found[name])
    return {"question_id": outcome.question_id, "epoch": outcome.epoch, **found}


def outcome_of(found: Any) -> Outcome:
    """The outcome that travelled as `outcome_plainly`. What its fields hold is looked at where every
    method's is.

    Raises:
        ValueError: it is none.
    """
    if strange := _of(dict, found).keys() - _OUTCOME:
        raise ValueError(f"an outcome has no field {min(strange)!r}")
    whole(found.get("epoch", 0))
    for name in ("question_id", "text", "stop_reason"):
        text(found.get(name, ""))
    for name, kind in (
        ("trace", dict),
        ("measures", dict),
        ("error", str),
        ("unscored", str),
        ("declined", str),
    ):
        if found.get(name) is not None:
            _of(kind, found[name])
    return Outcome(**found)


def error_plainly(error: BaseException, number: int) -> list[Any]:
    """An error of the runner's as a worker gets it; what `number` stands for stays with the runner."""
    kind = type(error).__name__
    if kind not in CROSSING:
        return ["RuntimeError", f"{kind} on the runner's side", number, None]
    return [kind, str(error), number, getattr(error, "status", None)]


def raised(found: Sequence[Any]) -> Exception:
    """The error to raise in a worker."""
    kind, text, number, status = found
    if kind == "Declined":
        made: Exception = errors.Declined(text, status)
    else:
        made = CROSSING.get(kind, RuntimeError)(text)
    made.number = number  # type: ignore[attr-defined]
    return made


def written(said: Mapping[str, Any]) -> bytes:
    """What a worker says as a line. Half a character, as models say it, becomes U+FFFD, as where it is sent
    or kept; but for an outcome, in which a method's own texts are refused."""
    if said.get("do") == "outcome":
        return json.dumps(said, separators=(",", ":")).encode() + b"\n"
    return whole_text(json.dumps(said, ensure_ascii=False, separators=(",", ":"))).encode() + b"\n"


def parsed(line: bytes) -> dict[str, Any]:
    """What a worker says.

    Raises:
        ValueError: it is no JSON object that can be kept.
    """
    try:
        found = json.loads(line)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if fault := plain_fault(found):
        raise ValueError(fault)
    return _of(dict, found)


def _of(kind: type[T], value: Any) -> T:
    if type(value) is not kind:
        raise ValueError(f"it says {type(value).__name__} where {kind.__name__} is expected")
    return value


def text(value: Any) -> str:
    """A text.

    Raises:
        ValueError: it is none.
    """
    return _of(str, value)


def whole(value: Any) -> int:
    """A count.

    Raises:
        ValueError: it is none.
    """
    if type(value) is not int or value < 0:
        raise ValueError(f"it says {value!r} where a count is expected")
    return value


def no_walls(said: Mapping[str, Any]) -> HarnessError:
    """The error of a worker that could not be walled in.

    Raises:
        ValueError: it doesn't say why.
    """
    fault = text(said.get("fault"))[:300]
    return UsageError(f"--isolate can't keep a method apart on this machine: {fault}")


def breach(name: str, error: object) -> HarnessError:
    """The error of a worker that says what no worker says."""
    return PluginError(
        f"the worker of method {name!r} broke off: {str(error)[:300]}; what was answered is kept"
    )
