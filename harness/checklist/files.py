"""Files of dialogues and their checklists in the released layout: on each line a JSON object {uuid, messages,
tools, checklists, ...}. What is read is written again as it was, fields of others included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.base.digest import digest
from harness.base.errors import DataError
from harness.checklist import dialogue as dialogues
from harness.checklist import validate
from harness.checklist.faults import Fault, FaultyData, shown
from harness.checklist.json_lines import json_lines
from harness.checklist.schema import Checklist, Item
from harness.checklist.strict_json import strict_json
from harness.checklist.trajectory import Trajectory

#: fields that data sets often hold as JSON in a text
_NESTED = ("messages", "tools", "checklists")


@dataclass(frozen=True, slots=True)
class Sample:
    """A dialogue with the variants of its checklist (none: not annotated yet).

    `record` is the line's object as it was read; `line` its number in the file, 0 where there is none.
    """

    uuid: str
    dialogue: Trajectory
    checklists: tuple[Checklist, ...]
    record: Mapping[str, Any]
    line: int = 0

    def annotated(self, checklists: Sequence[Checklist], extra: Mapping[str, Any] | None = None) -> Sample:
        """The same dialogue with other checklists, in its record too; `extra` is added to `extra_info`."""
        record = {
            **self.record,
            "uuid": self.uuid,
            "checklists": [turns_as_json(each) for each in checklists],
        }
        if extra:
            held = self.record.get("extra_info")
            record["extra_info"] = {**(held if isinstance(held, Mapping) else {}), **extra}
        return replace(self, checklists=tuple(checklists), record=record)


def read(path: Path) -> list[Sample]:
    """The samples of a file (`json_lines`), with checklists or without.

    Raises:
        FaultyData: a line is no sample; names the file, the line and all that is wrong with it.
        DataError: the file can't be read, or holds no lines.
    """
    made = []
    for line, sample, found in examine(path):
        if found:
            raise FaultyData(found, f"{path.name} line {line}")
        made.append(sample)
    return made


def examine(path: Path, *, released_only: bool = False) -> Iterator[tuple[int, Sample, list[Fault]]]:
    """Every line's number, its sample as far as it can be read, and what is wrong with it.

    Raises:
        DataError: as in `read`, but for what is wrong with a line.
    """
    seen: dict[str, int] = {}
    for line, record, found in json_lines(path):
        sample = Sample("", Trajectory([]), (), record, line)
        if not found:
            sample, found = of_record(record, line, released_only=released_only)
            if sample.uuid in seen:
                cure = "give every dialogue its own"
                message = f"the uuid {shown(sample.uuid)} is that of line {seen[sample.uuid]}; {cure}"
                found.append(Fault("uuid", "", message))
            seen.setdefault(sample.uuid, line)
        yield line, sample, found


def of_record(
    record: Mapping[str, Any], line: int = 0, *, released_only: bool = False
) -> tuple[Sample, list[Fault]]:
    """A sample from a line's object, and what is wrong with it. Without a `uuid` it gets one made from its
    messages, the same wherever they stand."""
    found: list[Fault] = []
    held = {key: _unnested(record.get(key), key, found) for key in _NESTED}
    made, faults = dialogues.of_messages(held["messages"], held["tools"])
    found += faults
    uuid = record.get("uuid")
    if uuid is None:
        uuid = made_id(held["messages"])
    elif not isinstance(uuid, str) or not uuid:
        found.append(Fault("uuid", "", f"uuid must be a text, got {shown(uuid)}; name the dialogue"))
        uuid = made_id(held["messages"])
    variants = [] if held["checklists"] is None else held["checklists"]
    if not isinstance(variants, list):
        message = f"checklists must be a list of variants, got {shown(variants)}; write [[turn, ...]]"
        found.append(Fault("checklists", "", message))
        variants = []
    checklists: list[Checklist] = []
    for v, variant in enumerate(variants):
        faults = validate.faults(variant, made, released_only=released_only)
        if faults and len(variants) > 1:
            faults = [replace(each, place=f"variant {v}, {each.place}".rstrip(", ")) for each in faults]
        found += faults
        if not faults:
            checklists.append(validate.parse(variant, made, released_only=released_only))
    return Sample(uuid, made, tuple(checklists), record, line), found


def write(path: Path, samples: Sequence[Sample]) -> None:
    """A file of the samples' records, without our `rule`; packed where its name ends in .gz.

    Raises:
        DataError: it can't be written.
    """
    import gzip

    raw = "".join(f"{line_of(sample)}\n" for sample in samples).encode("utf-8")
    partial = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(gzip.compress(raw, mtime=0) if path.name.endswith(".gz") else raw)
        partial.replace(path)
    except OSError as error:
        raise DataError(f"can't write {path}: {error.strerror or error}; choose another place") from None


def line_of(sample: Sample) -> str:
    """A sample as a line of JSON, in the released layout."""
    record = dict(sample.record)
    held = _unnested(record.get("checklists"), "checklists", [])
    bare = _without_rules(held)
    if bare != held:
        record["checklists"] = json.dumps(bare) if isinstance(record["checklists"], str) else bare
    text = json.dumps(record, ensure_ascii=False)
    # half a surrogate pair has no bytes in UTF-8, but an escape in JSON
    return text if text.isascii() or not _has_surrogates(text) else json.dumps(record)


def turns_as_json(checklist: Checklist) -> list[list[dict[str, Any]]]:
    """A checklist as one variant of `checklists`: [turn][item]."""
    return [
        [{**_item_as_json(item), "dependence": list(item.dependence), "weight": item.weight} for item in turn]
        for turn in checklist.turns
    ]


def _item_as_json(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "evidence": [
            {"turn": each.turn, "step": each.step, "from": each.source, "snippet": each.snippet}
            for each in item.evidence
        ],
        "focus_on": item.focus_on,
        "question": item.question,
        "pass_condition": item.pass_condition,
        "failure_examples": list(item.failure_examples),
        "required_for_next_turn": item.required_for_next_turn,
    }


def _unnested(value: Any, key: str, found: list[Fault]) -> Any:
    """The value of a field that may be JSON in a text."""
    if not isinstance(value, str):
        return value
    try:
        return strict_json(value)
    except (ValueError, RecursionError):
        found.append(Fault("json", "", f"{key} is a text that is no JSON; write the list itself"))
        return None


def _without_rules(variants: Any) -> Any:
    """Checklists of a record without the field `rule` of their items; anything else as it is."""
    if isinstance(variants, list):
        return [_without_rules(each) for each in variants]
    if isinstance(variants, dict):
        if isinstance(variants.get("checklist"), list):  # a block of the annotator's layout
            return {**variants, "checklist": _without_rules(variants["checklist"])}
        return {key: value for key, value in variants.items() if key != "rule"}
    return variants


def made_id(messages: Any) -> str:
    """The uuid of a dialogue that has none."""
    try:
        return digest(messages)[:16]
    except (ValueError, TypeError, RecursionError):
        return ""


def _has_surrogates(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
