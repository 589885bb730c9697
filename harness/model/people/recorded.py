"""`recorded/FILE` of what people said, as `harness human export` writes it: the n-th request of a sample and
epoch gets the reply that it once got.

The file has one JSON object a line: `sample_id`, `epoch`, `n` (from 0), `kind`, `request`, `reply`, `seconds`
(null where nobody knows) and `by`, the model that replied.
"""

from __future__ import annotations

import hashlib
import json
from codecs import BOM_UTF8 as BOM
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import DataError, ModelCallError
from harness.base.files import plain_json, read_file
from harness.human.wording import FORMS, KINDS, Reply
from harness.model.people.person import Person
from harness.model.provider import Call, last_user_text

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

COLUMNS = ("sample_id", "epoch", "n", "kind", "request", "reply", "seconds", "by")


def is_recording(path: Path) -> bool:
    """Whether a file looks like one: its first line that isn't empty has every column."""
    try:
        with open(path, "rb") as file:
            lines = iter(lambda: file.readline(1 << 24), b"")
            first = json.loads(next(filter(None, (each.removeprefix(BOM).strip() for each in lines)), b""))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(first, dict) and set(COLUMNS) <= first.keys()


class RecordedPeople(Person):
    """Plays a recording. What was asked then is asked now word for word, or nobody knows the reply."""

    cacheable = False
    connections = 64
    takes_arguments = ()

    def __init__(self, path: str, args: Mapping[str, Any]) -> None:
        file = Path(path)
        self.name = f"recorded/{file.name}"
        super().__init__(args)
        content = read_file(file)
        self.revision = hashlib.sha256(content).hexdigest()
        self._said: dict[tuple[str, int, int], Mapping[str, Any]] = {}
        for number, line in enumerate(content.removeprefix(BOM).splitlines(), 1):
            if line.strip():
                row = _row(line, f"{path}, line {number}")
                key = (row["sample_id"], row["epoch"], row["n"])
                if key in self._said:
                    raise DataError(f"{path}, line {number}: request {key[2]} of {key[0]!r} again")
                self._said[key] = row
        # of a simulation the time is declared, and costs what [human] says; of people it is never free
        self.person = any(not row["by"].startswith("sim/") for row in self._said.values())

    async def generate(self, call: Call) -> ModelOutput:
        question, request = call.question, last_user_text(call.messages)
        n = sum(m.role == "user" for m in call.messages) - 1
        row = self._said.get((question.id, question.epoch, n))
        if row is None:
            raise ModelCallError(
                f"{self.name} has no reply to request {n} of sample {question.id!r}, epoch {question.epoch}"
            )
        if row["request"] != request:
            raise ModelCallError(
                f"{self.name}: request {n} of sample {question.id!r}, epoch {question.epoch}, was another "
                f"text then: {row['request'][:200]!r}, and is now {request[:200]!r}"
            )
        return self.output(row["reply"], row["seconds"])


def _row(line: bytes, where: str) -> Mapping[str, Any]:
    """One line, checked.

    Raises:
        DataError: it isn't of the form; says why.
    """
    try:
        row = plain_json(line)
    except ValueError as error:
        raise DataError(f"{where} is no JSON: {error}") from None
    if not isinstance(row, dict) or set(row) != set(COLUMNS):
        raise DataError(f"{where} must have exactly: {', '.join(COLUMNS)}")
    for name in ("sample_id", "kind", "request", "reply", "by"):
        if not isinstance(row[name], str):
            raise DataError(f"{where}: {name} is a text, not {row[name]!r}")
    for name in ("epoch", "n"):
        if type(row[name]) is not int or row[name] < 0:
            raise DataError(f"{where}: {name} is a whole number from 0, not {row[name]!r}")
    seconds = row["seconds"]
    if seconds is not None and (type(seconds) not in (int, float) or seconds < 0):
        raise DataError(f"{where}: seconds are a number from 0 or null, not {seconds!r}")
    if row["kind"] not in KINDS:
        raise DataError(f"{where}: kind is one of {', '.join(KINDS)}, not {row['kind'][:80]!r}")
    if Reply.read(row["kind"], row["reply"]) is None:
        form = f"no reply to a request of the kind {row['kind']}. {FORMS[row['kind']]}"
        raise DataError(f"{where}: {row['reply'][:200]!r} is {form}")
    return row
