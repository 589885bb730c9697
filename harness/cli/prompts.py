"""What a run sent, by the example of its first item: to the model and to a judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import HarnessError
from harness.base.known_files import located
from harness.cli.attempt import message_lines
from harness.model.factory import NO_MODEL

if TYPE_CHECKING:
    from harness.run.plan import Cell
    from harness.run.rehearsal import Rehearsal, Sent


def prompt_lines(record: Mapping[str, Any], store: str) -> Iterator[str]:
    """The prompts, made again from what the record says, with data that is at hand; nothing where no prompt
    was sent: of recorded answers, and of methods without a model. Asks no model and no server."""
    model = record["model"]
    if model == NO_MODEL or model.startswith("recorded/"):
        return
    system = record["subject"]["decoding"].get("system_message")
    try:
        cell = _cell(record)
        rehearsed, same = _rehearsed(cell, record, store)
    except HarnessError as error:
        yield f"prompts: no example, as the task can't be asked again here: {error}"
        for name, text in _given(record, system):
            yield from message_lines({"role": name, "content": text}, {})
        yield ""
        return
    if rehearsed is None:
        yield "prompts: every dialogue has its own; --sample ID shows one"
        yield from message_lines({"role": "system", "content": system}, {}) if system else ()
        return
    added = "" if rehearsed.whole else f"; what {record['method']['name']} adds to it isn't shown"
    changed = "" if same else "; the task asks otherwise now than this run did"
    yield f"sent for the first item{added}{changed}:"
    for sent in _of_each_model(rehearsed.sent):
        yield from _lines(sent, "" if sent.model == model else f"to {sent.model}:")
    for sent in [] if record["private_targets"] else rehearsed.judged[:1]:  # it names the target
        yield from _lines(sent, f"to the judge {sent.model}, here about a right answer:")
    yield ""


def _given(record: Mapping[str, Any], system: str | None) -> Iterator[tuple[str, str]]:
    """What the user gave: the system message, and the templates of method and task."""
    if system:
        yield "system", system
    for part in ("method", "task"):
        if text := record[part]["args"].get("prompt"):
            yield f"prompt of the {part}", str(text)


def _lines(sent: Sent, heading: str) -> Iterator[str]:
    if heading:
        yield ""
        yield heading
    for message in sent.messages:
        yield from message_lines({"role": message.role, "content": message.text}, {})


def _of_each_model(sent: list[Sent]) -> list[Sent]:
    """The first call of each model."""
    return list({each.model: each for each in reversed(sent)}.values())[::-1]


def _cell(record: Mapping[str, Any]) -> Cell:
    """The cell of the record, with task and method as they are now.

    Raises:
        HarnessError: one isn't installed, or takes other arguments now.
    """
    from harness.data.hub import Data
    from harness.registry import registry, settled
    from harness.run.plan import Cell, Request

    known, subject = registry(), record["subject"]
    task, method = known.task(record["task"]["name"]), known.method(record["method"]["name"])
    asked = {**record["comparability"]["roles"], **subject["roles"]}
    request = Request(
        task.name,
        method.name,
        record["model"],
        roles={role: who["model"] for role, who in asked.items()},
        embedder=(subject["embedder"] or ["lsa"])[0],
        limit=record["comparability"]["limit"],
        sample_id=record["comparability"].get("sample_id", ()),
        decoding=subject["decoding"],
        offline=True,
    )
    of_task = task.arguments(located(record["task"]["args"], "-T"))
    of_method = method.arguments(located(record["method"]["args"], "-M"))
    task = settled(task, of_task, Data.from_environment(None, request.offline))
    return Cell(task, of_task, method, of_method, record["model"], record["seed"], request)


def _rehearsed(cell: Cell, record: Mapping[str, Any], store: str) -> tuple[Rehearsal | None, bool]:
    """The calls for the first item, and whether the task asks as it did."""
    from harness.results.store import Store
    from harness.run.item_choice import chosen
    from harness.run.keys import prompt_digest
    from harness.run.rehearsal import rehearse
    from harness.run.session import Session

    if "world" in cell.task.offers:
        return None, True
    session = Session(Store(Path(store)))
    task, splits, _ = session.load(cell)
    samples = chosen(cell.request, splits.test)
    same = prompt_digest(task, samples) == record["comparability"]["prompt_digest"]
    return rehearse(cell, session, task, splits, items=1), same
