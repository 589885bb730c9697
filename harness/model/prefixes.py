"""Beginnings that prompts have in common, which providers are asked to keep: to write one costs, to read it
again saves most of its price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from harness.model.provider import Call, Provider

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

#: characters of a beginning that is worth it: some 1,024 tokens, below which no provider keeps any
LONG = 4096
#: beginnings that are remembered
MOST = 10_000
#: providers of inspect-ai that mark what is to be kept by the setting `cache_prompt`; left alone, they mark
#: every prompt, and a prompt that is written and never read costs a quarter more
MARKED = ("anthropic", "bedrock", "openrouter")
#: those that keep by themselves, and find it again better by a key; servers that only speak their protocol
#: may refuse it
KEYED = "openai"


class Prefixes:
    """Of one model in one run. What it adds to a call changes its price, and is no part of its key.

    A beginning is one or more whole messages. It is shared where an earlier call began with it:
    demonstrations before many questions, a question that is asked several times, a dialogue that goes on.
    """

    def __init__(self, provider: Provider, wanted: bool = True) -> None:
        self._provider, self._wanted = provider, wanted
        family, _, rest = provider.name.partition("/")
        self._marked = family in MARKED
        self._keyed = family == KEYED and not rest.startswith("azure/")
        self._seen: dict[bytes, tuple[str, int]] = {}  # whose call began so first

    def marked(self, call: Call) -> Call:
        """The call as it is sent; as it is, where the user set the same thing."""
        if self._marked and "cache_prompt" not in call.decoding:
            shared = self._wanted and self._shared(call) is not None
            return replace(call, decoding={**call.decoding, "cache_prompt": shared})
        if self._keyed and self._wanted and not self._provider.origin:
            body: Mapping[str, Any] = call.decoding.get("extra_body") or {}
            if "prompt_cache_key" not in body and (key := self._shared(call)):
                body = {**body, "prompt_cache_key": key}
                return replace(call, decoding={**call.decoding, "extra_body": body})
        return call

    def _shared(self, call: Call) -> str | None:
        """A name of the longest beginning that an earlier call has, or of the dialogue that it is a part of;
        None where there is none. Remembers the beginnings of this one."""
        if sum(len(message.text) for message in call.messages) < LONG:
            return None
        so_far, length = blake2b(digest_size=16), 0
        owner = (call.question.id, call.question.epoch)
        found: str | None = None
        for message in call.messages:
            text = message.text
            length += len(text)
            so_far.update(_written(message, text))
            if length < LONG:
                continue
            mark = so_far.digest()
            first = self._seen.get(mark)
            if first is None:
                self._seen[mark] = owner
            else:
                found = mark.hex() if first != owner else _named(owner)
        while len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]
        return found


def _named(owner: tuple[str, int]) -> str:
    return blake2b(repr(owner).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _written(message: ChatMessage, text: str) -> bytes:
    """A message as far as it tells beginnings apart."""
    calls = getattr(message, "tool_calls", None) or ()
    made = "".join(f"{call.function}{call.arguments}" for call in calls)
    return f"{message.role}\0{text}\0{made}\0".encode("utf-8", "surrogatepass")
