"""One question to a model whose reply must have a form: asked again where it hasn't, and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from harness.base import messages
from harness.base.errors import ModelCallError
from harness.model.gateway import Model
from harness.sample import Question

Read = TypeVar("Read")


@dataclass(slots=True)
class Reply(Generic[Read]):
    """What was read, None where no reply could be; completions asked for, and those that were of no use."""

    value: Read | None = None
    calls: int = 0
    malformed: int = 0
    errors: int = 0
    reason: str = ""


async def ask(
    model: Model,
    question: Question,
    prompt: str,
    read: Callable[[str], Read | None],
    *,
    purpose: str,
    first_draw: int,
    tries: int,
    decoding: Mapping[str, Any],
) -> Reply[Read]:
    """Asks up to `tries` times, with the draws from `first_draw` on, until a reply can be read.

    Replies that can't be read are cached too, so that what was asked once is not asked again after a kill. A
    model that failed for good is no reason to go on asking: the gateway has retried already.

    Raises:
        BudgetSpent: a limit of the run is reached.
    """
    found = Reply[Read]()
    for again in range(tries):
        found.calls += 1
        try:
            output = await model.generate(
                question, [messages.user(prompt)], purpose=purpose, draw=first_draw + again, **decoding
            )
        except ModelCallError as failure:
            found.errors, found.reason = 1, str(failure)
            break
        found.value = read(output.completion)
        if found.value is not None:
            break
        found.malformed += 1
    return found


def response_schema(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The generation setting that has a provider hold its reply to a JSON schema; providers that can't do so
    leave it out, so the prompt must say the form as well."""
    return {"response_schema": {"name": name, "json_schema": schema, "strict": True}}
