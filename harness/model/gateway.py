"""The handle on a model that a run holds: cached, metered and budgeted; `harness.model.tries` asks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.base import messages as make
from harness.base.digest import digest
from harness.base.errors import Declined, NotKept
from harness.model import backoff, echoed_secrets, endings, first_request
from harness.model.budget import Bound, Budget, Place
from harness.model.cache import Cache
from harness.model.generation import merged
from harness.model.health import Health
from harness.model.ledger import Ledger, Usage
from harness.model.metering import Meter
from harness.model.pace import Pace
from harness.model.prefixes import Prefixes
from harness.model.prices import Price, Rates
from harness.model.provider import Call, Provider
from harness.model.reasoning_room import Room
from harness.model.request_fields import NONE, Fields
from harness.model.supported_settings import Taken
from harness.model.tries import Tries
from harness.model.verbatim import OFFICIAL, official_of
from harness.sample import Question

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolInfo

KEY_FORMAT = 1


class Model:
    """One model in one run (`job.model`, `job.role("judge")`). `price` is what it takes, or its two rates
    alone, of a million tokens of prompts and of completions; None where that is unknown."""

    def __init__(
        self,
        provider: Provider,
        *,
        ledger: Ledger,
        budget: Budget,
        cache: Cache | None = None,
        decoding: Mapping[str, Any] | None = None,
        seed: int = 0,
        price: Price | tuple[float, float] | None = None,
        offline: bool = False,
        max_retries: int = backoff.MAX_RETRIES,
        first_wait: float = backoff.FIRST_WAIT,
        pace: Pace | None = None,
        health: Health | None = None,
        answer_limit: int | None = None,
        prompt_cache: bool = True,
        chosen: Collection[str] = (),
        notice: Callable[[str], None] | None = None,
        notes_requests: bool = False,
        fields: Callable[[Question], Fields] = lambda question: NONE,
    ) -> None:
        self.provider, self.name, self.abilities = provider, provider.name, provider.abilities
        self.decoding = dict(decoding or {})
        self._ledger, self._budget, self._cache = ledger, budget, cache
        self._seed, self._offline = seed, offline
        self._keyed, self._notes_requests, self._fields = provider.cacheable, notes_requests, fields
        self._notice = notice or (lambda text: None)
        self._taken = Taken(provider, self.decoding, chosen, self._notice)
        self.price = Price(Rates(*price)) if isinstance(price, tuple) else price
        self._meter = Meter(provider, self.price, budget, self._notice)
        self._tries = Tries(
            provider,
            taken=self._taken,
            prefixes=Prefixes(provider, prompt_cache),
            room=Room(answer_limit, self.name, self._notice) if provider.remote else None,
            pace=pace if provider.remote or provider.person else None,
            health=(health or Health(True, notice)) if provider.remote else None,
            meter=self._meter,
            book=self._book,
            max_retries=max_retries,
            first_wait=first_wait,
            notice=self._notice,
        )
        if provider.person and pace is not None:
            provider.in_line = lambda: pace.in_line
        self._asking: dict[str, asyncio.Event] = {}  # calls under way that the cache will hold, by key

    @property
    def identity(self) -> list[Any]:
        """What its answers depend on beside a call: name, revision and, if there are any, arguments."""
        arguments = dict(self.provider.arguments)
        return [self.name, self.provider.revision, *([arguments] if arguments else [])]

    async def generate(
        self,
        question: Question,
        messages: Sequence[ChatMessage],
        *,
        purpose: str = "answer",
        draw: int = 0,
        tools: Sequence[ToolInfo] = (),
        tool_choice: Any = None,
        keep: Callable[[ModelOutput], bool] | None = None,
        patience: float | None = None,
        **decoding: Any,
    ) -> ModelOutput:
        """One completion on behalf of `question`.

        `draw` numbers repeated calls with the same messages (the samples of a vote); `decoding` are
        fields of inspect-ai's GenerateConfig and win over the run's own; a `system_message` among them stands
        before the messages, whatever the provider. Only what `keep` says yes to goes
        into the cache, so that the same call is made again where an answer was of no use. `patience` is how
        many seconds the call may take, its retries among them, from when it has its turn. A call that is
        under way is not made a second time: both get its answer, as they would after a kill.

        Raises:
            BudgetSpent: before the call or one of its retries, if a limit of the run is reached.
            ModelCallError: the call failed for good or took too long, which the ledger records as a call
                without tokens.
            Declined: there is no completion for a reason that stays: a refusal, a filter, a prompt that is
                too long. Never kept in the cache.
            ModelStopped: no call to the model can succeed until somebody mends something.
            ServerSilent: its server has done nothing but fail for a minute.
            NotKept: it is not in the cache and --offline is set, and none was made.
            CacheFailed: what it would cost couldn't be kept, and no call of the attempt was made yet.
        """
        settings = merged(self.decoding, decoding)
        if system := settings.pop("system_message", None):
            messages = make.told(system, messages)
        self._taken.check(settings, bool(system))
        fields = self._fields(question).of_draw(draw)
        choice = fields.tool_choice if tools and tool_choice is None else tool_choice
        key = self._key(question, messages, tools, choice, settings, draw, fields)
        call = Call(question, messages, tools, choice, settings, int(key[:15], 16), fields)
        if self._notes_requests and self._ledger.requests.begins(question.id, question.epoch, tools):
            call.sent = [] if self.provider.remote else None
        shared = self._keyed and self._cache is not None
        while True:
            if shared and key in self._asking:  # its answer is this one's too, unless it fails
                await self._asking[key].wait()
                shared = False
            async with self._budget.place(self._ledger.total, lambda: self._most(call)) as place:
                if shared and key in self._asking:  # while this one waited; it holds no place till then
                    continue
                return await self._answer(call, key, purpose, draw, keep, patience, place)

    async def _answer(
        self,
        call: Call,
        key: str,
        purpose: str,
        draw: int,
        keep: Callable[[ModelOutput], bool] | None,
        patience: float | None,
        place: Place,
    ) -> ModelOutput:
        """The completion that the cache holds, else the provider's."""
        cache = self._cache if self._keyed else None
        if cache is not None:
            kept = self._held(cache, key, call, draw)
            found = None if kept is None else self._kept(kept, key, call, purpose)
            if found is not None:
                if call.sent is not None:
                    request = cache.request(key) or json.dumps(first_request.CACHED)
                    self._ledger.requests.keep(call.question.id, call.question.epoch, request)
                return found
        if self._offline and self.provider.remote:
            self._ledger.missing += 1
            self._ledger.lacking.add(self.name)
            raise NotKept(
                f"{self.name}: {_name(purpose, call.question, draw)} is not in the cache and --offline is "
                "set; run once with a network to fill the cache"
            )
        unkept = self._cache.problem if self._cache is not None and self.provider.remote else None
        self._ledger.begin(call.question.id, call.question.epoch, unkept)
        over = self._asking.setdefault(key, asyncio.Event()) if cache is not None else None
        try:
            output = await self._charged(call, purpose, patience, place)
            whole = cache is not None or self.provider.remote
            text = echoed_secrets.as_json(output) if whole else output.completion
            output, text = echoed_secrets.hidden(output, text, self.name, self._notice)
            if cache is not None and (keep is None or keep(output)):
                if call.sent is not None:
                    cache.put_request(key, first_request.as_kept(call, self.provider))
                cache.put(key, text)
                if self.provider.remote or self.provider.person:  # on disk before anybody has it: a killed
                    # run must find what was paid for, or what a person said
                    await asyncio.sleep(0)  # what else comes in this turn of the loop shares the commit
                    cache.flush()
        finally:
            if over is not None:
                self._asking.pop(key, None)
                over.set()
            if call.sent is not None:
                self._ledger.requests.keep(
                    call.question.id, call.question.epoch, first_request.as_kept(call, self.provider)
                )
        return output

    def _most(self, call: Call) -> Bound:
        """At most what a call takes as it would be sent now."""
        return self._meter.most(self._tries.roomy(call))

    async def _charged(self, call: Call, purpose: str, patience: float | None, place: Place) -> ModelOutput:
        """The answer to a call, recorded however it ends."""
        usage = Usage()
        output: ModelOutput | None = None
        started = time.perf_counter()
        try:
            output = await self._tries.answer(call, usage, purpose, place, patience)
        finally:
            # a person's time is in no latency
            usage.seconds = 0.0 if self.provider.person else time.perf_counter() - started
            self._charge(purpose, call, usage, output)
        sent = self._taken.sent(self._tries.roomy(call))
        self._ledger.served.note(self.provider, purpose, sent, output, self._rewritten(call))
        endings.check(output, self.name)
        self._meter.note(usage, output)
        return output

    def _held(self, cache: Cache, key: str, call: Call, draw: int) -> str | None:
        """What the cache holds, also by the key of when a server's address was part of a model."""
        held, former = cache.get(key), self.provider.former
        if held is not None or former is None or not cache.older:
            return held
        asked = (call.question, call.messages, call.tools, call.tool_choice, call.decoding, draw, call.fields)
        held = cache.get(self._key(*asked, former))
        if held is not None:
            cache.put(key, held)  # another server finds it too
        return held

    def _kept(self, text: str, key: str, call: Call, purpose: str) -> ModelOutput | None:
        """The completion that the cache holds, recorded as a call that it served; None for what an earlier
        version kept and is no answer, or had no room, which is forgotten."""
        from inspect_ai.model import ModelOutput

        try:
            output = ModelOutput.model_validate(json.loads(text))
        except (ValueError, RecursionError):
            if self._cache is not None:
                self._cache.damaged(key)
            return None
        output, _ = echoed_secrets.hidden(output, text, self.name, self._notice)
        try:
            endings.check(output, self.name)
            stale = not self._offline and self._tries.cut_short(call, output)
        except Declined:
            stale = True
            if self._offline:
                self._charge(purpose, call, Usage(calls=1, cache_hits=1), output)
                raise
        if stale and self._cache is not None:
            self._cache.drop(key)
            return None
        self._ledger.served.note(self.provider, purpose, call.decoding, output, self._rewritten(call))
        self._charge(purpose, call, usage := Usage(calls=1, cache_hits=1), output)
        self._meter.note(usage, output)
        return output

    def _key(
        self,
        question: Question,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolInfo],
        tool_choice: Any,
        settings: Mapping[str, Any],
        draw: int,
        fields: Fields,
        former: tuple[str, str] | None = None,
    ) -> str:
        """What the answer may depend on, and nothing else; `former` as the provider has it."""
        arguments = self.provider.arguments
        revision, *more = former or (self.provider.revision, *([dict(arguments)] if arguments else []))
        return digest(
            [
                KEY_FORMAT,
                self.name,
                revision,
                [_plain(message) for message in messages],
                [tool.model_dump(exclude_none=True) for tool in tools],
                tool_choice if isinstance(tool_choice, str | None) else asdict(tool_choice),
                dict(settings),
                question.epoch,
                draw,
                self._seed,
                # an uncached provider may answer by sample, so its seeds must differ by sample
                "" if self._keyed else question.id,
                *more,
                *fields.keyed(),
            ]
        )

    def _charge(self, purpose: str, call: Call, usage: Usage, output: ModelOutput | None) -> None:
        """Records a call, with the tokens of its answer if it got one."""
        if not usage.calls:  # cancelled while it waited for its turn
            return
        if output is not None:
            self._meter.answered(usage, call, output)
        elif self.price is None:
            usage.cost_usd = None
        usage.paid_usd = 0.0 if usage.cache_hits else usage.cost_usd
        self._ledger.charge(purpose, usage, call.question.id, call.question.epoch)

    def _rewritten(self, call: Call) -> bool:
        """Whether parts of an official request are sent otherwise than officially."""
        if self.provider.verbatim:
            return False
        return any(official_of(part) is not None for part in (*call.tools, *call.messages))

    def _book(self, purpose: str, call: Call, extra: Usage) -> None:
        """Records what is no part of a method's use: thrown away, or of a try that broke off."""
        if extra != Usage():
            self._ledger.charge(purpose, extra, call.question.id, call.question.epoch)


def _name(purpose: str, question: Question, draw: int) -> str:
    """A call as people know it."""
    more = f", epoch {question.epoch}" * bool(question.epoch) + f", draw {draw}" * bool(draw)
    return f"the call {purpose!r} for sample {question.id!r}{more}"


def _plain(message: ChatMessage) -> Any:
    """A message without what doesn't reach the model, such as its random id."""
    official = official_of(message)
    if isinstance(message.content, str) and message.role in ("user", "system") and official is None:
        return [message.role, message.content]
    plain = message.model_dump(exclude={"id", "metadata", "source", "model"}, exclude_none=True)
    return plain if official is None else {**plain, OFFICIAL: official}
