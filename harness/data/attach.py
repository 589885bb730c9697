"""Which sample of a task a recorded response answers."""

from __future__ import annotations

from collections.abc import Sequence

from harness.base.errors import DataError
from harness.data.responses import Response
from harness.sample import Question


def attach(
    responses: Sequence[Response],
    questions: Sequence[Question],
    source: str,
    strict: bool = True,
    rows: int | None = None,
) -> dict[tuple[str, int], Response]:
    """Responses by (sample id, epoch). An `index` names one of the first `rows` questions: the row of the
    file or split as its reader counts them, from 0, where the questions say it (`metadata["row"]`; rows
    that the task leaves out count), else the place among the questions.

    Raises:
        DataError: unless `strict` is off, a response names no sample of the task, or one that has a
            response for that epoch already; names the first of them.
    """
    ids: dict[str, str] = {}
    by_input: dict[str, list[str]] = {}
    for question in questions:
        for alias in question.metadata.get("aliases", ()):
            ids[str(alias)] = question.id
        by_input.setdefault(question.input.strip(), []).append(question.id)
    ids.update((question.id, question.id) for question in questions)
    test = questions if rows is None else questions[:rows]
    numbered = [question.metadata.get("row", place) for place, question in enumerate(test)]
    by_row = dict(zip(numbered, test, strict=True))
    found: dict[tuple[str, int], Response] = {}
    faults: list[str] = []
    for response in responses:
        sample_id: str | None = None
        if response.sample_id is not None:
            sample_id = ids.get(response.sample_id)
            name = f"sample_id {response.sample_id!r}"
        elif response.index is not None:
            if response.index in by_row:
                sample_id = by_row[response.index].id
            name = f"index {response.index}"
        else:
            same = by_input.get((response.input or "").strip(), [])
            sample_id = same[0] if same else None
            name = f"input {(response.input or '')[:40]!r}"
        if sample_id is None:
            faults.append(f"{response.place}: unknown {name}")
        elif (sample_id, response.epoch) in found:
            first = found[sample_id, response.epoch]
            if first.completion != response.completion or response.input is None:
                faults.append(
                    f"{response.place}: {name}, epoch {response.epoch} stands already in {first.place}"
                )
        else:
            found[sample_id, response.epoch] = response
    if faults and strict:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise DataError(f"{source}: {'; '.join(faults[:3])}{more}; nothing was scored")
    return found
