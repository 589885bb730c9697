"""Which sample of a task a recorded response answers."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Collection, Iterator, Sequence

from harness.base.errors import DataError
from harness.data.cells import tidy
from harness.data.responses import Response
from harness.sample import Question

LOG = logging.getLogger("harness.data")
_Found = dict[tuple[str, int], Response]


def attach(
    responses: Sequence[Response],
    questions: Sequence[Question],
    source: str,
    strict: bool = True,
    rows: int | None = None,
) -> _Found:
    """Responses by (sample id, epoch). An `index` names one of the first `rows` questions: the row of the
    file or split as its reader counts them, from 0, where the questions say it (`metadata["row"]`; rows
    that the task leaves out count), else the place among the questions. An `input` names all questions of
    that text: one response answers each of them, as many responses as questions answer them in their order.

    Raises:
        DataError: unless `strict` is off, a response names no sample of the task, or one that has a
            response for that epoch already; names the first of them.
    """
    ids = {
        str(alias): question.id for question in questions for alias in question.metadata.get("aliases", ())
    }
    ids.update((question.id, question.id) for question in questions)
    test = questions if rows is None else questions[:rows]
    numbered = [question.metadata.get("row", place) for place, question in enumerate(test)]
    by_row = dict(zip(numbered, test, strict=True))
    found: _Found = {}
    faults: list[str] = []
    for response in responses:
        sample_id: str | None = None
        if response.sample_id is not None:
            sample_id = ids.get(response.sample_id) or ids.get(tidy(response.sample_id))
            name = f"sample_id {response.sample_id!r}"
        elif response.index is not None:
            if response.index in by_row:
                sample_id = by_row[response.index].id
            name = f"index {response.index}"
        else:
            continue
        if sample_id is None:
            counted = "" if response.sample_id is not None else " (rows count from 0)"
            faults.append(f"{response.place}: unknown {name}{counted}")
        elif (sample_id, response.epoch) in found:
            first = found[sample_id, response.epoch]
            if first.completion != response.completion or response.input is None:
                faults.append(
                    f"{response.place}: {name}, epoch {response.epoch} stands already in {first.place}"
                )
        else:
            found[sample_id, response.epoch] = response
    _warn_of_counting({response.index for response in responses}, by_row, source)
    faults.extend(_by_input(responses, questions, found))
    if faults and strict:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise DataError(f"{source}: {'; '.join(faults[:3])}{more}; nothing was scored")
    return found


def _warn_of_counting(given: Collection[int | None], rows: Collection[int], source: str) -> None:
    numbers = {index for index in given if index is not None}
    if 0 in rows and numbers and min(numbers) == 1 and max(numbers) - 1 in rows:
        LOG.warning(
            "%s: no response is for row 0, but one for row 1; rows count from 0, so subtract 1 if the file "
            "counts from 1",
            source,
        )


def _by_input(responses: Sequence[Response], questions: Sequence[Question], found: _Found) -> Iterator[str]:
    """Adds the responses that name their samples by the text of the question; gives what is wrong."""
    samples: dict[str, list[str]] = {}
    for question in questions:
        samples.setdefault(_plain(question.input), []).append(question.id)
    said: dict[tuple[str, int], list[Response]] = {}
    for response in responses:
        if response.sample_id is None and response.index is None:
            said.setdefault((_plain(response.input or ""), response.epoch), []).append(response)
    for (text, epoch), given in said.items():
        same, first = samples.get(text, []), given[0]
        name = f"input {text[:40]!r}"
        if not same:
            yield f"{first.place}: unknown {name}"
        elif len(given) == len(same):
            found.update({(id, epoch): response for id, response in zip(same, given, strict=True)})
        elif len({response.completion for response in given}) == 1:
            found.update({(id, epoch): first for id in same})
        elif len(same) == 1:
            yield f"{given[1].place}: {name}, epoch {epoch} stands already in {first.place}"
        else:
            yield (
                f"{given[1].place}: {name} is that of {len(same)} samples and has {len(given)} responses; "
                "name samples by 'index' or 'sample_id'"
            )


def _plain(text: str) -> str:
    """A text as it is compared: Unicode NFC, line breaks alike, no space around it."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").strip())
