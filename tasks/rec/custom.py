"""`rec/custom`: the user's own files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base.errors import DataError, UsageError
from harness.data.content import Form
from harness.spec import TaskSpec
from harness.tasks.rec.adapter import Recommendation
from harness.tasks.rec.files import Reader
from harness.tasks.rec.log import LOG, Events, joined

if TYPE_CHECKING:
    from harness.data.hub import Data

#: splits that hold out by the order of time
BY_TIME = ("last", "cold-users")


class CustomRecommendation(Recommendation):
    """Interactions of one file, which are split, or of two, of which one is the test."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        if not args["train"]:
            raise UsageError(f"{spec.name} needs -T train=FILE (and -T test=FILE, or it splits the file)")
        if self.args["split"] == "auto":
            self.args["split"] = "official" if args["test"] else "last"
        if args["test"] and self.args["split"] != "official":
            why = "protocol=released" if self.released else f"split={args['split']}"
            raise UsageError(f"{spec.name}: {why} makes a split of its own; leave out -T test, or -T {why}")

    def events(self, data: Data) -> Events:
        reader = self._reader(data)
        train = reader.events(self.args["train"])
        if self.args["test"]:
            return joined(train, reader.events(self.args["test"]))
        if train.time is None and self.args["split"] in BY_TIME:
            LOG.warning(
                "%s: the interactions have no times; split=%s takes the order of the file for theirs",
                self.spec.name,
                self.args["split"],
            )
        return train

    def texts(self, data: Data, items: Sequence[str]) -> Sequence[str]:
        if not self.args["items"]:
            return ()
        text = self._reader(data).texts(self.args["items"], self.args["text"])
        found = [text.get(item, "") for item in items]
        without = found.count("")
        if without == len(found):
            raise DataError(
                f"{self.args['items']} has a text for none of the {len(items)} items; "
                "-T item names its column of ids, -T text that of texts"
            )
        if without:
            LOG.warning("%s: %d of %d items have no text", self.spec.name, without, len(found))
        return found

    def _reader(self, data: Data) -> Reader:
        asked = {name: self.args[name] for name in ("user", "item", "rating", "time")}
        form = Form(self.args["encoding"], self.args["separator"], quotes=self.args["quotes"])
        return Reader(data, asked, self.args["format"], form, self.args["header"])
