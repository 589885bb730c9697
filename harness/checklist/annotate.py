"""A model writes a checklist; what breaks a rule is sent back to it, at most twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.base import messages
from harness.base.errors import UsageError
from harness.checklist import Checklist, Trajectory, Turn, validate
from harness.checklist.annotate_prompt import (
    again_prompt,
    prompt_digest,
    reference_prompt,
    request_prompt,
    schema,
)
from harness.checklist.asking import response_schema
from harness.checklist.judge_prompt import json_reply
from harness.model.gateway import Model
from harness.sample import Question

ATTEMPTS = 3  # of the released code
#: room for a long dialogue's checklist; the one of the authors took 12,713 tokens with its reasoning
DECODING: Mapping[str, Any] = {"max_tokens": 32000}
#: faults of one reply that are sent back
MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Annotated:
    """What came of an annotation.

    Attributes:
        checklist: None where no attempt was valid.
        turns: the checklist as it was written, in the layout of files: a list of items for each turn.
        attempts: replies that were asked for.
        faults: of the last attempt; empty where it was valid.
    """

    checklist: Checklist | None
    turns: Sequence[Sequence[Mapping[str, Any]]]
    attempts: int
    faults: tuple[str, ...] = ()


class Annotator:
    """Writes checklists with a model; its calls have the purpose `annotator`.

    Args:
        schema: hold the reply to its JSON schema, where the provider can.
        decoding: generation settings beside a limit of 32,000 tokens; the authors had GPT-5 with the
            reasoning effort `high`.
    """

    def __init__(
        self,
        model: Model,
        *,
        attempts: int = ATTEMPTS,
        schema: bool = True,
        decoding: Mapping[str, Any] | None = None,
    ) -> None:
        if attempts < 1:
            raise UsageError("an annotator takes at least 1 attempt")
        self._model, self.attempts, self.schema = model, attempts, schema
        self.decoding = {**DECODING, **(decoding or {})}

    def identity(self, source: str = "reference") -> Mapping[str, Any]:
        """All that its checklists depend on, as data for a record."""
        return {
            "annotator": self._model.name,
            "revision": self._model.provider.revision,
            **({"arguments": arguments} if (arguments := dict(self._model.provider.arguments)) else {}),
            "prompt": prompt_digest(source),
            "source": source,
            "attempts": self.attempts,
            "schema": self.schema,
            "decoding": {**self._model.decoding, **self.decoding},
        }

    async def of_reference(self, question: Question, dialogue: Trajectory, variant: int = 0) -> Annotated:
        """One list of items for each turn of a reference dialogue; `variant` counts those of one dialogue.

        Raises:
            BudgetSpent: a limit of the run is reached.
            ModelCallError: the model failed for good.
        """
        return await self._written(question, reference_prompt(dialogue), dialogue, "reference", variant)

    async def of_request(
        self,
        question: Question,
        *,
        system: str,
        tools: Sequence[Mapping[str, Any]],
        requests: Sequence[str],
        by_turn: bool = False,
        variant: int = 0,
    ) -> Annotated:
        """A checklist from what the agent may see alone, which is all that may be used at test time: one list
        for the whole dialogue (to be judged with mode=episode), or one for each request.

        Raises:
            BudgetSpent, ModelCallError: as above.
        """
        prompt = request_prompt(system, tools, requests, by_turn)
        seen = Trajectory([Turn(text) for text in (requests if by_turn else requests[:1])], system, tools)
        return await self._written(question, prompt, seen, "request", variant)

    async def _written(
        self, question: Question, prompt: str, dialogue: Trajectory, source: str, variant: int
    ) -> Annotated:
        form = response_schema("checklist", schema(source == "reference")) if self.schema else {}
        talk = [messages.user(prompt)]
        faults: list[str] = []
        for attempt in range(self.attempts):
            output = await self._model.generate(
                question,
                talk,
                purpose="annotator",
                draw=variant * self.attempts + attempt,
                **{**self.decoding, **form},
            )
            turns, faults = read_checklist(output.completion, dialogue, source)
            if not faults:
                return Annotated(validate.parse(turns, dialogue, source=source), turns, attempt + 1)
            shown = faults[:MOST_FAULTS]
            talk = [
                messages.user(prompt),
                messages.assistant(output.completion),
                messages.user(again_prompt(shown)),
            ]
        return Annotated(None, (), self.attempts, tuple(faults))


def read_checklist(text: str, dialogue: Trajectory, source: str = "reference") -> tuple[list[Any], list[str]]:
    """The turns of a reply, and its faults: it is not in the agreed form, or it breaks a rule."""
    found = json_reply(text)
    turns = found.get("turns") if isinstance(found, dict) else found
    if not isinstance(turns, list):
        return [], ['the reply is not one JSON object {"turns": [[item, ...], ...]} and nothing else']
    faults = [str(fault) for fault in validate.faults(turns, dialogue)]
    if source == "request" and not faults and any(item["evidence"] for turn in turns for item in turn):
        faults = ["evidence must be an empty list everywhere, as there is no reference dialogue"]
    return turns, faults
