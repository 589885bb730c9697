"""Tokens of an episode by kind, step by step. Without the split of reasoning from search no law of the two
can be tested."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from harness.model.metering import used
from harness.search.words import count_tokens

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

#: what a token of a prompt costs that an earlier call had sent already, beside one that is new: what servers
#: with a cache of prefixes charge, about; our choice
REREAD = 0.1
KINDS = ("prompt", "retrieved", "reasoning", "arguments", "visible")


@dataclass(frozen=True, slots=True)
class Step:
    """The tokens of one call: `prompt` without what the tools gave since the last one (`retrieved`: counted
    once, when it is first read; what is read again is prompt), `reasoning` (hidden thoughts, and what was
    written before a search), `arguments` of tools, and the `visible` rest. Their sum is what the server
    counted. `effective` is the price of the whole in tokens: what an earlier call had sent counts a tenth."""

    prompt: int
    retrieved: int
    reasoning: int
    arguments: int
    visible: int
    effective: float

    @property
    def total(self) -> int:
        """All tokens of the call, as the gateway counts them."""
        return sum(getattr(self, kind) for kind in KINDS)


class TokenLedger:
    """The steps of one episode. A call whose tokens nobody counted makes the sums unknown, never 0; hidden
    thoughts that a server doesn't count make the reasoning unknown."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.unknown = self.reasoning_unknown = False
        self._longest = 0  # tokens of the longest prompt so far: a later one begins like it

    def book(self, output: ModelOutput, fresh: int, final: bool, again: bool = True) -> Step | None:
        """Books one call; None where its tokens are unknown.

        Args:
            fresh: tokens of what the tools gave since the last call, by our own count.
            final: whether its text is the answer; else what it wrote is thinking aloud.
            again: whether its prompt begins with that of the longest call before.
        """
        counts = used(output)
        if counts is None or output.usage is None:
            self.unknown = True
            return None
        whole, written = counts
        hidden = output.usage.reasoning_tokens
        self.reasoning_unknown |= hidden is None
        calls = output.message.tool_calls if output.choices else None
        asked = sum(
            count_tokens(call.function) + count_tokens(json.dumps(call.arguments)) for call in calls or ()
        )
        thoughts = min(hidden or 0, written)
        arguments = min(asked, written - thoughts)
        visible = written - thoughts - arguments
        if not final:
            thoughts, visible = thoughts + visible, 0
        retrieved = min(fresh, whole)
        reread = min(self._longest, whole) if again else 0
        step = Step(
            whole - retrieved,
            retrieved,
            thoughts,
            arguments,
            visible,
            whole - reread * (1 - REREAD) + written,
        )
        self._longest = max(self._longest, whole)
        self.steps.append(step)
        return step

    def measures(self) -> dict[str, float]:
        """Sums by kind as `tokens_KIND`, and `tokens_effective`; without those that are unknown."""
        if self.unknown:
            return {}
        kinds = [kind for kind in KINDS if not (self.reasoning_unknown and kind in ("reasoning", "visible"))]
        sums = {f"tokens_{kind}": float(sum(getattr(step, kind) for step in self.steps)) for kind in kinds}
        return {**sums, "tokens_effective": float(sum(step.effective for step in self.steps))}

    def plain(self) -> list[dict[str, Any]]:
        """The steps, for a trace."""
        return [asdict(step) for step in self.steps]
