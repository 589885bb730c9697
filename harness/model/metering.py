"""What the calls of one model take: counted and priced afterwards, bounded before."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.human.wording import SECONDS
from harness.model.budget import Bound, Budget
from harness.model.ledger import Usage
from harness.model.prices import NOTHING, Price, unpriced
from harness.model.provider import Call, Provider
from harness.model.sizes import Size, completion_bytes, prompt_size
from harness.model.tokens import Counter, counter, estimated

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput, ModelUsage


#: in the metadata of an answer: its usage is a tokenizer's
ESTIMATED = "usage_estimated"
#: seconds
HOUR = 3600.0
#: how much denser a prompt may be than the first
MARGIN = 1.5


class Meter:
    """Of one model in one run. `price` is what it takes; None where that is unknown."""

    def __init__(
        self,
        provider: Provider,
        price: Price | None,
        budget: Budget,
        notice: Callable[[str], None],
    ) -> None:
        self._provider, self._budget = provider, budget
        self._notice = cache(notice)  # once
        self.price = price
        self._answered = False
        self._first: tuple[Size, int] | None = None  # the prompt that was answered first, and its tokens
        self._ratio = 0.0  # tokens a byte of it, or of any if one had more than was thought: `_surprised`
        self._most = 0  # tokens of a prompt, since then
        self._longest = 0  # tokens of a completion
        self._surprised = self._overlong = False

    # -- before a call ----------------------------------------------------------------------------

    def most(self, call: Call) -> Bound:
        """At most what a call takes: its prompt and the longest completion that its settings allow. The first
        call goes alone and shows how many tokens the server makes of a prompt; others are taken to be half
        again as dense, and never to have more than a token a byte, unless the server says so. Where nothing
        limits a completion it is the longest so far. All but that is the same on a cold and on a warm cache.

        Raises:
            UsageError: there is a limit in USD, and no price.
        """
        budget = self._budget
        if not budget.metered:
            return Bound()
        if budget.usd is not None and self.price is None:
            raise UsageError(unpriced(self._provider.name))
        if self._provider.person:  # reads and writes no tokens, and takes no longer than is waited
            rate = (self.price.per_hour if self.price else None) or 0.0
            return Bound(1, 0, rate * self._provider.timeout / HOUR)
        if self._limit(call) is None:
            self._say_unlimited()
        return self._bound(call)

    def _bound(self, call: Call) -> Bound:
        limit, prompt = self._limit(call), self._prompt(prompt_size(call))
        completion = max(limit or 0, self._longest) if limit is None or self._overlong else limit
        usd = self.price.most(prompt, completion) if self.price else 0.0
        alone = not self._answered and (self._provider.remote or limit is None)
        alone = alone and not self._provider.batched  # it would be a batch of its own
        return Bound(1, prompt + completion, usd, alone and (self._budget.tokens is not None or self._costs))

    def _prompt(self, size: Size) -> int:
        """At most the tokens of a prompt."""
        strict = math.ceil(size.bytes * max(1.0, self._ratio))
        if self._surprised:
            return max(strict, self._most) if self._ratio > 1 else strict
        if self._first is None:
            return min(strict, math.ceil(size.weight))
        first, tokens = self._first
        likely = math.ceil(MARGIN * tokens * size.weight / first.weight)
        if size.bytes * 2 >= first.bytes:
            likely = max(likely, tokens)
        return likely if self._ratio > 1 else min(strict, likely)

    @property
    def _costs(self) -> bool:
        return self.price is not None and bool(not self.price.free or self.price.per_request)

    @cached_property
    def _tokenizer(self) -> Counter | None:
        return counter(self._provider) if self._provider.remote else None

    def _limit(self, call: Call) -> int | None:
        """Tokens of the longest completion; None where nothing says it."""
        wanted = call.decoding.get("max_tokens")
        longest = self._provider.longest
        if wanted is None:
            return longest
        thoughts = call.decoding.get("reasoning_tokens") or 0  # some count them beside
        return int(wanted + thoughts if longest is None else min(wanted, longest))

    def _say_unlimited(self) -> None:
        if self._budget.tokens is not None or self._costs:
            self._notice(
                f"{self._provider.name}: no --max-tokens limits a completion, so {self._limits()} sets aside "
                "for every call under way as much as the longest completion so far took"
            )

    # -- after a call -----------------------------------------------------------------------------

    def answered(self, usage: Usage, call: Call, output: ModelOutput) -> None:
        """Fills in what an answer took, and what it cost."""
        self._count(usage, call, output)
        self._add_people(usage, output)

    def _add_people(self, usage: Usage, output: ModelOutput) -> None:
        """Adds the time of a person, and what it costs: of people it is unknown where nobody says it."""
        seconds: Any = (output.metadata or {}).get(SECONDS)
        known = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0
        if not known and not self._provider.person:
            return
        usage.human_seconds = float(seconds) if known else None
        rate = self.price.per_hour if self.price is not None else None
        if rate is not None and known and usage.cost_usd is not None:
            usage.cost_usd += rate * float(seconds) / HOUR
        elif self._provider.person and (rate is not None or self.price in (None, NOTHING)):
            usage.cost_usd = None

    def _count(self, usage: Usage, call: Call, output: ModelOutput) -> None:
        told = output.usage
        if told is None and output.error:  # a refused request is a call without tokens
            usage.cost_usd = None if self.price is None else 0.0
            return
        guess = bool((output.metadata or {}).get(ESTIMATED))
        if told is None or not _counted(usage, told, self._provider.remote):
            told = estimated(self._tokenizer, call, output) if self._tokenizer else None
            guess = told is not None
            if told is None or not _counted(usage, told, False):
                self._uncounted(usage, call, output)
                return
        usage.estimated = int(guess)
        self._learn(usage, call)
        usage.cost_usd = self._cost(usage)

    def note(self, usage: Usage, output: ModelOutput) -> None:
        """Notes in the answer itself what was made of its counts: an estimate, so that it stays the same
        wherever the answer is kept; thoughts that weren't among the completion; that nothing is known."""
        told = output.usage
        if usage.unreported:
            output.usage = None
        elif told is not None and not usage.estimated and told.output_tokens != usage.output_tokens:
            output.usage = told.model_copy(update={"output_tokens": usage.output_tokens})
        if not usage.estimated or (output.metadata or {}).get(ESTIMATED):
            return
        from inspect_ai.model import ModelUsage

        total = usage.input_tokens + usage.output_tokens
        output.usage = ModelUsage(
            input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, total_tokens=total
        )
        output.metadata = {**(output.metadata or {}), ESTIMATED: True}

    def broke_off(self, usage: Usage, call: Call) -> None:
        """Books a call that may have been served and brought no answer, at its most."""
        bound = self._bound(call)
        usage.uncounted_tokens += bound.tokens
        usage.uncounted_usd += bound.usd

    def thrown_away(self, usage: Usage, call: Call, output: ModelOutput) -> None:
        """Books what an answer took that is thrown away: paid, and no part of the logical use."""
        spent = Usage()
        self.answered(spent, call, output)
        throw_away(usage, spent)

    def _uncounted(self, usage: Usage, call: Call, output: ModelOutput) -> None:
        usage.unreported = 1
        usage.reasoning_tokens = usage.cached_input_tokens = usage.cache_write_tokens = None
        free = self.price is not None and self.price.free
        usage.cost_usd = self.price.per_request if self.price is not None and free else None
        self._answered = True
        prompt, completion = prompt_size(call).bytes, completion_bytes(output)
        usage.uncounted_tokens = prompt + completion
        self._longest = max(self._longest, completion)
        if self.price is not None and not free:
            usage.uncounted_usd = self.price.most(prompt, completion)
        if self._budget.tokens is not None or (self._budget.usd is not None and not free):
            self._notice(
                f"{self._provider.name} gave answers without token counts, and no tokenizer of it is at "
                f"hand: {self._limits()} counts a token for every byte of them"
            )

    def _cost(self, usage: Usage) -> float | None:
        if self.price is None:
            return None
        return self.price.cost(
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_input_tokens or 0,
            usage.cache_write_tokens or 0,
            usage.reasoning_tokens or 0,
        )

    def _learn(self, usage: Usage, call: Call) -> None:
        self._answered = True
        if not self._budget.metered:
            return
        limit, size, tokens = self._limit(call), prompt_size(call), usage.input_tokens
        if self._first is None:
            self._first, self._ratio = (size, tokens), tokens / size.bytes
        elif tokens > self._prompt(size):
            self._surprised = True
        if self._surprised:
            self._ratio, self._most = max(self._ratio, tokens / size.bytes), max(self._most, tokens)
        self._longest = max(self._longest, usage.output_tokens)
        self._overlong |= limit is not None and usage.output_tokens > limit

    def _limits(self) -> str:
        names = ["--budget-tokens"] * (self._budget.tokens is not None)
        return " and ".join([*names, *["--budget-usd"] * (self._budget.usd is not None)])


