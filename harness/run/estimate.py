"""What a cell would cost: tokens from the prompts that it would send, USD from the price list.

No tokenizer is asked, as each model has its own and most have to be fetched. The rule is stated with every
estimate (`RULE`): it tells the order of size, and no more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.model.prices import Price
from harness.run.rehearsal import Rehearsal, Sent

#: bytes of UTF-8 a token, and tokens that a message adds
TOKEN_BYTES, MESSAGE_TOKENS = 4, 4
#: tokens of a completion where no --max-tokens limits it: from a label to a page
SHORTEST, LONGEST = 16, 1024
RULE = (
    f"tokens: one for {TOKEN_BYTES} bytes of the prompts and {MESSAGE_TOKENS} for each message; "
    f"a completion of {SHORTEST} up to --max-tokens, or {LONGEST} where that isn't given "
    "(a model that thinks takes more); USD by the price list, on a cold cache"
)


@dataclass(frozen=True)
class Estimate:
    """The use of a cell, or of several together.

    Attributes:
        calls: of the method and the task's judge together; None where the method doesn't say.
        input_tokens: None where calls or prompts aren't known.
        output_tokens: fewest and most.
        cost_usd: lowest and highest; None where a price isn't known, which is never 0.
        unpriced: the models without a known price.
        at_least: whether more comes on top of the input: what a method adds, calls of cells not counted.
    """

    calls: int | None = None
    input_tokens: int | None = None
    output_tokens: tuple[int, int] | None = None
    cost_usd: tuple[float, float] | None = None
    unpriced: tuple[str, ...] = ()
    at_least: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": list(self.output_tokens) if self.output_tokens else None,
            "cost_usd": [round(end, 6) for end in self.cost_usd] if self.cost_usd else None,
            "unpriced": list(self.unpriced),
            "tokens_are_at_least": self.at_least,
        }


@dataclass
class _Use:
    """The calls of one model, summed: tokens that it reads, the fewest and most that it writes, and USD."""

    price: Price | None
    read: float = 0.0
    fewest: float = 0.0
    most: float = 0.0
    least_usd: float = 0.0
    most_usd: float = 0.0

    def add(self, call: Sent, times: float) -> None:
        longest = call.max_tokens or LONGEST
        read, fewest = tokens_of(message.text for message in call.messages), min(SHORTEST, longest)
        self.read += times * read
        self.fewest += times * fewest
        self.most += times * longest
        if self.price is not None:
            self.least_usd += times * self.price.cost(read, fewest)
            self.most_usd += times * self.price.cost(read, longest)


def tokens_of(texts: Iterable[str]) -> int:
    """The tokens that messages take, by `RULE`."""
    return sum(
        MESSAGE_TOKENS + math.ceil(len(text.encode("utf-8", "surrogatepass")) / TOKEN_BYTES) for text in texts
    )


def estimate(
    rehearsed: Rehearsal | None, calls: int | None, attempts: int, price_of: Callable[[str], Price | None]
) -> Estimate:
    """The use of a cell.

    Args:
        rehearsed: the calls on behalf of some items; None where that isn't known.
        calls: what the method declares for the whole cell; None where it doesn't say.
        attempts: items times epochs.
        price_of: what a model takes, by its name; None where it is unknown.
    """
    if rehearsed is None or calls is None:
        return Estimate(calls)
    judge_calls = round(len(rehearsed.judged) / rehearsed.items * attempts)
    if calls and not rehearsed.sent:
        return Estimate(calls + judge_calls)
    models = {call.model for call in (*rehearsed.sent, *rehearsed.judged)}
    by_model = {model: _Use(price_of(model)) for model in sorted(models)}
    for call in rehearsed.sent:
        by_model[call.model].add(call, calls / len(rehearsed.sent))
    for call in rehearsed.judged:
        by_model[call.model].add(call, attempts / rehearsed.items)
    unpriced = tuple(model for model, use in by_model.items() if use.price is None)
    uses = by_model.values()
    return Estimate(
        calls + judge_calls,
        round(sum(use.read for use in uses)),
        (round(sum(use.fewest for use in uses)), round(sum(use.most for use in uses))),
        None if unpriced else (sum(use.least_usd for use in uses), sum(use.most_usd for use in uses)),
        unpriced,
        not rehearsed.whole,
    )


def together(estimates: Sequence[Estimate]) -> Estimate:
    """The use of several cells: what is known of it, `at_least` where something isn't."""
    known = [each for each in estimates if each.input_tokens is not None]
    outputs = [each.output_tokens for each in known if each.output_tokens]
    costs = [each.cost_usd for each in known if each.cost_usd]
    return Estimate(
        sum(each.calls or 0 for each in estimates),
        sum(each.input_tokens or 0 for each in known) if known else None,
        (sum(low for low, _ in outputs), sum(high for _, high in outputs)) if outputs else None,
        (sum(low for low, _ in costs), sum(high for _, high in costs)) if costs else None,
        tuple(sorted({model for each in estimates for model in each.unpriced})),
        len(known) < len(estimates) or any(each.at_least for each in known),
    )
