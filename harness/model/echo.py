"""`echo/...`: an instant in-process model for tests and benchmarks.

`echo/input` repeats the last user message; `echo/choice` picks one of the question's choices by the
call's seed; anything else, `echo/<text>`, is the completion itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.base.messages import completion
from harness.model.provider import Call, Provider, counted, last_user_text

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


class Echo(Provider):
    cacheable = False
    connections = 64

    def __init__(self, text: str) -> None:
        self.name, self.revision = f"echo/{text}", "1"
        self._text = text

    def takes(self, setting: str) -> bool:
        return setting == "seed"

    async def generate(self, call: Call) -> ModelOutput:
        if self._text == "input":
            text = last_user_text(call.messages)
        elif self._text == "choice" and call.question.choices:
            text = call.question.choices[call.seed % len(call.question.choices)]
        else:
            text = self._text
        return completion(self.name, text, counted(0, len(text)))
