"""`personal/custom` and `personal/custom-ratings`: the user's own streams, one row an interaction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import DataError, UsageError
from harness.base.plain import named
from harness.data.cells import label_text
from harness.sample import Splits
from harness.spec import TaskSpec
from harness.tasks.intent.adapter import in_order
from harness.tasks.personal.adapter import Event, Labelled, Personal, Rated, User, check_latest, splits_of
from harness.tasks.personal.metrics import HIGHEST, LOWEST
from harness.tasks.personal.times import time_of

if TYPE_CHECKING:
    from harness.data.hub import Data


class Custom(Personal):
    """Rows of a file as streams: each user's in the order of time, the last ones held out."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.instruction = args["instruction"] or self.instruction
        if not args["data"]:
            raise UsageError(f"{spec.name} needs -T data=FILE, with a row an interaction")
        if args["test"] < 1:
            raise UsageError(f"{spec.name}: test={args['test']} is not at least 1")
        check_latest(spec.name, args["history"])

    def load(self, data: Data) -> Splits:
        args, task = self.args, self.spec.name
        path = Path(args["data"])
        if not path.is_file():
            raise DataError(f"{task}: no file {args['data']}")
        rows = data.file(args["data"], [args[name] for name in ("user", "time", "query", "response")])
        streams: dict[str, list[Event]] = {}
        times: dict[str, tuple[float, int]] = {}
        kinds: dict[str, int] = {}
        for number, row in enumerate(rows):
            where = f"{task}: row {number} (from 0) of {path.name}"
            user, query, response = (label_text(row[args[name]]) for name in ("user", "query", "response"))
            for name, text in (("user", user), ("query", query), ("response", response)):
                if not text:
                    raise DataError(f"{where} has no {name}, in the column {args[name]!r}")
            found = time_of(label_text(row[args["time"]]))
            if found is None:
                raise DataError(f"{where}: the time {row[args['time']]!r:.40} is no number and no ISO date")
            time, kind = found
            if kinds.setdefault(kind, number) == number and len(kinds) > 1:
                (other, first), *_ = kinds.items()
                raise DataError(
                    f"{where}: its time is a {kind}, and that of row {first} a {other}; nothing says which "
                    "comes first, so give all times of a file in one form"
                )
            before, at = times.get(user, (-math.inf, 0))
            if time < before:
                raise DataError(
                    f"{where} is before row {at} of the same user {named(user)}: a history stands in "
                    "the order of time; sort the file by it"
                )
            times[user] = time, number
            self.check(response, where)
            streams.setdefault(user, []).append(Event(f"{user}-{number}", query, response))
        if not streams:
            raise DataError(f"{task}: {path.name} has no rows")
        for user, events in streams.items():
            if len(events) <= args["test"]:
                raise DataError(
                    f"{task}: user {named(user)} has no history: {len(events)} rows, of which the last "
                    f"{args['test']} are the test; leave the user out, or hold out fewer with -T test"
                )
        held = args["test"]
        users = (User(user, events[:-held], events[-held:]) for user, events in streams.items())
        labels = self.labels({event.response for events in streams.values() for event in events})
        return splits_of(users, labels, args["reveal"], args["history"])

    def check(self, response: str, where: str) -> None:
        """Whether a response is one of this kind of task.

        Raises:
            DataError: it isn't.
        """

    def labels(self, responses: set[str]) -> tuple[str, ...]:
        """The closed set of answers, if there is one."""
        return ()


class CustomLabels(Custom, Labelled):
    """`personal/custom`."""

    def labels(self, responses: set[str]) -> tuple[str, ...]:
        return in_order(responses)


class CustomRatings(Custom, Rated):
    """`personal/custom-ratings`."""

    def check(self, response: str, where: str) -> None:
        try:
            value = float(response)
        except ValueError:
            value = math.nan
        if not LOWEST <= value <= HIGHEST:
            raise DataError(f"{where}: {response[:40]!r} is no rating from {LOWEST} to {HIGHEST}")
