"""`recorded/<file>`: answers from a file of responses, by sample and epoch."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.base.errors import ModelCallError
from harness.base.messages import completion
from harness.data.attach import attach
from harness.data.responses import Response, Shape, read_responses, read_results
from harness.model.provider import Call, Provider

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput, ModelUsage

    from harness.sample import Splits


#: inspect-ai's name of a count, and those that files have for it
COUNTS = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "reasoning_tokens": ("reasoning_tokens",),
}


def _usage(recorded: Mapping[str, Any]) -> ModelUsage | None:
    """The tokens of a recorded answer; None where the file doesn't say both what went in and what came
    out."""
    from inspect_ai.model import ModelUsage

    found: dict[str, int] = {}
    for count, names in COUNTS.items():
        values = (recorded.get(name) for name in names)
        value = next((v for v in values if isinstance(v, int | float) and math.isfinite(v)), None)
        if value is not None:
            found[count] = int(value)
    return ModelUsage(**found) if {"input_tokens", "output_tokens"} <= set(found) else None


class Recorded(Provider):
    cacheable = False
    connections = 64
    abilities = frozenset({"answers"})

    def __init__(
        self,
        path: str,
        strict: bool = True,
        shape: Shape | None = None,
        label: str = "",
        results: str = "",
        of: str = "",
    ) -> None:
        """`results` names the module that reads a benchmark's own files, `of` the task whose results
        are wanted of them."""
        file = Path(path)
        self._strict = strict
        self.name = f"recorded/{label or file.name}"
        if results:
            self.responses = read_results(results, file, of)
            self.revision = digest([[r.sample_id, r.epoch, r.completion] for r in self.responses])
        else:
            self.responses = read_responses(file, shape)
            self.revision = hashlib.sha256(file.read_bytes()).hexdigest()
        self.found: dict[tuple[str, int], Response] = {}

    def prepare(self, splits: Splits) -> None:
        """Finds every response's sample, among the questions of test, pool and dev.

        Raises:
            DataError: a response belongs to no sample, or two to the same attempt; with the model
                argument strict=false such responses are passed over.
        """
        questions = [sample.question for sample in splits.test]
        others = [*splits.pool, *(sample.question for sample in splits.dev)]
        known = {question.id for question in questions}
        questions += [question for question in others if question.id not in known]
        self.found = attach(self.responses, questions, self.name, self._strict, len(splits.test))

    def takes(self, setting: str) -> bool:
        return False

    async def generate(self, call: Call) -> ModelOutput:
        question = call.question
        response = self.found.get((question.id, question.epoch))
        if response is None:
            raise ModelCallError(f"no response recorded for sample {question.id!r}, epoch {question.epoch}")
        output = completion(self.name, response.completion, _usage(response.usage or {}))
        if response.confidence is not None:
            output.metadata = {"confidence": response.confidence}
        return output
