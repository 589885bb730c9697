"""`terminal`: the person who sits where the evaluation was started, asked one request at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.base.errors import ModelCallError, ModelStopped, UsageError
from harness.human.shown import Shown
from harness.human.typed import cleaned
from harness.model.people.person import Person, shown
from harness.model.provider import Call

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

    from harness.base.tty import Terminal

RULE = "-" * 78
NOBODY = (
    "terminal asks the person at the terminal of this process, and there is none; start it from one, or name "
    "browser, which asks on a page (answers that are in the cache need neither: --offline)"
)


class AtTheTerminal(Person):
    """Asks there. What is shown can't act on the terminal, what is typed loses its control characters; Ctrl-D
    gives no reply, Ctrl-C ends the run."""

    name = "terminal"
    connections = 1
    _last: tuple[str, int] | None = None  # the attempt that was shown last

    def connect(self) -> None:
        _opened(UsageError).close()

    async def generate(self, call: Call) -> ModelOutput:
        from harness.base.tty import Hangup

        terminal = _opened(ModelStopped)
        try:
            await terminal.mine(lambda: terminal.show("Another process asks here; it has its turn first.\n"))
            with terminal.dialogue():
                return await self._ask(terminal, shown(call))
        except Hangup:
            raise ModelStopped("terminal: nobody is at the terminal any more") from None
        finally:
            terminal.close()

    async def _ask(self, terminal: Terminal, asked: Shown) -> ModelOutput:
        attempt = (asked.sample, asked.epoch)
        terminal.show(self._told(asked, new=attempt != self._last))
        self._last = attempt
        began = time.monotonic()
        while True:
            terminal.show("> ")
            line = await terminal.line()
            if line is None:
                terminal.show("\nNo reply.\n")
                raise ModelCallError("terminal: the person gave no reply (Ctrl-D)")
            reply = cleaned(line)
            if not (fault := asked.fault(reply)):
                return self.output(reply, time.monotonic() - began)
            terminal.show(f"{fault}\n")

    def _told(self, asked: Shown, new: bool) -> str:
        """What is shown of a request: all that was before it, where the attempt is `new`."""
        others = self.in_line()
        waits = f"; {others} more wait{'s' * (others == 1)} for you" if others else ""
        epoch = f", epoch {asked.epoch}" if asked.epoch else ""
        lines = ["", RULE, f"Sample {asked.sample}{epoch}{waits}", ""]
        if new:
            lines += [asked.brief, ""] if asked.brief else []
            lines += [f"{speaker}: {text}" for speaker, text in asked.dialogue]
        parts = asked.parts()
        if parts["kind"] != "text":
            lines.append(f"{parts['kind'].capitalize()}:")
        lines.append(parts["text"])
        lines += [f"The call: {parts['action']}"] if parts["action"] else []
        lines += [f"Choices: {', '.join(parts['choices'])}"] if parts["choices"] else []
        lines += [f"({parts['form']})"] if parts["form"] else []
        return "\n".join([*lines, ""])


def _opened(fault: type[UsageError]) -> Terminal:
    from harness.base.tty import Terminal

    try:
        return Terminal()
    except OSError:
        raise fault(NOBODY) from None