def used(output: ModelOutput) -> tuple[int, int] | None:
    """Tokens of the whole prompt, whatever the server had cached of it, and of the completion; None where
    nobody counted them."""
    found = output.usage
    if found is None:
        return None
    cached = (found.input_tokens_cache_read or 0) + (found.input_tokens_cache_write or 0)
    return found.input_tokens + cached, found.output_tokens


def throw_away(usage: Usage, spent: Usage) -> None:
    """Books what was spent on nothing: a probe, or an answer that is thrown away."""
    usage.thrown_calls += spent.calls or 1
    usage.thrown_tokens += spent.input_tokens + spent.output_tokens
    usage.thrown_usd += spent.cost_usd or 0.0
    usage.uncounted_tokens += spent.uncounted_tokens
    usage.uncounted_usd += spent.uncounted_usd
    usage.paid_usd = (
        None if usage.paid_usd is None or spent.cost_usd is None else usage.paid_usd + spent.cost_usd
    )


def _counted(usage: Usage, found: ModelUsage, remote: bool) -> bool:
    """Takes over what the server counted; whether it can be. inspect-ai leaves out of `input_tokens` what
    the server had in a cache of its own, and not every server counts thoughts among the completion."""
    read, written = _whole(found.input_tokens_cache_read), _whole(found.input_tokens_cache_write)
    thoughts = _whole(found.reasoning_tokens)
    if type(found.input_tokens) is not int or _whole(found.output_tokens) is None:
        return False
    prompt, completion = found.input_tokens + (read or 0) + (written or 0), found.output_tokens
    if prompt < 0 or (remote and prompt == 0):  # 0 stands for unknown there: every prompt has tokens
        return False
    if found.input_tokens < 0:  # more of it in the cache than there is
        read = written = None
    beside = thoughts and found.total_tokens == prompt + completion + thoughts
    if thoughts and (beside or thoughts > completion):
        completion += thoughts
    usage.input_tokens, usage.output_tokens = prompt, completion
    usage.cached_input_tokens, usage.cache_write_tokens, usage.reasoning_tokens = read, written, thoughts
    return True


def _whole(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
