"""What all providers behind which a person sits have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError, nearest
from harness.base.messages import completion
from harness.human.shown import Shown
from harness.human.wording import SECONDS
from harness.model.provider import Call, Provider, counted

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


class Person(Provider):
    """A person. What was said is kept in the cache, so that nobody is asked the same twice; a call is made
    once. The argument `person` says who it is: answers of one are not those of another."""

    person = True
    #: arguments that it takes
    takes_arguments: Collection[str] = ("person",)

    def __init__(self, args: Mapping[str, Any]) -> None:
        for name in args:
            if name not in self.takes_arguments:
                raise UsageError(
                    f"{self.name} has no argument {name!r}; {nearest(name, self.takes_arguments, 'argument')}"
                )
        if who := str(args.get("person") or ""):
            self.arguments = {"person": who}

    def takes(self, setting: str) -> bool:
        return False

    def output(self, text: str, seconds: float | None) -> ModelOutput:
        """A reply with the seconds that it took. A person reads and writes no tokens."""
        output = completion(self.name, text, counted(0, 0))
        output.metadata = {} if seconds is None else {SECONDS: round(seconds, 3)}
        return output


def shown(call: Call) -> Shown:
    """What a person sees of a call."""
    return Shown.of(call.question.id, call.question.epoch, call.messages)
