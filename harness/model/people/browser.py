"""`browser`: people who answer on a page (`harness human serve`), now or later."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.base.paths import shown as shown_path
from harness.base.terminal import printable
from harness.human.queue import FOLDER, Queue
from harness.model.people.person import Person, shown
from harness.model.provider import Call

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

#: seconds between two looks for a reply
AGAIN = 0.1
OVER = "The time for a reply is over, or the evaluation was stopped."


class Browser(Person):
    """Puts requests into a queue of files and waits for replies; it lies in the store, or in the folder that
    the argument `folder` names. Many requests may wait at once."""

    name = "browser"
    connections = 64
    takes_arguments = ("person", "folder")

    def __init__(self, args: Mapping[str, Any]) -> None:
        super().__init__(args)
        self._folder = Path(str(args["folder"])) if args.get("folder") else None
        self.beside(Path("results"))

    def beside(self, store: Path) -> None:
        if self._folder is None:
            serve = f"harness human serve --store {shown_path(store)}"
        else:
            serve = f"harness human serve --folder {shown_path(self._folder)}"
        self._queue = Queue((self._folder or store / FOLDER).absolute())
        self.remarks = (f"people answer on the page of: {printable(serve)}",)

    async def generate(self, call: Call) -> ModelOutput:
        asked = shown(call)
        # the seed stands for all that the reply may depend on, but for the sample
        id = digest([asked.sample, asked.epoch, call.seed, self.name, dict(self.arguments)])[:32]
        self._queue.ask(id, asked, self.name)
        try:
            while (said := self._queue.said(id)) is None:
                await asyncio.sleep(AGAIN)
                if not self._queue.asks(id) and self._queue.said(id) is None:
                    self._queue.ask(id, asked, self.name)
        except asyncio.CancelledError:
            self._queue.give_up(id, OVER)
            raise
        self._queue.done(id)
        return self.output(said.text, said.seconds)
