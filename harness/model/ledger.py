"""What a run spends, by purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from threading import Lock
from typing import Any, TypeVar

from harness.base.errors import CacheFailed
from harness.base.plain import Unfit, count, number
from harness.model.first_request import FirstRequests
from harness.model.served import Served


@dataclass(slots=True)
class Usage:
    """Calls, tokens, cost and time. Calls served by the cache count in full, and once more in
    `cache_hits`: a method's cost is what it would be on a cold cache. `paid_usd` is the part of the cost
    that was not served by the cache.

    `input_tokens` (the whole prompt, whatever the server had cached of it) and `output_tokens` are sums of
    what servers reported; `unreported` counts the answers without both numbers, so that the sums stand for
    less than was used; `estimated` those whose numbers a tokenizer gave and no server. Every other number is
    None where a part of it is unknown.

    `seconds` are those of models. `human_seconds` are those that people took to reply, as they were noted, or
    as a simulation says that a person would take; also of replies that the cache served, as they are part of
    the cost; None where a person's are unknown.

    Two things are no part of the logical use and count against limits all the same. `thrown_*` is what
    probes took, and answers that were thrown away: paid, `paid_usd` holds it. `uncounted_*` is at most what
    was taken that nobody counted: by answers without counts, and by calls that broke off after they were
    sent."""

    calls: int = 0
    cache_hits: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    unreported: int = 0
    estimated: int = 0
    reasoning_tokens: int | None = 0
    #: of the input tokens, those that the server read from a cache of its own, and those that it put there
    cached_input_tokens: int | None = 0
    cache_write_tokens: int | None = 0
    retrieved_tokens: int = 0
    cost_usd: float | None = 0.0
    paid_usd: float | None = 0.0
    #: the sum of the costs that are known
    known_usd: float = 0.0
    seconds: float = 0.0
    human_seconds: float | None = 0.0
    thrown_calls: int = 0
    thrown_tokens: int = 0
    thrown_usd: float = 0.0
    uncounted_tokens: int = 0
    uncounted_usd: float = 0.0

    def add(self, other: Usage) -> None:
        """Add `other` to this."""
        self.calls += other.calls
        self.cache_hits += other.cache_hits
        self.retries += other.retries
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.unreported += other.unreported
        self.estimated += other.estimated
        self.reasoning_tokens = _sum(self.reasoning_tokens, other.reasoning_tokens)
        self.cached_input_tokens = _sum(self.cached_input_tokens, other.cached_input_tokens)
        self.cache_write_tokens = _sum(self.cache_write_tokens, other.cache_write_tokens)
        self.retrieved_tokens += other.retrieved_tokens
        self.known_usd = self.least_usd + other.least_usd
        self.cost_usd = _sum(self.cost_usd, other.cost_usd)
        self.paid_usd = _sum(self.paid_usd, other.paid_usd)
        self.seconds += other.seconds
        self.human_seconds = _sum(self.human_seconds, other.human_seconds)
        self.thrown_calls += other.thrown_calls
        self.thrown_tokens += other.thrown_tokens
        self.thrown_usd += other.thrown_usd
        self.uncounted_tokens += other.uncounted_tokens
        self.uncounted_usd += other.uncounted_usd

    def checked(self) -> Usage:
        """The same in exact types.

        Raises:
            Unfit: a number is none, below 0 or not finite.
        """
        found: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None and each.name in _UNKNOWN:
                found[each.name] = None
            elif type(each.default) is int:
                found[each.name] = count(value, each.name)
            else:
                amount = number(value, each.name)
                if amount < -ROUNDING:
                    raise Unfit(f"{each.name} is {amount}, below 0")
                found[each.name] = max(amount, 0.0)
        return Usage(**found)

    def since(self, before: Usage) -> Usage:
        """What an account has grown by since it was `before`; None where either number is unknown."""
        pairs = {name: (getattr(self, name), getattr(before, name)) for name in _NAMES}
        grown: dict[str, Any] = {
            name: None if None in pair else pair[0] - pair[1] for name, pair in pairs.items()
        }
        return Usage(**grown)

    @property
    def least_usd(self) -> float:
        """What it cost at least: the cost, or the known part of it."""
        return self.known_usd if self.cost_usd is None else self.cost_usd

    @property
    def measured(self) -> tuple[int, int, float]:
        """Calls, tokens and USD as limits count them: what is known, what was thrown away, and what nobody
        counted at its most."""
        return (
            self.calls,
            self.input_tokens + self.output_tokens + self.thrown_tokens + self.uncounted_tokens,
            self.least_usd + self.thrown_usd + self.uncounted_usd,
        )

    @property
    def lost(self) -> Usage:
        """What a process that goes on from here can't know from the answers: what was paid, thrown away and
        not counted."""
        return Usage(paid_usd=self.paid_usd, **{name: getattr(self, name) for name in UNLOGICAL})

    @property
    def logical(self) -> Usage:
        """What it is without what `lost` says."""
        return replace(self, paid_usd=0.0, **dict.fromkeys(UNLOGICAL, 0))

    def as_dict(self) -> dict[str, Any]:
        """Every field that isn't 0, for `from_dict`."""
        return {name: value for name, value in zip(_NAMES, _values(self), strict=True) if value != 0}

    def reported(self) -> dict[str, Any]:
        """Every field as records have it: a number of tokens is None where a part of it is unknown."""
        found = dict(zip(_NAMES, _values(self), strict=True))
        del found["known_usd"]
        if found["human_seconds"] == 0:  # nobody was asked
            del found["human_seconds"]
        if self.unreported:
            found["input_tokens"] = found["output_tokens"] = None
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Usage:
        """From `as_dict` or `reported`, or a part of it; what is left out is 0."""
        found = cls(**{name: value for name, value in values.items() if name in _NAMES})
        if found.input_tokens is None or found.output_tokens is None:
            found.unreported = found.unreported or max(1, found.calls)
            found.input_tokens, found.output_tokens = found.input_tokens or 0, found.output_tokens or 0
        return found

    @classmethod
    def total(cls, by_purpose: Mapping[str, Mapping[str, Any]]) -> Usage:
        """The sum over purposes, each as `from_dict` takes it."""
        first, *others = by_purpose.values() or [{}]
        found = cls.from_dict(first)
        for values in others:
            found.add(cls.from_dict(values))
        return found


