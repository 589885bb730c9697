"""Models whose calls go in the provider's batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.model.batches.submitted import Submitted
from harness.model.hosted import Hosted
from harness.model.provider import Call

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

#: providers of inspect-ai with batches, and what sits between them and another's service without
SUPPORTED = ("openai", "anthropic", "google", "grok", "together")
WITHOUT = ("azure", "bedrock", "vertex")
#: calls that wait for batches together, and as many as which one is sent at once, and the most in it
AT_ONCE = SIZE = 20_000
#: seconds within which calls that come together go in one batch, and after which a batch is looked at again
GATHER, LOOK = 15.0, 15.0
#: seconds that a call waits: providers end a batch within a day, and count from when they begin
PATIENCE = 3 * 86400


def has_batches(name: str) -> bool:
    """Whether a model's provider takes batches."""
    family, _, rest = name.partition("/")
    return family in SUPPORTED and rest.partition("/")[0] not in WITHOUT


def check_batches(name: str) -> None:
    """Whether a model's provider takes batches.

    Raises:
        UsageError: it doesn't; names those that do.
    """
    if not has_batches(name):
        able = ", ".join(f"{each}/" for each in SUPPORTED)
        raise UsageError(f"--batch: {name} has no batches; models of these have: {able}")


class Batched(Hosted):
    """A hosted model whose calls wait for each other: all that come within some seconds go in one batch. How
    many calls go at once elsewhere doesn't matter here."""

    batched = True

    def __init__(self, name: str, args: Mapping[str, Any]) -> None:
        check_batches(name)
        super().__init__(name, args)
        self.adaptive, self.connections = False, AT_ONCE
        self.timeout = PATIENCE
        self._submitted: Submitted | None = None

    async def generate(self, call: Call) -> ModelOutput:
        from inspect_ai.model import BatchConfig

        from harness.model.batches import batcher

        if self._submitted is None:
            batcher.install(self.name.partition("/")[0])
            self._submitted = Submitted(self.server)
        number = f"{call.seed:015x}"  # of everything that its answer depends on
        asked = batcher.Asked(number, self._submitted, lambda text: self.say(f"{self.name}: {text}"))
        token = batcher.ASKED.set(asked)
        gathered = BatchConfig(size=SIZE, max_size=SIZE, send_delay=GATHER, tick=LOOK)
        try:
            output = await super().generate(replace(call, decoding={**call.decoding, "batch": gathered}))
        finally:
            batcher.ASKED.reset(token)
        self._submitted.answered(number)
        return output

    async def probe(self, call: Call) -> ModelOutput:
        """Asked by itself, at once."""
        return await super().generate(call)
