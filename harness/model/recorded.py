"""`recorded/<file>`: answers from a file of responses, by sample and epoch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base.digest import digest
from harness.base.errors import ModelCallError
from harness.data.responses import Response, Shape, attach, read_responses, results_module
from harness.model.provider import Call, Provider

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

    from harness.sample import Splits


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
            self.responses = results_module(results).read(file, of)
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

    async def generate(self, call: Call) -> ModelOutput:
        from inspect_ai.model import ModelOutput, ModelUsage

        question = call.question
        response = self.found.get((question.id, question.epoch))
        if response is None:
            raise ModelCallError(f"no response recorded for sample {question.id!r}, epoch {question.epoch}")
        output = ModelOutput.from_content(self.name, response.completion)
        usage = response.usage or {}
        output.usage = ModelUsage(
            input_tokens=int(usage.get("input_tokens") or usage.get("prompt_tokens") or 0),
            output_tokens=int(usage.get("output_tokens") or usage.get("completion_tokens") or 0),
            reasoning_tokens=usage.get("reasoning_tokens"),
        )
        if response.confidence is not None:
            output.metadata = {"confidence": response.confidence}
        return output