#: what is paid or may be, and is no part of the logical use
UNLOGICAL = ("thrown_calls", "thrown_tokens", "thrown_usd", "uncounted_tokens", "uncounted_usd")
_Number = TypeVar("_Number", int, float)
#: how far below 0 a difference of two sums may come to lie
ROUNDING = 1e-9
#: what may be unknown
_UNKNOWN = (
    *("reasoning_tokens", "cached_input_tokens", "cache_write_tokens", "cost_usd", "paid_usd"),
    "human_seconds",
)
#: the fields, in their order
_NAMES = dict.fromkeys(field.name for field in fields(Usage))
_values = attrgetter(*_NAMES)


def _sum(a: _Number | None, b: _Number | None) -> _Number | None:
    return None if a is None or b is None else a + b


class Ledger:
    """Usage by purpose for a run, and by attempt while an attempt is open."""

    def __init__(self) -> None:
        self.by_purpose: dict[str, Usage] = {}
        self.total = Usage()
        #: calls that --offline refused, as the cache doesn't hold their completions
        self.missing = 0
        #: the models that would have been asked for them
        self.lacking: set[str] = set()
        #: what came to and from the models, beside what it took
        self.served = Served()
        #: what attempts sent first
        self.requests = FirstRequests()
        self._open: dict[tuple[str, int], dict[str, Usage]] = {}
        self._apart = Usage()
        self._lock = Lock()

    def begin(self, question_id: str, epoch: int, unkept: CacheFailed | None = None) -> None:
        """Note that a call is begun for an attempt.

        Raises:
            CacheFailed: what the call pays for can't be kept, for the reason `unkept`, and it is the first
                of its attempt; what is begun is finished from memory.
        """
        if unkept is not None and (question_id, epoch) not in self._open:
            raise unkept
        self._open.setdefault((question_id, epoch), {})

    def charge(self, purpose: str, usage: Usage, question_id: str, epoch: int) -> None:
        """Record one call, whose `usage` is the ledger's from now on."""
        with self._lock:  # embedders of services charge from a thread of their own
            self.total.add(usage)
            if purpose not in self.by_purpose:
                self.by_purpose[purpose] = Usage()
            self.by_purpose[purpose].add(usage)
            attempt = self._open.setdefault((question_id, epoch), {})
            if purpose in attempt:
                attempt[purpose].add(usage)
            else:
                usage.known_usd = usage.least_usd
                attempt[purpose] = usage

    def book(self, usage: Usage) -> None:
        """Record what serves no attempt and no purpose of the run, such as a probe."""
        with self._lock:
            self.total.add(usage)
            self._apart.add(usage)

    def lost(self) -> Usage:
        """What was paid, or may have been, for no finished attempt: a process that goes on from here finds
        the answers in the cache, and not that."""
        found = replace(self._apart)
        for by_purpose in self._open.values():
            for usage in by_purpose.values():
                found.add(usage.lost)
        return found

    def take(self, question_id: str, epoch: int) -> dict[str, Usage]:
        """What an attempt spent since it was last taken."""
        return self._open.pop((question_id, epoch), {})

    def take_all(self) -> dict[str, dict[str, Any]]:
        """What was spent since, whatever for, by purpose: of `fit`, which serves no single attempt."""
        spent: dict[str, Usage] = {}
        for by_purpose in self._open.values():
            for purpose, usage in by_purpose.items():
                spent.setdefault(purpose, Usage()).add(usage)
                self._apart.add(usage.lost)
        self._open.clear()
        self.requests.clear()
        return {purpose: usage.as_dict() for purpose, usage in spent.items()}

    def restore(self, usages: Iterable[Mapping[str, Mapping[str, Any]]]) -> None:
        """Record what earlier parts of a resumed run spent."""
        for by_purpose in usages:
            for purpose, values in by_purpose.items():
                usage = Usage.from_dict(values)
                self.total.add(usage)
                self.by_purpose.setdefault(purpose, Usage()).add(usage)
