"""Whether a model can be asked at all: what stops its calls after a handful that no other call can mend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from harness.base.errors import ModelStopped, ServerSilent
from harness.model import silence

#: failures in a row after which a model is stopped, and calls at once until it has answered one
HANDFUL = 3
#: how often in a minute tries under way are looked at
LOOKS = 12


def ended(line: str, what: str) -> ModelStopped:
    """What ends the cells of a model, an embedder or a service."""
    return ModelStopped(
        f"{line}; no call to this {what} can succeed, so its cells end here: mend it and run the same "
        "command, or --keep-going counts such calls as errors"
    )


class Health:
    """Of one model, shared by all that ask it. `stopped` is why it is asked no more; empty while it is.

    Args:
        keep_going: whether calls that can't succeed are errors like any other.
        notice: takes what is told of a server that fails.
        waits: whether calls wait for hours, as in batches: a minute says nothing then.
    """

    def __init__(
        self, keep_going: bool = False, notice: Callable[[str], None] | None = None, waits: bool = False
    ) -> None:
        self.stopped = ""
        self._silent = ""  # the same, until another cell begins
        self._silence = silence.Silence(notice, ends=not (keep_going or waits))
        self._waits = waits
        self._keep_going, self._answered, self._failed, self._trying = keep_going, False, 0, 0
        self._changed: asyncio.Event | None = None  # of the running loop
        self._look: asyncio.TimerHandle | None = None  # the next one, while there are tries under way

    @asynccontextmanager
    async def turn(self, name: str = "") -> AsyncIterator[None]:
        """A call's turn: at once, but of a model that hasn't answered yet only a handful are tried together.
        Where nothing comes for long that is told while it lasts.

        Raises:
            ModelStopped: the model is stopped.
        """
        while not self._answered and self._trying >= HANDFUL and not self._keep_going:
            self._check()
            self._changed = self._changed or asyncio.Event()
            await self._changed.wait()
        self._check()
        self._trying += 1
        number = self._silence.sent()
        if self._look is None and not self._waits:
            self._look_later(name)
        try:
            yield
        finally:
            self._silence.over(number)
            self._trying -= 1
            if not self._trying and self._look is not None:
                self._look.cancel()
                self._look = None
            self._tell()

    def _look_later(self, name: str) -> None:
        def look() -> None:
            self._silence.waited_for(name)
            self._look_later(name)

        self._look = asyncio.get_running_loop().call_later(silence.MINUTE / LOOKS, look)

    def again(self) -> None:
        """Another cell begins: the server may answer by now."""
        self._silent = ""
        self._silence.again()

    def answers(self, name: str = "", seconds: float = 0.0) -> None:
        """The model answered a try that took so many seconds, if only that it has no answer to a prompt."""
        self._failed = 0
        self._silence.answers(name, seconds)
        if not self._answered:
            self._answered = True
            self._tell()

    def fails(self, line: str) -> bool:
        """A call failed in a way that another can't change; whether it is to be tried once more, as such
        failures pass at times.

        Raises:
            ModelStopped: it was one too many.
        """
        if self._keep_going:
            return False
        self._failed += 1
        if self._failed >= HANDFUL:
            self.stop(line)
        self._check()
        return True

    def failed(self, failure: silence.Failure) -> None:
        """A try failed in a way that another may not; see `Silence.failed`.

        Raises:
            ServerSilent: nothing else has come for a minute.
        """
        try:
            self._silence.failed(failure)
        except ServerSilent as silent:
            self._silent = str(silent)
            self._tell()
            raise

    def stop(self, line: str) -> None:
        """No call is made from now on."""
        self.stopped = self.stopped or line
        self._tell()

    def _check(self) -> None:
        if self.stopped:
            raise ended(self.stopped, "model")
        if self._silent:
            raise ServerSilent(self._silent)

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None
