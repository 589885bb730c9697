"""One call to a provider and its tries: in turn, fitted to what the provider takes, made again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from harness.base.errors import Declined, HarnessError, ModelCallError
from harness.model import backoff, endings, faults
from harness.model.budget import Place
from harness.model.health import HANDFUL, Health
from harness.model.ledger import Usage
from harness.model.metering import Meter
from harness.model.pace import Pace
from harness.model.prefixes import Prefixes
from harness.model.provider import Call, Provider
from harness.model.reasoning_room import Room
from harness.model.silence import Failure
from harness.model.supported_settings import Taken

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


class Tries:
    """The tries of a model's calls. `book` records what a try used that brought no answer; `room`, `pace` and
    `health` are of providers on a network, None for others."""

    def __init__(
        self,
        provider: Provider,
        *,
        taken: Taken,
        prefixes: Prefixes,
        room: Room | None,
        pace: Pace | None,
        health: Health | None,
        meter: Meter,
        book: Callable[[str, Call, Usage], None],
        max_retries: int,
        first_wait: float,
        notice: Callable[[str], None],
    ) -> None:
        self._provider, self._taken, self._prefixes = provider, taken, prefixes
        self._room, self._pace, self._health = room, pace, health
        self._meter, self._book, self._notice = meter, book, notice
        self._max_retries, self._first_wait = max_retries, first_wait
        self._told_of_wait = False

    def roomy(self, call: Call) -> Call:
        """The call with the room for thoughts that it would be sent with now."""
        return self._room.widened(call) if self._room else call

    def cut_short(self, call: Call, output: ModelOutput) -> bool:
        """Whether a completion was cut off for want of the room that the call would have now."""
        return self._room is not None and self._room.wanted(call, call, output)

    async def answer(
        self, call: Call, usage: Usage, purpose: str, place: Place, patience: float | None
    ) -> ModelOutput:
        """The provider's completion, after as many tries as it takes; `usage` counts them. With `patience`
        it has to come within so many seconds from the call's turn.

        Raises:
            ModelCallError: the call failed for good or took too long.
            Declined: the provider says that there is none: a filter, a prompt that is too long.
            ModelStopped: no call to the model can succeed until somebody mends something.
            ServerSilent: its server has done nothing but fail for a minute.
            BudgetSpent: before another try, if a limit of the run is reached.
        """
        if patience is None:
            return await self._call(call, usage, purpose, place)
        try:
            async with asyncio.timeout(None) as clock:
                loop = asyncio.get_running_loop()
                return await self._call(
                    call, usage, purpose, place, lambda: clock.reschedule(loop.time() + patience)
                )
        except TimeoutError:
            raise ModelCallError(f"{self._provider.name}: no answer within {patience:g} seconds") from None

    async def _call(
        self, call: Call, usage: Usage, purpose: str, place: Place, begun: Callable[[], None] = lambda: None
    ) -> ModelOutput:
        """The answer; `begun` is called when the first try has its turn."""
        jitter: random.Random | None = None
        told, sent, began = 0, call, time.monotonic()
        while True:
            extra = Usage()  # what a try took that brought no answer
            try:
                async with (
                    self._pace or nullcontext(),
                    self._health.turn(self._provider.name) if self._health else nullcontext(),
                ):
                    if not usage.calls:
                        begun()
                    usage.calls = 1
                    roomy = self.roomy(call)
                    sent = self._taken.fitting(self._prefixes.marked(roomy))
                    began = time.monotonic()
                    output = await self._sent(sent, purpose, extra)
                if self._pace:
                    self._pace.answered(began, output.usage.output_tokens if output.usage else 0)
                if self._health:
                    self._health.answers(self._provider.name, time.monotonic() - began)
                self._taken.answered()
                if self._room is None or not self._room.wanted(call, roomy, output):
                    return output
                self._meter.thrown_away(extra, sent, output)
                self._book(purpose, call, extra)
                usage.retries += 1
                await place.renew()
                continue
            except HarnessError:  # a provider's own line, or the model is stopped
                raise
            except Exception as error:
                said, wanted_wait = faults.read(error), self._provider.retry_after(error)
                if usage.calls and usage.retries <= self._max_retries and self._taken.learns(error, sent):
                    usage.retries += 1
                    continue
                if self._room and usage.calls and self._room.narrowed(call, roomy, said.status):
                    continue
                told += 1
                self._book(purpose, call, extra)
                if self._pace:
                    self._pace.refused(said.status, began, wanted_wait)
                self._note(call, said, told, wanted_wait, time.monotonic() - began)
                if not self._again(error, said, usage, told):
                    raise self._failure(said, usage, self._taken.cure(error, sent)) from error
            if (wanted_wait or 0.0) > backoff.LONGEST_WAIT and not self._told_of_wait:
                self._told_of_wait = True
                self._notice(
                    f"{self._provider.name}: {said.line}: the server asks to wait {wanted_wait:.0f} seconds; "
                    f"a call waits {backoff.CEILING:.0f} at most before each of its {self._max_retries} "
                    "retries"
                )
            jitter = jitter or random.Random(call.seed)
            seconds = backoff.wait(usage.retries, wanted_wait, jitter.random(), self._first_wait)
            usage.retries += 1
            if extra != Usage():
                place.give_back()
            await asyncio.sleep(seconds)
            await place.take()

    def _note(
        self, call: Call, said: faults.Reading, tries: int, wanted_wait: float | None, seconds: float
    ) -> None:
        """Has the server's failures told, and the cell ended where nothing else comes; a try took so many
        seconds.

        Raises:
            ServerSilent: nothing else has come for a minute.
        """
        if self._health is None or said.kind == "unusable":
            return
        name = self._provider.name
        if said.kind in ("filtered", "context_overflow"):
            return self._health.answers(name, seconds)
        failure = Failure(name, said.line, call.seed, tries, said.status, wanted_wait, seconds)
        self._health.failed(failure)

    async def _sent(self, call: Call, purpose: str, extra: Usage) -> ModelOutput:
        """One try. What it may have cost although it brought no answer goes into `extra`."""
        try:
            return await self._provider.generate(call)
        except asyncio.CancelledError:  # the server goes on with it
            if self._provider.remote and not self._provider.batched:  # a batch is found again
                self._meter.broke_off(extra, call)
                self._book(purpose, call, extra)
            raise
        except Exception as error:
            if faults.may_have_been_served(error):
                self._meter.broke_off(extra, call)
            raise

    def _again(self, error: Exception, said: faults.Reading, usage: Usage, told: int) -> bool:
        """Whether a call that failed is made again."""
        if said.kind == "unusable":
            line = f"{self._provider.name}: {said.line}"
            return self._health is not None and self._health.fails(line) and told < HANDFUL
        if usage.retries >= self._max_retries or said.kind in ("filtered", "context_overflow"):
            return False
        return said.kind == "passing" or self._provider.retryable(error)

    def _failure(self, said: faults.Reading, usage: Usage, cure: str = "") -> ModelCallError:
        """The error of a call that failed for good."""
        if said.kind in ("filtered", "context_overflow"):
            return Declined(f"{self._provider.name}: {endings.NAMES[said.kind]}: {said.line}", said.kind)
        tries = f" after {usage.retries + 1} tries" if usage.retries else ""
        return ModelCallError(f"{self._provider.name}{tries}: {said.line}{cure}")
