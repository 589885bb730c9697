"""`pocket/...`: the embedded policies, with the calls that wait at the same time decoded together."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.base.errors import UsageError, reason_of
from harness.base.messages import new_id
from harness.model.provider import Call, Provider, counted

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


#: the longest completion of a policy that names none: an answer of the puzzles, and room to spare
LONGEST = 96


class Embedded(Provider):
    connections = 64
    longest: int
    abilities = frozenset({"logprobs", "trainable"})

    def __init__(self, name: str, folder: Path) -> None:
        from harness.model.pocket.checkpoint import load_policy, longest_completion

        self.name, self._folder = name, folder
        self.revision = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        self._model: Any = load_policy(folder)
        self.single_turn = not self._model.dialogue
        self.longest = longest_completion(folder) or LONGEST
        self._waiting: dict[tuple[Any, ...], list[tuple[Call, asyncio.Future[Any]]]] = {}

    def weights(self) -> Path:
        return self._folder

    def weights_here(self) -> Path | None:
        return self._folder

    def with_weights(self, folder: Path) -> Embedded:
        try:
            other = Embedded(self.name, folder)
            if other.single_turn != self.single_turn:
                raise ValueError("one reads whole dialogues, the other single prompts")
        except (OSError, ValueError, KeyError) as error:
            reason = reason_of(error)
            raise UsageError(
                f"{folder} holds no policy that stands in for {self.name}: {reason}; it takes "
                "config.json, model.safetensors, tokenizer.json and tokenizer_config.json of a plain Llama "
                "with a vocabulary of characters or words"
            ) from error
        other.connections = self.connections
        return other

    def takes(self, setting: str) -> bool:
        own = ("max_tokens", "temperature", "top_p", "logprobs", "seed")
        return setting in own or (setting == "system_message" and not self.single_turn)

    async def generate(self, call: Call) -> ModelOutput:
        from inspect_ai.model import (
            ChatCompletionChoice,
            ChatMessageAssistant,
            Logprob,
            Logprobs,
            ModelOutput,
        )

        decoding = call.decoding
        settings = (
            min(int(decoding.get("max_tokens") or self.longest), self.longest),
            float(decoding.get("temperature") or 0.0),
            float(decoding.get("top_p") or 1.0),
        )
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        batch = self._waiting.setdefault(settings, [])
        batch.append((call, future))
        if len(batch) == 1:  # whoever comes first decodes for all who come before the loop turns idle
            loop.call_later(0.001, self._decode, settings)
        elif len(batch) >= self.connections:
            self._decode(settings)
        generation = await future
        logprobs = None
        if decoding.get("logprobs"):
            logprobs = Logprobs(
                content=[
                    Logprob(token=token, logprob=value)
                    for token, value in zip(generation.tokens, generation.logprobs, strict=True)
                ]
            )
        return ModelOutput(
            model=self.name,
            choices=[
                ChatCompletionChoice(
                    message=ChatMessageAssistant(id=new_id(), content=generation.text),
                    stop_reason=self._stop_reason(generation.finish_reason),
                    logprobs=logprobs,
                )
            ],
            # a dialogue that fills the context was not read
            usage=counted(generation.prompt_tokens * bool(generation.token_ids), len(generation.token_ids)),
        )

    def _stop_reason(self, reason: str) -> Literal["stop", "max_tokens", "model_length"]:
        """A full context ends a dialogue; of a single prompt it only cuts the answer."""
        if reason == "context" and not self.single_turn:
            return "model_length"
        return "stop" if reason == "stop" else "max_tokens"

    def _decode(self, settings: tuple[int, float, float]) -> None:
        batch = self._waiting.pop(settings, [])
        if not batch:
            return
        max_tokens, temperature, top_p = settings
        try:
            generations = self._model.generate(
                [self._model.prompt(call.messages) for call, _ in batch],
                max_new_tokens=max_tokens,
                temperature=temperature,
                top_p=top_p,
                seeds=[call.seed for call, _ in batch],
            )
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), generation in zip(batch, generations, strict=True):
            if not future.done():
                future.set_result(generation)
